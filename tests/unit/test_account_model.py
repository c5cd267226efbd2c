"""Roles, and what an email, a name and a password may be."""

import pytest

from usher import limits
from usher.account.model import Role, clean_email, clean_name, clean_password
from usher.errors import BadInput


@pytest.mark.parametrize(
    ("role", "covered"),
    [
        (Role.FAN, {Role.FAN}),
        (Role.STAFF, {Role.FAN, Role.STAFF}),
        (Role.ORGANISER, {Role.FAN, Role.STAFF, Role.ORGANISER}),
        (Role.ADMIN, set(Role)),
    ],
)
def test_a_role_covers_what_lesser_ones_may(role: Role, covered: set[Role]) -> None:
    assert {other for other in Role if role.covers(other)} == covered


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (" Ada@Example.COM\n", "ada@example.com"),
        ("o'neil+seats@mail.example.co.uk", "o'neil+seats@mail.example.co.uk"),
        ("zoe\u0308@example.com", "zo\u00eb@example.com"),
        ("a@xn--bcher-kva.example", "a@xn--bcher-kva.example"),
    ],
)
def test_an_email_has_one_spelling(given: str, kept: str) -> None:
    assert clean_email(given) == kept
    assert clean_email(kept) == kept


@pytest.mark.parametrize(
    "given",
    [
        "",
        "ada",
        "@example.com",
        "ada@",
        "ada@example",
        "ada@.example.com",
        "ada@example..com",
        "ada@-example.com",
        "ada@example.com.",
        "a b@example.com",
        "ada@exam\x00ple.com",
        "ada\u200b@example.com",
        "ada@example.com\nbcc:eve@example.com",
        "ada@example.com,eve@example.com",
        "Ada <ada@example.com>",
        "ada@eve@example.com",
        "\ud800@example.com",
        "a" * 65 + "@example.com",
        "a@" + "b." * limits.email_chars_max + "com",
    ],
)
def test_what_is_no_email_is_refused(given: str) -> None:
    with pytest.raises(BadInput):
        clean_email(given)


def test_a_name_is_one_line() -> None:
    assert clean_name("  Ada \t King\n") == "Ada King"
    assert clean_name("") == ""


@pytest.mark.parametrize(
    "given", ["a\x00b", "\ud800", "\u202eadA", "x" * (limits.person_name_chars_max + 1)]
)
def test_a_name_that_cannot_be_kept_is_refused(given: str) -> None:
    with pytest.raises(BadInput):
        clean_name(given)


def test_a_password_is_the_same_on_every_keyboard() -> None:
    assert clean_password("cafe\u0301 au lait") == clean_password("caf\u00e9 au lait")
    assert clean_password("  spaces count  ") == "  spaces count  "


@pytest.mark.parametrize(
    "given",
    [
        "x" * (limits.password_chars_min - 1),
        "x" * (limits.password_chars_max + 1),
        "\ud800" * limits.password_chars_min,
    ],
)
def test_an_unfit_password_is_refused_without_repeating_it(given: str) -> None:
    with pytest.raises(BadInput) as refusal:
        clean_password(given)
    assert given not in str(refusal.value.members)
    assert given not in refusal.value.detail
