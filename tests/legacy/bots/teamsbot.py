"""A bot on webexteamsbot, as its samples show it."""

import os

import requests
from webexteamsbot import TeamsBot

api_url = os.environ["TEAMS_API_URL"]
token = os.environ["TEAMS_BOT_TOKEN"]

# Registers its webhooks by itself, here, before it listens.
bot = TeamsBot(
    os.environ["TEAMS_BOT_APP_NAME"],
    teams_bot_token=token,
    teams_bot_url=os.environ["TEAMS_BOT_URL"],
    teams_bot_email=os.environ["TEAMS_BOT_EMAIL"],
    teams_api_url=api_url,
    webhook_resource_event=[
        {"resource": "messages", "event": "created"},
        {"resource": "attachmentActions", "event": "created"},
    ],
)


def hello(message):
    return f"Hello, {message.personEmail}!"


def card(_api, event):
    # The client that the framework hands over here always asks webexapis.com.
    url = api_url + "attachment/actions/" + event["data"]["id"]
    action = requests.get(url, headers={"Authorization": "Bearer " + token}).json()
    return f"Thank you for the card of type {action['type']}!"


bot.add_command("/hello", "Say hello.", hello)
bot.add_command("attachmentActions", "*", card)

if __name__ == "__main__":
    bot.run(host="127.0.0.1", port=int(os.environ["PORT"]))
