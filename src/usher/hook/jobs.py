"""Facts become deliveries: one for every hook that wants to hear of them."""

from collections import defaultdict
from collections.abc import Sequence

from usher.clock import iso
from usher.hook import queries
from usher.hook.facts import About, Facts
from usher.hook.model import message
from usher.hook.queries import Heard, NewDelivery
from usher.ids import derived_id
from usher.outbox import queries as outbox
from usher.plumbing.postgres import Database


class Announcer:
    """Carries "hook" letters: each subject is a fact, a blank, and what it is about."""

    def __init__(self, database: Database, facts: Facts) -> None:
        self._database = database
        self._facts = facts

    async def carry(self, subjects: Sequence[str]) -> dict[str, str]:
        """Writes a delivery for every hook that listens; again it is the same delivery."""
        by_fact: dict[str, list[str]] = defaultdict(list)
        for subject in subjects:
            fact, _, named = subject.partition(" ")
            by_fact[fact].append(named)
        known: dict[str, About] = {}
        for fact, names in by_fact.items():
            found = await self._facts.read(fact, names)
            known |= {f"{fact} {each}": about for each, about in found.items()}
        async with self._database.transaction() as connection:
            told_at = await outbox.told_at(connection, "hook", list(known))
            letters = list(told_at)
            heard = [
                Heard(number, each.partition(" ")[0], known[each].event_id, told_at[each])
                for number, each in enumerate(letters)
            ]
            new = [
                _delivery(hook_id, letters[number], heard[number], known[letters[number]])
                for number, hook_id in await queries.listeners(connection, heard)
            ]
            if new:
                await queries.post(connection, new)
        return {each: "there is no such thing to tell of" for each in subjects if each not in known}


def _delivery(hook_id: str, letter: str, heard: Heard, about: About) -> NewDelivery:
    """The same on every try."""
    delivery_id = derived_id("delivery", hook_id, letter)
    body = message(delivery_id, heard.fact, iso(heard.at), about.data)
    subject = letter.partition(" ")[2]
    return NewDelivery(delivery_id, hook_id, heard.fact, subject, heard.event_id, body)
