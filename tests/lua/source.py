"""Lua as its text: just enough of a reader to ask which names a script uses."""

import re
from typing import Final, NamedTuple

_TOKEN: Final = re.compile(
    r"(?P<comment>--\[\[.*?\]\]|--[^\n]*)"
    r"|(?P<string>'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\")"
    r"|(?P<number>\d+(?:\.\d+)?)"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<mark>\.\.\.|\.\.|==|~=|<=|>=|[^\s])",
    re.DOTALL,
)
KEYWORDS: Final = frozenset(
    ("and", "break", "do", "else", "elseif", "end", "false", "for", "function", "if", "in")
) | {"local", "nil", "not", "or", "repeat", "return", "then", "true", "until", "while"}
# What a script may use without declaring it: the sandbox, and what the server gives.
GIVEN: Final = frozenset(("redis", "KEYS", "ARGV", "string", "table", "math", "struct")) | {
    "tonumber",
    "tostring",
    "ipairs",
    "pairs",
    "unpack",
    "type",
}


class Token(NamedTuple):
    """A word of Lua. `kind` is name, number, string or mark."""

    kind: str
    text: str


def tokens(text: str) -> list[Token]:
    """The words of a script without its comments."""
    text = text.removeprefix("#!lua\n")
    found = []
    for match in _TOKEN.finditer(text):
        assert match.lastgroup is not None
        if match.lastgroup != "comment":
            found.append(Token(match.lastgroup, match[0]))
    return found


def names(text: str) -> list[str]:
    """Variables in the order in which they stand: neither fields, nor keys of a table."""
    words = [Token("mark", ""), *tokens(text), Token("mark", "")]
    found = []
    braces = 0
    for before, word, after in zip(words, words[1:], words[2:], strict=False):
        braces += (word.text == "{") - (word.text == "}")
        if word.kind != "name" or word.text in KEYWORDS or before.text in (".", ":"):
            continue
        if braces and after.text == "=":
            continue
        found.append(word.text)
    return found


def undeclared(text: str) -> set[str]:
    """Names used where nothing above has declared them."""
    known = set(GIVEN)
    missing: set[str] = set()
    words = tokens(text)
    declared_at = _declarations(words)
    braces = 0
    for at, word in enumerate(words):
        braces += (word.text == "{") - (word.text == "}")
        known |= declared_at.get(at, set())
        if word.kind != "name" or word.text in KEYWORDS:
            continue
        if at and words[at - 1].text in (".", ":"):
            continue
        if braces and at + 1 < len(words) and words[at + 1].text == "=":
            continue
        if word.text not in known:
            missing.add(word.text)
    return missing


def declared(text: str) -> list[str]:
    """Every name that `local`, a parameter or a loop declares, as often as it does."""
    return [name for each in _declarations(tokens(text)).values() for name in each]


def _declarations(words: list[Token]) -> dict[int, set[str]]:
    """Names declared, by the place in `words` from which they are known."""
    found: dict[int, set[str]] = {}
    for at, word in enumerate(words):
        if word.text == "local" and words[at + 1].text == "function":
            found[at] = {words[at + 2].text}
        elif word.text in ("local", "for"):
            # `local a = a` would look declared a little early; scripts have no such line.
            found[at] = _list(words, at + 1)
        elif word.text == "function":
            opening = next(i for i in range(at, len(words)) if words[i].text == "(")
            found[at] = _list(words, opening + 1)
    return found


def _list(words: list[Token], at: int) -> set[str]:
    listed = set()
    while words[at].kind == "name" and words[at].text not in KEYWORDS:
        listed.add(words[at].text)
        if words[at + 1].text != ",":
            break
        at += 2
    return listed


def commands(text: str) -> list[str]:
    """The commands a text sends to the server, in the order in which they stand."""
    words = tokens(text)
    return [
        words[at + 4].text.strip("'\"")
        for at in range(len(words) - 4)
        if words[at].text == "redis" and words[at + 2].text in ("call", "pcall")
    ]
