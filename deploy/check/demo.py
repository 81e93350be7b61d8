"""What compose.demo.yaml starts, as plain processes: python demo.py BOTWARDEN SCRAPE [PYTHON]

The simulator, the gateway with gateway.demo.yaml, and, where PYTHON has what it needs, the sample bot. A room of staff
gets an answer, a room with an outsider does not. SCRAPE gets what /metrics says in the end.
"""

import contextlib
import os
import re
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

from loopback import PATIENCE, free_ports, page, until

BOTWARDEN, SCRAPE = sys.argv[1:3]
PYTHON = sys.argv[3] if len(sys.argv) > 3 else ""
COMPOSE = Path("deploy/compose").absolute()


def sample(folder, ports):
    """The sample, with ports that are free here and secrets where they are here."""
    text = (COMPOSE / "gateway.demo.yaml").read_text()
    for usual, port in ports.items():
        text = text.replace(f":{usual}", f":{port}")
    for secret in (COMPOSE / "demo").glob("helpdesk_*"):
        copy = folder / secret.name
        copy.write_bytes(secret.read_bytes())
        copy.chmod(0o600)
    text = text.replace("/run/secrets", str(folder))
    path = folder / "gateway.yaml"
    path.write_text(text)
    return path


def say(person, room, control):
    line = [sys.executable, COMPOSE / "demo/say.py", person, room, "/hello"]
    done = subprocess.run(line, env={**os.environ, "CONTROL": control}, capture_output=True, text=True, timeout=PATIENCE)
    return (done.stdout + done.stderr).strip().splitlines()[-1]


def main(stack, folder):
    usual = (8080, 8082, 8090, 5000, 8083)
    ports = dict(zip(usual, free_ports(len(usual))))
    public, ops, webex = (f"http://127.0.0.1:{ports[port]}" for port in usual[:3])
    config = sample(folder, ports)

    def start(name, *line, **more):
        log = stack.enter_context(open(folder / f"{name}.log", "w"))
        environment = {**os.environ, **more}
        process = subprocess.Popen(line, stdout=log, stderr=log, env=environment, cwd=COMPOSE / "bot")
        stack.callback(process.wait, PATIENCE)
        stack.callback(process.terminate)

    start("simulator", BOTWARDEN, "simulate", "--listen", f"127.0.0.1:{ports[8090]}")
    until("the simulator", lambda: page(f"{webex}/control/world"))
    names = {"BOTWARDEN_LISTEN": 8080, "BOTWARDEN_OPS_LISTEN": 8082, "BOTWARDEN_ADMIN_LISTEN": 8083}
    listens = {name: f"127.0.0.1:{ports[port]}" for name, port in names.items()}
    start("gateway", BOTWARDEN, "run", "--config", str(config), **listens)
    until("the gateway is ready", lambda: page(f"{ops}/readyz") == "ok")
    metrics = lambda: page(f"{ops}/metrics")
    in_order = re.compile(r'botwarden_webhooks\{bot="helpdesk",state="ok"\} [1-9]')
    until("webhooks in order", lambda: in_order.search(metrics()))
    answers = []
    if PYTHON:
        variables = {
            "WEBEX_ACCESS_TOKEN": "sim-token-helpdesk",
            "WEBEX_BASE_URL": f"{webex}/v1/",
            "BOT_URL": f"{public}/webhooks/helpdesk",
            "PORT": str(ports[5000]),
        }
        start("bot", PYTHON, "app.py", **variables)
        until("the bot", lambda: reachable(ports[5000]))
        answers = [say("ann", "staff", f"{webex}/control"), say("tom", "partners", f"{webex}/control")]
    return answers, metrics()


def reachable(port):
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
    folder = Path(folder)
    try:
        answers, scrape = main(stack, folder)
    except SystemExit:
        for log in folder.glob("*.log"):
            print(f"{log.stem}:", "".join(f"\n   {line}" for line in log.read_text().splitlines()[-20:]))
        raise
Path(SCRAPE).write_text(scrape)
expected = ["the bot answered", "the bot heard nothing"] if PYTHON else []
print(f"staff: {answers[0]}; partners: {answers[1]}" if answers else "without a bot")
if answers != expected or "botwarden_events_total" not in scrape:
    raise SystemExit(f"expected {expected} and metrics")
