"""A plan as one SVG to look at: every seat a dot, one path per category, so that 80,000 are quick.

It is shown as an image, where nothing runs; colours are neutral enough for light and dark pages.
"""

from collections.abc import Collection, Iterable, Mapping
from html import escape

from usher.venue.generate import SEAT_PITCH
from usher.venue.model import Layout, Shape

_QUIET = "#8a8694"


def drawing(
    layout: Layout, colors: Mapping[str, str], blocked: Collection[int] = frozenset()
) -> str:
    """An SVG document; blocked seats are crosses."""
    left, top, right, bottom = layout.geometry()["box"]
    pad = SEAT_PITCH
    width, height = right - left + 2 * pad, bottom - top + 2 * pad
    parts = [
        '<svg xmlns="http://www.w3.org/2000/svg" '
        f'viewBox="{left - pad:g} {top - pad:g} {width:g} {height:g}">'
    ]
    parts += [_shape(shape) for shape in layout.plan.shapes]
    for zone in layout.plan.zones:
        for area in zone.areas:
            parts.append(
                f'<rect x="{area.x:g}" y="{area.y:g}" width="{area.width:g}" '
                f'height="{area.height:g}" rx="8" fill="{_color(colors, area.category)}" '
                'fill-opacity=".35"/>'
            )
    crossed = set(blocked)
    dot = max(SEAT_PITCH * 0.72, min(width, height) / 400)
    standing = {
        index
        for runs_of in layout.area_runs
        for runs in runs_of
        for first, count in runs
        for index in range(first, first + count)
    }
    for category in layout.categories:
        seats = range(category.first, category.first + category.count)
        seen = [index for index in seats if index not in standing]
        parts.append(
            f'<path d="{_dots(layout, (i for i in seen if i not in crossed))}" '
            f'stroke="{_color(colors, category.name)}" stroke-width="{dot:g}" '
            'stroke-linecap="round" fill="none"/>'
        )
    half = dot / 3
    cross = "".join(
        f"M{layout.x[i] - half:.1f} {layout.y[i] - half:.1f}l{2 * half:.1f} {2 * half:.1f}"
        f"m0-{2 * half:.1f}l-{2 * half:.1f} {2 * half:.1f}"
        for i in sorted(crossed - standing)
    )
    parts.append(f'<path d="{cross}" stroke="{_QUIET}" stroke-width="{dot / 6:g}" fill="none"/>')
    parts.append("</svg>")
    return "".join(parts)


def _dots(layout: Layout, seats: Iterable[int]) -> str:
    return "".join(f"M{layout.x[i]:.1f} {layout.y[i]:.1f}h0" for i in seats)


def _color(colors: Mapping[str, str], name: str) -> str:
    return escape(colors.get(name) or "#7a869a", quote=True)


def _shape(shape: Shape) -> str:
    fill = f'fill="{escape(shape.color) or _QUIET}" fill-opacity=".3"'
    if shape.border_color:
        fill += f' stroke="{escape(shape.border_color)}"'
    turn = f' transform="rotate({shape.rotation:g} {shape.x:g} {shape.y:g})"'
    turn = turn if shape.rotation else ""
    drawn = ""
    match shape.kind:
        case "rectangle":
            drawn = (
                f'<rect x="{shape.x:g}" y="{shape.y:g}" width="{shape.width:g}" '
                f'height="{shape.height:g}" {fill}{turn}/>'
            )
        case "ellipse":
            drawn = (
                f'<ellipse cx="{shape.x:g}" cy="{shape.y:g}" rx="{shape.width / 2:g}" '
                f'ry="{shape.height / 2:g}" {fill}{turn}/>'
            )
        case "polygon":
            points = " ".join(f"{shape.x + x:g},{shape.y + y:g}" for x, y in shape.points)
            drawn = f'<polygon points="{points}" {fill}{turn}/>'
    if shape.text:
        drawn += (
            f'<text x="{shape.x + shape.text_x:g}" y="{shape.y + shape.text_y:g}" '
            'text-anchor="middle" dominant-baseline="middle" font-family="sans-serif" '
            f'font-size="{SEAT_PITCH:g}" fill="{escape(shape.text_color) or _QUIET}">'
            f"{escape(shape.text)}</text>"
        )
    return drawn
