"""How the cost grows: one curve each, measured at some sizes."""

import time
import urllib.request

import contenders
from gateways import House
from processes import most_connections
from tables import median
from world import World

SECONDS = 2
# Rooms a second that one token may ask about, with 3,000 calls a minute of which strangers get half; and all of them.
COLD_RATE, COLD_MOST = 22, 1_500


def bots(count):
    return ("helpdesk",) if count == 1 else tuple(f"helpdesk-{number}" for number in range(count))


def setup(house, **options):
    return lambda site: contenders.botwarden(house.binary, site, **options)


def shots(gateway, times, **options):
    """The middle of some, and the memory after them."""
    fired = [gateway.fire(seconds=SECONDS, **options) for _ in range(times)]
    middle = {name: median([shot[name] for shot in fired]) for name in ("cpu_us", "passed", "arrived")}
    latency = {name: median([shot["authentic"][name] for shot in fired]) for name in ("p50", "p99", "per_second")}
    return {**middle, **latency, "wrong": sum(wrong(shot) for shot in fired), "rss": gateway.process.rss()}


def wrong(shot):
    """Events that were not answered 200, or did not reach the bot."""
    return shot["authentic"]["events"] - shot["passed"] + abs(shot["arrived"] - shot["passed"]) + shot["broken"]


def routes(stage, count):
    """Ten routes a bot, one for each event that it may hear of; messages come on a hundred of them at most."""
    many = max(1, count // 10)
    busy = min(many, 100)
    with stage.house(World(rooms=100, bots=bots(many))) as house:
        began = time.monotonic()
        with house.open(setup(house, bots=bots(many), routes=min(count, 10))) as gateway:
            ready = time.monotonic() - began
            gateway.fire(seconds=1, routes=busy)
            figures = shots(gateway, stage.times, routes=busy)
            return {**figures, "ready_ms": ready * 1000, "series": series(gateway)}


def rooms(stage, count):
    """At most 250 rooms a bot, and asked about no faster than its token may. All are known before it begins."""
    many = max(1, count // 250)
    world = World(rooms=count, bots=bots(many))
    with stage.house(world) as house:
        cache = f"cache: {{max_entries: {max(count * 2, 10000)}, allow_ttl: 300s}}"
        with house.open(setup(house, bots=bots(many), more=cache)) as gateway:
            time.sleep(1)
            pace = min(many * COLD_RATE, COLD_MOST)
            gateway.fire(seconds=count / pace + 30, routes=many, events=count, rate=pace)
            gateway.fire(seconds=1, routes=many)
            before = asked(gateway)
            figures = shots(gateway, stage.times, routes=many)
            return {**figures, "calls": asked(gateway) - before}


def members(stage, count):
    """Rooms that nobody has asked about, one event each: the list is read, judged and kept."""
    fresh = max(5, min(100, 20_000 // count))
    with stage.house(World(rooms=fresh, others=count - 2)) as house:
        with house.open(setup(house)) as gateway:
            time.sleep(1)
            before, exact = asked(gateway), gateway.process.cpu_exact()
            shot = gateway.fire(seconds=60, events=fresh, connections=1)
            cost = gateway.process.cpu_exact() - exact
            calls = asked(gateway) - before
            latency = {name: shot["authentic"][name] for name in ("p50", "p99")}
            each = {"cpu_ms": cost / fresh * 1000, "calls": calls / fresh, "rss": gateway.process.rss()}
            return {**each, **latency, "wrong": wrong(shot)}


def body(stage, size):
    with stage.house(World()) as house, house.open(setup(house)) as gateway:
        gateway.fire(seconds=1)
        return shots(gateway, stage.times, body_bytes=size)


def connections(stage, count):
    """So many that are open and quiet, and 32 that work."""
    count = most_connections(count)
    server = f", max_connections: {count + 100}, header_timeout: 2m"
    with stage.house(World()) as house, house.open(setup(house, server=server)) as gateway:
        gateway.fire(seconds=1)
        crowd = gateway.load({"idle": count, "connections": 1, "rate": 0.01, "seconds": SECONDS * stage.times + 4})
        try:
            there = crowd.line(within=60)
            time.sleep(0.5)
            figures = shots(gateway, stage.times)
        finally:
            crowd.stop()
        return {**figures, "open": there["idle"] - there["closed"]}


def flood(stage, forged):
    """Authentic events at a pace, and forged ones besides, over connections of their own."""
    with stage.house(World()) as house, house.open(setup(house)) as gateway:
        gateway.fire(seconds=1)
        enemy = gateway.load({"rate": forged, "forged": True, "seconds": SECONDS * stage.times + 2}) if forged else None
        try:
            time.sleep(0.5)
            cpu, began = gateway.process.cpu(), time.monotonic()
            figures = shots(gateway, stage.times, rate=stage.pace)
            share = (gateway.process.cpu() - cpu) / (time.monotonic() - began)
            refused = enemy.line(within=60)["forged"] if enemy else {"per_second": 0, "status": {}}
        finally:
            if enemy:
                enemy.stop()
        others = sum(count for status, count in refused["status"].items() if status != "403")
        figures["wrong"] += others
        return {**figures, "core_percent": share * 100, "refused": refused["per_second"]}


def asked(gateway):
    """Calls to Webex so far, as its metrics tell."""
    page = urllib.request.urlopen(f"http://127.0.0.1:{gateway.site.ports[0]}/metrics", timeout=10).read().decode()
    lines = [line for line in page.splitlines() if line.startswith("botwarden_webex_requests_total")]
    return sum(float(line.split()[-1]) for line in lines)


def series(gateway):
    """How many series a scrape has."""
    page = urllib.request.urlopen(f"http://127.0.0.1:{gateway.site.ports[0]}/metrics", timeout=30).read()
    return sum(not line.startswith(b"#") for line in page.splitlines())


class Stage:
    """What all curves share."""

    def __init__(self, binary, cores, times, pace):
        self.binary, self.cores, self.times, self.pace = binary, cores, times, pace

    def house(self, world):
        return House(self.binary, self.cores, world)
