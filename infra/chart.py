"""A bar chart as an image that can stand inside a Markdown text."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from html import escape

_WIDTH = 760
_LEFT = 96
"""Where the bars begin; names stand left of it."""
_RIGHT = 130
"""Room for the numbers behind the longest bar."""
_ROW = 30
_TEXT = 'font-family="system-ui, sans-serif" font-size="15"'


def seconds_by_activity(spent: Mapping[str, float]) -> str:
    """Horizontal bars in the order given, with seconds and shares, as an SVG document.

    On a card of its own colour, because pages may be dark or light.
    """
    total = sum(spent.values()) or 1.0
    longest = max(spent.values(), default=0.0) or 1.0
    height = _ROW * len(spent) + 20
    rows = [
        _row(10 + _ROW * at, name, value, value / longest, value / total)
        for at, (name, value) in enumerate(spent.items())
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" '
        f'viewBox="0 0 {_WIDTH} {height}" {_TEXT}>'
        f'<rect width="{_WIDTH}" height="{height}" rx="8" fill="#ffffff"/>{"".join(rows)}</svg>'
    )


def _row(top: int, name: str, value: float, length: float, share: float) -> str:
    width = max(2.0, length * (_WIDTH - _LEFT - _RIGHT))
    middle = top + _ROW // 2 + 5
    return (
        f'<text x="{_LEFT - 12}" y="{middle}" text-anchor="end" fill="#334155">'
        f"{escape(name)}</text>"
        f'<rect x="{_LEFT}" y="{top + 5}" width="{width:.1f}" height="{_ROW - 10}" rx="3" '
        f'fill="#2563eb"/>'
        f'<text x="{_LEFT + width + 10:.1f}" y="{middle}" fill="#0f172a">{duration(value)}'
        f'<tspan fill="#64748b" dx="8">{share:.0%}</tspan></text>'
    )


def duration(seconds: float) -> str:
    """Seconds for a person: 12 ms, 3.4 s, 5 min 20 s, 2 h 5 min, 26 h, 3 d 4 h."""
    if seconds < 1:
        return f"{1000 * seconds:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, days = minutes // 60, minutes // (24 * 60)
    if not hours:
        return _two(minutes, "min", rest, "s")
    return _two(hours, "h", minutes % 60, "min") if days < 2 else _two(days, "d", hours % 24, "h")


def _two(count: int, unit: str, rest: int, of: str) -> str:
    return f"{count} {unit} {rest} {of}" if rest else f"{count} {unit}"


def embedded(svg: str, description: str) -> str:
    """The image as Markdown that needs no file and no server."""
    return f"![{description}](data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()})"
