"""What the checks that start the gateway share: ports, pages, and patience."""

import contextlib
import socket
import time
from urllib.error import URLError
from urllib.request import urlopen

PATIENCE = 60  # seconds, for a loaded machine


def free_ports(count):
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [each.getsockname()[1] for each in sockets]


def page(url):
    try:
        with urlopen(url, timeout=5) as answer:
            return answer.read().decode()
    except (URLError, OSError):
        return ""


def until(what, look, patience=PATIENCE, pause=0.05):
    end = time.monotonic() + patience
    while not (found := look()):
        if time.monotonic() > end:
            raise SystemExit(f"not within {patience} s: {what}")
        time.sleep(pause)
    return found
