"""Processes that end with us, and what they cost."""

import json
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
PATIENCE = 20  # seconds until a server must listen, or a backlog be delivered


class Process:
    """A server of its own session, so that its workers end with it."""

    def __init__(self, command, directory, port, extra=None):
        self.directory = directory
        log = open(directory / f"{port}.err", "ab")
        out = open(directory / f"{port}.out", "wb")
        self.child = subprocess.Popen(
            [str(word) for word in command],
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=log,
            env={**os.environ, **(extra or {})},
            start_new_session=True,
        )
        self.port = port
        try:
            self._until_it_listens()
        except BaseException:
            self.stop()
            raise

    def _until_it_listens(self):
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and self.child.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.02)
        why = (self.directory / f"{self.port}.err").read_text(errors="replace")[-2000:]
        raise SystemExit(f"side-by-side: {self.child.args} does not listen:\n{why}")

    def family(self):
        """It and its children, theirs too."""
        parents = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                fields = stat(entry)
                if fields:
                    parents.setdefault(int(fields[1]), []).append(int(entry.name))
        found, look = [], [self.child.pid]
        while look:
            found.append(look.pop())
            look += parents.get(found[-1], [])
        return found

    def cpu(self):
        """Seconds of user and system time, of all of it; also of workers that have ended."""
        lives = [stat(Path(f"/proc/{pid}")) for pid in self.family()]
        return sum(sum(int(life[at]) for at in (11, 12, 13, 14)) for life in lives if life) / TICKS

    def cpu_exact(self):
        """The same to the nanosecond, of threads that live: for what takes a few milliseconds."""
        tasks = [task for pid in self.family() for task in Path(f"/proc/{pid}/task").iterdir()]
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9

    def rss(self):
        """MiB that are resident."""
        return sum(resident(pid) for pid in self.family()) / 1024

    def threads(self):
        """Threads, by name."""
        names = [(task / "comm").read_text().strip() for task in Path(f"/proc/{self.child.pid}/task").iterdir()]
        return {name: names.count(name) for name in sorted(set(names))}

    def stop(self):
        for end in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(self.child.pid, end)
            except ProcessLookupError:
                pass
            try:
                self.child.wait(10)
                break
            except subprocess.TimeoutExpired:
                continue
        # A worker may outlive the one who started it.
        try:
            os.killpg(self.child.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def stat(entry):
    """What follows the name in /proc/PID/stat; the name may have blanks and brackets in it."""
    try:
        return (entry / "stat").read_text().rpartition(") ")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None


def resident(pid):
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def raise_files():
    """As far as we may; children inherit it."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def most_connections(wanted):
    """As many as there are file descriptors for, with some for everything else."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 1_000
    if wanted > most:
        print(f"only {most:,} connections instead of {wanted:,}: raise the limit of open files", file=sys.stderr)
    return min(wanted, most)


def ends_with_us():
    """SIGTERM ends us as an exception does, so that every process is stopped."""
    signal.signal(signal.SIGTERM, lambda *_: (_ for _ in ()).throw(SystemExit("stopped")))


def count(port):
    """How many events the bot has seen."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as bot:
        bot.sendall(b"GET / HTTP/1.1\r\nHost: bot\r\n\r\n")
        return int(bot.recv(4096).rpartition(b"\r\n\r\n")[2])


def settled(port):
    """The count when no more events come, and when the last one came."""
    last, since = count(port), time.monotonic()
    end = since + PATIENCE
    while time.monotonic() < min(since + 0.25, end):
        time.sleep(0.02)
        now = count(port)
        if now != last:
            last, since = now, time.monotonic()
    return last, since


class Fire:
    """A load that runs; with idle connections it says first when they are there."""

    def __init__(self, prefix, load, port, options):
        command = [*prefix, load, "fire", "--target", f"127.0.0.1:{port}"]
        for name, value in options.items():
            command += [f"--{name}"] if value is True else [f"--{name}", value]
        words = [str(word) for word in command]
        self.child = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, start_new_session=True)

    def line(self, within):
        """Its next line. Whoever does not end in time is ended."""
        signal.alarm(int(within))
        try:
            return json.loads(self.child.stdout.readline())
        except (json.JSONDecodeError, TimeoutError):
            self.stop()
            raise SystemExit(f"side-by-side: no result of {self.child.args}") from None
        finally:
            signal.alarm(0)

    def stop(self):
        if self.child.poll() is None:
            self.child.kill()
        self.child.wait()


def too_late(*_):
    raise TimeoutError


signal.signal(signal.SIGALRM, too_late)
