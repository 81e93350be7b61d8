"""Reads what callgrind writes: for each function what it cost itself, and with everything that it called."""

import collections
import re

NAMED = re.compile(r"^(fn|cfn)=\((\d+)\)(?: (.*))?$")
COST = re.compile(r"^[+\-*\d]")
# Under valgrind they are system calls; else they are not.
CLOCK = "clock_gettime"
# Under valgrind no processor can SHA by itself; in production nearly all can, and these cost a tenth.
DIGESTS = re.compile(r"^sha[12]::.*::compress$")
HASH = re.compile(r"::h[0-9a-f]{16}$")


class Profile:
    """Costs by function, as lists: instructions, system calls."""

    def __init__(self, path):
        self.own = collections.Counter()
        self.whole = collections.Counter()
        self.calls = collections.Counter()
        self.entered = collections.Counter()
        self.callers = collections.Counter()
        self.names = {}
        with open(path, encoding="utf-8", errors="replace") as lines:
            self._read(lines)

    def _read(self, lines):
        function, called, counted = None, None, False
        for line in lines:
            line = line.rstrip("\n")
            named = NAMED.match(line)
            if named:
                kind, number, name = named.groups()
                if name is not None:
                    self.names[number] = HASH.sub("", name)
                if kind == "fn":
                    function = self.names[number]
                else:
                    called = self.names[number]
            elif line.startswith("calls="):
                counted, times = True, int(line[6:].split()[0])
                self.entered[called] += times
                self.callers[called, function] += times
            elif line.startswith("events:"):
                self.events = line.split()[1:]
            elif line.startswith("totals:"):
                self._check(int(line.split()[1]))
            elif function is not None and COST.match(line):
                self._cost(function, called if counted else None, line.split()[1:])
                counted = False

    def _cost(self, function, called, costs):
        costs = dict(zip(self.events, map(int, costs)))
        instructions, calls = costs.get("Ir", 0), costs.get("sysCount", 0)
        # What a function costs through itself is in its cost already.
        if called != function:
            self.whole[function] += instructions
        if called is None:
            self.own[function] += instructions
            self.calls[function] += calls

    def _check(self, instructions):
        """Callgrind's own sum: whoever reads the lines in another way than they were meant does not get there."""
        if sum(self.own.values()) != instructions:
            raise SystemExit(f"the profile was not understood: {sum(self.own.values())} of {instructions} instructions")

    def total(self):
        """Of the whole process: instructions but for those of digests, those of digests, system calls, looks at the clock."""
        digests = sum(count for name, count in self.own.items() if DIGESTS.match(name))
        looks = sum(count for name, count in self.calls.items() if name.startswith(CLOCK))
        return sum(self.own.values()) - digests, digests, sum(self.calls.values()) - looks, looks

    def inside(self, name):
        """Of the functions with this name: instructions with all that they called, and how often they were called."""
        found = [function for function in self.whole if function.split("'")[0] == name]
        return sum(self.whole[it] for it in found), sum(self.entered[it] for it in found)


def difference(more, less, by):
    """For each function: how often it was called, its own cost and the whole one, for one event of the `by` that `more` has more of."""
    rows = []
    for name in more.whole:
        row = [(counter(more)[name] - counter(less)[name]) / by for counter in COLUMNS]
        rows.append((name, *row))
    return rows


COLUMNS = (lambda it: it.entered, lambda it: it.own, lambda it: it.whole)
