"""Languages: message catalogues in front/locale, and how each writes dates, numbers, money.

Babel does all of it. Catalogues are .po files, compiled in memory when a process starts; the
messages of scripts are handed to them as JSON, plural forms in the order of the catalogue.
"""

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel import Locale
from babel.core import negotiate_locale
from babel.dates import format_date, format_datetime, format_skeleton
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_currency, format_decimal, get_currency_symbol
from babel.support import NullTranslations, Translations

from usher.currency import minor_digits
from usher.plumbing.asset import Message

DEFAULT: Final = "en"
LANGUAGE_COOKIE: Final = "language"
_ACCEPTED_CHARS_MAX: Final = 200
_DECIMALS: Final = re.compile(r"\.0+")


class Language:
    """One language: its words, its direction ("ltr", "rtl"), its ways of writing."""

    def __init__(self, code: str, translations: NullTranslations) -> None:
        self.code = code
        self.locale = Locale.parse(code)
        self.dir = self.locale.text_direction
        self.name = (self.locale.get_display_name(code) or code).capitalize()
        self.gettext = translations.ugettext
        self.ngettext = translations.ungettext
        self._translations = translations
        # A hall has a handful of prices and 80,000 seats, each with its price beside it; and what a
        # page shows of an event, it shows to everybody. Babel takes 20 us for each.
        self._money = lru_cache(2_000)(self._write_money)
        self._number = lru_cache(2_000)(self._write_number)
        self._when = lru_cache(2_000)(self._write_moment)

    def money(self, amount: int, currency: str) -> str:
        """`amount` minor units of a currency, as this language writes them."""
        return self._money(amount, currency)

    def _write_money(self, amount: int, currency: str) -> str:
        digits = minor_digits(currency)
        # The locale's own way, but for the digits: Babel has notions of its own of these.
        pattern = self.locale.currency_formats["standard"].pattern
        pattern = _DECIMALS.sub("." + "0" * digits if digits else "", pattern)
        if get_currency_symbol(currency, locale=self.locale)[-1:].isalpha():
            # CHF 45.00: what CLDR calls alphaNextToNumber, and Babel passes over.
            pattern = pattern.replace("¤#", "¤\xa0#")
        major = Decimal(amount).scaleb(-digits)
        return format_currency(major, currency, pattern, locale=self.locale, currency_digits=False)

    def number(self, value: float) -> str:
        """A number with the separators of this language."""
        return self._number(value)

    def _write_number(self, value: float) -> str:
        return format_decimal(value, locale=self.locale)

    def when(self, moment: datetime, timezone: str = "UTC", form: str = "full") -> str:
        """A moment in `timezone`: "full" with the day of the week, "short", or "time"."""
        return self._when(moment, timezone, form)

    def _write_moment(self, moment: datetime, timezone: str, form: str) -> str:
        try:
            zone: Any = ZoneInfo(timezone)
        except (ZoneInfoNotFoundError, ValueError):
            zone = UTC
        there = moment.astimezone(zone)
        clock = format_datetime(there, "HH:mm", tzinfo=zone, locale=self.locale)
        if form == "time":
            return clock
        if self.code == DEFAULT:  # whose own order, month first, is that of one country only
            pattern = "EEEE d MMMM y" if form == "full" else "d MMM y"
            return f"{format_date(there, pattern, locale=self.locale)}, {clock}"
        if form == "full":
            return f"{format_date(there, 'full', locale=self.locale)}, {clock}"
        return f"{format_skeleton('yMMMd', there, tzinfo=zone, locale=self.locale)}, {clock}"

    def day(self, day: date) -> str:
        """A day of a calendar, with the day of the week."""
        if self.code == DEFAULT:
            return format_date(day, "EEE d MMM y", locale=self.locale)
        return format_skeleton("yMMMEd", day, locale=self.locale)

    def words(self, messages: Iterable[Message]) -> dict[str, str | list[str]]:
        """For scripts: each msgid with its translation, plurals as the list of their forms."""
        found: dict[str, str | list[str]] = {}
        catalog = getattr(self._translations, "_catalog", {})
        for message in messages:
            if isinstance(message, str):
                found[message] = self.gettext(message)
            else:
                forms = [
                    text
                    for key, text in sorted(
                        (k, v)
                        for k, v in catalog.items()
                        if isinstance(k, tuple) and k[0] == message[0]
                    )
                ]
                found[message[0]] = forms or list(message)
        return found


class Languages:
    """Those whose catalogue is in `folder`, and English, in which the sources are written."""

    def __init__(self, folder: Path) -> None:
        self.known = {DEFAULT: Language(DEFAULT, NullTranslations())}
        self._best = lru_cache(2_000)(self._best_of)
        for path in sorted(folder.glob("*.po")):
            with path.open("rb") as file:
                catalog = read_po(file, locale=path.stem)
            compiled = BytesIO()
            write_mo(compiled, catalog)
            compiled.seek(0)
            self.known[path.stem] = Language(path.stem, Translations(compiled))

    def choose(self, chosen: str | None, accepted: str) -> Language:
        """The language a cookie names, else the best of an Accept-Language header."""
        if chosen in self.known:
            return self.known[chosen]
        return self._best(accepted[:_ACCEPTED_CHARS_MAX])

    def _best_of(self, accepted: str) -> Language:
        found = negotiate_locale(_preferred(accepted), list(self.known), sep="-")
        return self.known[(found or DEFAULT).partition("_")[0]]


def _preferred(accepted: str) -> list[str]:
    """The tags of an Accept-Language header, best first; what cannot be read is left out."""
    weighed = []
    for part in accepted.split(","):
        tag, _, weight = part.strip().partition(";q=")
        try:
            weighed.append((float(weight or 1), tag.strip()))
        except ValueError:
            continue
    return [tag for _, tag in sorted(weighed, key=lambda each: -each[0]) if tag]
