"""Writing what a plan wants: side by side, phase by phase, one bad record never in the way of the others.

A phase is one call of `each`; it returns when all its writes have ended, so that phases keep their order.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import structlog

from ledgerbridge.erp.port import ErpError
from ledgerbridge.pleo.errors import BadRequest, Conflict, OutcomeUnknown, PleoError, Unavailable, Unprocessable
from ledgerbridge.syncs.desk import Desk
from ledgerbridge.syncs.failing import cause_of, concerns_all
from ledgerbridge.syncs.record import Action

T = TypeVar("T")
R = TypeVar("R")

log = structlog.get_logger(__name__)

MOST_IN_A_ROW = 5
"""After so many writes in a row without an answer Pleo is down, and the run ends rather than try them all."""


@dataclass
class _Phase(Generic[T]):
    desk: Desk
    work: Iterator[T]
    write: Callable[[T], Awaitable[Action | None]]
    named: Callable[[T], str]
    action: str
    count: Callable[[T], int]
    lost: Callable[[T], None] | None
    unanswered: int = 0
    fatal: Exception | None = None
    doubtful: list[tuple[T, OutcomeUnknown]] = field(default_factory=list)
    """Items whose answer was lost."""

    async def worker(self) -> None:
        for one in self.work:  # shared: each worker takes the next one
            if self.fatal is not None:
                return
            try:
                await self._do(one)
            except Exception as error:
                self.fatal = self.fatal or error

    async def _do(self, one: T) -> None:
        await self.desk.still_ours()
        try:
            action = await self.write(one)
        except (PleoError, ErpError) as error:
            answered = not isinstance(error, Unavailable | OutcomeUnknown)
            self.unanswered = 0 if answered else self.unanswered + 1
            if concerns_all(error) or self.unanswered >= MOST_IN_A_ROW:
                self._stopped_at(one, error)
                raise
            if self.lost is not None and isinstance(error, OutcomeUnknown):
                self.doubtful.append((one, error))
            else:
                refuse(self.desk, self.named(one), self.action, error, count=self.count(one))
            return
        self.unanswered = 0
        if action is not None:
            self.desk.record.done(action)

    def _stopped_at(self, one: T, error: PleoError | ErpError) -> None:
        """Count what the run ends at: it was begun, and nothing else will tell of it."""
        text = cause_of(error).text if concerns_all(error) else None
        refuse(self.desk, self.named(one), self.action, error, count=self.count(one), text=text)

    def end(self) -> None:
        """Hand over items whose answer was lost, or count them where nobody will look at them any more."""
        for one, error in self.doubtful:
            if self.fatal is None and self.lost is not None:
                self.lost(one)
            else:
                refuse(self.desk, self.named(one), self.action, error, count=self.count(one))
        if self.fatal is not None:
            raise self.fatal


async def each(
    desk: Desk,
    items: Iterable[T],
    write: Callable[[T], Awaitable[Action | None]],
    *,
    named: Callable[[T], str],
    action: str,
    count: Callable[[T], int] = lambda _: 1,
    lost: Callable[[T], None] | None = None,
) -> None:
    """Write every item, `desk.syncs.writers` at once, and count what `write` says became of it (None: counted there).

    A refusal of one item is recorded under `named(item)` and the others go on (ACC-121, TAG-151, VEN-133); an item may
    stand for `count(item)` records. `lost` is given the items whose answer was lost, to look at afterwards. Raises what
    concerns all of them, once nothing is under way any more: access, rate, the lease, Pleo down; the items it stopped
    at are counted as failed.
    """
    phase = _Phase(desk, iter(items), write, named, action, count, lost)
    async with asyncio.TaskGroup() as group:
        for _ in range(max(1, desk.syncs.writers)):
            group.create_task(phase.worker())
    phase.end()


def refuse(
    desk: Desk, record: str, action: str, error: PleoError | ErpError, *, count: int = 1, text: str | None = None
) -> None:
    """Record that one write failed, in words a person can act on; Pleo's own text is shown, never branched on.

    `text` is told instead, where the error says more of the run than of the record.
    """
    log.warning("record not synchronised", record=record, action=action, error=str(error))
    if isinstance(error, ErpError):
        desk.record.failed(record, action, error.problem.failure.value, text or error.problem.text, count=count)
        return
    desk.record.failed(record, action, code_of(error), text or text_of(error), count=count)


def code_of(error: PleoError) -> str:
    """A short word for what Pleo did."""
    if isinstance(error, OutcomeUnknown):
        return "outcome_unknown"
    return f"pleo_{error.status}" if error.status else "pleo_no_answer"


def text_of(error: PleoError) -> str:
    """What Pleo did to one record, as a sentence."""
    said = f' Pleo says: "{error.message}"' if error.message else ""
    if isinstance(error, OutcomeUnknown):
        return f"Pleo did not answer, so it is not known whether this took effect; the next run looks again.{said}"
    if isinstance(error, Unavailable):
        return f"Pleo did not answer; the next run tries again.{said}"
    return f"Pleo refused this record ({error.status or 'no answer'}).{_ADVICE.get(type(error), '')}{said}"


_CORRECT = (
    " Look at its name and number in the accounting system and correct what Pleo cannot hold; "
    "the next run sends it again."
)
_ADVICE: dict[type[PleoError], str] = {
    Conflict: " Another one in Pleo already uses its number or identifier. Look for it there, among the archived ones, "
    "too, and change the one of the two that is wrong: that one in Pleo, this one in the accounting system.",
    BadRequest: _CORRECT,
    Unprocessable: _CORRECT,
}
"""What to look for, by how Pleo refused."""


async def surely(create: Callable[[], Awaitable[R]], find: Callable[[], Awaitable[R | None]]) -> R:
    """Create something, once: after a lost answer Pleo is read before anything is repeated (ACC-117, VEN-131).

    Raises `OutcomeUnknown` when the answer to the second try is lost, too, and nothing is found after it.
    """
    try:
        return await create()
    except OutcomeUnknown:
        found = await find()
    if found is not None:
        return found
    try:
        return await create()
    except OutcomeUnknown:
        found = await find()
        if found is None:
            raise
        return found


async def in_halves(
    items: Sequence[T],
    write: Callable[[Sequence[T]], Awaitable[None]],
    refused: Callable[[T, PleoError], None],
    *,
    splits: tuple[type[PleoError], ...],
) -> None:
    """Write a bundle in one call; one that Pleo refuses whole is halved until the guilty item stands alone."""
    try:
        await write(items)
    except splits as error:
        if len(items) == 1:
            refused(items[0], error)
            return
        middle = len(items) // 2
        await in_halves(items[:middle], write, refused, splits=splits)
        await in_halves(items[middle:], write, refused, splits=splits)


def chunks(items: Sequence[T], size: int) -> Iterable[Sequence[T]]:
    """The items in order, `size` at a time."""
    return (items[start : start + size] for start in range(0, len(items), size))
