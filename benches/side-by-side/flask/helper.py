"""A bot with checks of its own, in the order of Cisco's sample: who is in the room, then the signature."""

import hashlib
import hmac
import os

import requests
from flask import Flask, request

app = Flask(__name__)
api, token, secret = os.environ["API"], os.environ["TOKEN"], os.environ["SECRET"].encode()
allowed, own = os.environ["ALLOWED"], os.environ["SELF"]


def clean(room):
    headers = {"Authorization": f"Bearer {token}"}
    answer = requests.get(f"{api}/memberships", params={"roomId": room}, headers=headers, timeout=10)
    if answer.status_code != 200:
        return False
    return all(item["personOrgId"] == allowed for item in answer.json()["items"] if item["personId"] != own)


def signed():
    mac = hmac.new(secret, request.get_data(), hashlib.sha1).hexdigest()
    return hmac.compare_digest(mac, request.headers.get("X-Spark-Signature", ""))


@app.post("/webhooks/helpdesk")
def event():
    room = request.get_json()["data"]["roomId"]
    if not clean(room) or not signed():
        return "", 403
    return "Ok"
