"""A gateway under callgrind with everything around it: a simulated Webex, a bot, and a caller; all on loopback.

Only the gateway is counted: it alone runs under callgrind. Webex is another process; bot and caller are this one, and
in one thread, so that what the gateway sees comes in the same order each time.
"""

import base64
import datetime
import hashlib
import hmac
import json
import os
import pathlib
import re
import select
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
import uuid

SECRET = "the-webhook-secret-of-helpdesk"
TOKEN = "sim-token-helpdesk"
# Seconds for anything. The gateway starts within 3; on a machine with twenty at work besides, within a minute.
PATIENCE = 180

CONFIGURATION = """\
version: 1
orgs: {{example: 0b7c5c1e-6a55-4a53-9d0c-3a2a3c9f1e11}}
policy: {{allowed_orgs: [example], max_members: 5000}}
server: {{listen: '127.0.0.1:0', drain_grace: 0s, drain_timeout: 5s}}
ops: {{listen: null}}
admin: {{listen: null}}
webex: {{api: '{api}', proxy: direct, timeout: 20s}}
cache: {{allow_ttl: 300s}}
log: {{format: json}}
bots: {{helpdesk: {{token: {{env: TOKEN}}, webhook_secret: {{env: SECRET}}, audit: {{every: null}}}}}}
routes:
  delivered:
    {{path: /delivered, bot: helpdesk, answer: delivered, upstream: {{url: '{bot}', timeout: 30s, connect_timeout: 20s}}, answer_within: 10s}}
  accepted:
    {{path: /accepted, bot: helpdesk, upstream: {{url: '{bot}', timeout: 30s, connect_timeout: 20s}}}}
"""

WORLD = """\
orgs:
  example: 0b7c5c1e-6a55-4a53-9d0c-3a2a3c9f1e11
  public: consumer
people:
  ann: {name: Ann, email: ann@example.com, org: example}
  helpdesk: {name: Helpdesk, email: helpdesk@webex.bot, org: public, type: bot}
rooms:
  team: {title: Team, members: [ann, helpdesk], fill: {org: example, count: 8}}
  crowd: {title: Crowd, members: [ann, helpdesk], fill: {org: example, count: 4998}}
"""

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: text/plain\r\n\r\nok"

# Nothing of the caller's environment. Of memcpy and its like always the variant that needs no ERMS: valgrind counts each
# byte of a `rep movsb` as an instruction. AVX2 is needed: see `refused`.
ENVIRONMENT = {
    "PATH": "/usr/bin:/bin",
    "HOME": "/nonexistent",
    "LC_ALL": "C.UTF-8",
    "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-ERMS,-FSRM,-AVX512F,-AVX512VL,-AVX512BW",
    "TOKEN": TOKEN,
    "SECRET": SECRET,
}


def callgrind(out):
    """What runs a program on one processor, with the same addresses each time, and counts."""
    fixed = ["taskset", "-c", str(min(os.sched_getaffinity(0)))]
    if subprocess.run(["setarch", "-R", "true"], capture_output=True, check=False).returncode == 0:
        fixed += ["setarch", "-R"]
    return fixed + [
        "valgrind",
        "--tool=callgrind",
        f"--callgrind-out-file={out}",
        "--collect-systime=msec",
        "--dump-line=no",
        "--vgdb=no",
        "--quiet",
    ]


class Simulator:
    """`botwarden simulate`, not counted."""

    def __init__(self, program, folder):
        self.out = folder / "simulate.json"
        world = folder / "world.yaml"
        world.write_text(WORLD, encoding="utf-8")
        command = [program, "simulate", "--listen", "127.0.0.1:0", "--world", str(world), "--json"]
        with open(self.out, "wb") as out:
            self.process = subprocess.Popen(command, stdout=out, stderr=subprocess.DEVNULL)
        try:
            self.world = until("the simulator runs", self._world)
        except BaseException:
            stop(self.process)
            raise

    def _world(self):
        try:
            return json.loads(self.out.read_text(encoding="utf-8"))
        except ValueError:
            return None

    def id_of(self, handle):
        return self.world["people"][handle]["id"]

    def room(self, handle):
        return self.world["rooms"][handle]["id"]

    def stop(self):
        stop(self.process)


class Gateway:
    """`botwarden run` under callgrind."""

    def __init__(self, program, folder, text, more):
        self.folder, self.profile = folder, folder / "callgrind.out"
        configuration = folder / "gateway.yaml"
        configuration.write_text(text, encoding="utf-8")
        command = callgrind(self.profile) + [*more, program, "run", "--config", str(configuration)]
        with open(folder / "records", "wb") as out, open(folder / "log", "wb") as log:
            self.process = subprocess.Popen(command, stdout=out, stderr=log, env=ENVIRONMENT, cwd="/")
        try:
            self.address = until("the gateway is ready", self._address)
            until("the gateway knows its bot", lambda: "Webex knows the bot" in self.log())
        except BaseException:
            stop(self.process)
            raise

    def log(self):
        return (self.folder / "log").read_text(encoding="utf-8", errors="replace")

    def _address(self):
        if self.process.poll() is not None:
            raise SystemExit(f"the gateway did not start:\n{self.log()}")
        found = re.search(r'"listen":"127\.0\.0\.1:(\d+)"', self.log())
        return found and ("127.0.0.1", int(found[1]))

    def rests(self):
        """Waits until no thread of it runs: what the last call brought about is over."""
        tasks = pathlib.Path(f"/proc/{self.process.pid}/task")
        quiet = 0
        end = time.monotonic() + PATIENCE
        while quiet < 2:
            asleep = all(state(task) == "S" for task in tasks.iterdir())
            quiet = quiet + 1 if asleep else 0
            if time.monotonic() > end:
                raise SystemExit("the gateway never rests")

    def stop(self):
        stop(self.process)
        if self.process.returncode != 0:
            raise SystemExit(f"the gateway ended with {self.process.returncode}:\n{self.log()[-2000:]}")


def state(task):
    try:
        return (task / "stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "S"  # the thread is gone


class Wire:
    """A connection, and what was read of it."""

    def __init__(self, stream):
        self.stream, self.rest = stream, b""
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        stream.settimeout(PATIENCE)

    def fileno(self):
        return self.stream.fileno()

    def message(self):
        """One HTTP message with a length: its first line and its body."""
        while b"\r\n\r\n" not in self.rest:
            self._more()
        head, _, self.rest = self.rest.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
        length = int(length[1]) if length else 0
        while len(self.rest) < length:
            self._more()
        body, self.rest = self.rest[:length], self.rest[length:]
        return head.partition(b"\r\n")[0].decode(), body

    def _more(self):
        read = self.stream.recv(65536)
        if not read:
            raise SystemExit("a connection ended in the middle")
        self.rest += read


class Scene:
    """All of it, for one run: with a configuration by the addresses of Webex and bot, and more options of callgrind."""

    def __init__(self, program, folder, configured=CONFIGURATION.format, more=()):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(PATIENCE)
        self.bots = []
        self.simulator = Simulator(program, folder)
        try:
            bot = f"http://127.0.0.1:{self.listener.getsockname()[1]}/"
            self.gateway = Gateway(program, folder, configured(api=self.simulator.world["api"], bot=bot), more)
        except BaseException:
            self.simulator.stop()
            raise
        self.caller = Wire(socket.create_connection(self.gateway.address))

    def envelope(self, room="team"):
        """A message of somebody in a clean room, as Webex tells of it; each is another message."""
        ann, room = self.simulator.id_of("ann"), self.simulator.room(room)
        now = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="milliseconds")
        now = now.replace("+00:00", "Z")
        return json.dumps(
            {
                "id": public("WEBHOOK", uuid.UUID(int=7)),
                "name": "botwarden:helpdesk",
                "resource": "messages",
                "event": "created",
                "createdBy": self.simulator.id_of("helpdesk"),
                "actorId": ann,
                "data": {
                    "id": public("MESSAGE", uuid.uuid4()),
                    "roomId": room,
                    "roomType": "group",
                    "personId": ann,
                    "personEmail": "ann@example.com",
                    "created": now,
                },
            },
            separators=(",", ":"),
        ).encode()

    def call(self, path, body, secret=SECRET):
        mac = hmac.new(secret.encode(), body, hashlib.sha1).hexdigest()
        head = (
            f"POST {path} HTTP/1.1\r\nHost: bots.example.com\r\nUser-Agent: Webex\r\nAccept: */*\r\n"
            f"Content-Type: application/json; charset=utf-8\r\nX-Spark-Signature: {mac}\r\n"
            f"TrackingID: {uuid.uuid4()}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        self.caller.stream.sendall(head.encode() + body)

    def hand_over(self, body):
        """The bot takes the event and answers. Each route has a connection of its own, and ends it when it is idle."""
        while True:
            ready, _, _ = select.select([self.listener, *self.bots], [], [], PATIENCE)
            assert ready, "the bot hears nothing"
            if ready[0] is self.listener:
                self.bots.append(Wire(self.listener.accept()[0]))
            elif ready[0].stream.recv(1, socket.MSG_PEEK):
                _, got = ready[0].message()
                assert got == body, "the bot got other bytes"
                return ready[0].stream.sendall(ANSWER)
            else:
                self.bots.remove(ready[0])

    def answered(self, status):
        line, _ = self.caller.message()
        assert line.split()[1] == status, f"the gateway answered {line}"

    def crowd(self):
        self.delivered("crowd")

    def delivered(self, room="team"):
        body = self.envelope(room)
        self.call("/delivered", body)
        self.hand_over(body)
        self.answered("200")

    def accepted(self):
        body = self.envelope()
        self.call("/accepted", body)
        self.answered("200")
        self.hand_over(body)

    def forged(self):
        self.call("/delivered", self.envelope(), secret="another-secret-than-ours")
        self.answered("403")

    def play(self, kind, times):
        """So many events, each begun when the one before is over."""
        for _ in range(times):
            getattr(self, kind)()
            self.gateway.rests()

    def close(self):
        try:
            self.gateway.stop()
        finally:
            self.simulator.stop()
            self.listener.close()
        return self.gateway.profile


def public(kind, local):
    text = f"ciscospark://us/{kind}/{local}".encode()
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


def until(what, look):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        found = look()
        if found:
            return found
        time.sleep(0.02)
    raise SystemExit(f"it never came true: {what}")


def stop(process):
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
