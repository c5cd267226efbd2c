"""Import of pretix plans: what is taken, what is repaired, what is refused and how."""

import copy
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from usher import limits
from usher.errors import BadPlan
from usher.venue.guids import Repair
from usher.venue.layout import compile_layout
from usher.venue.model import Category, Shape
from usher.venue.pretix import Imported, import_pretix
from usher.venue.side import Point, SideArea, SideDocument


def seat(number: Any, x: float, guid: str = "", **more: Any) -> dict[str, Any]:
    return {
        "seat_number": number,
        "seat_guid": guid,
        "position": {"x": x, "y": 0},
        "category": "Stalls",
        **more,
    }


def document() -> dict[str, Any]:
    """A plan with something of everything that real exports have."""
    return {
        "name": "Old Theatre",
        "size": {"width": 800, "height": 600},
        "categories": [{"name": "Stalls", "color": "#F44336"}, {"name": "Gallery"}],
        "zones": [
            {
                "name": "Ground",
                "zone_id": "g",
                "uuid": "1",
                "position": {"x": 100, "y": 50},
                "rows": [
                    {
                        "row_number": "A",
                        "row_number_position": "both",
                        "position": {"x": 10, "y": 5},
                        "seats": [
                            seat("1", 0, "A-1", radius=10, uuid="u"),
                            seat("2", 25, "A-2"),
                            seat("3", 50.5, "A-1"),
                        ],
                    },
                    {"row_number": 2, "seats": [seat(4, -30), seat("5", -5)]},
                ],
                "areas": [
                    {
                        "shape": "rectangle",
                        "color": "#CBEEB3",
                        "border_color": "javascript:alert(1)",
                        "rotation": 45,
                        "position": {"x": 1, "y": 2},
                        "text": {"position": {"x": 20, "y": 5}, "color": "#333333", "text": "Bar"},
                        "rectangle": {"width": 40, "height": 10},
                    }
                ],
            },
            {
                "position": {"x": 0, "y": 300},
                "rows": [{"row_number": "B", "seats": [seat("1", 0, "B", category="Gallery")]}],
            },
        ],
    }


def imported(plan: Any, side: SideDocument | None = None) -> Imported:
    return import_pretix(json.dumps(plan).encode(), side)


def refusal(plan: Any, side: SideDocument | None = None) -> BadPlan:
    raw = plan if isinstance(plan, bytes) else json.dumps(plan).encode()
    with pytest.raises(BadPlan) as caught:
        import_pretix(raw, side)
    errors = caught.value.members["errors"]
    assert errors
    assert len(errors) <= limits.plan_errors_max
    assert all(set(each) == {"where", "what"} for each in errors)
    return caught.value


def places(fault: BadPlan) -> list[str]:
    return [each["where"] for each in fault.members["errors"]]


def test_positions_are_made_absolute() -> None:
    plan = imported(document()).plan
    ground, gallery = plan.zones
    assert [(s.x, s.y) for s in ground.rows[0].seats] == [(110, 55), (135, 55), (160.5, 55)]
    assert [(s.x, s.y) for s in ground.rows[1].seats] == [(70, 50), (95, 50)]
    assert (ground.rows[0].x, ground.rows[0].y) == (110, 55)
    assert [(s.x, s.y) for s in gallery.rows[0].seats] == [(0, 300)]


def test_names_numbers_and_colours_are_kept() -> None:
    plan = imported(document()).plan
    assert plan.categories == (Category("Stalls", "#F44336"), Category("Gallery", ""))
    assert [zone.name for zone in plan.zones] == ["Ground", ""]
    assert [row.number for row in plan.zones[0].rows] == ["A", "2"]
    assert [s.number for s in plan.zones[0].rows[1].seats] == ["4", "5"]
    assert (plan.name, plan.width, plan.height) == ("Old Theatre", 800, 600)


def test_double_and_missing_guids_are_repaired_and_told() -> None:
    got = imported(document())
    guids = [s.guid for zone in got.plan.zones for row in zone.rows for s in row.seats]
    assert guids == ["A-1", "A-2", "A-1~Ground-A-3", "Ground-2-4", "Ground-2-5", "B"]
    assert got.repairs == (
        Repair("zones[0].rows[0].seats[2]", "A-1", "A-1~Ground-A-3"),
        Repair("zones[0].rows[1].seats[0]", "", "Ground-2-4"),
        Repair("zones[0].rows[1].seats[1]", "", "Ground-2-5"),
    )
    assert got.summary() == "6 seats, 3 guids repaired"


def test_seats_that_people_cannot_tell_apart_are_counted() -> None:
    plan = document()
    plan["zones"][0]["rows"][1] |= {"row_number": "A", "seats": [seat("1", 0), seat("9", 30)]}
    got = imported(plan)
    assert got.alike == 2
    assert "2 seats with a label that is not unique" in got.summary()


@pytest.mark.parametrize("drop", ["size", "seat_guid", "areas", "position", "color", "zone name"])
def test_what_is_optional_may_be_missing_or_null(drop: str) -> None:
    for null in (False, True):
        plan = document()
        owner: dict[str, Any] = {
            "size": plan,
            "seat_guid": plan["zones"][0]["rows"][0]["seats"][0],
            "areas": plan["zones"][0],
            "position": plan["zones"][0]["rows"][0],
            "color": plan["categories"][0],
            "zone name": plan["zones"][0],
        }[drop]
        key = drop.rpartition(" ")[2]
        if null:
            owner[key] = None
        else:
            del owner[key]
        assert imported(plan).plan.seat_count == 6


def test_a_byte_order_mark_is_no_fault() -> None:
    raw = b"\xef\xbb\xbf" + json.dumps(document()).encode()
    assert import_pretix(raw).plan == imported(document()).plan


def test_without_a_size_the_plan_is_as_large_as_its_seats() -> None:
    plan = document()
    del plan["size"]
    got = imported(plan).plan
    assert (got.width, got.height) == (180.5, 320)


@pytest.mark.parametrize("size", [{"width": 0, "height": 600}, {"width": 800, "height": -1}])
def test_a_size_that_is_none_counts_as_missing(size: dict[str, Any]) -> None:
    got = imported({**document(), "size": size}).plan
    assert (got.width, got.height) == (180.5, 320)


def test_everybody_looks_at_the_middle_of_the_top_unless_told() -> None:
    plan = imported(document()).plan
    assert (plan.focal_x, plan.focal_y) == (80.25, 50)
    plan = imported(document(), SideDocument(focal=Point(1.0, 2.0))).plan
    assert (plan.focal_x, plan.focal_y) == (1, 2)


def test_shapes_are_drawn_at_their_absolute_place_in_safe_colours() -> None:
    (shape,) = imported(document()).plan.shapes
    assert shape == Shape(
        "rectangle",
        101.0,
        52.0,
        width=40.0,
        height=10.0,
        rotation=45.0,
        color="#CBEEB3",
        border_color="",
        text="Bar",
        text_color="#333333",
        text_x=20.0,
        text_y=5.0,
    )


@pytest.mark.parametrize(
    ("area", "shape"),
    [
        ({"shape": "circle", "circle": {"radius": 5}}, Shape("ellipse", 100, 50, 10, 10)),
        (
            {"shape": "ellipse", "ellipse": {"radius": {"x": 5, "y": 2}}},
            Shape("ellipse", 100, 50, 10, 4),
        ),
        (
            {"shape": "polygon", "polygon": {"points": [{"x": n, "y": 1} for n in range(3)]}},
            Shape("polygon", 100, 50, points=((0, 1), (1, 1), (2, 1))),
        ),
        ({"shape": "text", "text": {"text": "Bar"}}, Shape("text", 100, 50, text="Bar")),
        ({"width": 4, "height": 3, "text": "old"}, Shape("rectangle", 100, 50, 4, 3, text="old")),
        ({"shape": "rectangle"}, None),
        ({"shape": "rectangle", "rectangle": {"width": -1, "height": 2}}, None),
        ({"shape": "polygon", "polygon": {"points": [{"x": 1, "y": 1}]}}, None),
        ({"shape": "circle", "circle": {"radius": 1e300}}, None),
        ({"shape": "circle", "circle": {"radius": "5"}}, None),
        ({"shape": "hypercube"}, None),
        ({"shape": "text", "position": {"x": 1}}, None),
        ({"shape": "text", "text": {"text": "a\x00b"}}, Shape("text", 100, 50)),
    ],
)
def test_every_kind_of_decoration_is_read_or_left_out(
    area: dict[str, Any], shape: Shape | None
) -> None:
    plan = document()
    plan["zones"][0]["areas"] = [{"position": {"x": 0, "y": 0}, **area}]
    got = imported(plan)
    if shape is None:
        assert got.plan.shapes == ()
        assert got.left_out == ("zones[0].areas[0]",)
        assert "1 decoration left out" in got.summary()
    else:
        assert got.plan.shapes == (shape,)
        assert got.left_out == ()


# --- the side document's part


def area(**more: Any) -> SideArea:
    return SideArea("Pit", "Stalls", 4, 0.0, 0.0, 100.0, 50.0, **more)


def test_an_area_becomes_a_zone_of_seats() -> None:
    got = imported(document(), SideDocument(areas=(area(),)))
    assert got.plan.seat_count == 10
    layout = compile_layout(got.plan)
    told = layout.seat(layout.index_of["Pit-4"])
    assert (told.zone, told.row, told.number, told.category) == ("Pit", "Pit", "4", "Stalls")


def test_an_area_may_stand_in_a_zone_of_the_plan_and_bring_its_guid() -> None:
    got = imported(document(), SideDocument(areas=(area(zone="Ground", guid="p"),)))
    assert len(got.plan.zones) == 2
    assert [a.guid for a in got.plan.zones[0].areas] == ["p"]


def test_an_area_gives_way_to_seats_that_have_its_guids() -> None:
    got = imported(document(), SideDocument(areas=(area(guid="A"),)))
    assert got.plan.zones[-1].areas[0].guid == "A~2"
    assert got.repairs[-1] == Repair("side.areas[0]", "A", "A~2")


def test_accessible_seats_are_marked() -> None:
    got = imported(document(), SideDocument(accessible=("A-2", "A-1~Ground-A-3")))
    marked = [s.guid for s in got.plan.zones[0].rows[0].seats if s.accessible]
    assert marked == ["A-2", "A-1~Ground-A-3"]


@pytest.mark.parametrize(
    ("side", "where", "what"),
    [
        (SideDocument(accessible=("A-2", "Z")), "side.accessible[1]", "'Z'"),
        (SideDocument(prices={"Stalls": 1, "Royal": 2}), "side.prices", "'Royal'"),
        (SideDocument(areas=(area(zone="Moon"),)), "side.areas[0]", "'Moon'"),
        (
            SideDocument(areas=(msgspec.structs.replace(area(), category="Royal"),)),
            "side.areas[0]",
            "'Royal'",
        ),
    ],
)
def test_a_side_document_about_another_plan_is_refused(
    side: SideDocument, where: str, what: str
) -> None:
    fault = refusal(document(), side)
    assert places(fault) == [where]
    assert what in fault.detail


def test_seats_and_areas_together_keep_the_limit() -> None:
    huge = msgspec.structs.replace(area(), capacity=limits.plan_seats_max)
    fault = refusal(document(), SideDocument(areas=(huge,)))
    assert "80,006 seats" in fault.detail


# --- refusals


@pytest.mark.parametrize(
    ("raw", "what"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b'{"name": "\xff"}', "not UTF-8"),
        (b'{"name": NaN}', "not JSON"),
        (b'{"name": Infinity}', "not JSON"),
        (b'{"name": 1e999}', "not JSON"),
        (b'{"name": ' + b"9" * 5000 + b"}", "not JSON"),
        (b'{"a":' * 100_000, "nested too deeply"),
        (b"[" * 100_000 + b"]" * 100_000, "nested too deeply"),
        (b"[]", "a list, not an object"),
        (b'"plan"', "text, not an object"),
        (b"null", "nothing, not an object"),
        (b"7", "a number, not an object"),
        (b"[" * 800_001, "says more than"),
        (b"[1" + b",1" * 4_800_001 + b"]", "says more than"),
    ],
)
def test_what_is_no_json_object_is_refused(raw: bytes, what: str) -> None:
    fault = refusal(raw)
    assert places(fault) == ["plan"]
    assert what in fault.detail


def test_a_file_too_large_is_refused_unread() -> None:
    fault = refusal(b" " * (limits.plan_bytes_max + 1))
    assert "67,108,865 bytes" in fault.detail


SEAT = "zones[0].rows[0].seats[1]"
INNER = {
    "plan": "",
    "category": "categories[1]",
    "zone": "zones[1]",
    "row": "zones[0].rows[1]",
    "seat": SEAT,
}


def broken(owner: str, key: str, value: Any) -> dict[str, Any]:
    plan = document()
    target: Any = {
        "plan": plan,
        "category": plan["categories"][1],
        "zone": plan["zones"][1],
        "row": plan["zones"][0]["rows"][1],
        "seat": plan["zones"][0]["rows"][0]["seats"][1],
    }[owner]
    if value is ...:
        del target[key]
    else:
        target[key] = value
    return plan


@pytest.mark.parametrize(
    ("owner", "key", "value", "where"),
    [
        ("plan", "name", ..., "plan"),
        ("plan", "name", None, "name"),
        ("plan", "name", "", "name"),
        ("plan", "name", "x" * 201, "name"),
        ("plan", "name", "a\nb", "name"),
        ("plan", "categories", ..., "plan"),
        ("plan", "categories", {}, "categories"),
        ("plan", "categories", ["Stalls"], "categories[0]"),
        ("plan", "zones", ..., "plan"),
        ("plan", "zones", "none", "zones"),
        ("plan", "zones", [7], "zones[0]"),
        ("plan", "size", {"width": "wide", "height": 1}, "size.width"),
        ("plan", "size", {"width": 1e300, "height": 1}, "size.width"),
        ("category", "name", ..., "categories[1]"),
        ("category", "name", 3, "categories[1].name"),
        ("category", "name", " ", "categories[1].name"),
        ("category", "name", "Stalls", "categories[1].name"),
        ("zone", "name", 3, "zones[1].name"),
        ("zone", "name", "x" * 201, "zones[1].name"),
        ("zone", "name", "a\x85b", "zones[1].name"),
        ("zone", "position", {"x": 1}, "zones[1].position"),
        ("zone", "position", {"x": True, "y": 1}, "zones[1].position.x"),
        ("zone", "position", {"x": 1e300, "y": 1}, "zones[1].rows[0].seats[0].position.x"),
        ("zone", "rows", {}, "zones[1].rows"),
        ("zone", "rows", [[]], "zones[1].rows[0]"),
        ("row", "seats", ..., "zones[0].rows[1]"),
        ("row", "seats", None, "zones[0].rows[1].seats"),
        ("row", "seats", [None], "zones[0].rows[1].seats[0]"),
        ("row", "row_number", 1.5, "zones[0].rows[1].row_number"),
        ("row", "row_number", True, "zones[0].rows[1].row_number"),
        ("row", "row_number", "a\u2028b", "zones[0].rows[1].row_number"),
        ("seat", "seat_number", ..., SEAT),
        ("seat", "seat_number", None, f"{SEAT}.seat_number"),
        ("seat", "seat_number", "x" * 201, f"{SEAT}.seat_number"),
        ("seat", "seat_guid", [], f"{SEAT}.seat_guid"),
        ("seat", "seat_guid", "x" * 121, f"{SEAT}.seat_guid"),
        ("seat", "seat_guid", "a\x00b", f"{SEAT}.seat_guid"),
        ("seat", "category", ..., SEAT),
        ("seat", "category", "Royal", SEAT),
        ("seat", "category", "", SEAT),
        ("seat", "position", ..., SEAT),
        ("seat", "position", [1, 2], f"{SEAT}.position"),
        ("seat", "position", {"x": "1", "y": 2}, f"{SEAT}.position.x"),
        ("seat", "position", {"x": 1, "y": None}, f"{SEAT}.position.y"),
        ("seat", "position", {"x": 1, "y": 10**30}, f"{SEAT}.position.y"),
        ("seat", "position", {"x": 0, "y": 0}, SEAT),
        ("seat", "position", {"x": 0.01, "y": -0.01}, SEAT),
    ],
)
def test_every_fault_is_named_with_its_place(owner: str, key: str, value: Any, where: str) -> None:
    assert where in places(refusal(broken(owner, key, value)))


def test_two_seats_on_one_spot_are_both_named() -> None:
    fault = refusal(broken("seat", "position", {"x": 0, "y": 0}))
    assert "'A-2' is on the spot of 'A-1' (zones[0].rows[0].seats[0])" in fault.detail
    imported(broken("seat", "position", {"x": 0.02, "y": 0}))


def test_a_plan_without_seats_is_refused() -> None:
    assert "no seats" in refusal({"name": "x", "categories": [], "zones": []}).detail


def test_too_many_categories_are_refused() -> None:
    plan = document()
    plan["categories"] += [{"name": str(n)} for n in range(limits.categories_max)]
    assert places(refusal(plan)) == ["categories"]


@pytest.mark.parametrize(
    ("key", "entries", "where"),
    [
        ("categories", 65, "categories"),
        ("zones", 80_001, "zones"),
        ("rows", 80_001, "zones[0].rows"),
        ("areas", 5_001, "zones[0].areas"),
    ],
)
def test_long_lists_are_refused_before_they_are_walked(key: str, entries: int, where: str) -> None:
    plan = document()
    owner = plan if key in plan else plan["zones"][0]
    owner[key] = [7] * entries
    assert places(refusal(plan)) == [where]


def test_decorations_beyond_the_limit_are_left_out() -> None:
    plan = document()
    drawn = plan["zones"][0]["areas"] * 5_000
    plan["zones"] = [{**zone, "areas": drawn} for zone in plan["zones"]]
    got = imported(plan)
    assert len(got.plan.shapes) == len(got.left_out) == 5_000


def test_too_many_seats_are_refused_before_they_are_read() -> None:
    plan = document()
    plan["zones"][0]["rows"][1]["seats"] = [{}] * limits.plan_seats_max
    fault = refusal(plan)
    assert places(fault) == ["zones[0].rows[1]"]
    assert "80,000 seats" in fault.detail


def test_faults_are_counted_up_to_the_limit() -> None:
    plan = document()
    plan["zones"][0]["rows"][0]["seats"] = [{} for _ in range(100)]
    fault = refusal(plan)
    assert len(places(fault)) == limits.plan_errors_max
    assert "at least 20 faults" in fault.detail
    plan["zones"][0]["rows"][0]["seats"] = [{} for _ in range(3)]
    assert "3 faults" in refusal(plan).detail


def test_a_refusal_is_short_whatever_the_file_says() -> None:
    plan = broken("seat", "category", "x" * 100_000)
    assert len(refusal(plan).detail) < 300


# --- properties


def _paths(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path]
    if isinstance(node, dict):
        for key, value in node.items():
            found += _paths(value, (*path, key))
    elif isinstance(node, list):
        for n, value in enumerate(node):
            found += _paths(value, (*path, n))
    return found


PATHS = [path for path in _paths(document()) if path]
JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=8),
    st.sampled_from(["A-1", "Stalls", "Gallery", "x" * 300, 10**25, -0.0, 1e308, [], {}]),
    st.lists(st.integers(), max_size=3),
    st.dictionaries(st.sampled_from(["x", "y", "text", "name"]), st.integers(), max_size=2),
)


@given(st.lists(st.tuples(st.sampled_from(PATHS), JUNK, st.booleans()), min_size=1, max_size=4))
@settings(max_examples=1_000, deadline=None)
def test_a_mutilated_plan_is_read_or_refused_never_worse(
    wounds: list[tuple[tuple[Any, ...], Any, bool]],
) -> None:
    plan: Any = copy.deepcopy(document())
    for path, junk, remove in wounds:
        owner = plan
        try:
            for key in path[:-1]:
                owner = owner[key]
            if remove:
                del owner[path[-1]]
            else:
                owner[path[-1]] = copy.deepcopy(junk)  # of two wounds one may be within the other
        except (KeyError, IndexError, TypeError):
            continue  # an earlier wound took the place away
    raw = json.dumps(plan).encode()
    try:
        got = import_pretix(raw)
    except BadPlan as fault:
        msgspec.json.encode(fault.members)
        return
    assert import_pretix(raw) == got
    layout = compile_layout(got.plan)
    assert layout.digest() == compile_layout(import_pretix(raw).plan).digest()


@given(st.binary(max_size=60), st.integers(0, 2_000), st.integers(0, 40))
@settings(max_examples=500, deadline=None)
def test_a_plan_with_foreign_bytes_is_read_or_refused(junk: bytes, at: int, cut: int) -> None:
    raw = json.dumps(document()).encode()
    try:
        got = import_pretix(raw[:at] + junk + raw[at + cut :])
    except BadPlan as fault:
        msgspec.json.encode(fault.members)
    else:
        compile_layout(got.plan)
