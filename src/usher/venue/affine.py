"""Affine transforms, as SVG writes them."""

import math
import re
from typing import Final, NamedTuple

_CALL: Final = re.compile(r"\s*([a-zA-Z]+)\s*\(([^()]{0,300})\)\s*,?")
_NUMBER: Final = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d{1,3})?")
_CALLS_MAX: Final = 40


class Affine(NamedTuple):
    """x' = a x + c y + e, y' = b x + d y + f."""

    a: float = 1.0
    b: float = 0.0
    c: float = 0.0
    d: float = 1.0
    e: float = 0.0
    f: float = 0.0

    def then(self, inner: "Affine") -> "Affine":
        """What applies `inner` first, and then this."""
        return Affine(
            self.a * inner.a + self.c * inner.b,
            self.b * inner.a + self.d * inner.b,
            self.a * inner.c + self.c * inner.d,
            self.b * inner.c + self.d * inner.d,
            self.a * inner.e + self.c * inner.f + self.e,
            self.b * inner.e + self.d * inner.f + self.f,
        )

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Where a point comes to lie."""
        return self.a * x + self.c * y + self.e, self.b * x + self.d * y + self.f

    @property
    def scale(self) -> float:
        """By how much lengths grow, on average over directions."""
        return math.sqrt(abs(self.a * self.d - self.b * self.c))


def numbers(text: str) -> list[float]:
    """All numbers in `text`, whatever stands between them."""
    return [float(each) for each in _NUMBER.findall(text)]


def read_transform(text: str) -> Affine | None:
    """The transform that an attribute describes; None where it cannot be read."""
    whole, at = Affine(), 0
    for _ in range(_CALLS_MAX):
        call = _CALL.match(text, at)
        if call is None:
            break
        one = _one(call[1], numbers(call[2]))
        if one is None:
            return None
        whole, at = whole.then(one), call.end()
    return None if text[at:].strip() else whole


def _one(name: str, given: list[float]) -> Affine | None:
    match name, given:
        case "matrix", [a, b, c, d, e, f]:
            return Affine(a, b, c, d, e, f)
        case "translate", [x]:
            return Affine(e=x)
        case "translate", [x, y]:
            return Affine(e=x, f=y)
        case "scale", [s]:
            return Affine(a=s, d=s)
        case "scale", [x, y]:
            return Affine(a=x, d=y)
        case "rotate", [angle]:
            return _rotated(angle)
        case "rotate", [angle, x, y]:
            return Affine(e=x, f=y).then(_rotated(angle)).then(Affine(e=-x, f=-y))
        case "skewX", [angle]:
            return Affine(c=math.tan(math.radians(angle)))
        case "skewY", [angle]:
            return Affine(b=math.tan(math.radians(angle)))
    return None


def _rotated(angle: float) -> Affine:
    turn = math.radians(angle)
    cos, sin = math.cos(turn), math.sin(turn)
    return Affine(cos, sin, -sin, cos)
