"""Line plots as SVG: panels side by side, each with one axis of its own over the same logarithmic sizes."""

import math

WIDTH, HEIGHT = 360, 260
LEFT, RIGHT, TOP, BOTTOM = 62, 16, 56, 44
COLOURS = ["#0b6bcb", "#c2410c", "#15803d"]
STYLE = "font-family='sans-serif' font-size='11' fill='#444'"


def plot(title, across, panels):
    """Each panel is a map from names to points (x, y): x is 0 or more, y from 0. What has no figure is left out."""
    parts = [part for number, lines in enumerate(panels) for part in panel(number, lines, across)]
    width = WIDTH * len(panels)
    return "\n".join([
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width} {HEIGHT}' width='{width}' role='img'>",
        f"<title>{title}</title>",
        f"<rect width='{width}' height='{HEIGHT}' fill='white'/>",
        text(LEFT, 18, title, "start", "font-weight='bold'"),
        *parts,
        "</svg>\n",
    ])


def panel(number, lines, across):
    lines = {name: [(x, y) for x, y in points if y is not None] for name, points in lines.items()}
    xs = sorted({x for points in lines.values() for x, _ in points})
    top = nice(max((y for points in lines.values() for _, y in points), default=0))
    yield f"<g transform='translate({number * WIDTH} 0)'>"
    place = Place(xs, top)
    yield from grid(place, xs, top, across)
    for order, (name, points) in enumerate(lines.items()):
        yield from line(place, order, name, points)
    yield "</g>"


class Place:
    """Where a point is."""

    def __init__(self, xs, top):
        self.least = spread(xs[0])
        self.span = max(spread(xs[-1]) - self.least, 1e-9)
        self.top = top

    def x(self, value):
        return LEFT + (spread(value) - self.least) / self.span * (WIDTH - LEFT - RIGHT)

    def y(self, value):
        return HEIGHT - BOTTOM - value / self.top * (HEIGHT - TOP - BOTTOM)


def spread(value):
    """Logarithmic; nothing at all stands a tenth below the first hundred."""
    return math.log10(value) if value >= 1 else 2.0


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
        yield text(LEFT - 6, y + 4, f"{value:,g}", "end")
    for x in xs:
        yield text(place.x(x), HEIGHT - BOTTOM + 16, short(x), "middle")
    yield text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 10, across, "middle")


def short(value):
    return f"{value / 1000:g}k" if value >= 1000 else f"{value:g}"


def line(place, order, name, points):
    colour = COLOURS[order % len(COLOURS)]
    path = " ".join(f"{place.x(x):.1f},{place.y(y):.1f}" for x, y in points)
    yield f"<polyline points='{path}' fill='none' stroke='{colour}' stroke-width='2'/>"
    for x, y in points:
        yield f"<circle cx='{place.x(x):.1f}' cy='{place.y(y):.1f}' r='3' fill='{colour}'/>"
    yield f"<rect x='{LEFT + order * 130}' y='34' width='12' height='3' fill='{colour}'/>"
    yield text(LEFT + order * 130 + 18, 39, name, "start")


def text(x, y, words, anchor, more=""):
    return f"<text x='{x:.1f}' y='{y:.1f}' text-anchor='{anchor}' {STYLE} {more}>{words}</text>"
