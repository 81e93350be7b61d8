"""This machine: what it is, what is installed on it, and which core does what."""

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TARGET = ROOT / "target" / "side-by-side"
LOAD = TARGET / "load" / "release" / "load"
VENV = TARGET / "venv"
NEEDED = 4 << 30  # bytes of disk
HERE = Path(__file__).resolve().parent


def say(text):
    print(text, file=sys.stderr, flush=True)


def fail(text):
    sys.exit(f"side-by-side: {text}")


class Cores:
    """Where processes run. `one`: all on one core, so that caches are warm and no message crosses cores; `apart`: the
    contender on the first, everybody else on the second; `free`: wherever the system puts them."""

    def __init__(self, wish):
        self.cores = sorted(os.sched_getaffinity(0))
        self.wish = wish if shutil.which("taskset") else "free"
        if self.wish == "apart" and len(self.cores) < 2:
            fail("--cores apart needs two cores")

    def prefix(self, role):
        """What stands before the command of `contender` or `other`."""
        prefix = ["nice", "-n", "-10"] if os.geteuid() == 0 else []
        if self.wish == "free":
            return prefix
        core = self.cores[0] if self.wish == "apart" and role == "contender" else self.cores[-1]
        return [*prefix, "taskset", "-c", str(core)]

    def workers(self):
        """Threads that botwarden has for events: two where records go to a directory, on any number of cores."""
        return 2

    def text(self):
        return {
            "one": "everything pinned to one core",
            "apart": "the contender pinned to one core, load, bot and Webex to another",
            "free": "nothing pinned",
        }[self.wish]


def describe():
    """The processor, the system, and how busy it was."""
    cpu = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    name = cpu[0].split(":")[1].strip() if cpu else platform.machine()
    load = os.getloadavg()[0]
    return f"{name}, {os.cpu_count()} cores, Linux {platform.release()}; load when it began: {load:.1f}"


def space():
    """A million records and their log lines have to lie somewhere until the gateway that wrote them is stopped."""
    if shutil.disk_usage(TARGET).free < NEEDED:
        fail(f"less than {NEEDED >> 30} GiB are free at {TARGET}")


def debian(packages):
    """Installs what is missing from Debian, or says what to do."""
    missing = [package for package in packages if not installed(package)]
    if not missing:
        return
    say(f"installing {' '.join(missing)}")
    if os.geteuid() == 0 and shutil.which("apt-get"):
        quiet = {"stdout": subprocess.DEVNULL, "env": {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}}
        # policy-rc.d is not asked: what starts by itself is on ports that nobody uses here.
        subprocess.run(["apt-get", "-q", "update"], check=False, timeout=120, **quiet)
        command = ["apt-get", "-q", "-y", "install", "--no-install-recommends", *missing]
        subprocess.run(command, check=False, timeout=300, **quiet)
    missing = [package for package in missing if not installed(package)]
    if missing:
        fail(f"missing: {' '.join(missing)}; install them: apt-get install {' '.join(missing)}")


def installed(package):
    seen = subprocess.run(["dpkg-query", "-W", "-f", "${Status}", package], capture_output=True, text=True)
    return seen.stdout.endswith("ok installed")


def version(package):
    seen = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", package], capture_output=True, text=True)
    return seen.stdout.split(":")[-1]


def python(requirements):
    """The environment of the Flask contenders."""
    done = VENV / "installed.txt"
    if done.exists() and done.read_bytes() == requirements.read_bytes():
        return
    say("installing Flask")
    subprocess.run([sys.executable, "-m", "venv", "--clear", VENV], check=True, timeout=120)
    pip = [VENV / "bin" / "python", "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "install", "-r", requirements], check=True, timeout=300)
    done.write_bytes(requirements.read_bytes())


def build_load():
    command = ["cargo", "build", "--quiet", "--locked", "--release"]
    # Not at its place: nothing that was built may lie among sources.
    environment = {**os.environ, "CARGO_TARGET_DIR": str(TARGET / "load")}
    subprocess.run(command, check=True, cwd=HERE / "load", env=environment, timeout=600)


def built():
    """What is measured, in words."""
    return "given by BOTWARDEN" if os.environ.get("BOTWARDEN") else "built as it is handed out"


def botwarden():
    """The binary as it is handed out, or the one that BOTWARDEN names."""
    given = os.environ.get("BOTWARDEN")
    if given:
        return Path(given).resolve()
    binary = TARGET / "botwarden"
    say("building botwarden as it is handed out (minutes; BOTWARDEN=path takes one that is there)")
    subprocess.run([ROOT / "deploy" / "build.sh", binary], check=True, timeout=1800, stdout=subprocess.DEVNULL)
    return binary
