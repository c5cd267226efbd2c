"""The reader of Lua which test_tidy trusts: it must see what it is there to see."""

import pytest

from tests.lua.source import commands, declared, names, undeclared

SCRIPT = """\
#!lua
local gate,seat=KEYS[1],KEYS[2]
-- a comment names nothing: ghost
--[[ nor does
a long one: ghost ]]
local function add(a, b) return a + b end
local total = 0
for i, word in ipairs({ 'ghost', x = 1 }) do total = add(total, #word) + gate.ghost end
return { total, redis.call('HGET', gate, "f"), string.len(seat) }
"""


def test_names_are_variables_only() -> None:
    assert "ghost" not in names(SCRIPT)
    assert "x" not in names(SCRIPT)
    assert {"gate", "seat", "add", "total", "word", "redis"} <= set(names(SCRIPT))


def test_a_clean_script_has_nothing_undeclared() -> None:
    assert undeclared(SCRIPT) == set()


@pytest.mark.parametrize(
    ("old", "new", "missing"),
    [
        ("local total = 0", "total = 0", "total"),
        ("add(total", "sum(total", "sum"),
        ("local gate,seat", "local gate", "seat"),
        ("for i, word", "for i, w", "word"),
        ("(a, b)", "(a)", "b"),
        ("local total = 0\n", "", "total"),
        ("ipairs(", "os.time(", "os"),
    ],
)
def test_what_is_undeclared_is_seen(old: str, new: str, missing: str) -> None:
    assert old in SCRIPT
    assert missing in undeclared(SCRIPT.replace(old, new))


def test_a_use_above_its_declaration_is_seen() -> None:
    assert undeclared("return late\nlocal late = 1") == {"late"}


def test_declarations_are_locals_parameters_and_loops() -> None:
    assert sorted(declared(SCRIPT)) == sorted(
        ["gate", "seat", "add", "a", "b", "total", "i", "word"]
    )


def test_commands_are_seen_in_order() -> None:
    text = "redis.call('GET', k) x = redis.pcall(\"SET\", k) -- redis.call('DEL', k)"
    assert commands(text) == ["GET", "SET"]
