"""Drawings become plans: by attributes, by names, under transforms; and what is refused."""

import math

import pytest

from usher import limits
from usher.errors import BadPlan
from usher.venue.label import Label, named
from usher.venue.layout import compile_layout
from usher.venue.model import Plan, Row
from usher.venue.svg import import_svg, read_sketch

HEAD = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
SIZE = 'viewBox="0 0 400 300">'


def drawn(inside: str, head: str = HEAD + SIZE) -> Plan:
    plan = import_svg(f"{head}{inside}</svg>".encode()).plan
    compile_layout(plan)
    return plan


def rows_of(plan: Plan) -> dict[tuple[str, str], Row]:
    return {(zone.name, row.number): row for zone in plan.zones for row in zone.rows}


def test_attributes_say_section_row_seat_and_category() -> None:
    plan = drawn("""
      <g data-section="Balcony" data-category="VIP" fill="#7C3AED">
        <g data-row="A"><circle data-seat="1" cx="10" cy="20" r="5"/>
          <rect data-seat="2" x="30" y="15" width="10" height="10" data-accessible="true"/></g>
        <path data-row="B" data-seat="1" d="M5 45h10v10h-10z" data-category="Normal"/>
      </g>""")
    rows = rows_of(plan)
    first, second = rows["Balcony", "A"].seats
    assert (first.number, first.category, first.x, first.y) == ("1", "VIP", 10, 20)
    assert (second.number, second.x, second.y, second.accessible) == ("2", 35, 20, True)
    assert (rows["Balcony", "B"].seats[0].x, rows["Balcony", "B"].seats[0].y) == (10, 50)
    assert [(c.name, c.color) for c in plan.categories] == [
        ("VIP", "#7C3AED"),
        ("Normal", "#7C3AED"),
    ]


@pytest.mark.parametrize(
    "inside",
    [
        '<g id="section-101"><g id="row-B"><circle id="seat-7" cx="9" cy="9" r="4"/></g></g>',
        '<g><title>Section 101</title><circle cx="9" cy="9" r="4"><title>Row B, Seat 7</title>'
        "</circle></g>",
        '<circle id="101-B-7" cx="9" cy="9" r="4"/>',
        '<circle id="x" cx="9" cy="9" r="4"><title>Section 101, Row B, Seat 7</title></circle>',
        '<g id="section-101"><rect id="B7" x="7" y="7" width="4" height="4"/></g>',
        '<g id="Block_x20_101"><g id="Reihe_x20_B"><g id="Platz_x20_7">'
        '<circle cx="9" cy="9" r="4"/><path d="M7 7L11 11"/></g></g></g>',
    ],
)
def test_names_tell_where_attributes_do_not(inside: str) -> None:
    ((place, row),) = rows_of(drawn(inside)).items()
    assert place == ("101", "B")
    assert [(seat.number, seat.x, seat.y) for seat in row.seats] == [("7", 9, 9)]


def test_walls_and_programs_own_ids_are_no_seats() -> None:
    report = import_svg(
        f"""{HEAD}{SIZE}<rect id="rect-12" width="400" height="300"/><g id="seat-map">
        <path id="path1234" d="M0 0L9 9"/><g id="row-A"><circle cx="1" cy="1" r="1"/>
        <circle cx="30" cy="1" r="1"/></g></g><text x="5" y="5">Stage</text></svg>""".encode()
    )
    assert report.plan.seat_count == 2
    assert report.report.unnumbered == 2
    assert [shape.kind for shape in report.plan.shapes] == ["polygon", "text"]
    assert (report.plan.focal_x, report.plan.focal_y) == (5, 5)


@pytest.mark.parametrize(
    ("outer", "inner", "at"),
    [
        ("translate(100,50)", "translate(5)", (116, 62)),
        ("translate(100 50) scale(2)", "", (122, 74)),
        ("rotate(90)", "", (-12, 11)),
        ("rotate(90 11 12)", "", (11, 12)),
        ("matrix(1 0 0 1 30 40)", "scale(2,1)", (52, 52)),
        ("scale(-1,1)", "translate(1,1)", (-12, 13)),
        ("skewX(45)", "", (23, 12)),
    ],
)
def test_transforms_are_applied_from_the_outside_in(
    outer: str, inner: str, at: tuple[float, float]
) -> None:
    plan = drawn(
        f'<g transform="{outer}"><g transform="{inner}">'
        '<circle data-seat="1" data-row="A" cx="11" cy="12" r="2"/></g></g>'
    )
    seat = plan.zones[0].rows[0].seats[0]
    assert math.dist((seat.x, seat.y), at) < 0.002


def test_used_symbols_stand_where_they_are_used() -> None:
    plan = drawn("""
      <defs><symbol id="s"><circle cx="5" cy="5" r="5"/></symbol><circle id="dot" r="4"/></defs>
      <use data-row="A" data-seat="1" xlink:href="#s" x="10" y="20"/>
      <use data-row="A" data-seat="2" href="#dot" transform="translate(40 25)"/>""")
    assert [(s.x, s.y) for s in plan.zones[0].rows[0].seats] == [(15, 25), (40, 25)]


def test_what_is_doubled_is_repaired_and_told() -> None:
    found = import_svg(
        f"""{HEAD}{SIZE}<g data-row="A">
        <circle id="s" data-seat="1" cx="10" cy="10"/><circle id="s" data-seat="1" cx="40" cy="10"/>
        <circle id="t" data-seat="2" cx="70" cy="10"/><circle id="t" data-seat="2" cx="70" cy="10"/>
        </g></svg>""".encode()
    )
    guids = [seat.guid for seat in found.plan.zones[0].rows[0].seats]
    assert len(set(guids)) == len(guids) == 3
    report = found.report
    assert (report.repaired, report.alike, report.stacked) == (1, 2, 1)
    assert report.repairs[0].old == "s"
    assert not report.clean


def test_small_drawings_are_enlarged_to_the_usual_distance() -> None:
    found = import_svg(
        f"""{HEAD}{SIZE}<g data-row="A"><circle data-seat="1" cx="1" cy="1"/>
        <circle data-seat="2" cx="1.5" cy="1"/></g></svg>""".encode()
    )
    one, two = found.plan.zones[0].rows[0].seats
    assert two.x - one.x == 25
    assert found.report.scaled == 50


def test_areas_are_for_so_many_who_stand() -> None:
    plan = drawn(
        '<rect id="pit" data-capacity="300" data-category="Standing" x="10" y="10" width="90" '
        'height="40"><title>Front pit</title></rect>'
    )
    (area,) = plan.zones[0].areas
    assert (area.name, area.capacity, area.category) == ("Front pit", 300, "Standing")
    assert (area.x, area.y, area.width, area.height) == (10, 10, 90, 40)
    assert plan.seat_count == 300


def test_code_is_passed_over_and_counted() -> None:
    found = import_svg(
        f"""{HEAD}{SIZE}<script>alert(1)</script><style>@import url(//evil)</style>
        <foreignObject><b data-seat="9">x</b></foreignObject>
        <circle data-row="&lt;b&gt;" data-seat="1" onclick="alert(1)" fill="url(javascript:x)"
        cx="9" cy="9"/></svg>""".encode()
    )
    assert found.plan.seat_count == 1
    assert found.report.scripts == 2
    assert "alert" not in found.plan.to_json().decode()
    assert found.plan.categories[0].color.startswith("#")
    assert found.plan.zones[0].rows[0].number == "<b>"


BOMB = '<!ENTITY e0 "ha">' + "".join(f'<!ENTITY e{n} "&e{n - 1};&e{n - 1};">' for n in range(1, 30))
SEAT = '<circle data-seat="1" data-row="A" cx="1" cy="1"/>'


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (f"<!DOCTYPE svg [{BOMB}]>{HEAD}>&e29;</svg>".encode(), "entities"),
        (b'<!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]><svg>&x;</svg>', "entities"),
        (b"", "well-formed"),
        (b"\x00\xff\xfe", "well-formed"),
        (b"<svg><g></svg>", "well-formed"),
        (b"<html/>", "another kind"),
        (b'{"name": "pretix"}', "well-formed"),
        (f"{HEAD}{SIZE}</svg>".encode(), "no seats"),
        (("<svg>" + "<g>" * 5_000).encode(), "nested"),
        (f'{HEAD}{SIZE}<g transform="spin(3)">{SEAT}</g></svg>'.encode(), "transform"),
        (f'{HEAD}{SIZE}<g transform="scale(1e200)">{SEAT}</g></svg>'.encode(), "nowhere"),
        (
            f'{HEAD}{SIZE}<rect data-capacity="many" width="9" height="9"/></svg>'.encode(),
            "capacity",
        ),
        (b'<?xml version="1.0" encoding="nonsense"?><svg/>', "UTF-8"),
        (b'<?xml version="1.0" encoding="utf-8"?><svg>\xff</svg>', "well-formed"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_plan_is_refused(raw: bytes, said: str) -> None:
    with pytest.raises(BadPlan) as refusal:
        import_svg(raw)
    assert said in refusal.value.detail
    assert refusal.value.members["errors"]


def test_an_old_document_type_that_declares_nothing_is_fine() -> None:
    doctype = '<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/svg11.dtd">'
    assert import_svg(f"{doctype}{HEAD}{SIZE}{SEAT}</svg>".encode()).plan.seat_count == 1


def test_more_seats_than_a_plan_has_are_refused() -> None:
    seats = "".join(f'<circle data-seat="{n}" cx="{n}"/>' for n in range(limits.plan_seats_max + 1))
    with pytest.raises(BadPlan, match="80,000"):
        import_svg(f"{HEAD}{SIZE}{seats}</svg>".encode())


def test_hostile_outlines_cost_little() -> None:
    arcs = "M0 0A" + "1" * 300_000
    plan = drawn(f'<path d="{arcs}"/><path d="{"a" * 50_000}"/>{SEAT}')
    assert plan.seat_count == 1


def test_the_names_of_groups_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not once for every shape in them: a small file would take minutes."""
    read: list[tuple[str, ...]] = []

    def counted(*names: str) -> Label:
        read.append(names)
        return named(*names)

    monkeypatch.setattr("usher.venue.svg.named", counted)
    depth, shapes = 50, 100
    body = '<g id="Row B">' * depth + '<circle r="1"/>' * shapes + "</g>" * depth
    sketch = read_sketch(f'<svg xmlns="http://www.w3.org/2000/svg">{body}</svg>'.encode())
    assert {mark.named.row for mark in sketch.named} == {"B"}
    assert len(read) <= depth + shapes + 1
