"""Codes of tickets: what is written is read, and nothing else is."""

import pytest
import segno
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import example, given
from hypothesis import strategies as st

from usher.errors import Malformed, Unauthenticated
from usher.plumbing.signing import KeyRing, new_secret
from usher.ticket.code import (
    CODE_CHARS_MAX,
    LABEL_BYTES_MAX,
    SEAT_MAX,
    SERIAL_MAX,
    Code,
    base45,
    label_of,
    read_base45,
    read_code,
    write_code,
)
from usher.ticket.signing import TicketKeys

KEYS = TicketKeys(KeyRing(new_secret()))
PRIVATE = KEYS.private[KEYS.newest]
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"

ids = st.binary(min_size=10, max_size=10).map(bytes.hex)
labels = st.text(max_size=LABEL_BYTES_MAX // 4)
codes = st.builds(
    Code,
    event_id=ids.map("evt_{}".format),
    booking_id=ids.map("bkg_{}".format),
    seat=st.integers(0, SEAT_MAX),
    serial=st.integers(0, SERIAL_MAX),
    label=labels.filter(lambda text: text.isprintable()),
    kid=st.just(KEYS.newest),
)


def a_code(**changes: object) -> Code:
    given = {
        "event_id": "evt_" + "0a" * 10,
        "booking_id": "bkg_" + "1b" * 10,
        "seat": 1_234,
        "serial": 0,
        "label": "Parkett links/12/34",
        "kid": KEYS.newest,
    }
    return Code(**(given | changes))  # type: ignore[arg-type]


def refusal(text: str) -> type[Exception] | None:
    """How a text is refused; anything but the two refusals goes through, and fails the test."""
    try:
        read_code(text, KEYS.public)
    except (Malformed, Unauthenticated) as fault:
        return type(fault)
    return None


@given(codes)
def test_what_is_written_is_read(code: Code) -> None:
    text = write_code(code, PRIVATE)
    assert len(text) <= CODE_CHARS_MAX
    assert set(text) <= set(ALPHABET)
    assert read_code(text, KEYS.public) == code


def test_a_usual_code_makes_a_small_symbol() -> None:
    made = segno.make(write_code(a_code(), PRIVATE), error="m", boost_error=False)
    assert (made.mode, made.version) == ("alphanumeric", 7)


@given(st.data())
def test_no_character_can_be_another(data: st.DataObject) -> None:
    text = write_code(a_code(), PRIVATE)
    at = data.draw(st.integers(0, len(text) - 1))
    sign = data.draw(st.sampled_from(ALPHABET + "abcü\x00") | st.characters())
    changed = text[:at] + sign + text[at + 1 :]
    assert (refusal(changed) is None) == (changed == text)


@given(st.integers(0, 176), st.text(ALPHABET, max_size=4))
def test_nothing_can_be_cut_off_or_added(cut: int, more: str) -> None:
    text = write_code(a_code(), PRIVATE)
    cut_off = text[:cut] + more  # which may be the whole again: the last sign and its own
    assert (refusal(cut_off) is None) == (cut_off == text)
    assert (refusal(text + more) is None) == (more == "")


@given(st.text() | st.text(ALPHABET).map("UT1:{}".format))
@example("")
@example("UT1:")
@example("UT1:0")
@example("UT1::::")
@example("UT1:" + "0" * 150)
@example("UT1:\ud800")
def test_any_text_is_refused_in_words(text: str) -> None:
    assert refusal(text) is not None


@given(st.binary(max_size=200))
@example(b"")
@example(bytes(64) + b"\x95" + b"\xc4\x18" + bytes(24) + b"\x00\x00\xa2\xff\xfe")  # no UTF-8
@example(bytes(64) + b"\x91" * 200)
def test_any_bytes_are_refused_in_words(raw: bytes) -> None:
    assert refusal("UT1:" + base45(raw)) is not None


@given(st.binary(max_size=100))
def test_bytes_signed_by_us_that_are_no_code_are_refused(raw: bytes) -> None:
    assert refusal("UT1:" + base45(PRIVATE.sign(b"UT1:" + raw) + raw)) is Malformed


def test_who_signed_it_must_be_known() -> None:
    other = TicketKeys(KeyRing(new_secret()))
    theirs = write_code(a_code(kid=other.newest), other.private[other.newest])
    assert read_code(theirs, other.public).kid == other.newest
    assert refusal(theirs) is Unauthenticated
    forged = write_code(a_code(), Ed25519PrivateKey.generate())
    assert refusal(forged) is Unauthenticated
    with pytest.raises(Unauthenticated, match="not known here"):
        read_code(forged, {})


def test_every_text_of_base45_is_that_of_other_bytes() -> None:
    # The examples of RFC 9285, 4.3 and 4.4
    for raw, text in [(b"AB", "BB8"), (b"Hello!!", "%69 VD92EX0"), (b"base-45", "UJCLQE7W581")]:
        assert (base45(raw), read_base45(text)) == (text, raw)
    assert read_base45("QED8WEX0") == b"ietf!"
    for wrong in ("0", "000" + "0", "GGW", "::", "a00", "\N{ARABIC-INDIC DIGIT ONE}00"):
        with pytest.raises(ValueError, match="Base45"):
            read_base45(wrong)


def test_a_ring_gives_the_same_keys_again_and_other_rings_others() -> None:
    secret, other = new_secret(), new_secret()
    first, rotated = TicketKeys(KeyRing(secret)), TicketKeys(KeyRing(f"{other},{secret}"))
    assert first.newest == list(rotated.private)[1] != rotated.newest
    text = write_code(a_code(kid=first.newest), first.private[first.newest])
    assert read_code(text, rotated.public).seat == 1_234
    # The name of a key in the ring may come again for another key: here they stay apart.
    again = "k:" + "11" * 32, "k:" + "22" * 32
    assert len({TicketKeys(KeyRing(text)).newest for text in again}) == 2


@pytest.mark.parametrize(
    ("parts", "label"),
    [
        (("Stalls", "A", "12"), "Stalls/A/12"),
        (("Standing", "", ""), "Standing"),
        (("", "A", "1"), "A/1"),
        (("", "", ""), ""),
        (("Z" * 60, "A", "12"), "Z" * 40 + "…/A/12"),
        (("Ränge\n", "Ä", "1"), "Ränge/Ä/1"),
        (("Ränge", "ü" * 40, "12"), "ü" * 22 + "…"),
    ],
    ids=["seat", "area", "no zone", "nothing", "long zone", "line break", "long row"],
)
def test_a_label_is_short(parts: tuple[str, str, str], label: str) -> None:
    assert label_of(*parts) == label
    assert len(label.encode()) <= LABEL_BYTES_MAX
