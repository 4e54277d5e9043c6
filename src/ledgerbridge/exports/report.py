"""Reporting outcomes to Pleo: batches of at most 100, well inside `expiresIn`, each outcome once (EXP-UPD-*).

What is to be reported is read from the spool, so a crash between booking and reporting loses nothing.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager, suppress

import structlog

from ledgerbridge.bookkeeping.problem import TABLE, Failure
from ledgerbridge.clock import utcnow
from ledgerbridge.exports import ledger, outbox, spool
from ledgerbridge.exports.context import ExportContext
from ledgerbridge.pleo.errors import OutcomeUnknown, PleoError, RateLimited, Unavailable, Unprocessable
from ledgerbridge.pleo.export import ExportApi
from ledgerbridge.pleo.reports import ItemUpdate
from ledgerbridge.store.tables import ExportItem, ExportJob, ItemState, Posting

log = structlog.get_logger(__name__)

BATCH = 100
"""Pleo answers 413 above this (EXP-UPD-02)."""


class JobGone(Exception):
    """Pleo no longer takes updates for the job: it expired, was cancelled, or is finished (EXP-EXPIRE-03)."""


class Reporter:
    """Reports the outcomes of one job as they come."""

    def __init__(self, context: ExportContext, api: ExportApi, job: ExportJob) -> None:
        self._context = context
        self._api = api
        self._job = job
        self._waiting = 0
        self._reported_to = -1
        self._last_action = job.last_action_at or utcnow()

    @property
    def last_action(self) -> dt.datetime:
        """When Pleo last accepted something for this job, as far as known."""
        return self._last_action

    @property
    def since_last_action(self) -> float:
        """Seconds since Pleo last accepted something for this job."""
        return (utcnow() - self._last_action).total_seconds()

    def acted(self) -> None:
        """Pleo accepted an event or an update just now."""
        self._last_action = utcnow()

    async def more(self, items: int) -> None:
        """Items got their outcomes: report when a batch is full or time presses (EXP-UPD-12)."""
        self._waiting += items
        if self._waiting >= BATCH:
            await self.flush(at_least=BATCH)
        else:
            await self.keep_alive()

    def later(self, items: int) -> None:
        """Items got their outcomes; a full batch is reported while the next items are worked, see `beating`."""
        self._waiting += items

    async def keep_alive(self) -> None:
        """Report what there is when a good share of `expiresIn` has passed (invariant 10)."""
        share = self._context.patience.report_share
        if self._waiting and self.since_last_action > self._job.expires_in * share:
            await self.flush()

    @asynccontextmanager
    async def beating(self, accounting_entry_id: str) -> AsyncIterator[None]:
        """Report full batches while the body is busy, and keep the job alive while it waits for the ERP.

        An ERP may take long over many items at once: what has an outcome is reported in time; where nothing has, that
        this item is being worked on (EXP-UPD-10). A Pleo that fails is told again while the body lasts. Raises what
        the last try raised, once the body has come to its end.
        """
        over = asyncio.Event()
        beat = asyncio.create_task(self._beat(accounting_entry_id, over), name="report while waiting")
        try:
            yield
        except Exception:
            over.set()
            await asyncio.gather(beat, return_exceptions=True)
            raise
        except BaseException:
            beat.cancel()
            raise
        over.set()
        await beat

    async def _beat(self, accounting_entry_id: str, over: asyncio.Event) -> None:
        failed = await _tried(self.flush(at_least=BATCH)) if self._waiting >= BATCH else None
        interval = self._job.expires_in * self._context.patience.report_share
        while not over.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(over.wait(), max(interval - self.since_last_action, interval / 10))
                break
            if self.since_last_action >= interval:
                telling = self.flush() if self._waiting else self._working_on(accounting_entry_id)
                failed = await _tried(telling)
        if failed is not None:
            raise failed

    async def _working_on(self, accounting_entry_id: str) -> None:
        try:
            await self._api.update_items(self._job.pleo_job_id, [ItemUpdate.in_progress(accounting_entry_id)])
        except Unprocessable as error:
            raise JobGone from error
        self.acted()

    async def flush(self, at_least: int = 1) -> None:
        """Report outcomes while at least `at_least` wait. Raises `JobGone`.

        A full batch is looked for behind the last one: what got its outcome late, further up, waits for the end.
        """
        after = self._reported_to if at_least == BATCH else -1
        while True:
            async with self._context.db.reading() as session:
                rows = await outbox.unreported(session, self._job.id, BATCH, after)
            if len(rows) < at_least or not rows:
                self._waiting = len(rows)
                return
            await self._send(rows)
            self._reported_to = after = rows[-1][0].position
            if len(rows) < BATCH or (at_least == BATCH and self._waiting < BATCH):
                return  # none are left, or too few for now

    async def _send(self, rows: Sequence[tuple[ExportItem, Posting | None]]) -> None:
        try:
            answer = await self._api.update_items(self._job.pleo_job_id, [_update(*row) for row in rows])
        except Unprocessable as error:
            raise JobGone from error
        self.acted()
        refused = {refusal.accounting_entry_id: refusal.type for refusal in answer.errors}
        refused |= dict.fromkeys(answer.unanswered, "UNANSWERED")
        if refused:
            refused = await self._really_refused(rows, refused)
        accepted = [item.accounting_entry_id for item, _ in rows if item.accounting_entry_id not in refused]
        async with self._context.db.transaction() as session:
            await outbox.mark_reported(session, self._job.id, accepted, self._last_action)
            await outbox.mark_refused(session, self._job.id, refused)
            await spool.acted(session, self._job.id, self._last_action)
            spool.note(session, self._job, "reported", items=len(accepted), refused=len(refused))
        self._waiting = max(0, self._waiting - len(rows))

    async def _really_refused(
        self, rows: Sequence[tuple[ExportItem, Posting | None]], refused: dict[str, str]
    ) -> dict[str, str]:
        """Leave out refusals of outcomes Pleo already holds: an earlier update whose reply was lost (EXP-UPD-08)."""
        wanted = {item.accounting_entry_id: _status(item) for item, _ in rows}
        held: dict[str, str] = {}
        async for page in self._api.job_items(self._job.pleo_job_id):
            held |= {item.accounting_entry_id: item.status for item in page if item.accounting_entry_id in refused}
        left = {name: kind for name, kind in refused.items() if name in wanted and held.get(name) != wanted[name]}
        for name, kind in left.items():
            log.error("pleo refused an item update", accounting_entry_id=name, type=kind)
        return left


async def _tried(telling: Awaitable[None]) -> PleoError | None:
    """How it failed, if that may pass."""
    try:
        await telling
    except (Unavailable, RateLimited, OutcomeUnknown) as failed:
        log.warning("pleo not told while the accounting system works", reason=str(failed))
        return failed
    return None


def _status(item: ExportItem) -> str:
    return "failed" if item.state == ItemState.FAILED else "successful"


def _update(item: ExportItem, posting: Posting | None) -> ItemUpdate:
    """Exactly one final status, with the ERP's id or a reason (EXP-UPD-03 to -06)."""
    if item.state == ItemState.FAILED:
        return ItemUpdate.failed(
            item.accounting_entry_id,
            reason=item.failure_reason or TABLE[Failure.UNEXPECTED].text,
            reason_type=item.failure_type or "unexpected_failure",
        )
    return ItemUpdate.successful(
        item.accounting_entry_id,
        external_id=(posting.erp_number or posting.erp_id) if posting else None,
        external_url=posting.erp_url if posting else None,
        exported_at=ledger.booked_at(posting) if posting else utcnow(),
    )
