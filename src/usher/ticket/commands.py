"""`usher ticket`: check codes, with or without a network; print the keys that do."""

import sys
from pathlib import Path
from typing import Any, Final, NoReturn

import click
import httpx

from usher.booking.model import ticket_id
from usher.errors import BadInput, Malformed, Unauthenticated, Unavailable, UsherError
from usher.plumbing.command import EXIT_REFUSED, Run, echo_json, fail, json_option
from usher.ticket.code import Code, read_code
from usher.ticket.keybook import KeyBook
from usher.ticket.revocation import read_revoked
from usher.ticket.signing import Keys, jwks, read_jwks

_TIMEOUT_S: Final = 10
_BYTES_MAX: Final = 64 * 1024 * 1024
_file = click.Path(dir_okay=False, path_type=Path)


def ticket_commands(run: Run[KeyBook]) -> click.Group:
    """The verbs of tickets, on whatever house `run` opens; with --keys none is opened."""

    @click.group("ticket")
    def group() -> None:
        """Tickets: checked as at the door."""

    @group.command("keys")
    def keys() -> None:
        """Print the public keys that verify tickets' codes: a JWK Set, for --keys."""
        try:
            echo_json(jwks(run(_trusted)))
        except UsherError as error:
            fail(error)

    @group.command("retire")
    @click.argument("kid")
    def retire(kid: str) -> None:
        """Trust the key KID no more: the ring that it came from has been seen by others.

        Every code that it has signed is refused from now on. Holders find a good one on their
        ticket's page.
        """
        try:
            run(lambda book: book.retire(kid))
        except UsherError as error:
            fail(error)
        click.echo(f"{kid} is retired; doors know within minutes")

    @group.command("verify")
    @click.argument("code", required=False)
    @click.option("--file", "file", type=_file, help="Read the code from a file; - is stdin.")
    @click.option("--keys", "keys_at", help="A JWK Set, file or URL. [default: this house's]")
    @click.option("--revoked", "revoked_at", help="The event's revocation list, file or URL.")
    @click.option("--event", help="Only tickets of this event are good.")
    @json_option
    def verify(
        code: str | None,
        file: Path | None,
        keys_at: str | None,
        revoked_at: str | None,
        event: str | None,
        as_json: bool,
    ) -> None:
        """Check CODE, the text of a ticket's QR code; - reads it from stdin.

        Given files it needs no network and no servers. Exit code 0: good. 1: not, and why: "no
        code", "forged", "other event", "revoked".
        """
        try:
            text = _text_of(code, file)
            keys = read_jwks(_fetch(keys_at)) if keys_at else run(_trusted)
            told = _read(text, keys)
            if event and told.event_id != event:
                _refuse("other event", f"the ticket is for {told.event_id}", told, as_json)
            if revoked_at:
                _check_revoked(told, _fetch(revoked_at), keys, as_json)
        except UsherError as error:
            fail(error)
        _say("good", told, as_json)

    return group


async def _trusted(book: KeyBook) -> Keys:
    return await book.trusted()


def _text_of(code: str | None, file: Path | None) -> str:
    if (code is None) == (file is None):
        raise BadInput("give the code itself, or --file with the code in it")
    if code == "-" or str(file) == "-":
        raw = sys.stdin.buffer.read(_BYTES_MAX)
    elif file is not None:
        raw = _fetch(str(file))
    else:
        return str(code).strip()
    return raw.decode(errors="replace").strip()  # a code neither begins nor ends with a blank


def _fetch(where: str) -> bytes:
    """A file, or what is at a URL."""
    try:
        if where.startswith(("https://", "http://")):
            answer = httpx.get(where, timeout=_TIMEOUT_S, follow_redirects=True)
            answer.raise_for_status()
            return answer.content
        return Path(where).read_bytes()
    except httpx.HTTPStatusError as fault:
        raise BadInput(f"{where} answers {fault.response.status_code}") from None
    except (httpx.HTTPError, httpx.InvalidURL) as fault:
        raise Unavailable(f"{where} cannot be read: {fault}") from None
    except (OSError, ValueError) as fault:
        raise BadInput(f"{where} cannot be read: {fault}") from None


def _read(text: str, keys: Keys) -> Code:
    try:
        return read_code(text, keys)
    except Malformed as fault:
        raise BadInput(f"no code: {fault.detail}") from None
    except Unauthenticated as fault:
        raise BadInput(f"forged: {fault.detail}") from None


def _check_revoked(told: Code, raw: bytes, keys: Keys, as_json: bool) -> None:
    revoked = read_revoked(raw.decode(errors="replace").strip(), keys)
    if revoked.event != told.event_id:
        raise BadInput(f"the revocation list is of {revoked.event}, the ticket of {told.event_id}")
    if revoked.revokes(told):
        _refuse("revoked", "the ticket was cancelled, or handed on since", told, as_json)


def _refuse(word: str, why: str, told: Code, as_json: bool) -> NoReturn:
    if as_json:
        _say(word, told, as_json)
    click.echo(f"usher: {word}: {why}", err=True)
    sys.exit(EXIT_REFUSED)


def _say(word: str, told: Code, as_json: bool) -> None:
    ticket = ticket_id(told.booking_id, told.seat)
    if as_json:
        view: dict[str, Any] = {
            "verdict": word,
            "event_id": told.event_id,
            "ticket_id": ticket,
            "seat": told.label,
            "serial": told.serial,
            "kid": told.kid,
        }
        echo_json(view)
    else:
        click.echo(f"{word}: {told.label}  {ticket}  {told.event_id}")
