"""Many items at once, from payload to outcome: judged, intended, sent and written down together (EXP-DATA-05).

Only what is plain goes together: documents the ledger knows no posting of, and items that need none. Whatever else
comes up (an entry that comes again, a link that lapsed, a period that closed) is handed back and takes the careful way
of `item`. What holds for one item there holds here: its intent stands before it is sent, a write without a reply is an
unknown outcome, a refusal costs no other item anything.
"""

from __future__ import annotations

import asyncio
import itertools
import time
import uuid
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

import structlog

from ledgerbridge.bookkeeping.payables import Bill, Document
from ledgerbridge.bookkeeping.problem import Failure, Problem, problem
from ledgerbridge.bookkeeping.settlement import payables_of
from ledgerbridge.bookkeeping.words import ExportItem, JournalEntry, NothingToPost
from ledgerbridge.erp.port import Booked, Capabilities, ErpError, Wanted
from ledgerbridge.exports import ledger, sets, spool
from ledgerbridge.exports.desk import Desk, ErpDown, JobStopped, Signs, raise_if_general, sign_of, writing
from ledgerbridge.exports.judging import Judged, judge_all, together
from ledgerbridge.exports.receipts import LinkLapsed, ReceiptProblem
from ledgerbridge.store.tables import ItemState, PostingState

log = structlog.get_logger(__name__)

LARGEST = 100
"""Items in a group: as many as one report to Pleo takes."""
GATHERING_SECONDS = 30.0
"""Once the receipts of a group took so long, it is sent as it is: what is ready does not wait for more."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A spooled item, read."""

    work: spool.Work
    item: ExportItem | Problem

    @property
    def entry(self) -> str:
        return self.work.accounting_entry_id


@dataclass(frozen=True, slots=True)
class Fresh:
    """An item whose document is to be booked for the first time."""

    waiting: Waiting
    item: ExportItem
    document: Document
    digest: str

    @property
    def entry(self) -> str:
        return self.waiting.entry


@dataclass(slots=True)
class Worked:
    """What became of a group."""

    settled: int = 0
    """Items that have an outcome."""
    alone: list[spool.Work] = field(default_factory=list)
    """To be worked one at a time."""
    again: list[Waiting] = field(default_factory=list)
    """Nothing of these stands in the ERP; they come next, together."""
    down: Problem | None = None
    """Why they should wait a while before that."""


def size(capabilities: Capabilities) -> int:
    """How many items are sent at once: a group; 1 where nothing is gained by one."""
    return max(1, min(LARGEST, capabilities.batch * capabilities.parallel_writers))


async def work_group(desk: Desk, waiting: Sequence[Waiting]) -> Worked:
    """Take items to their outcomes and write those down, all but what the answer hands back.

    Raises `JobStopped` and `ledger.FenceLost`.
    """
    worked = Worked()
    outcomes, fresh = await _sorted_out(desk, waiting, worked)
    with ExitStack() as files:
        ready = await _with_receipts(desk, fresh, worked, outcomes, files)
        postings = await _intended(desk, [one for one, _ in ready])
        worked.alone += [one.waiting.work for one, _ in ready if one.entry not in postings]
        ready = [(one, wanted) for one, wanted in ready if one.entry in postings]
        if ready:
            log.info("documents sent", items=len(ready))
        replies = await _replies(desk, [wanted for _, wanted in ready])
    results = [(one, postings[one.entry], reply) for (one, _), reply in zip(ready, replies, strict=True)]
    await _settled(desk, outcomes, results, worked)
    return worked


# ------------------------------------------------------------------ before anything is sent


async def _sorted_out(desk: Desk, waiting: Sequence[Waiting], worked: Worked) -> tuple[list[sets.Outcome], list[Fresh]]:
    """Outcomes of items that need no entry, and documents to be booked; the rest goes alone."""
    judged = await judge_all(desk, {one.entry: one.item for one in waiting})
    outcomes: list[sets.Outcome] = []
    fresh: list[Fresh] = []
    signs = dict(desk.signs)
    for one in waiting:
        match judged[one.entry]:
            case Problem() as found:
                outcomes.append(sets.Outcome(one.entry, ItemState.FAILED, found=found))
            case Judged(standing=None, wanted=NothingToPost()):
                outcomes.append(sets.Outcome(one.entry, ItemState.NOTHING_TO_POST))
            case Judged(standing=None, wanted=JournalEntry() | Bill() as document) as found:
                # The first of its kind tells the sign, once it is booked; another sign is for after that.
                sign = sign_of(found.item)
                kind = (found.item.type, found.item.sub_type)
                other_sign = sign is not None and signs.setdefault(kind, sign) != sign
                if other_sign or document.key.accounting_entry_id != one.entry:
                    worked.alone.append(one.work)
                else:
                    fresh.append(Fresh(one, found.item, document, found.digest))
            case Judged(standing=None, wanted=tuple() as problems):
                outcomes.append(sets.Outcome(one.entry, ItemState.FAILED, found=together(problems)))
            case _:
                worked.alone.append(one.work)
    return outcomes, fresh


async def _with_receipts(
    desk: Desk, fresh: Sequence[Fresh], worked: Worked, outcomes: list[sets.Outcome], files: ExitStack
) -> list[tuple[Fresh, Wanted]]:
    """Documents with their files; no receipt, no entry (EXP-ATT-07)."""
    began = time.monotonic()
    coming = list(itertools.takewhile(lambda one: desk.ahead.begin(one.item), fresh)) or list(fresh[:1])
    worked.again += [one.waiting for one in fresh[len(coming) :]]
    ready: list[tuple[Fresh, Wanted]] = []
    for position, one in enumerate(coming):
        if ready and time.monotonic() - began > GATHERING_SECONDS:
            worked.again[:0] = [later.waiting for later in coming[position:]]
            break
        try:
            receipts = files.enter_context(await desk.ahead.take(one.item))
        except LinkLapsed:
            worked.alone.append(one.waiting.work)
        except ReceiptProblem as error:
            outcomes.append(sets.Outcome(one.entry, ItemState.FAILED, found=error.problem))
        except Exception as error:
            log.exception("unexpected failure while fetching receipts", accounting_entry_id=one.entry)
            found = problem(Failure.UNEXPECTED, repr(error))
            outcomes.append(sets.Outcome(one.entry, ItemState.FAILED, found=found))
        else:
            ready.append((one, Wanted(one.document, receipts)))
    return ready


async def _intended(desk: Desk, fresh: Sequence[Fresh]) -> dict[str, uuid.UUID]:
    """Intents of all that is sent next; the postings by accounting entry."""
    if not fresh:
        return {}
    intent = ledger.Intent("", desk.configuration.version, desk.job_id, desk.erp_kind)
    wanted = [sets.Intended(one.document, one.digest, payables_of(one.item, one.document)) for one in fresh]
    async with writing(desk) as session:
        return await sets.intend(session, desk.lease, desk.connection_id, intent, wanted, final=desk.final)


# ------------------------------------------------------------------ sending

Reply = Booked | ErpError | Exception
"""What the ERP said of one document; an exception that is no `ErpError` tells nothing."""


async def _replies(desk: Desk, wanted: Sequence[Wanted]) -> list[Reply]:
    """Send all at once, in calls as large and as many as the ERP takes; one reply each, in order."""
    if not wanted:
        return []
    capabilities = desk.erp.capabilities
    share = max(1, min(capabilities.batch, -(-len(wanted) // capabilities.parallel_writers)))
    calls = [wanted[start : start + share] for start in range(0, len(wanted), share)]
    if len(calls) == 1:
        return await _call(desk, calls[0])
    tasks = [asyncio.create_task(_call(desk, one), name="book") for one in calls]
    try:
        return [reply for replies in await asyncio.gather(*tasks) for reply in replies]
    finally:
        for task in tasks:
            task.cancel()


async def _call(desk: Desk, wanted: Sequence[Wanted]) -> list[Reply]:
    try:
        if desk.erp.capabilities.batch > 1:
            replies = await desk.erp.book_many(wanted, final=desk.final)
            return [reply for reply, _ in zip(replies, wanted, strict=True)]
        (one,) = wanted
        return [await desk.erp.book(one.document, one.attachments, final=desk.final)]
    except ErpError as error:
        # Said of a whole call, it tells of no single document that it was not booked.
        unknown = error.outcome_unknown or len(wanted) > 1
        return [ErpError(error.problem, outcome_unknown=unknown) for _ in wanted]
    except Exception as error:
        log.exception("unexpected failure while booking", items=len(wanted))
        return [error] * len(wanted)


# ------------------------------------------------------------------ after


@dataclass(slots=True)
class _Record:
    """What is to be written down of a group."""

    outcomes: list[sets.Outcome]
    entries: list[sets.Entry] = field(default_factory=list)
    signs: Signs = field(default_factory=dict)
    """Seen of what was booked and not known before."""
    stopped: JobStopped | None = None

    def booked(self, one: Fresh, posting_id: uuid.UUID, made: Booked) -> None:
        self.entries.append(sets.Entry(posting_id, PostingState.BOOKED, made))
        self.outcomes.append(sets.Outcome(one.entry, ItemState.BOOKED, posting_id))
        if (sign := sign_of(one.item)) is not None:
            self.signs[one.item.type, one.item.sub_type] = sign

    def unknown(self, one: Fresh, posting_id: uuid.UUID, why: str, doubt: Problem) -> None:
        self.entries.append(sets.Entry(posting_id, PostingState.UNKNOWN, note=why))
        self.outcomes.append(sets.Outcome(one.entry, ItemState.UNKNOWN, posting_id, doubt))

    def refused(self, desk: Desk, one: Fresh, posting_id: uuid.UUID, found: Problem, worked: Worked) -> None:
        """The ERP has nothing: an intent left standing would make the next attempt doubt it."""
        self.entries.append(sets.Entry(posting_id, PostingState.NOT_BOOKED, note=found.failure))
        if found.failure is Failure.PERIOD_CLOSED and desk.fresh_chart_allowed:
            worked.alone.append(one.waiting.work)
            return
        try:
            raise_if_general(ErpError(found))
        except ErpDown:
            worked.again.append(one.waiting)
            worked.down = found
        except JobStopped as reason:
            self.stopped = reason
        else:
            self.outcomes.append(sets.Outcome(one.entry, ItemState.FAILED, posting_id, found))


async def _settled(
    desk: Desk, outcomes: list[sets.Outcome], results: Iterable[tuple[Fresh, uuid.UUID, Reply]], worked: Worked
) -> None:
    """Write all outcomes down at once, then tell what ends the job. Raises `JobStopped`."""
    record = _Record(outcomes)
    for one, posting_id, reply in results:
        match reply:
            case Booked():
                record.booked(one, posting_id, reply)
            case ErpError(outcome_unknown=False, problem=found):
                record.refused(desk, one, posting_id, found, worked)
            case _:
                why = str(reply) if isinstance(reply, ErpError) else repr(reply)
                record.unknown(one, posting_id, why, desk.doubt(one.entry, why))
    new = {kind: sign for kind, sign in record.signs.items() if kind not in desk.signs}
    if record.entries or record.outcomes:
        async with writing(desk) as session:
            await sets.record(session, desk.connection_id, record.entries)
            await sets.settle(session, desk.job_id, record.outcomes)
            await sets.observe(session, desk.connection_id, new)
    desk.signs.update(new)
    worked.settled = len(record.outcomes)
    _tell(desk, record.outcomes)
    if record.stopped is not None:
        raise record.stopped


def _tell(desk: Desk, outcomes: Sequence[sets.Outcome]) -> None:
    for one in outcomes:
        desk.context.observer.item(one.state)
        if one.found is not None:
            log.info("item settled", accounting_entry_id=one.accounting_entry_id, outcome=str(one.state))
    if outcomes:
        log.info("items settled", **Counter(str(one.state) for one in outcomes))
