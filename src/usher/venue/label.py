"""Which section, row and seat an element of a drawing is, by its attributes or by its names."""

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

_WORDS: Final = {
    "section": r"section|sector|block|zone|sect|bloc|sektor|bereich|abschnitt|sekcja",
    "row": r"row|reihe|rang[ée]e|fila|rz[aą]d",
    "seat": r"seat|place|platz|sitz|asiento|miejsce",
}
# "Section 101, Row B, Seat 7", "row-B", "seat_12"; Illustrator writes a space as _x20_.
_NAMED: Final = {
    part: re.compile(
        rf"(?:^|[^a-z])(?:{words})s?(?:(?:[\s:_#.-]|no\b|nr\b)+|(?=\d))"
        r"([\w+*/-]*?\w)(?=$|[\s,;:_|]|-[a-z]{3})",
        re.IGNORECASE,
    )
    for part, words in _WORDS.items()
}
_APART: Final = re.compile(r"[\s:_./|,;-]+")
_NUMBERED: Final = re.compile(r"([A-Za-z]{1,3})(\d{1,5}[a-z]?)")
# Names that drawing programs give by themselves: "path-12", "use7".
_NOBODYS: Final = frozenset(
    (
        *("path", "rect", "circle", "ellipse", "use", "g", "polygon", "svg", "layer", "group"),
        *("image", "text", "shape", "vector", "oval"),
    )
)
_NAME_CHARS_MAX: Final = 200


class Label(NamedTuple):
    """What is known of where a seat belongs; "" where nothing is said."""

    section: str = ""
    row: str = ""
    seat: str = ""


def said(attributes: Mapping[str, str]) -> Label:
    """What the data-* attributes of an element say."""
    return Label(
        *(
            " ".join(attributes.get(f"data-{part}", "").split())
            for part in ("section", "row", "seat")
        )
    )


def named(*names: str) -> Label:
    """What an id, a layer's name or a title says, in words: "Row B"."""
    found = {}
    for part, pattern in _NAMED.items():
        for name in names:
            match = pattern.search(name[:_NAME_CHARS_MAX].replace("_x20_", " "))
            # "seat-map" is a drawing and no seat
            if match and (part != "seat" or len(match[1]) < 3 or any(map(str.isdigit, match[1]))):
                found[part] = match[1]
                break
    return Label(**found)


def spelt(name: str) -> Label:
    """What a bare name of a seat says by its parts: "B-7", "101-B-7", "B7"; nothing else does."""
    parts = [part for part in _APART.split(name[:_NAME_CHARS_MAX].strip()) if part]
    if len(parts) == 1 and (match := _NUMBERED.fullmatch(parts[0])):
        parts = [match[1], match[2]]
    if not parts or parts[0].lower() in _NOBODYS:
        return Label()
    if len(parts) == 2 and parts[1][:1].isdigit():
        return Label("", parts[0], parts[1])
    if len(parts) == 3 and parts[2][:1].isdigit():
        return Label(*parts)
    return Label()
