# mypy: disable-error-code="empty-body"
"""Headers of scripts: what they must say, and how a stub that says otherwise is refused."""

from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import BlockingConnectionPool

from usher.errors import SetupError
from usher.plumbing.lua import Runner, Scripts, script
from usher.plumbing.script import Reply, check_stub, load, parse

HEADER = """\
-- seat/try: try a header.
-- KEYS    gate seat
-- ARGV    hold_id index...
-- REPLY   held due_ms seats[]
--         | closed state | gone
-- ATOMIC  nothing is written.
-- COST    O(1)
-- USES    one two

return { 'gone' }
"""
PARTS = {"one": "local one = 1", "two": "local two = 2", "three": "local three = 3"}


class Held(Reply, frozen=True, tag="held"):
    due_ms: int
    seats: list[int]


class Closed(Reply, frozen=True, tag="closed"):
    state: str


class Gone(Reply, frozen=True, tag="gone"):
    pass


def parsed(text: str = HEADER) -> Any:
    return parse("seat/try", text, PARTS)


def test_a_header_is_understood() -> None:
    script = parsed()
    assert script.purpose == "try a header."
    assert script.keys == ("gate", "seat")
    assert (script.args, script.rest) == (("hold_id",), "index")
    assert script.replies == {"held": ("due_ms", "seats[]"), "closed": ("state",), "gone": ()}
    assert script.uses == ("one", "two")


def test_names_become_locals_and_parts_stand_before_the_body() -> None:
    lines = [line for line in parsed().text.splitlines() if line]
    assert lines == [
        "#!lua",
        "local gate,seat=KEYS[1],KEYS[2]",
        "local hold_id=ARGV[1]",
        "local index_at=2",
        "local one = 1",
        "local two = 2",
        "return { 'gone' }",
    ]


def test_a_script_may_take_nothing() -> None:
    text = HEADER.replace("gate seat", "-").replace("hold_id index...", "-")
    script = parse("seat/try", text.replace("-- USES    one two\n", ""), {})
    assert (script.keys, script.args, script.rest, script.uses) == ((), (), "", ())
    assert script.text.split() == ["#!lua", "return", "{", "'gone'", "}"]


def test_the_digest_is_that_of_the_text_the_server_gets() -> None:
    one, other = parsed(), parsed(HEADER.replace("'gone'", "'held'"))
    assert len(one.sha) == 40
    assert one.sha != other.sha
    assert one.sha == parsed().sha


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("-- seat/try:", "-- seat/tried:", "the first line must start with '-- seat/try: '"),
        ("-- seat/try: try", "-- seat/try try", "the first line must start with"),
        (HEADER, "", "the first line must start with"),
        ("-- KEYS    gate seat\n", "", "the header lacks KEYS"),
        ("-- ARGV    hold_id index...\n", "", "the header lacks ARGV"),
        ("-- ATOMIC  nothing is written.\n", "", "the header lacks ATOMIC"),
        ("-- COST    O(1)\n", "", "the header lacks COST"),
        ("-- COST", "-- PRICE", "line 7 is neither a header word nor its continuation"),
        ("--         | closed", "--     | closed", "line 5 is neither a header word"),
        ("-- KEYS    gate seat", "-- gate\n-- KEYS    seat", "line 2 is neither"),
        ("gate seat", "gate Seat", "'Seat' is not a name"),
        ("hold_id index", "hold-id index", "'hold-id' is not a name"),
        ("index...", "1ndex...", "'1ndex' is not a name"),
        ("hold_id index...", "index... hold_id", "'index...' is not a name"),
        ("gate seat", "gate seats stall", "keys.py has no seats, stall"),
        ("hold_id index", "gate index", "gate stands in KEYS and ARGV, or twice"),
        ("gate seat", "gate seat gate", "gate stands in KEYS and ARGV, or twice"),
        ("one two", "one four five", "lua/part/ has no four, five.lua"),
        ("| gone", "| gone |", "REPLY has an empty or a double choice"),
        ("| gone", "| closed", "REPLY has an empty or a double choice"),
        ("-- REPLY   held due_ms seats[]\n--         | closed state | gone\n", "", "lacks REPLY"),
    ],
)
def test_a_faulty_header_names_the_file_and_the_fault(old: str, new: str, fault: str) -> None:
    assert old in HEADER
    with pytest.raises(SetupError) as refusal:
        parsed(HEADER.replace(old, new))
    assert str(refusal.value).startswith("lua/seat/try.lua: ")
    assert fault in str(refusal.value)


def test_scripts_are_loaded_by_room_and_verb(tmp_path: Path) -> None:
    for name, text in {
        "part/one.lua": PARTS["one"],
        "part/two.lua": PARTS["two"],
        "seat/try.lua": HEADER,
        "queue/try.lua": HEADER.replace("seat/try", "queue/try"),
        "stray.lua": "not a script of any room",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    scripts = load(tmp_path)
    assert sorted(scripts) == ["queue/try", "seat/try"]
    assert scripts["seat/try"].text == parsed().text


async def good(event: str, hold_id: str, *index: int) -> Held | Closed | Gone: ...


async def tail(self: object, event: str, hold_id: str, *index: int) -> Held | Closed | Gone: ...


async def no_event(hold_id: str, *index: int) -> Held | Closed | Gone: ...


async def nothing() -> Held | Closed | Gone: ...


async def other_name(event: str, hold: str, *index: int) -> Held | Closed | Gone: ...


async def one_more(event: str, hold_id: str, due: int, *index: int) -> Held | Closed | Gone: ...


async def no_rest(event: str, hold_id: str) -> Held | Closed | Gone: ...


async def other_rest(event: str, hold_id: str, *seat: int) -> Held | Closed | Gone: ...


async def a_reply_less(event: str, hold_id: str, *index: int) -> Held | Gone: ...


class Shut(Reply, frozen=True, tag="shut"):
    pass


class Bare(Reply, frozen=True, tag="held"):
    due_ms: int
    seats: int


async def a_reply_more(event: str, hold_id: str, *index: int) -> Held | Closed | Gone | Shut: ...


async def other_fields(event: str, hold_id: str, *index: int) -> Bare | Closed | Gone: ...


@pytest.mark.parametrize("stub", [good, tail])
def test_a_stub_that_agrees_gives_its_reply_type(stub: Any) -> None:
    assert check_stub(parsed(), stub) == {"held": Held, "closed": Closed, "gone": Gone}


def test_a_single_reply_needs_no_union() -> None:
    async def stub(event: str, hold_id: str, *index: int) -> Gone: ...

    text = HEADER.replace("held due_ms seats[]\n--         | closed state | gone", "gone")
    assert check_stub(parsed(text), stub) == {"gone": Gone}


@pytest.mark.parametrize(
    ("stub", "fault"),
    [
        (no_event, "must take `event` first"),
        (nothing, "must take `event` first"),
        (other_name, "takes hold *index; the header says hold_id *index"),
        (one_more, "takes hold_id due *index; the header says hold_id *index"),
        (no_rest, "takes hold_id; the header says hold_id *index"),
        (other_rest, "takes hold_id *seat; the header says hold_id *index"),
        (a_reply_less, "replies {'held': ('due_ms', 'seats[]'), 'gone': ()}; the header says"),
        (a_reply_more, "'shut': ()"),
        (other_fields, "'held': ('due_ms', 'seats'),"),
    ],
)
def test_a_stub_that_disagrees_does_not_bind(stub: Any, fault: str) -> None:
    with pytest.raises(SetupError) as refusal:
        check_stub(parsed(), stub)
    assert str(refusal.value).startswith("the stub of lua/seat/try.lua ")
    assert fault in str(refusal.value)


class Agreeing(Scripts):
    @script("seat/try")
    async def attempt(self, event: str, hold_id: str, *index: int) -> Held | Closed | Gone: ...


class Disagreeing(Scripts):
    @script("seat/try")
    async def attempt(self, event: str, hold_id: str) -> Held | Closed | Gone: ...


def test_stubs_are_compared_when_a_room_is_bound() -> None:
    runner = Runner(BlockingConnectionPool(), {"seat/try": parsed()})
    Agreeing(runner)
    with pytest.raises(SetupError, match="the header says hold_id \\*index"):
        Disagreeing(runner)
    with pytest.raises(SetupError, match=r"lua/seat/try\.lua is missing"):
        Agreeing(Runner(BlockingConnectionPool(), {}))
