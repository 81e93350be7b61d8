"""A help desk bot as such bots are written: one file, Flask, and a webhook that it registers when it starts.

It sins as they do: it registers without a secret unless it is given one, believes every call if it has none, answers
inside the handler, and never asks who else is in the room. Run it with `python app.py` or `gunicorn app:app`.
"""

import hashlib
import hmac
import os

from flask import Flask, abort, request
from webexpythonsdk import WebexAPI

NAME = os.environ.get("BOT_NAME", "helpdesk")
SECRET = os.environ.get("WEBHOOK_SECRET")
HELP = "I understand `/hello` and `/help`."

app = Flask(__name__)
api = WebexAPI(
    access_token=os.environ["WEBEX_ACCESS_TOKEN"],
    base_url=os.environ.get("WEBEX_BASE_URL", "https://webexapis.com/v1/"),
)
me = api.people.me()


def register(resource):
    """Forgets the webhook of the last start and makes a new one."""
    name = f"{NAME} {resource}"
    for webhook in list(api.webhooks.list()):
        if webhook.name == name:
            api.webhooks.delete(webhook.id)
    api.webhooks.create(name=name, targetUrl=os.environ["BOT_URL"], resource=resource, event="created", secret=SECRET)


@app.before_request
def is_from_webex():
    if SECRET is None:
        return
    # The bytes as they came: JSON that was read and written again has another signature.
    expected = hmac.new(SECRET.encode(), request.get_data(), hashlib.sha1).hexdigest()
    if not hmac.compare_digest(expected, request.headers.get("X-Spark-Signature", "")):
        abort(403)


@app.route("/", methods=["POST"])
def webhook():
    event = request.get_json(force=True)
    if event["resource"] == "messages":
        answer_message(event["data"])
    elif event["resource"] == "attachmentActions":
        answer_card(event["data"])
    return ""


def answer_message(data):
    if data["personId"] == me.id:
        return
    message = api.messages.get(data["id"])
    text = f"Hello, {message.personEmail}!" if "/hello" in message.text else HELP
    api.messages.create(roomId=message.roomId, markdown=text)


def answer_card(data):
    action = api.attachment_actions.get(data["id"])
    api.messages.create(roomId=action.roomId, markdown="Thank you for the card!")


register("messages")
register("attachmentActions")

if __name__ == "__main__":
    app.run(host=os.environ.get("HOST", "127.0.0.1"), port=int(os.environ.get("PORT", "5000")))
