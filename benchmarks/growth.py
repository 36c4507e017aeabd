"""How time grows with rows: rows of the benchmark note points, and `draw` makes one picture of all that are there."""

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from html import escape
from pathlib import Path

from benchmarks.stage import FOLDER, ROOT

POINTS = FOLDER / "points"
PICTURE = ROOT / "docs" / "images" / "growth.svg"

Series = Mapping[str, list[tuple[float, float]]]
"""(rows, milliseconds) by the name of what was measured."""

COLOURS = ("#2563eb", "#dc2626", "#059669", "#d97706", "#7c3aed", "#0891b2", "#be185d", "#4d7c0f", "#475569", "#a16207")
WIDTH, LEFT, RIGHT, TOP, BOTTOM = 900, 70, 560, 40, 55
LINE = 22  # of the legend
LEAST_HEIGHT = 420


def note(series: str, rows: int, milliseconds: float) -> None:
    """Keep a point for the picture, in place of the one of the same series at as many rows."""
    file = POINTS / f"{re.sub('[^a-z0-9]+', '-', series.lower()).strip('-')}.json"
    there = dict(_read(file).get(series, []))
    there[float(rows)] = milliseconds
    POINTS.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"series": {series: sorted(there.items())}}, indent=1))


def draw(picture: Path = PICTURE) -> bool:
    """Draw what was noted in this run and before; say whether there was anything."""
    series: dict[str, list[tuple[float, float]]] = {}
    for file in sorted(POINTS.glob("*.json")):
        series |= _read(file)
    if not any(series.values()):
        return False
    picture.parent.mkdir(parents=True, exist_ok=True)
    picture.write_text(svg(series))
    return True


def svg(series: Series) -> str:
    """Return the picture: both axes are logarithmic, so what grows with the rows rises by one square for each square."""
    points = [point for line in series.values() for point in line]
    across, up = _decades(rows for rows, _ in points), _decades(time for _, time in points)
    height = max(LEAST_HEIGHT, TOP + BOTTOM + LINE * len(series))
    floor = height - BOTTOM

    def x(rows: float) -> float:
        return LEFT + (RIGHT - LEFT) * (math.log10(rows) - across[0]) / (across[-1] - across[0])

    def y(time: float) -> float:
        return floor - (floor - TOP) * (math.log10(time) - up[0]) / (up[-1] - up[0])

    def body() -> Iterator[str]:
        for decade in across:
            yield _rule(x(10**decade), TOP, x(10**decade), floor)
            yield _text(x(10**decade), floor + 20, _count(10**decade), "middle")
        for decade in up:
            yield _rule(LEFT, y(10**decade), RIGHT, y(10**decade))
            yield _text(LEFT - 8, y(10**decade) + 4, _time(10**decade), "end")
        yield _text((LEFT + RIGHT) / 2, height - 12, "rows", "middle")
        for number, (name, line) in enumerate(series.items()):
            yield from _line(name, [(x(rows), y(time)) for rows, time in line], number)

    title = "Time against rows, both axes logarithmic"
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
            'font-family="system-ui, sans-serif" font-size="13">',
            f"<title>{title}</title>",
            '<rect width="100%" height="100%" fill="#ffffff"/>',
            _text(LEFT, 22, title, "start"),
            *body(),
            "</svg>\n",
        ]
    )


def _line(name: str, points: list[tuple[float, float]], number: int) -> Iterator[str]:
    colour, at = COLOURS[number % len(COLOURS)], TOP + 6 + LINE * number
    # A second round of the colours is dashed.
    dashes = ' stroke-dasharray="5 4"' if number >= len(COLOURS) else ""
    stroke = f'fill="none" stroke="{colour}" stroke-width="2"{dashes}'
    yield f'<polyline points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in points)}" {stroke}/>'
    yield from (f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>' for x, y in points)
    yield f'<line x1="{RIGHT + 20}" y1="{at}" x2="{RIGHT + 44}" y2="{at}" {stroke}/>'
    yield _text(RIGHT + 52, at + 4, name, "start")


def _decades(values: Iterable[float]) -> range:
    """Return the powers of ten that hold all of the values, two of them at least."""
    some = [math.log10(value) for value in values]
    first = math.floor(min(some))
    return range(first, max(first + 1, math.ceil(max(some))) + 1)


def _rule(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="#cbd5e1"/>'


def _text(x: float, y: float, words: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="#0f172a">{escape(words)}</text>'


def _count(rows: float) -> str:
    return f"{rows / 1e6:,.0f} M" if rows >= 1e6 else f"{rows / 1e3:,.0f} k" if rows >= 1e3 else f"{rows:g}"


def _time(milliseconds: float) -> str:
    return f"{milliseconds / 1e3:,g} s" if milliseconds >= 1e3 else f"{milliseconds:g} ms"


def _read(file: Path) -> dict[str, list[tuple[float, float]]]:
    if not file.exists():
        return {}
    return {
        name: [(float(rows), float(time)) for rows, time in line]
        for name, line in json.loads(file.read_text())["series"].items()
    }
