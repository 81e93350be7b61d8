#!/usr/bin/env python3
"""Drives every path that the simulator serves and checks each answer against the OpenAPI description of the Webex API.

    BOTWARDEN_WEBEX_SPEC=webex-messaging.json python validate.py http://127.0.0.1:PORT

The description is not part of this project. It calls almost nothing required and allows unknown members everywhere, so
on top of it this checks that (1) members that the real API always sends are there, (2) members that the description does
not know are on a short list, with a reason, (3) dates are dates and ids are ids, (4) errors have the published form.
Ends with status 1 if anything deviates; before that it proves on spoilt copies of good answers that it can tell.
"""

import base64
import copy
import datetime
import json
import os
import re
import sys
import urllib.error
import urllib.parse
import urllib.request

from openapi_schema_validator import OAS30Validator

# Members that a real answer always has, by the name of the schema.
ALWAYS = {
    "Person": "id emails displayName orgId created type",
    "Room": "id title type isLocked lastActivity creatorId created",
    "Membership": "id roomId personId personEmail personDisplayName personOrgId isModerator isMonitor roomType created",
    "Message": "id roomId roomType personId personEmail created",
    "ListMessage": "id roomId roomType personId personEmail created",
    "DirectMessage": "id roomId roomType personId personEmail created",
    "AttachmentActivity": "id personId roomId type messageId inputs created",
    "Webhook": "id name targetUrl resource event status created",
}

# Members that the description does not know and that real answers have all the same.
EXTRA = {
    # Sent by the real API, documented for the envelope of a delivery only.
    "Webhook": {"orgId", "createdBy", "appId"},
    # Sent for bots.
    "Person": {"userName"},
    # The description has them on the message of a list, and forgot them on the same message elsewhere.
    "Message": {"parentId", "html", "updated"},
    "DirectMessage": {"parentId", "html", "updated", "mentionedPeople", "mentionedGroups", "attachments"},
}

# What a card asks for is up to the card; the description lists the members of its example.
FREE = {"inputs"}

# Two schemas of the description share the name `Attachment`, and the one that won is a file in a document store: the
# description's own examples of messages with cards contradict it. This is what those examples and the prose say.
ATTACHMENT = {
    "type": "object",
    "required": ["contentType", "content"],
    "properties": {"contentType": {"type": "string"}, "content": {"type": "object"}},
}

# Admin and meeting operations on paths that the simulator serves otherwise: no bot calls them.
NOT_SERVED = {
    ("post", "/people"),
    ("put", "/people/{personId}"),
    ("delete", "/people/{personId}"),
    ("get", "/rooms/{roomId}/meetingInfo"),
}
SERVED = re.compile(r"^/(people|rooms|memberships|messages|webhooks|attachment/actions)(/|$)")
DATES = {"created", "updated", "lastActivity", "lastModified"}
IDS = re.compile(r"^(id|.*Id)$")
NOT_PUBLIC_IDS = {"trackingId", "appId"}


class Description:
    """The OpenAPI description, and what it says of a value."""

    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            self.spec = json.load(file)
        self.spec["components"]["schemas"]["Attachment"] = ATTACHMENT

    def operation(self, method, template):
        return self.spec["paths"][template][method]

    def operations(self):
        for template, operations in self.spec["paths"].items():
            for method in operations:
                if SERVED.match(template) and method in ("get", "post", "put", "delete", "patch"):
                    yield method, template

    def resolve(self, schema):
        """A schema and its name, without references."""
        name = ""
        while "$ref" in schema:
            name = schema["$ref"].rsplit("/", 1)[-1]
            schema = self.spec["components"]["schemas"][name]
        return name, schema

    def problems(self, schema, value):
        # The references of the schema start at the root, so it is checked as part of a document with that root.
        rooted = {"components": self.spec["components"], "allOf": [schema]}
        for error in OAS30Validator(rooted).iter_errors(value):
            yield f"{'/'.join(map(str, error.absolute_path))}: {error.message[:200]}"
        yield from self.strict(schema, value, "")

    def strict(self, schema, value, at):
        name, schema = self.resolve(schema)
        if isinstance(value, list):
            for number, item in enumerate(value):
                yield from self.strict(schema.get("items", {}), item, f"{at}/{number}")
        elif isinstance(value, dict) and "properties" in schema:
            yield from self.members(name, schema, value, at)

    def members(self, name, schema, value, at):
        for member in ALWAYS.get(name, "").split():
            if member not in value:
                yield f"{at}: `{member}` is missing"
        for member, inner in value.items():
            yield from self.form(member, inner, f"{at}/{member}")
            if member in schema["properties"]:
                inner = {} if member in FREE else inner
                yield from self.strict(schema["properties"][member], inner, f"{at}/{member}")
            elif member not in EXTRA.get(name, ()):
                yield f"{at}: `{member}` is not in the description"

    @staticmethod
    def form(member, value, at):
        if member in DATES and isinstance(value, str):
            try:
                datetime.datetime.fromisoformat(value)
            except ValueError:
                yield f"{at}: not a date: {value}"
        elif IDS.match(member) and member not in NOT_PUBLIC_IDS and isinstance(value, str):
            if not public_id(value).startswith("ciscospark://"):
                yield f"{at}: not a public id: {value}"


def public_id(text):
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
    except ValueError:
        return ""


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body


class Driver:
    """Makes calls and judges the answers."""

    def __init__(self, origin, description):
        self.origin, self.description = origin, description
        self.deviations, self.driven, self.good = [], set(), []
        self.world = json.load(urllib.request.urlopen(f"{origin}/control/world"))

    def id(self, kind, handle):
        return self.world[kind][handle]["id"]

    def send(self, method, url, person, body):
        token = self.world["people"][person]["token"] if person else "wrong"
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(url, data, headers, method=method.upper())
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return Answer(answer.status, answer.headers, answer.read())
        except urllib.error.HTTPError as answer:
            return Answer(answer.code, answer.headers, answer.read())

    def call(self, method, template, expect=200, person="ann", body=None, query=None, **path):
        """One call that should be answered with the status `expect`. Returns the body."""
        filled = template
        for name, value in path.items():
            filled = filled.replace("{" + name + "}", value)
        query_text = "?" + urllib.parse.urlencode(query) if query else ""
        answer = self.send(method, f"{self.origin}/v1{filled}{query_text}", person, body)
        return self.judge(method, template, expect, answer, body, query)

    def judge(self, method, template, expect, answer, body=None, query=None):
        operation = self.description.operation(method, template)
        value = json.loads(answer.body) if answer.body else None
        problems = [] if answer.status == expect else [f"status {answer.status}, not {expect}: {value}"]
        problems += self.asked_well(operation, body, query) if expect < 400 else []
        problems += self.answered_well(operation, answer, value)
        if expect < 400:
            self.driven.add((method, template))
        print(f"{'DEVIATES' if problems else 'ok      '} {method.upper():6} {template} {expect}")
        for problem in problems:
            print(f"         {problem}")
        self.deviations += problems
        return value

    def asked_well(self, operation, body, query):
        """The calls of this very program are checked too: a wrong question proves nothing."""
        known = {parameter["name"] for parameter in operation.get("parameters", [])}
        yield from (f"no such parameter: {name}" for name in query or {} if name not in known)
        content = operation.get("requestBody", {}).get("content", {}).get("application/json")
        if body is not None and content:
            yield from self.description.problems(content["schema"], body)

    def answered_well(self, operation, answer, value):
        documented = operation["responses"].get(str(answer.status))
        if documented is None:
            return [f"status {answer.status} is not documented here"]
        if answer.status >= 400:
            return error_problems(answer, value)
        content = documented.get("content", {}).get("application/json")
        if content is None:
            return ["a body where none is documented"] if answer.body else []
        media_type = answer.headers.get_content_type()
        problems = [] if media_type == "application/json" else [f"content type {media_type}"]
        if answer.headers.get("Link") and "Link" not in documented.get("headers", {}):
            problems.append("a Link header where none is documented")
        problems += self.description.problems(content["schema"], value)
        if not problems:
            self.good.append((content["schema"], value))
        return problems

    def follow(self, method, template, query, person):
        """Reads a list by pages of one and compares it with the list in one piece."""
        whole = self.call(method, template, person=person, query=query)["items"]
        url, items = f"{self.origin}/v1{template}?{urllib.parse.urlencode({**query, 'max': 1})}", []
        while url:
            answer = self.send(method, url, person, None)
            items += self.judge(method, template, 200, answer)["items"]
            link = re.fullmatch(r'<([^>]+)>; rel="next"', answer.headers.get("Link", ""))
            url = link and link.group(1)
        if items != whole:
            self.deviations.append(f"{template}: the pages do not add up")


def error_problems(answer, value):
    """Error bodies have no schema in the description; this is the published form in prose."""
    fine = (
        isinstance(value, dict)
        and isinstance(value.get("message"), str)
        and value.get("errors")
        and all(isinstance(error.get("description"), str) for error in value["errors"])
        and str(value.get("trackingId", "")).startswith("ROUTER")
        and answer.headers.get("trackingid") == value["trackingId"]
    )
    return [] if fine else [f"not the form of an error: {value}"]


def drive_people(driver):
    ann, bot = driver.id("people", "ann"), driver.id("people", "helpdesk")
    for person in ("ann", "helpdesk"):
        driver.call("get", "/people/me", person=person)
    driver.call("get", "/people/{personId}", personId=bot)
    driver.call("get", "/people/{personId}", 404, personId="nobody")
    nobody = ann[:-4] + "AAAA"
    driver.call("get", "/people", query={"id": f"{ann},{bot},{nobody}"})
    driver.call("get", "/people", query={"email": "bob@example.com"})
    driver.call("get", "/people", 400)
    driver.call("get", "/people/me", 401, person=None)


def drive_rooms(driver):
    driver.follow("get", "/rooms", {}, "ann")
    driver.call("get", "/rooms", query={"type": "direct"})
    driver.call("get", "/rooms", 400, query={"type": "round"})
    room = driver.call("post", "/rooms", body={"title": "New", "description": "For a test"})["id"]
    driver.call("post", "/rooms", 400, body={})
    driver.call("get", "/rooms/{roomId}", roomId=room)
    driver.call("get", "/rooms/{roomId}", 404, person="bob", roomId=room)
    driver.call("put", "/rooms/{roomId}", body={"title": "Newer", "isLocked": False}, roomId=room)
    driver.call("put", "/rooms/{roomId}", 400, body={}, roomId=room)
    return room


def drive_memberships(driver, room):
    driver.call("get", "/memberships")
    driver.follow("get", "/memberships", {"roomId": driver.id("rooms", "staff")}, "helpdesk")
    driver.call("get", "/memberships", query={"roomId": driver.id("rooms", "townhall"), "max": 100})
    driver.call("get", "/memberships", query={"roomId": room, "personEmail": "ann@example.com"})
    driver.call("get", "/memberships", 404, person="tom", query={"roomId": room})
    driver.call("get", "/memberships", 400, query={"personId": driver.id("people", "ann")})
    made = driver.call("post", "/memberships", body={"roomId": room, "personEmail": "bob@example.com"})["id"]
    driver.call("post", "/memberships", 409, body={"roomId": room, "personEmail": "bob@example.com"})
    driver.call("post", "/memberships", body={"roomId": room, "personId": driver.id("people", "helpdesk")})
    driver.call("get", "/memberships/{membershipId}", membershipId=made)
    change = {"isModerator": True, "isRoomHidden": False}
    driver.call("put", "/memberships/{membershipId}", body=change, membershipId=made)
    driver.call("put", "/memberships/{membershipId}", 400, body={}, membershipId=made)
    driver.call("delete", "/memberships/{membershipId}", 204, membershipId=made)
    driver.call("delete", "/memberships/{membershipId}", 404, membershipId=made)


def drive_messages(driver, room):
    card = {"contentType": "application/vnd.microsoft.card.adaptive", "content": {"type": "AdaptiveCard", "version": "1.3"}}
    hello = driver.call("post", "/messages", body={"roomId": room, "markdown": "<@personEmail:helpdesk@webex.bot> **hi** <@all>"})
    sent = driver.call("post", "/messages", body={"roomId": room, "text": "card", "attachments": [card]})
    driver.call("post", "/messages", body={"roomId": room, "text": "reply", "parentId": hello["id"]})
    driver.call("post", "/messages", body={"roomId": room, "files": ["https://files.example/a.png"]})
    driver.call("post", "/messages", body={"toPersonEmail": "bob@example.com", "text": "psst"})
    driver.call("post", "/messages", body={"toPersonId": driver.id("people", "bob"), "markdown": "*psst*"})
    driver.call("post", "/messages", 400, body={"roomId": room, "toPersonEmail": "bob@example.com", "text": "both"})
    driver.follow("get", "/messages", {"roomId": room}, "ann")
    driver.call("get", "/messages", query={"roomId": room, "beforeMessage": sent["id"]})
    driver.call("get", "/messages", 403, person="helpdesk", query={"roomId": room})
    driver.call("get", "/messages", person="helpdesk", query={"roomId": room, "mentionedPeople": "me"})
    driver.call("get", "/messages/direct", query={"personEmail": "bob@example.com"})
    driver.call("get", "/messages/direct", 400)
    driver.call("get", "/messages/{messageId}", messageId=hello["id"])
    driver.call("put", "/messages/{messageId}", body={"roomId": room, "text": "better"}, messageId=hello["id"])
    driver.call("put", "/messages/{messageId}", 400, body={"text": "where?"}, messageId=hello["id"])
    driver.call("delete", "/messages/{messageId}", 204, messageId=hello["id"])
    driver.call("get", "/messages/{messageId}", 404, messageId=hello["id"])
    return sent["id"]


def drive_cards(driver, message):
    submit = {"type": "submit", "messageId": message, "inputs": {"Name": "Ann", "choice": "yes"}}
    action = driver.call("post", "/attachment/actions", 202, body=submit)["id"]
    driver.call("post", "/attachment/actions", 400, body={"type": "other", "messageId": message})
    driver.call("get", "/attachment/actions/{id}", id=action)
    driver.call("get", "/attachment/actions/{id}", 404, id="none")


def drive_webhooks(driver):
    wanted = {"name": "n", "targetUrl": "https://hook.example/", "resource": "messages", "event": "created"}
    hook = driver.call("post", "/webhooks", body={**wanted, "filter": "roomType=group", "secret": "s"})["id"]
    driver.call("post", "/webhooks", body={**wanted, "resource": "attachmentActions"})
    driver.call("post", "/webhooks", 400, body={**wanted, "filter": "colour=red"})
    driver.call("post", "/webhooks", 400, body={"name": "n"})
    driver.follow("get", "/webhooks", {}, "ann")
    driver.call("get", "/webhooks/{webhookId}", webhookId=hook)
    driver.call("get", "/webhooks/{webhookId}", 404, person="bob", webhookId=hook)
    change = {"name": "m", "targetUrl": "https://hook.example/2", "status": "active"}
    driver.call("put", "/webhooks/{webhookId}", body=change, webhookId=hook)
    driver.call("put", "/webhooks/{webhookId}", 400, body={"name": "m"}, webhookId=hook)
    driver.call("delete", "/webhooks/{webhookId}", 204, webhookId=hook)


def spoilt(value):
    """Copies of an answer, each with one thing wrong in its first object with an id."""
    for change in (
        lambda item: item.pop("created", None) or item.pop("emails", None),
        lambda item: item.update(id=7),
        lambda item: item.update(id="not-an-id"),
        lambda item: item.update(created="yesterday"),
        lambda item: item.update(surprise=True),
        lambda item: item.update(type="other", roomType="other", status="other", isMonitor="no"),
    ):
        broken = copy.deepcopy(value)
        change(broken["items"][0] if "items" in broken else broken)
        yield broken


def notices_mistakes(driver):
    """Every good answer, spoilt, must be called bad: else this program proves nothing."""
    missed = checked = 0
    for schema, value in driver.good:
        if value.get("items") == []:
            continue
        for broken in spoilt(value):
            checked += 1
            missed += not list(driver.description.problems(schema, broken))
    print(f"noticed {checked - missed} of {checked} mistakes made on purpose")
    return checked > 0 and missed == 0


def main():
    description = Description(os.environ["BOTWARDEN_WEBEX_SPEC"])
    driver = Driver(sys.argv[1].rstrip("/"), description)
    drive_people(driver)
    room = drive_rooms(driver)
    drive_memberships(driver, room)
    drive_cards(driver, drive_messages(driver, room))
    drive_webhooks(driver)
    driver.call("delete", "/rooms/{roomId}", 204, roomId=room)
    left_out = set(description.operations()) - driver.driven - NOT_SERVED
    for method, template in sorted(left_out):
        driver.deviations.append(f"never driven: {method} {template}")
    print(*driver.deviations, sep="\n")
    print(f"{len(driver.driven)} operations, {len(driver.deviations)} deviations")
    return 0 if notices_mistakes(driver) and not driver.deviations else 1


if __name__ == "__main__":
    sys.exit(main())
