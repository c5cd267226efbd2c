"""The worker's side of messages: carrying letters of kind "notice", and reminders.

**What is sent twice.** A letter may be carried again at any time: by a carrier that was killed, or
was too slow for its lease. Each message has its row in the log, with an id made from the letter;
what stands there as sent is not sent again. One window remains: a mail server says 250 to a
message, and the process dies before that is committed. Nobody can close it, for SMTP has no
question "have you got this one?"; the second mail has the Message-ID of the first, its date and its
text, and mailboxes keep one of the two. A Maildir overwrites the file with itself; an SMS gateway
is told the same Idempotency-Key.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
import structlog

from usher import limits
from usher.errors import Unavailable
from usher.notice import queries
from usher.notice.compose import Composer
from usher.notice.drafting import Drafter, Unknown
from usher.notice.model import KINDS, Away, Channel, Delayed, Draft, Letter, Outgoing, Refused
from usher.outbox import queries as outbox
from usher.plumbing.metric import Metrics
from usher.plumbing.postgres import Database

log = structlog.get_logger("usher.notice")

NO_CHANNEL: Final = "no such channel is set up"
DECLINED: Final = "declined by the recipient"
_WRITE_AGAIN_S: Final = (0.1, 0.5, 2.0)


class Messenger:
    """Carries letters by the channels that are set up, by name."""

    def __init__(
        self,
        database: Database,
        drafter: Drafter,
        composer: Composer,
        channels: Mapping[str, Channel],
        metrics: Metrics,
    ) -> None:
        self._database = database
        self._drafter = drafter
        self._composer = composer
        self._channels = channels
        self._metrics = metrics

    async def carry(self, subjects: Sequence[str]) -> dict[str, str]:
        """Sends what these letters say to who should hear it; which failed, and why. A channel
        that is away fails them all at once: nobody waits for it message by message."""
        letters = [Letter.read(subject) for subject in subjects]
        made = await self._drafter.drafts(letters)
        faults: dict[str, str] = {}
        drafts: list[Draft] = []
        for letter, found in made.items():
            if isinstance(found, Unknown):
                faults[letter.subject] = str(found)
            else:
                drafts += found
        # Of a rehearsal nobody is told, and not even that is written down.
        drafts = await self._judged(await self._real(drafts))
        if not drafts:
            return faults
        left = await queries.note(self._database, drafts)
        for each in drafts:
            if each.skip:
                self._metrics.messages.labels(each.channel, "skipped").inc()
                log.info("message skipped", letter=each.letter.subject, why=each.skip)
        batches = []
        for name, channel in self._channels.items():
            if mine := [each for each in drafts if each.channel == name and each.id in left]:
                batches.append(_Batch(self._database, self._composer, channel, self._metrics, mine))
        for told in await asyncio.gather(*(batch.run() for batch in batches)):
            faults |= told
        return faults

    async def _real(self, drafts: Sequence[Draft]) -> list[Draft]:
        if not drafts:
            return []
        real = await queries.real_events(self._database, [each.event_id for each in drafts])
        return [each for each in drafts if each.event_id in real]

    async def _judged(self, drafts: Sequence[Draft]) -> list[Draft]:
        """The drafts, with why some are not to be sent at all."""
        optional = [each for each in drafts if not KINDS[each.letter.fact].necessary]
        out: set[str] = set()
        if optional:
            out = await queries.opted_out(self._database, [each.recipient for each in optional])
        judged = []
        for each in drafts:
            why = each.skip
            if not why and each.channel not in self._channels:
                why = NO_CHANNEL
            if not why and each.recipient in out and not KINDS[each.letter.fact].necessary:
                why = DECLINED
            judged.append(msgspec.structs.replace(each, skip=why) if why else each)
        return judged

    async def remind(self) -> int:
        """Has the fans of events that begin within a day reminded, once per booking."""
        total = 0
        while True:
            async with self._database.transaction() as connection:
                due = await queries.due_reminders(
                    connection, limits.reminder_before_s, limits.reminder_batch_max
                )
                await outbox.tell(connection, "event.reminder", due)
            total += len(due)
            if len(due) < limits.reminder_batch_max:
                return total


class _Batch:
    """The messages of one channel in one batch, several of them on their way at once."""

    def __init__(
        self,
        database: Database,
        composer: Composer,
        channel: Channel,
        metrics: Metrics,
        drafts: Sequence[Draft],
    ) -> None:
        self._database = database
        self._composer = composer
        self._channel = channel
        self._metrics = metrics
        self._waiting = list(reversed(drafts))
        self._faults: dict[str, str] = {}
        self._away = ""

    async def run(self) -> dict[str, str]:
        """Sends until all are through, the channel is away or the time is over; what failed."""
        lanes = asyncio.create_task(self._lanes())
        try:
            # Whoever stops a relay does so in the middle of a dialogue with a server: what is on
            # its way arrives, and is written down, though nobody waits for it any more.
            await asyncio.shield(lanes)
        except asyncio.CancelledError:
            self._away = "the worker stops"
            raise
        for draft in self._waiting:
            self._faults[draft.letter.subject] = self._away or "no time was left for it"
        return self._faults

    async def _lanes(self) -> None:
        late = asyncio.get_running_loop().time() + limits.message_batch_s
        try:
            await asyncio.gather(*(self._lane(late) for _ in range(self._channel.at_once)))
        finally:
            await self._channel.rest()

    async def _lane(self, late: float) -> None:
        while self._waiting and not self._away and asyncio.get_running_loop().time() < late:
            draft = self._waiting.pop()
            try:
                state, answer = await self._one(draft)
            except Exception as fault:  # a message that cannot be written keeps no other waiting
                log.exception("message failed", letter=draft.letter.subject)
                state, answer = "sending", _short(f"{type(fault).__name__}: {fault}")
            if state == "sending":
                self._faults[draft.letter.subject] = answer
            self._metrics.messages.labels(draft.channel, state).inc()
            log.info("message", letter=draft.letter.subject, channel=draft.channel, state=state)

    async def _one(self, draft: Draft) -> tuple[str, str]:
        """What has become of a message, and the answer it was given."""
        made_at = await queries.begin(self._database, draft.id)
        if made_at is None:
            return "sent", "by a colleague"
        try:
            async with asyncio.timeout(limits.message_s):
                outgoing = await self._composer.compose(draft, made_at)
        except Refused as refusal:
            state, answer = "failed", _short(str(refusal))
        else:
            state, answer = await self._send(outgoing)
        for pause_s in _WRITE_AGAIN_S:
            try:
                await queries.end(self._database, draft.id, state, answer)
                break
            except Unavailable:  # it is sent: not to know that means to send it again
                await asyncio.sleep(pause_s)
        return state, answer

    async def _send(self, outgoing: Outgoing) -> tuple[str, str]:
        try:
            async with asyncio.timeout(limits.message_s):
                return "sent", _short(await self._channel.send(outgoing))
        except Refused as refusal:
            return "failed", _short(str(refusal))
        except Away as fault:
            self._away = _short(str(fault))
            return "sending", self._away
        except Delayed as fault:
            return "sending", _short(str(fault))
        except TimeoutError:
            self._away = f"no answer within {limits.message_s} s"
            return "sending", self._away


def _short(answer: str) -> str:
    """What was said, as PostgreSQL can keep it: what cannot be written down would be sent again.
    A server's words may be in any encoding, or in none."""
    told = answer.encode("utf-8", "replace").decode().replace("\x00", "")
    return told[: limits.message_answer_chars_max]
