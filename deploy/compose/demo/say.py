"""Says something in a room of the simulator, and shows what is in the room a moment later.

python say.py PERSON ROOM TEXT, such as: python say.py ann staff "/hello"
"""

import json
import os
import sys
import time
from urllib.request import Request, urlopen

CONTROL = os.environ.get("CONTROL", "http://127.0.0.1:8090/control")


def call(path, body=None):
    data = None if body is None else json.dumps(body).encode()
    with urlopen(Request(CONTROL + path, data), timeout=15) as answer:
        return json.load(answer)


def messages(room):
    return call(f"/messages?room={room}")


person, room, text = sys.argv[1:4]
before = len(messages(room))
call("/post", {"person": person, "room": room, "text": text})
for _ in range(50):  # five seconds; an answer takes much less
    time.sleep(0.1)
    now = messages(room)[before:]
    if len(now) > 1:
        break
for message in now:
    print(json.dumps(message))
print("the bot answered" if len(now) > 1 else "the bot heard nothing")
