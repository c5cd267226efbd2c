"""Rules that every script keeps, read from its text."""

import importlib
import re
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest

from tests.lua.hall import COUNTERS
from tests.lua.source import commands, declared, names, undeclared
from usher import limits
from usher.keys import KEYS
from usher.plumbing.lua import Runner, Scripts
from usher.plumbing.script import Script, load
from usher.plumbing.shipped import shipped
from usher.venue import model, stretch

LUA = shipped("lua")
SCRIPTS = load(LUA)
PARTS = {file.stem: file.read_text() for file in sorted((LUA / "part").glob("*.lua"))}
WRITERS = ("mark", "let_go", "take")  # the parts with a function that writes

every_script = pytest.mark.parametrize("script", SCRIPTS.values(), ids=list(SCRIPTS))


def _stubs() -> dict[str, list[Any]]:
    """Every stub of every room, by the name of its script."""
    found: dict[str, list[Any]] = {}
    for file in sorted((Path(model.__file__).parent.parent).glob("*/scripts.py")):
        module = importlib.import_module(f"usher.{file.parent.name}.scripts")
        for kind in vars(module).values():
            if isinstance(kind, type) and issubclass(kind, Scripts) and kind is not Scripts:
                for stub in vars(kind).values():
                    if name := getattr(stub, "script", None):
                        assert name.partition("/")[0] == file.parent.name, name
                        found.setdefault(name, []).append(stub)
    return found


def test_every_script_has_one_stub_and_every_stub_a_script() -> None:
    stubs = _stubs()
    assert sorted(stubs) == sorted(SCRIPTS)
    assert [name for name, each in stubs.items() if len(each) != 1] == []


def test_every_file_is_a_script_or_a_part() -> None:
    files = {str(file.relative_to(LUA)) for file in LUA.rglob("*") if file.is_file()}
    expected = {f"{name}.lua" for name in SCRIPTS} | {f"part/{name}.lua" for name in PARTS}
    assert files == expected


@every_script
def test_every_script_has_a_test_which_knows_all_its_replies(script: Script) -> None:
    room, verb = script.name.split("/")
    test = Path(__file__).with_name(f"test_{room}_{verb}.py")
    assert test.exists()
    (stub,) = _stubs()[script.name]
    reply = get_type_hints(stub.__wrapped__)["return"]
    text = test.read_text()
    for struct in get_args(reply) or (reply,):
        assert len(re.findall(rf"\b{struct.__name__}\b", text)) >= 2, f"{struct} is never expected"


@every_script
def test_a_header_says_everything_in_sentences(script: Script) -> None:
    assert script.purpose.endswith(".")
    header = (LUA / f"{script.name}.lua").read_text().split("\n\n")[0]
    for word in ("KEYS", "ARGV", "REPLY", "ATOMIC", "COST"):
        assert re.search(rf"^-- {word} +\S", header, re.MULTILINE), word
    assert all(len(line) <= 100 for line in script.body.splitlines())


@every_script
def test_declared_keys_and_arguments_are_those_used(script: Script) -> None:
    used = set(names(script.parts + "\n" + script.body))
    assert set(script.keys) == used & set(KEYS)
    assert [arg for arg in script.args if arg not in used] == []
    if script.rest:
        assert f"{script.rest}_at" in used


@every_script
def test_no_name_is_used_before_it_is_declared(script: Script) -> None:
    # This is also the order of USES, and a part that nobody named.
    assert undeclared(script.text) == set()


@every_script
def test_no_local_hides_a_key_or_an_argument(script: Script) -> None:
    # A function of a part may name its own variables like an argument of some script.
    assert set(declared(script.parts + "\n" + script.body)) & set(KEYS) == set()
    assert set(declared(script.body)) & set(script.args) == set()


@every_script
def test_every_part_named_is_needed(script: Script) -> None:
    for part in script.uses:
        own = {name for name in declared(PARTS[part]) if f"\nlocal {name}" in "\n" + PARTS[part]}
        own |= set(re.findall(r"^local function (\w+)", PARTS[part], re.MULTILINE))
        rest = "\n".join(PARTS[other] for other in script.uses if other != part)
        assert own & set(names(rest + "\n" + script.body)), part


@pytest.mark.anyio
async def test_nothing_is_written_before_everything_is_checked(runner: Runner) -> None:
    sent = sorted({word for s in SCRIPTS.values() for word in commands(s.parts + "\n" + s.body)})
    told = await runner.command("COMMAND", "INFO", *sent)
    writes = {word for word, info in zip(sent, told, strict=True) if "write" in info[2]}
    assert {"HSET", "XADD", "ZREM", "SETRANGE"} <= writes
    assert not {"HGET", "TIME", "GETRANGE", "ZRANGEBYSCORE"} & writes
    for script in SCRIPTS.values():
        checks, found, _ = script.body.partition("\n-- write\n")
        assert writes.isdisjoint(commands(checks)), script.name
        assert set(WRITERS).isdisjoint(names(checks)), script.name
        if not found:
            assert "-- check" not in script.body, f"{script.name} checks and writes nothing"
        elif "-- check" in script.body:
            assert "\n-- check\n" in "\n" + checks, script.name
    for name, text in PARTS.items():
        # What stands in front of the writer of a part may write only where it is one itself.
        opening = "shift" if name == "mark" else name
        before, found, _ = text.partition(f"local function {opening}(")
        assert bool(found) == (name in WRITERS)
        assert writes.isdisjoint(commands(before)), name


def test_a_seat_changes_its_state_in_one_place() -> None:
    """Where counters, feed and waiting list hear of it."""
    text = "\n".join([*PARTS.values(), *(script.body for script in SCRIPTS.values())])
    assert commands(text).count("SETRANGE") == commands(PARTS["mark"]).count("SETRANGE") == 1


@every_script
def test_scripts_never_raise_and_never_hide_an_error(script: Script) -> None:
    # A refusal is a word; a fault must surface.
    used = names(script.parts + "\n" + script.body)
    assert not {"error", "pcall", "assert"} & set(used)
    assert "redis.pcall" not in script.parts + script.body


def test_numbers_that_stand_in_two_places_agree() -> None:
    text = "\n".join([*PARTS.values(), *(script.body for script in SCRIPTS.values())])
    trimmed = set(re.findall(r"'XADD', (\w+), 'MAXLEN', '~', (\d+)", text))
    assert trimmed == {
        ("feed", str(limits.feed_entries_max)),
        ("signal", str(limits.signal_entries_max)),
    }
    # The ledger is never trimmed; the feed of seats is by the sweep, every other stream at once.
    assert re.findall(r"'XADD', (\w+), '\*'", PARTS["mark"]) == ["feed"]
    rest = text.replace(PARTS["mark"], "")
    assert set(re.findall(r"'XADD', (\w+), '\*'", rest)) == {"ledger"}
    trim = f"redis.call('XTRIM', feed, 'MAXLEN', '~', {limits.feed_entries_max})"
    assert trim in SCRIPTS["seat/sweep"].body
    assert f"local tombstone_ms = {limits.hold_tombstone_s * 1000}\n" in PARTS["let_go"]
    best = PARTS["search"]
    assert f"  local record = {model.SEGMENT_BYTES}\n" in best
    assert f"  local entry = {stretch.STRETCH_RECORD.size}\n" in best
    assert set(re.findall(r"struct\.unpack\('(.*?)'", best)) == {
        model.SEGMENT_RECORD.format[:-1],
        stretch.STRETCH_RECORD.format,
        ">I",  # the first field of either
    }
    assert best.count("flags % 2") == 3
    assert model.SEGMENT_AREA == 1
    for char, name in COUNTERS.items():
        assert f"['{char}'] = '{name}'" in PARTS["mark"] or f"{char} = '{name}'" in PARTS["mark"]


def test_no_other_large_number_hides_in_a_script() -> None:
    units = {1_000, 60_000, 1_000_000, 60_000_000}
    text = "\n".join([*PARTS.values(), *(script.body for script in SCRIPTS.values())])
    found = {int(number) for number in re.findall(r"\b\d{4,}\b", re.sub("--.*", "", text))}
    assert found - units == {limits.feed_entries_max, limits.hold_tombstone_s * 1000}


def test_no_batch_is_larger_than_lua_can_unpack() -> None:
    unpacked_max = 7_900  # LUAI_MAXCSTACK is 8,000
    assert 2 * limits.release_batch_max <= unpacked_max
    assert 2 * limits.draw_batch_max <= unpacked_max
    assert 2 * limits.categories_max <= unpacked_max
