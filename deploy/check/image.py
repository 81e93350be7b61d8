"""Starts the image and looks at it: python image.py CONTAINER ROOT WORK

By `buildah run` it must become ready, find itself well by its own command, and take an event that is signed on the
host, while the simulator there is Webex. Then the same file is started ten times without buildah, for the figures.
"""

import contextlib
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from loopback import PATIENCE, free_ports, page, until

CONTAINER, ROOT, WORK = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
BINARY = ROOT / "usr/local/bin/botwarden"
NOBODY = 65532
# KiB. How much of the file a kernel maps at once is not the same everywhere, and functions that came later stand in no list:
# what is over the target is told, what is over the limit fails.
RSS_TARGET, RSS_LIMIT = 6 * 1024, 8 * 1024
READY_LIMIT = 0.050  # seconds

GATEWAY = """\
version: 1
webex: {{api: "http://127.0.0.1:{webex}/v1"}}
orgs: {{example: 0b7c5c1e-6a55-4a53-9d0c-3a2a3c9f1e11}}
policy: {{allowed_orgs: [example]}}
server: {{drain_grace: 0s}}
bots:
  helpdesk:
    token: {{file: {secrets}/helpdesk_token}}
    webhook_secret: {{file: {secrets}/helpdesk_webhook_secret}}
routes:
  helpdesk: {{path: /webhooks/helpdesk, bot: helpdesk, upstream: "http://127.0.0.1:9/"}}
"""


def files(webex):
    """Configuration and secrets, as a volume would have them: of the gateway's user, readable by nobody else."""
    for place in ("config", "secrets"):
        (WORK / place).mkdir(exist_ok=True)
    secrets = WORK / "secrets"
    (secrets / "helpdesk_token").write_text("sim-token-helpdesk")
    (secrets / "helpdesk_webhook_secret").write_text("not-a-secret-only-for-this-check")
    for secret in secrets.iterdir():
        secret.chmod(0o400)
        os.chown(secret, NOBODY, NOBODY)
    (WORK / "config/gateway.yaml").write_text(GATEWAY.format(webex=webex, secrets="/run/secrets"))
    (WORK / "host.yaml").write_text(GATEWAY.format(webex=webex, secrets=secrets))
    WORK.chmod(0o755)


def started(stack, *line, **more):
    process = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, **more}, text=True)
    stack.callback(process.communicate, timeout=PATIENCE)
    stack.callback(process.terminate)
    return process


def listens(server, ops, admin):
    ports = {"BOTWARDEN_LISTEN": server, "BOTWARDEN_OPS_LISTEN": ops, "BOTWARDEN_ADMIN_LISTEN": admin}
    return {name: f"127.0.0.1:{port}" for name, port in ports.items()}


def in_container(stack, server, ops, admin):
    """As the image says: its own user, command and variables; only the ports are some that are free here."""
    listen = [f"--env={name}={value}" for name, value in listens(server, ops, admin).items()]
    volumes = ["-v", f"{WORK}/config:/etc/botwarden:ro", "-v", f"{WORK}/secrets:/run/secrets:ro"]
    run = ["buildah", "run", *listen, *volumes, CONTAINER, "--", "/usr/local/bin/botwarden"]
    gateway = started(stack, *run, "run", "--config", "/etc/botwarden/gateway.yaml")
    try:
        until("the image is ready", lambda: page(f"http://127.0.0.1:{ops}/readyz") == "ok")
    except SystemExit:
        gateway.terminate()
        print(*gateway.communicate(timeout=PATIENCE))
        raise
    subprocess.run([*run, "healthcheck", "--ready"], check=True, timeout=PATIENCE)
    sent = subprocess.run(
        [BINARY, "send", "messages.created", "--route", "helpdesk", "--config", WORK / "host.yaml"]
        + ["--url", f"http://127.0.0.1:{server}/webhooks/helpdesk"],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    print(sent.stdout.splitlines()[0] if sent.stdout else sent.stderr)
    if sent.returncode != 0:
        raise SystemExit("the signed event was not taken")
    # A room that nobody knows: refused, with a record.
    until("the verdict", lambda: refused(page(f"http://127.0.0.1:{ops}/metrics")))


def refused(metrics):
    return any('reason="room_unknown"' in line and line.endswith(" 1") for line in metrics.splitlines())


def start_once(server, ops, admin):
    """Seconds from the start of the process to ready, and KiB of memory a moment later: all, and not of the file."""
    with contextlib.ExitStack() as stack:
        began = time.monotonic()
        process = started(stack, BINARY, "run", "--config", WORK / "host.yaml", **listens(server, ops, admin))
        until("ready", lambda: page(f"http://127.0.0.1:{ops}/readyz") == "ok", pause=0.001)
        took = time.monotonic() - began
        time.sleep(1)  # not waiting for anything: idle is when nothing is done for a while
        status = Path(f"/proc/{process.pid}/status").read_text()
        memory = {line.split(":")[0]: int(line.split()[1]) for line in status.splitlines() if line.startswith(("VmRSS", "RssAnon"))}
        return took, memory["VmRSS"], memory["RssAnon"]


def main(stack):
    webex, server, ops, admin = free_ports(4)
    files(webex)
    started(stack, BINARY, "simulate", "--listen", f"127.0.0.1:{webex}")
    until("the simulator", lambda: page(f"http://127.0.0.1:{webex}/control/world"))
    with contextlib.ExitStack() as inner:
        in_container(inner, server, ops, admin)
    took, all_of_it, own = zip(*(start_once(server, ops, admin) for _ in range(10)))
    fast, memory = statistics.median(took), statistics.median(all_of_it)
    print(f"start to ready: {fast * 1000:.0f} ms (median of 10, fastest {min(took) * 1000:.0f} ms)")
    print(f"idle: {memory / 1024:.1f} MiB resident (median of 10), of these {statistics.median(own) / 1024:.1f} MiB not of the file")
    if memory > RSS_TARGET:
        print(f"OVER THE TARGET of {RSS_TARGET // 1024} MiB resident")
    if memory > RSS_LIMIT or min(took) > READY_LIMIT:
        raise SystemExit(f"more than {RSS_LIMIT / 1024} MiB, or than {READY_LIMIT * 1000:.0f} ms")


with contextlib.ExitStack() as stack:
    main(stack)
