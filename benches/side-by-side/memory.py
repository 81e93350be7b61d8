"""What botwarden holds in memory: idle, after many events, with many connections."""

import time

import contenders
from machine import say
from processes import most_connections

# The most that the configuration takes: connections must not be closed while they are being opened.
CROWDED = ", max_connections: {most}, header_timeout: 2m"
LONGEST = 120  # seconds for all events


def remembered(house, plan):
    say("memory …")
    return {**after_events(house, plan["events"]), **with_connections(house, plan["idle"])}


def after_events(house, events):
    with house.open(lambda site: contenders.botwarden(house.binary, site)) as gateway:
        time.sleep(2)
        idle = gateway.process.rss()
        shot = gateway.fire(seconds=LONGEST, events=events)
        return {"idle": idle, "events": shot["passed"], "after_events": gateway.process.rss()}


def with_connections(house, wanted):
    wanted = most_connections(wanted)

    def setup(site):
        return contenders.botwarden(house.binary, site, server=CROWDED.format(most=wanted + 100))

    with house.open(setup) as gateway:
        fire = gateway.load({"idle": wanted, "seconds": 1, "rate": 100})
        try:
            there = fire.line(within=60)
            held = gateway.process.rss()
            fire.line(within=30)
        finally:
            fire.stop()
    return {"connections": there["idle"] - there["closed"], "with_connections": held}
