"""Figures as Markdown, and the page that they stand on."""

import statistics

from machine import ROOT

PAGE = ROOT / "docs" / "performance.md"


def table(head, rows):
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def number(value, digits=3):
    """As many digits as mean something."""
    if value is None or value != value:
        return "–"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{float(f'{value:.{digits}g}'):g}"


def median(values):
    values = [value for value in values if value is not None]
    return statistics.median(values) if values else None


def renew(name, text):
    """Puts it between the page's markers."""
    page = PAGE.read_text()
    begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    if page.count(begin) != 1 or page.count(end) != 1:
        raise SystemExit(f"side-by-side: {PAGE} needs the markers {begin} and {end}, once each")
    before, rest = page.split(begin)
    PAGE.write_text(f"{before}{begin}\n{text.strip()}\n{end}{rest.split(end)[1]}")
