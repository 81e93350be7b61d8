"""The simulated Webex: people, rooms and their ids."""

import base64
import hashlib
import uuid

HEAD = """orgs:
  example: 0b7c5c1e-6a55-4a53-9d0c-3a2a3c9f1e11
  home: 7e4a1c9d-2b58-4f0f-b6a1-91c2d3e4f533
people:
  ann: { name: Ann Example, email: ann@example.com, org: example }
"""


class World:
    """Rooms `room-0`, `room-1` …, each with Ann, a bot (they take turns) and as many others as asked for."""

    def __init__(self, rooms=100, others=0, bots=("helpdesk",)):
        self.rooms, self.others, self.bots = rooms, others, bots

    def yaml(self):
        bots = (f"  {bot}: {{ name: Bot, email: {bot}@webex.bot, org: home, type: bot }}\n" for bot in self.bots)
        fill = f", fill: {{ org: example, count: {self.others} }}" if self.others else ""
        turns = self.bots[: self.rooms]
        room = "  room-{0}: {{ title: Room {0}, members: [ann, {1}]{2} }}\n"
        rooms = (room.format(number, turns[number % len(turns)], fill) for number in range(self.rooms))
        return "".join([HEAD, *bots, "rooms:\n", *rooms])

    def room_ids(self):
        return [public("ROOM", derived("room", f"room-{number}")) for number in range(self.rooms)]

    def person_id(self, handle):
        return public("PEOPLE", derived("person", handle))

    def org_id(self, local):
        return public("ORGANIZATION", local)


def derived(kind, handle):
    """As the simulator derives uuids from handles."""
    digest = hashlib.sha1(f"{kind}:{handle}".encode()).digest()[:16]
    return str(uuid.UUID(bytes=digest, version=5))


def public(kind, local):
    return base64.urlsafe_b64encode(f"ciscospark://us/{kind}/{local}".encode()).decode().rstrip("=")
