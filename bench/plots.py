"""A line plot as an SVG of its own, both axes logarithmic, that follows the reader's light or dark theme."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

Point = tuple[float, float]
WIDTH, HEIGHT = 640, 360
LEFT, RIGHT, TOP, BOTTOM = 76, 20, 44, 56
STYLE = """
svg { --ink: #1f2328; --faint: #d1d9e0; --line0: #0969da; --line1: #bc4c00; background: #ffffff }
@media (prefers-color-scheme: dark) {
  svg { --ink: #f0f6fc; --faint: #3d444d; --line0: #4493f8; --line1: #db6d28; background: #0d1117 }
}
text { font: 12px system-ui, sans-serif; fill: var(--ink) } .title { font-size: 14px; font-weight: 600 }
.grid { stroke: var(--faint); stroke-width: 1 } .line { fill: none; stroke-width: 2 }
.l0 { stroke: var(--line0) } .l1 { stroke: var(--line1) } .d0 { fill: var(--line0) } .d1 { fill: var(--line1) }
.even { stroke: var(--ink); stroke-width: 1; stroke-dasharray: 4 4; fill: none; opacity: 0.6 }
"""


@dataclass(frozen=True)
class Line:
    name: str
    points: Sequence[Point]


@dataclass(frozen=True)
class Axis:
    """From a power of ten to another, in pixels."""

    low: int
    high: int
    start: float
    end: float

    def at(self, value: float) -> float:
        return self.start + (math.log10(value) - self.low) / (self.high - self.low) * (self.end - self.start)


def axis(values: Sequence[float], start: float, end: float) -> Axis:
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    return Axis(low, max(high, low + 1), start, end)


def svg(title: str, x_name: str, y_name: str, lines: Sequence[Line]) -> str:
    """The dashed line is what grows as fast as its input."""
    points = [point for line in lines for point in line.points]
    x = axis([p[0] for p in points], LEFT, WIDTH - RIGHT)
    y = axis([p[1] for p in points], HEIGHT - BOTTOM, TOP)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}"'
        f' role="img" aria-label="{escape(title)}"><style>{STYLE}</style>',
        f'<text class="title" x="{LEFT}" y="22">{escape(title)}</text>',
        f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 12}" text-anchor="middle">{escape(x_name)}</text>',
        f'<text transform="translate(16 {(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)" text-anchor="middle">'
        f"{escape(y_name)}</text>",
    ]
    for n in range(x.low, x.high + 1):
        at = x.at(10.0**n)
        parts.append(f'<path class="grid" d="M{at:.1f} {TOP}V{HEIGHT - BOTTOM}"/>')
        parts.append(f'<text x="{at:.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{short(n)}</text>')
    for n in range(y.low, y.high + 1):
        at = y.at(10.0**n)
        parts.append(f'<path class="grid" d="M{LEFT} {at:.1f}H{WIDTH - RIGHT}"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{at + 4:.1f}" text-anchor="end">{short(n)}</text>')
    parts.append(even(x, y, lines[0].points[0]))
    for n, line in enumerate(lines):
        path = "L".join(f"{x.at(a):.1f} {y.at(b):.1f}" for a, b in line.points)
        parts.append(f'<path class="line l{n}" d="M{path}"/>')
        parts += [f'<circle class="d{n}" cx="{x.at(a):.1f}" cy="{y.at(b):.1f}" r="3.5"/>' for a, b in line.points]
        key = WIDTH - RIGHT - 170
        parts.append(f'<path class="line l{n}" d="M{key} {TOP + 12 + 16 * n}h18"/>')
        parts.append(f'<text x="{key + 24}" y="{TOP + 16 + 16 * n}">{escape(line.name)}</text>')
    return "\n".join([*parts, "</svg>\n"])


def even(x: Axis, y: Axis, first: Point) -> str:
    """From the first point on, as far as there is room."""
    decades = min(x.high - math.log10(first[0]), y.high - math.log10(first[1]))
    a, b = (value * 10**decades for value in first)
    begin = f"{x.at(first[0]):.1f} {y.at(first[1]):.1f}"
    return f'<path class="even" d="M{begin}L{x.at(a):.1f} {y.at(b):.1f}"/>'


def short(power: int) -> str:
    """10^3 as 1k."""
    if power < 0:
        return f"{10.0**power:g}"
    return f"{10 ** (power % 3)}{('', 'k', 'M', 'G')[power // 3]}"
