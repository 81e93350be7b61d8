#!/usr/bin/env python3
"""Which lines of the product the tests ran through, by module, from what `llvm-cov export -format=lcov` says.

    lines.py LCOV [MODULE]   fails when a line of MODULE was not run, and names each of them

Lines of tests do not count: they would make every figure better than it is.
"""

import re
import sys
from collections import defaultdict
from pathlib import Path

# As in tests/architecture.rs: tests stand last in a file, or in files of their own.
TESTS_BELOW = re.compile(r"^#\[cfg\(test\)\]\n(#\[path = .*\]\n)?(pub(\(\w+\))? )?mod tests\b", re.MULTILINE)
TEST_FILE = re.compile(r"(/tests/|tests\.rs$|/fake\.rs$|/stub\.rs$)")


def module_of(source: str) -> str | None:
    """The room that a source belongs to; none for what is not the product."""
    inside = Path(source).is_relative_to(Path.cwd())
    found = re.search(r"/src/(\w+)(/.*|\.rs)$", source) if inside else None
    if not found or TEST_FILE.search(source):
        return None
    return found[1]


def product(source: str) -> range:
    text = Path(source).read_text(encoding="utf-8")
    tests = TESTS_BELOW.search(text)
    return range(1, text.count("\n", 0, tests.start()) + 1 if tests else sys.maxsize)


def read(lcov: str) -> dict[str, dict[str, dict[int, int]]]:
    """Module, source, line: how often it was run."""
    runs: dict[str, dict[str, dict[int, int]]] = defaultdict(dict)
    source, module, lines = "", None, range(0)
    for line in Path(lcov).read_text(encoding="utf-8").splitlines():
        word, _, rest = line.partition(":")
        if word == "SF":
            source, module = rest, module_of(rest)
            if module:
                lines = product(source)
                runs[module][source] = {}
        elif word == "DA" and module:
            number, count = (int(part) for part in rest.split(",")[:2])
            if number in lines:
                runs[module][source][number] = count
    return runs


def main(lcov: str, whole: str | None = None) -> int:
    runs = read(lcov)
    print("| module | lines | run | |\n|---|---:|---:|---:|")
    for module, sources in sorted(runs.items()):
        counts = [count for lines in sources.values() for count in lines.values()]
        ran = sum(count > 0 for count in counts)
        # Rounded down: 100.0 is all of them.
        print(f"| `{module}` | {len(counts)} | {ran} | {ran * 1000 // max(len(counts), 1) / 10} % |")
    if whole is None:
        return 0
    if not any(runs.get(whole, {}).values()):
        print(f"lines: nothing is known of {whole}", file=sys.stderr)
        return 2
    missing = [
        f"{source}:{number}" for source, lines in sorted(runs[whole].items()) for number, count in sorted(lines.items()) if not count
    ]
    for line in missing:
        print(f"not run: {line}", file=sys.stderr)
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
