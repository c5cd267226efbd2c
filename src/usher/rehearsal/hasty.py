"""Fans who click twice: the same request sent again at once must be told the same."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from usher.rehearsal.answers import Refusal
from usher.rehearsal.persona import Persona
from usher.rehearsal.tally import Tally

T = TypeVar("T")


async def ask(
    persona: Persona,
    tally: Tally,
    call: Callable[[], Awaitable[T | Refusal]],
    name_of: Callable[[T], str],
) -> T | Refusal:
    """The answer to a call, which a hasty fan sends twice at the same time.

    Two good answers must name the same thing; a refusal is not remembered, so it may differ.
    """
    if not persona.hasty:
        return await call()
    first, second = await asyncio.gather(call(), call())
    if isinstance(first, Refusal):
        return second
    if not isinstance(second, Refusal):
        tally.replays += 1
        tally.replays_differ += name_of(first) != name_of(second)
    return first
