"""A line plot as SVG: a few series over a logarithmic axis."""

import math

WIDTH, HEIGHT = 640, 320
LEFT, RIGHT, TOP, BOTTOM = 70, 20, 40, 50
COLOURS = ["#0b6bcb", "#c2410c", "#15803d"]
STYLE = "font-family='sans-serif' font-size='12' fill='#444'"


def plot(title, across, series):
    """`series` are names with points (x, y); x from 0 or 1, y from 0. What has no figure is left out."""
    series = {name: [(x, y) for x, y in points if y is not None] for name, points in series.items()}
    xs = [x for points in series.values() for x, _ in points]
    top = nice(max(y for points in series.values() for _, y in points))
    place = Place(min(xs), max(xs), top)
    parts = [
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {WIDTH} {HEIGHT}' role='img'>",
        f"<title>{title}</title>",
        f"<rect width='{WIDTH}' height='{HEIGHT}' fill='white'/>",
        text(LEFT, 18, title, "start", "font-weight='bold'"),
        *grid(place, sorted(set(xs)), top, across),
        *(part for number, (name, points) in enumerate(series.items()) for part in line(place, number, name, points)),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


class Place:
    """Where a point is."""

    def __init__(self, least, most, top):
        self.least, self.span = spread(least), max(spread(most) - spread(least), 1e-9)
        self.top = top

    def x(self, value):
        return LEFT + (spread(value) - self.least) / self.span * (WIDTH - LEFT - RIGHT)

    def y(self, value):
        return HEIGHT - BOTTOM - value / self.top * (HEIGHT - TOP - BOTTOM)


def spread(value):
    """Logarithmic, with a place for nothing."""
    return math.log10(value) if value >= 1 else value - 1


def nice(most):
    """A round number that is not below, and that four steps divide."""
    if most <= 0:
        return 1
    power = 10 ** math.floor(math.log10(most))
    return next(step * power for step in (1, 2, 4, 6, 8, 10) if step * power >= most)


def grid(place, xs, top, across):
    for step in range(5):
        value = top * step / 4
        y = place.y(value)
        yield f"<line x1='{LEFT}' x2='{WIDTH - RIGHT}' y1='{y:.1f}' y2='{y:.1f}' stroke='#ddd'/>"
        yield text(LEFT - 8, y + 4, f"{value:,g}", "end")
    for x in xs:
        yield text(place.x(x), HEIGHT - BOTTOM + 18, f"{x:,g}", "middle")
    yield text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 12, across, "middle")


def line(place, number, name, points):
    colour = COLOURS[number % len(COLOURS)]
    path = " ".join(f"{place.x(x):.1f},{place.y(y):.1f}" for x, y in points)
    yield f"<polyline points='{path}' fill='none' stroke='{colour}' stroke-width='2'/>"
    for x, y in points:
        yield f"<circle cx='{place.x(x):.1f}' cy='{place.y(y):.1f}' r='3' fill='{colour}'/>"
    yield f"<rect x='{LEFT + number * 190}' y='26' width='12' height='3' fill='{colour}'/>"
    yield text(LEFT + number * 190 + 18, 31, name, "start")


def text(x, y, words, anchor, more=""):
    return f"<text x='{x:.1f}' y='{y:.1f}' text-anchor='{anchor}' {STYLE} {more}>{words}</text>"
