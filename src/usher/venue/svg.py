"""Import of a drawing: seats of an SVG become a plan.

A seat is an element with `data-seat`; `data-section`, `data-row` and `data-category` stand on it
or on a group around it, `data-accessible="true"` too. Where a drawing has no `data-seat` at all,
ids, layers' names and titles are read: "Section 101" on a group, "Row B" on a group or a seat,
"Seat 7", "B-7". An element with `data-capacity` is an area for so many who stand.

The file is read once from front to back, by expat; nothing in it is ever run or shown as it is.
Scripts, styles and event handlers are passed over. A document type with declarations of its own
(entities!) is refused, and nothing is fetched.
"""

from typing import Any, Final, NoReturn
from xml.parsers import expat

from usher import limits
from usher.errors import BadPlan
from usher.venue.affine import Affine, read_transform
from usher.venue.label import Label, named, said, spelt
from usher.venue.outline import Point, middle, outline
from usher.venue.report import Found
from usher.venue.sketch import Mark, Sketch
from usher.venue.traced import plan_of

_DEPTH_MAX: Final = 200
_ELEMENTS_MAX: Final = 12 * limits.plan_seats_max
_TEXT_MAX: Final = 400
_PASSED: Final = frozenset({"script", "style", "foreignObject", "handler", "animate", "set"})
_HIDDEN: Final = frozenset({"defs", "symbol", "clipPath", "mask", "pattern", "marker", "metadata"})
_DRAWN: Final = ("circle", "ellipse", "rect", "path", "polygon", "polyline", "use", "image")
# What may be a seat where only names tell: walls are lines and polygons.
_SEATLIKE: Final = frozenset({"circle", "ellipse", "rect", "path", "use", "polygon"})
_NAMES: Final = ("id", "inkscape:label", "serif:id", "data-name")


class _Frame:
    """An open element: where it is and what is known of it."""

    __slots__ = (
        "attributes",
        "colour",
        "guessed",
        "guessed_with",
        "hidden",
        "matrix",
        "own",
        "serial",
        "tag",
        "text",
        "title",
        "told",
    )

    def __init__(self, tag: str, attributes: dict[str, str], outer: "_Frame | None") -> None:
        self.tag = tag
        self.attributes = attributes
        self.matrix: Affine = outer.matrix if outer else Affine()
        self.hidden: bool = bool(outer and outer.hidden)
        self.colour: str = _colour(attributes) or (outer.colour if outer else "")
        self.own = Affine()
        self.serial = 0
        self.title = ""
        self.text = ""
        # Read once, however many shapes stand in it: 190 groups around 100,000 of them are minutes.
        self.told: Label | None = None
        self.guessed: Label | None = None
        self.guessed_with = ""

    def said(self) -> Label:
        """What its data-* attributes say."""
        if self.told is None:
            self.told = said(self.attributes)
        return self.told

    def named(self) -> Label:
        """What its names say, and its title, which comes when it is open already."""
        if self.guessed is None or self.guessed_with != self.title:
            self.guessed, self.guessed_with = _named(self), self.title
        return self.guessed


class _Reader:
    def __init__(self) -> None:
        self.sketch = Sketch()
        self.frames: list[_Frame] = []
        self.symbols: dict[str, Point] = {}
        self.elements = 0
        self.passing = 0  # how deep inside something that is passed over

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self.elements += 1
        tag = name.rpartition(":")[2]
        if not self.frames and tag != "svg":
            _refuse("svg", f"is a document of another kind ({tag[:40]})")
        if self.elements > _ELEMENTS_MAX or len(self.frames) >= _DEPTH_MAX:
            _refuse("svg", "has more elements, or deeper nested, than a plan can have")
        if self.passing or tag in _PASSED:
            self.passing += 1
            self.sketch.scripts += self.passing == 1 and tag in ("script", "handler")
            return
        self.sketch.scripts += any(key.lower().startswith("on") for key in attributes)
        frame = _Frame(tag, attributes, self.frames[-1] if self.frames else None)
        frame.hidden = frame.hidden or tag in _HIDDEN or attributes.get("display") == "none"
        if text := attributes.get("transform"):
            turn = read_transform(text)
            if turn is None:
                _refuse("svg", f"has a transform that cannot be read: {text[:60]!r}")
            frame.own, frame.matrix = turn, frame.matrix.then(turn)
        frame.serial = self.elements
        if tag == "svg" and not self.frames:
            self.sketch.frame(attributes)
        self.frames.append(frame)

    def end(self, _: str) -> None:
        if self.passing:
            self.passing -= 1
            return
        frame = self.frames.pop()
        if frame.tag == "title" and self.frames:
            self.frames[-1].title = " ".join(frame.text.split())
            if len(self.frames) == 1:
                self.sketch.title = self.frames[-1].title
            return
        points = outline(frame.tag, frame.attributes)
        if points:
            self._remember(frame, points)
        if points and not frame.hidden:
            self._draw(frame, points)

    def _remember(self, frame: _Frame, points: list[Point]) -> None:
        """Where a shape lies in itself, and in the group or symbol whose first it is: for `use`."""
        at = frame.own.at(*middle(points))
        for each in (frame, *self.frames[-3:]):
            if (name := each.attributes.get("id")) and each.tag != "svg":
                self.symbols.setdefault(name, at)

    def text(self, data: str) -> None:
        if not self.passing and self.frames:
            frame = self.frames[-1]
            if frame.tag == "tspan" and len(self.frames) > 1:
                frame = self.frames[-2]
            if len(frame.text) < _TEXT_MAX:
                frame.text += data[:_TEXT_MAX]

    def _draw(self, frame: _Frame, points: list[Point]) -> None:
        attributes = frame.attributes
        if frame.tag == "use":
            target = attributes.get("href") or attributes.get("xlink:href") or ""
            x, y = self.symbols.get(target.removeprefix("#"), (0.0, 0.0))
            points = [(points[0][0] + x, points[0][1] + y)]
        placed = [frame.matrix.at(x, y) for x, y in points]
        chain = [*self.frames, frame]
        mark = Mark(
            tag=frame.tag,
            at=middle(placed),
            points=placed,
            said=_inherited(told := [each.said() for each in chain]),
            named=_inherited(guessed := [each.named() for each in chain]),
            # A group that is a seat may be drawn of several shapes: they are one seat.
            said_by=_serial(chain, told),
            named_by=_serial(chain, guessed),
            category=_nearest(chain, "data-category"),
            colour=frame.colour,
            own=attributes.get("id", ""),
            title=frame.title,
            text=" ".join(frame.text.split()) if frame.tag == "text" else "",
            accessible=_nearest(chain, "data-accessible").lower() in ("true", "1", "yes"),
            capacity=_nearest(chain[-2:], "data-capacity"),
        )
        self.sketch.add(mark, whole=frame.tag in _DRAWN, seatlike=frame.tag in _SEATLIKE)


def import_svg(raw: bytes, name: str = "") -> Found:
    """The plan that an SVG draws, with what was found and repaired; BadPlan says what is wrong.
    `name` is the plan's where the drawing has no title of its own."""
    return plan_of(read_sketch(raw), name)


def read_sketch(raw: bytes) -> Sketch:
    """What is drawn in an SVG, by seats, areas and decorations; BadPlan where it cannot be read."""
    if len(raw) > limits.plan_bytes_max:
        _refuse("svg", f"has {len(raw):,} bytes; {limits.plan_bytes_max:,} is the most")
    reader = _Reader()
    parser: Any = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    parser.StartDoctypeDeclHandler = _doctype
    parser.EntityDeclHandler = _entity
    try:
        parser.Parse(raw, True)
    except expat.ExpatError as fault:
        _refuse("svg", f"is not well-formed: {fault}")
    except (UnicodeError, LookupError, ValueError):
        _refuse("svg", "is in an encoding that is not read here; save it as UTF-8")
    return reader.sketch


def _doctype(_: str, __: str | None, ___: str | None, has_declarations: int) -> None:
    # One that only names SVG 1.1, as older programs write, says nothing and is never fetched.
    if has_declarations:
        _refuse("svg", "declares entities of its own; save it as plain SVG")


def _entity(*_: Any) -> None:
    _refuse("svg", "declares entities of its own; save it as plain SVG")


def _refuse(where: str, what: str) -> NoReturn:
    raise BadPlan(f"The drawing {what}", errors=[{"where": where, "what": what}])


def _named(frame: _Frame) -> Label:
    attributes = frame.attributes
    names = [text for name in _NAMES if (text := attributes.get(name))]
    if frame.title:
        names.insert(0, frame.title)
    label = named(*names)
    if label == Label() and frame.tag in _SEATLIKE:
        label = next((found for name in names if (found := spelt(name)) != Label()), label)
    return label


def _inherited(chain: list[Label]) -> Label:
    """Each part from the innermost element that says it; a seat's number from itself or the group
    right around it."""
    parts = {}
    for part in ("section", "row"):
        parts[part] = next((v for each in reversed(chain) if (v := getattr(each, part))), "")
    seat = next((each.seat for each in reversed(chain[-2:]) if each.seat), "")
    return Label(parts["section"], parts["row"], seat)


def _serial(chain: list[_Frame], labels: list[Label]) -> int:
    return (
        chain[-2].serial
        if len(chain) > 1 and labels[-2].seat and not labels[-1].seat
        else chain[-1].serial
    )


def _nearest(chain: list[_Frame], name: str) -> str:
    text = next((v for each in reversed(chain) if (v := each.attributes.get(name))), "")
    return " ".join(text.split())


def _colour(attributes: dict[str, str]) -> str:
    for part in attributes.get("style", "").split(";"):
        name, _, value = part.partition(":")
        if name.strip() == "fill":
            return value.strip()
    return attributes.get("fill", "").strip()
