"""A place with a simulated Webex, a bot, and one gateway after the other in front of it."""

import shutil
import tempfile
from pathlib import Path

import contenders
import machine
from processes import Fire, Process, count, free_port, settled


class Site:
    """Ports and files of one gateway."""

    def __init__(self, house):
        self.directory = Path(tempfile.mkdtemp(prefix="site-", dir=machine.TARGET))
        self.port, self.ports = free_port(), [free_port(), free_port()]
        self.bot, self.api, self.world = house.bot.port, house.api, house.world

    def write(self, name, text):
        path = self.directory / name
        path.write_text(text)
        path.chmod(0o600)
        return path

    def gone(self):
        shutil.rmtree(self.directory, ignore_errors=True)


class House:
    """Webex and the bot, which stay, and whoever is measured between them."""

    def __init__(self, binary, cores, world):
        self.binary, self.cores, self.world = binary, cores, world
        self.directory = Path(tempfile.mkdtemp(prefix="house-", dir=machine.TARGET))
        other = cores.prefix("other")
        port = free_port()
        self.bot = Process([*other, machine.LOAD, "bot", "--listen", f"127.0.0.1:{port}"], self.directory, port)
        self.webex = None
        try:
            self.simulate()
        except BaseException:
            self.__exit__()
            raise

    def simulate(self):
        (self.directory / "world.yaml").write_text(self.world.yaml())
        port = free_port()
        command = [self.binary, "simulate", "--listen", f"127.0.0.1:{port}", "--world", "world.yaml"]
        self.webex = Process([*self.cores.prefix("other"), *command], self.directory, port)
        self.api = f"http://127.0.0.1:{port}/v1"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.bot.stop()
        if self.webex:
            self.webex.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    def open(self, setup):
        return Gateway(self, setup)


class Gateway:
    """Somebody in front of the bot, while he runs."""

    def __init__(self, house, setup):
        self.house, self.site = house, Site(house)
        command, environment = setup(self.site)
        prefix = house.cores.prefix("contender")
        try:
            self.process = Process([*prefix, *command], self.site.directory, self.site.port, environment)
        except BaseException:
            self.site.gone()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stop()
        self.site.gone()

    def load(self, options):
        options = {"secret": contenders.SECRET, "rooms": self.house.world.rooms, **options}
        return Fire(self.house.cores.prefix("other"), machine.LOAD, self.site.port, options)

    def fire(self, forwards=True, **options):
        """Fires, waits until the bot has all of it, and adds what it cost and what came through."""
        options = {name.replace("_", "-"): value for name, value in options.items()}
        before, cpu = count(self.site.bot), self.process.cpu()
        fire = self.load(options)
        try:
            shot = fire.line(within=float(options.get("seconds", 4)) + 30)
        finally:
            fire.stop()
        arrived = (settled(self.site.bot)[0] if forwards else count(self.site.bot)) - before
        return costed(shot, self.process.cpu() - cpu, arrived)


def costed(shot, cpu, arrived):
    events = shot["authentic"]["events"] + shot["forged"]["events"]
    passed = shot["authentic"]["status"].get("200", 0)
    each = cpu / events * 1e6 if events else float("nan")
    return {**shot, "events": events, "passed": passed, "arrived": arrived, "cpu_s": cpu, "cpu_us": each}
