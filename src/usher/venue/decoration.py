"""What pretix plans draw besides seats: stages, walls, words. Nothing here is sold.

A decoration that cannot be read is left out and named, never a reason to refuse a plan.
"""

import re
from typing import Any, Final

import msgspec

from usher import limits
from usher.venue.check import CONTROL, COORDINATE_MAX
from usher.venue.model import Shape, plan_unit

# Colours end up in attributes and styles of pages; only what can be nothing but a colour passes.
_COLOR: Final = re.compile(r"#[0-9A-Fa-f]{3,8}|[A-Za-z]{3,30}|rgba?\([0-9., %]{5,40}\)")
_POINTS_MAX: Final = 10_000


class _Point(msgspec.Struct):
    x: float
    y: float


class _Text(msgspec.Struct):
    text: str = ""
    color: Any = None
    position: _Point | None = None


class _Box(msgspec.Struct):
    width: float
    height: float


class _Circle(msgspec.Struct):
    radius: float


class _Ellipse(msgspec.Struct):
    radius: _Point


class _Polygon(msgspec.Struct):
    points: list[_Point]


class _Decoration(msgspec.Struct):
    position: _Point
    shape: str | None = None
    rotation: float | None = None
    color: Any = None
    border_color: Any = None
    text: _Text | str | None = None
    rectangle: _Box | None = None
    circle: _Circle | None = None
    ellipse: _Ellipse | None = None
    polygon: _Polygon | None = None
    # the format's first version had only rectangles, with their size here
    width: float | None = None
    height: float | None = None


def safe_color(value: object) -> str:
    """`value` if it is a CSS colour that is safe in any attribute, else ""."""
    return value if isinstance(value, str) and _COLOR.fullmatch(value) else ""


def read_shape(item: object, zone_x: float, zone_y: float) -> Shape | None:
    """The shape that a pretix "area" draws, at its absolute position; None if it draws none."""
    try:
        given = msgspec.convert(item, _Decoration)
    except msgspec.ValidationError:
        return None
    figure = _figure(given)
    if figure is None:
        return None
    text = _Text(given.text) if isinstance(given.text, str) else given.text or _Text()
    text_at = text.position or _Point(0.0, 0.0)
    kind, width, height, points = figure
    numbers = (
        zone_x + given.position.x,
        zone_y + given.position.y,
        width,
        height,
        given.rotation or 0.0,
        text_at.x,
        text_at.y,
    )
    flat = [value for point in points for value in point]
    if not all(abs(value) <= COORDINATE_MAX for value in (*numbers, *flat)):
        return None
    if width < 0 or height < 0:
        return None
    x, y, width, height, rotation, text_x, text_y = map(plan_unit, numbers)
    return Shape(
        kind,
        x,
        y,
        width=width,
        height=height,
        rotation=rotation,
        points=tuple((plan_unit(px), plan_unit(py)) for px, py in points),
        color=safe_color(given.color),
        border_color=safe_color(given.border_color),
        text=_safe_text(text.text),
        text_color=safe_color(text.color),
        text_x=text_x,
        text_y=text_y,
    )


def _figure(given: _Decoration) -> tuple[str, float, float, list[tuple[float, float]]] | None:
    """Kind, width, height and points; None where the shape's own member is missing."""
    match given.shape:
        case "rectangle" if given.rectangle:
            return "rectangle", given.rectangle.width, given.rectangle.height, []
        case "circle" if given.circle:
            return "ellipse", 2 * given.circle.radius, 2 * given.circle.radius, []
        case "ellipse" if given.ellipse:
            return "ellipse", 2 * given.ellipse.radius.x, 2 * given.ellipse.radius.y, []
        case "polygon" if given.polygon and 3 <= len(given.polygon.points) <= _POINTS_MAX:
            return "polygon", 0.0, 0.0, [(point.x, point.y) for point in given.polygon.points]
        case "text":
            return "text", 0.0, 0.0, []
        case None if given.width is not None and given.height is not None:
            return "rectangle", given.width, given.height, []
    return None


def _safe_text(text: str) -> str:
    return text if len(text) <= limits.name_chars_max and not CONTROL.search(text) else ""
