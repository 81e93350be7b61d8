"""The result as Markdown."""

from machine import version
from tables import median, number, table

BASE = "nginx"


class Figures:
    """The medians of all rounds; ratios are taken within a round."""

    def __init__(self, rounds):
        self.rounds = rounds

    def of(self, who, *path):
        return median([at(one.get(who), path) for one in self.rounds])

    def ratio(self, who, to, *path):
        pairs = [(at(one.get(who), path), at(one.get(to), path)) for one in self.rounds]
        return median([a / b for a, b in pairs if a is not None and b])


def at(tree, path):
    for name in path:
        tree = tree.get(name) if tree else None
    return tree


def text(results, who):
    figures = Figures(results["rounds"])
    parts = [about(results), speed(figures, who), pace(figures, who), refusals(figures, who), memory(results["memory"])]
    parts += [targets(figures, results["memory"]), *complaints(results["rounds"], who)]
    return "\n\n".join(parts)


def about(results):
    last = results["rounds"][-1]
    threads = at(last, ("delivered", "threads")) or {}
    workers = results["workers"]
    return (
        f"{results['machine']}. {results['cores'].capitalize()}. {len(results['rounds'])} rounds, interleaved; medians, ratios within a round. "
        f"32 connections with keep-alive, events of about 700 bytes about 100 rooms that are known, each event with a "
        f"message and a signature of its own. One worker each; botwarden, {results['binary']}, has {workers} for events "
        f"({sum(threads.values())} threads in all), its decision log in a directory, log and metrics on. nginx "
        f"{version('nginx')}, HAProxy {version('haproxy')}, all without a log."
    )


def beside(figures, who, *path, to=BASE):
    """A figure, and how many times that of nginx it is."""
    value, ratio = figures.of(who, *path), figures.ratio(who, to, *path)
    return number(value) if who == to or ratio is None else f"{number(value)} ({number(ratio, 2)}×)"


def plain(figures, who, *path):
    return number(figures.of(who, *path))


def speed(figures, who):
    head = ["", "what it does", "CPU µs an event", "events/s", "p50 µs", "p99 µs", "RSS MiB idle", "after"]
    paths = [("fast", "cpu_us"), *(("fast", "authentic", name) for name in ("per_second", "p50", "p99"))]
    paths += [("rss_idle",), ("rss_after",)]
    rows = [[one.name, one.does, *(beside(figures, one.key, *path) for path in paths)] for one in who]
    return "As fast as answers come; in brackets, how many times nginx plain:\n\n" + table(head, rows)


def pace(figures, who):
    head = ["", "events/s", "p50 µs", "p99 µs", "p99.9 µs", "CPU µs an event"]
    paths = [*(("paced", "authentic", name) for name in ("p50", "p99", "p999")), ("paced", "cpu_us")]
    rows = []
    for one in who:
        # At another pace there is nothing to compare with.
        show = beside if one.rate == who[0].rate else plain
        rows.append([one.name, number(one.rate), *(show(figures, one.key, *path) for path in paths)])
    return "At a fixed pace, from the moment when the event was due (Flask cannot keep up with 2,000):\n\n" + table(head, rows)


def refusals(figures, who):
    head = ["CPU µs a refusal; in brackets, to HAProxy + `hmac`", "forged", "no signature"]
    paths = [("forged", "cpu_us"), ("unsigned", "cpu_us")]
    verify = [one for one in who if one.verifies]
    rows = [[one.name, *(beside(figures, one.key, *path, to="haproxy") for path in paths)] for one in verify]
    return table(head, rows)


def memory(held):
    rows = [
        ["idle", number(held["idle"])],
        [f"after {held['events']:,} events", number(held["after_events"])],
        [f"with {held['connections']:,} open connections", number(held["with_connections"])],
    ]
    return table(["botwarden, RSS MiB", ""], rows)


def targets(figures, held):
    cpu = ("fast", "cpu_us")
    p99 = ("paced", "authentic", "p99")
    rows = [
        ["CPU an event, `delivered`, to nginx plain", figures.ratio("delivered", BASE, *cpu), 1.5, 1.0],
        ["CPU an event, `accepted`, to nginx plain", figures.ratio("accepted", BASE, *cpu), 1.8, 1.2],
        ["CPU an event to nginx + Lua", figures.ratio("delivered", "lua", *cpu), 1.0, 0.5],
        ["CPU an event to HAProxy + `hmac` + map", figures.ratio("delivered", "haproxy-map", *cpu), 1.0, 1.0],
        ["CPU an event to Flask", figures.ratio("delivered", "flask", *cpu), 1 / 90, 1 / 140],
        ["CPU a forged call, to HAProxy + `hmac`", figures.ratio("delivered", "haproxy", "forged", "cpu_us"), 0.8, 0.5],
        ["p99 at 2,000 events/s, to nginx plain", figures.ratio("delivered", BASE, *p99), 1.5, 1.1],
        ["RSS idle, MiB", held["idle"], 8, 6],
        ["RSS after many events, MiB", held["after_events"], 16, 12],
        ["RSS with many connections, MiB", held["with_connections"], 120, 60],
    ]
    cells = [[name, *map(number, figures_), verdict(*figures_)] for name, *figures_ in rows]
    return table(["target", "measured", "must", "goal", ""], cells)


def verdict(value, must, goal):
    if value is None:
        return "not measured"
    return "goal" if value <= goal else "kept" if value <= must else "**missed**"


def complaints(rounds, who):
    """What must not be hidden: answers other than those expected, and events that the bot did not see."""
    for one in who:
        for name, answer in (("fast", "200"), ("paced", "200"), ("forged", "403"), ("unsigned", "403")):
            shots = [round_[one.key][name] for round_ in rounds if name in round_[one.key]]
            wrong = (fault for shot in shots for fault in faults(shot, answer, one.forwards))
            yield from (f"**{one.key}, {name}:** {fault}" for fault in wrong)


def faults(shot, answer, forwards):
    answers = {}
    for side in ("authentic", "forged"):
        for status, number_ in shot[side]["status"].items():
            answers[status] = answers.get(status, 0) + number_
    others = {status: number_ for status, number_ in answers.items() if status != answer}
    if others or not answers:
        yield f"answers other than {answer}: {others}"
    if forwards and shot["arrived"] != shot["passed"]:
        yield f"{shot['passed']} were answered 200, {shot['arrived']} reached the bot"
    if shot["broken"] or shot["unsent"] > shot["events"] / 100:
        yield f"{shot['broken']} connections broke, {shot['unsent']} events were not sent in time"
