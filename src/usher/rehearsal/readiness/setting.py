"""What an operator has set: keys, payments, mail."""

from typing import Final

import msgspec

from usher.rehearsal.readiness.model import Item, bad, good, look

# Of 32 random bytes about 30 differ; fewer than this were never drawn at random.
_DIFFERENT_MIN: Final = 16
_HTTPS: Final = "https:"


class SettingFacts(msgspec.Struct, frozen=True, kw_only=True):
    """Settings as they are here. `key_bytes` are how many different bytes each key has, the newest
    first; `mail_fault` what kept the mail server from answering, "" where it did."""

    key_bytes: list[int]
    keys_given: bool  # by USHER_SECRETS, not made for embedded servers
    public_url: str
    providers: list[str]
    stripe_test: bool
    outages: list[str]
    mail_url: str  # without its password
    mail_fault: str
    hooks_open: list[str]  # settings for trials that are on


def judge_settings(facts: SettingFacts) -> list[Item]:
    """The items of what is set."""
    return [_keys(facts), _payments(facts), _mail(facts), *_hooks(facts)]


def _keys(facts: SettingFacts) -> Item:
    many = "key" if len(facts.key_bytes) == 1 else "keys"
    seen = f"{len(facts.key_bytes)} {many}"
    if not facts.key_bytes:
        return bad("keys", "USHER_SECRETS", "none", "usher secret makes one")
    if min(facts.key_bytes) < _DIFFERENT_MIN:
        return bad(
            "keys",
            "USHER_SECRETS",
            f"{seen}, one of them guessable",
            "usher secret makes a good one",
        )
    if not facts.keys_given:
        return look(
            "keys",
            "USHER_SECRETS",
            f"{seen}, those of the embedded servers",
            "set USHER_SECRETS where more than this machine runs, and keep a copy of it safe",
        )
    return good("keys", "USHER_SECRETS", seen)


def _payments(facts: SettingFacts) -> Item:
    first = facts.providers[0] if facts.providers else ""
    seen = f"new payments go to {first}"
    if facts.outages:
        return bad(
            "payments",
            "provider",
            f"{', '.join(facts.outages)} does not answer",
            "see the provider's status, and usher payments reconcile",
        )
    if first == "sandbox" and facts.public_url.startswith(_HTTPS):
        return look(
            "payments",
            "provider",
            f"{seen}, the test bank, where anybody may approve them",
            "USHER_PAYMENTS=stripe before real tickets are sold",
        )
    if first == "stripe" and facts.stripe_test:
        return look(
            "payments",
            "provider",
            f"{seen} with a test key",
            "USHER_STRIPE_KEY must be a live one before real tickets are sold",
        )
    return good("payments", "provider", seen)


def _mail(facts: SettingFacts) -> Item:
    if not facts.mail_url:
        return look(
            "messages",
            "mail",
            "none is sent",
            "set USHER_MAIL_URL, or nobody is sent their tickets",
        )
    if facts.mail_fault:
        return bad(
            "messages",
            "mail",
            f"{facts.mail_url}: {facts.mail_fault}",
            "set USHER_MAIL_URL right, or mend the mail server",
        )
    if facts.mail_url.startswith("maildir:"):
        return look("messages", "mail", f"into {facts.mail_url}", "smtp:// sends it to fans")
    return good("messages", "mail", f"{facts.mail_url} answers")


def _hooks(facts: SettingFacts) -> list[Item]:
    if not facts.hooks_open:
        return []
    return [
        look(
            "messages",
            "webhooks",
            f"{' and '.join(facts.hooks_open)} on: for trials",
            "take them away before organisers' programs depend on it",
        )
    ]
