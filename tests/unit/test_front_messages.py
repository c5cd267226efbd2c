"""Every word of every page is in every catalogue, translated, with the same places to fill in."""

import re
from datetime import UTC, datetime
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Final

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.frontend import CommandLineInterface
from babel.messages.pofile import read_po

from usher.plumbing.language import Languages
from usher.plumbing.shipped import shipped

ROOT: Final = Path(__file__).parents[2]
LOCALE: Final = shipped("front") / "locale"
CODES: Final = sorted(path.stem for path in LOCALE.glob("*.po"))
_PLACES: Final = re.compile(r"%\((\w+)\)[sd]")


@cache
def _collected(folder: Path) -> Catalog:
    """What pages say, as `just messages` collects it."""
    pot = folder / "messages.pot"
    words = ["pybabel", "-q", "extract", "-F", str(ROOT / "pyproject.toml"), "-o", str(pot)]
    CommandLineInterface().run([*words, str(ROOT / "src" / "usher")])  # type: ignore[no-untyped-call]
    return read_po(BytesIO(pot.read_bytes()))


@pytest.fixture(scope="module")
def collected(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    return _collected(tmp_path_factory.mktemp("messages"))


def _catalog(code: str) -> Catalog:
    return read_po(BytesIO((LOCALE / f"{code}.po").read_bytes()), locale=code)


def _forms(message: Message) -> list[str]:
    return [message.string] if isinstance(message.string, str) else list(message.string or ())


@pytest.mark.parametrize("code", CODES)
def test_everything_is_translated(collected: Catalog, code: str) -> None:
    catalog = _catalog(code)
    missing = []
    for message in collected:
        if message.id:
            found = catalog.get(message.id)
            if found is None or found.fuzzy or not all(_forms(found)):
                missing.append(message.id)
    assert not missing, "run `just messages` and translate what is empty"


@pytest.mark.parametrize("code", CODES)
def test_translations_fill_in_what_the_message_does(code: str) -> None:
    for message in _catalog(code):
        if message.id:
            ids = [message.id] if isinstance(message.id, str) else list(message.id)
            allowed = {name for text in ids for name in _PLACES.findall(text)}
            for text in _forms(message):
                assert set(_PLACES.findall(text)) <= allowed, message.id
            # All but the forms that name their number in words fill in everything.
            assert set(_PLACES.findall(_forms(message)[-1])) == allowed, message.id


def test_two_languages_besides_english_one_of_them_from_right_to_left() -> None:
    known = Languages(LOCALE).known
    assert len(known) >= 3
    assert {language.dir for language in known.values()} == {"ltr", "rtl"}


@pytest.mark.parametrize(
    ("cookie", "accepted", "code"),
    [
        (None, "", "en"),
        (None, "fr;q=0.9, de-AT;q=0.8, en;q=0.1", "de"),
        ("ar", "de", "ar"),
        ("xx", "de", "de"),
        (None, "*;q=rubbish, , ;q=1", "en"),
        (None, "x" * 10_000, "en"),
    ],
)
def test_the_language_is_the_chosen_one_else_the_best_of_those_asked_for(
    cookie: str | None, accepted: str, code: str
) -> None:
    assert Languages(LOCALE).choose(cookie, accepted).code == code


def test_each_language_writes_dates_its_own_way() -> None:
    moment, known = datetime(2026, 12, 7, 18, 30, tzinfo=UTC), Languages(LOCALE).known
    told = {code: language.when(moment, "Europe/Vienna") for code, language in known.items()}
    assert told["en"] == "Monday 7 December 2026, 19:30"
    assert told["de"] == "Montag, 7. Dezember 2026, 19:30"
    assert known["de"].when(moment, "Nowhere/None", "short") == "7. Dez. 2026, 18:30"
    assert known["de"].when(moment, form="time") == "18:30"
    assert known["de"].day(moment.date()) == "Mo., 7. Dez. 2026"


def test_plural_forms_stand_in_the_order_scripts_expect() -> None:
    arabic = Languages(LOCALE).known["ar"]
    said = arabic.words([("%(num)s seat left", "%(num)s seats left")])
    assert len(said["%(num)s seat left"]) == 6
    german = Languages(LOCALE).known["de"]
    assert (
        len(german.words([("%(num)s seat left", "%(num)s seats left")])["%(num)s seat left"]) == 2
    )
