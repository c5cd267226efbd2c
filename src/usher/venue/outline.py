"""What SVG elements draw, as the few points that matter: enough for where a seat is and how large
an area is. Curves count by their end and control points, whose middle is that of the shape."""

import re
from collections.abc import Mapping
from typing import Final

from usher.venue.affine import numbers

Point = tuple[float, float]
_POINTS_MAX: Final = 10_000
_STEP: Final = re.compile(r"([MmLlHhVvCcSsQqTtAaZz])([^MmLlHhVvCcSsQqTtAaZz]*)")
# How many numbers one step of a path takes; its end point stands last.
_TAKES: Final = {"m": 2, "l": 2, "h": 1, "v": 1, "c": 6, "s": 4, "q": 4, "t": 2, "a": 7, "z": 0}


def outline(tag: str, attributes: Mapping[str, str]) -> list[Point]:
    """The corners of what an element draws, before its transform; [] where it draws nothing."""

    def number(name: str) -> float:
        found = numbers(attributes.get(name, ""))
        return found[0] if found else 0.0

    match tag:
        case "circle":
            return _box(number("cx"), number("cy"), number("r"), number("r"))
        case "ellipse":
            return _box(number("cx"), number("cy"), number("rx"), number("ry"))
        case "rect" | "image":
            width, height = number("width") / 2, number("height") / 2
            return _box(number("x") + width, number("y") + height, width, height)
        case "line":
            return [(number("x1"), number("y1")), (number("x2"), number("y2"))]
        case "polygon" | "polyline":
            flat = numbers(attributes.get("points", ""))[: 2 * _POINTS_MAX]
            return list(zip(flat[::2], flat[1::2], strict=False))
        case "path":
            return _path(attributes.get("d", ""))
        case "text" | "use":
            return [(number("x"), number("y"))]
    return []


def middle(points: list[Point]) -> Point:
    """The middle of the box around `points`."""
    xs, ys = [x for x, _ in points], [y for _, y in points]
    return (min(xs) + max(xs)) / 2, (min(ys) + max(ys)) / 2


def _box(x: float, y: float, half_width: float, half_height: float) -> list[Point]:
    left, right, top, bottom = x - half_width, x + half_width, y - half_height, y + half_height
    return [(left, top), (right, top), (right, bottom), (left, bottom)]


def _path(text: str) -> list[Point]:
    x = y = start_x = start_y = 0.0
    points: list[Point] = []
    for name, rest in _STEP.findall(text[: 40 * _POINTS_MAX]):
        step, relative = name.lower(), name.islower()
        if step == "z":
            x, y = start_x, start_y
            continue
        given, takes = _arc_numbers(rest) if step == "a" else numbers(rest), _TAKES[step]
        for at in range(0, len(given) - takes + 1, takes):
            part = given[at : at + takes]
            base_x, base_y = (x, y) if relative else (0.0, 0.0)
            if step == "h":
                x = base_x + part[0]
            elif step == "v":
                y = base_y + part[0]
            else:
                pairs = part[5:] if step == "a" else part
                for px, py in zip(pairs[::2], pairs[1::2], strict=True):
                    x, y = base_x + px, base_y + py
                    points.append((x, y))
            if step in ("h", "v"):
                points.append((x, y))
            if step == "m" and at == 0:
                start_x, start_y = x, y
            if len(points) >= _POINTS_MAX:
                return points
    return points


def _arc_numbers(text: str) -> list[float]:
    # The two flags of an arc may be written together with what follows: "0 01.5 2". The pattern
    # looks back and forth: long texts are left to the plain reading.
    if len(text) > 500:
        return numbers(text)
    spaced = re.sub(
        r"((?:[-+]?[\d.]+(?:e[-+]?\d+)?[\s,]*?[\s,]){3})([01])[\s,]*([01])[\s,]*",
        r"\1 \2 \3 ",
        text,
    )
    return numbers(spaced)
