"""Every item of a job, in groups as large as the ERP takes them, until each has an outcome (EXP-DONE-01).

While the ERP works on one group, the receipts of the next are fetched. What a group hands back is worked one at a time.
The run waits for an ERP that is down and never so long that the job expires (invariant 10).
"""

from __future__ import annotations

import asyncio
import datetime as dt
import itertools
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import structlog

from ledgerbridge.bookkeeping.chart_index import ChartIndex
from ledgerbridge.bookkeeping.problem import Problem
from ledgerbridge.bookkeeping.words import ExportItem
from ledgerbridge.clock import utcnow
from ledgerbridge.erp.port import ErpError
from ledgerbridge.exports import closing, fetch, group, ledger, spool
from ledgerbridge.exports.ahead import AT_ONCE
from ledgerbridge.exports.desk import ChartStale, Desk, ErpDown, JobStopped, raise_if_general
from ledgerbridge.exports.group import Waiting
from ledgerbridge.exports.item import work_item
from ledgerbridge.exports.judging import readable
from ledgerbridge.exports.receipts import LinkLapsed
from ledgerbridge.store.tables import ExportJob, ItemState

if TYPE_CHECKING:
    from ledgerbridge.exports.job import Run

log = structlog.get_logger(__name__)

CHUNK = 200
"""Items read from the spool at a time."""


async def book_all(run: Run, desk: Desk) -> Problem | None:
    """Book what waits, then come back to unknown outcomes, until every item has an outcome.

    Returns what stopped the booking, if anything did.
    """
    stopped = None
    booking = Booking(run, desk)
    try:
        await booking.book(ItemState.WAITING)
        for pause in run.context.patience.pause:
            async with run.context.db.reading() as session:
                left = await spool.next_items(session, run.job.id, ItemState.UNKNOWN, -1, 1)
            if not left or not desk.erp.capabilities.can_probe or run.late:
                break
            await run.reporter.keep_alive()
            await asyncio.sleep(pause)
            await booking.book(ItemState.UNKNOWN)
    except JobStopped as reason:
        stopped = reason.problem
        await _settle_rest(run, stopped)
    await closing.settle_unknown(run, searched=desk.erp.capabilities.can_probe)
    return stopped


@dataclass(slots=True)
class Booking:
    """The way through the items of a job."""

    run: Run
    desk: Desk
    """With the newest chart."""
    _coming: deque[Waiting] = field(default_factory=deque)
    """Read from the spool and not begun."""
    _read_to: int = -1
    """Position of the last of them."""

    async def book(self, state: ItemState) -> None:
        """Work every item in `state` once. Raises `JobStopped`, `ledger.FenceLost`."""
        self._forget(-1)
        # What is in doubt has been sent before: each is looked for by itself.
        together = group.size(self.desk.erp.capabilities) if state == ItemState.WAITING else 1
        following = max(together, AT_ONCE)
        while await self._read(state, together):
            now = [self._coming.popleft() for _ in range(min(together, len(self._coming)))]
            await self._read(state, following)
            self._begin([*now, *itertools.islice(self._coming, following)])
            if await self._work(now, together):
                self._forget(now[-1].work.position)

    async def _read(self, state: ItemState, wanted: int) -> bool:
        """Read on until so many items are there, or all that there are; whether there is any."""
        while len(self._coming) < wanted:
            async with self.run.context.db.reading() as session:
                chunk = await spool.next_items(session, self.run.job.id, state, self._read_to, CHUNK)
            if not chunk:
                break
            self._read_to = chunk[-1].position
            self._coming.extend(Waiting(work, readable(self.desk, work.payload)) for work in chunk)
        return bool(self._coming)

    def _begin(self, items: Sequence[Waiting]) -> None:
        """Let their receipts come, those of the first first."""
        for one in items:
            if isinstance(one.item, ExportItem) and not self.desk.ahead.begin(one.item):
                return

    def _forget(self, position: int) -> None:
        """Read anew what comes after this position."""
        self._coming.clear()
        self._read_to = position

    async def _work(self, waiting: Sequence[Waiting], together: int) -> bool:
        """Work a group to its end; whether links to receipts were fetched anew, and what was read is out of date."""
        renewed = False
        wait = _Wait(self.run)
        left = list(waiting)
        alone = [one.work for one in left] if together == 1 else []
        left = left if together > 1 else []
        while left or alone:
            down = None
            if left:
                async with self.run.reporter.beating(left[0].entry):
                    worked = await group.work_group(self.desk, left)
                self.run.reporter.later(worked.settled)
                left, alone, down = worked.again, worked.alone, worked.down
                if worked.settled:
                    wait = _Wait(self.run)
            for work in alone:
                renewed = await self._work_alone(work, renewed=renewed)
            alone = []
            if down is not None:
                await wait.for_erp(down)
        for one in waiting:
            if isinstance(one.item, ExportItem):
                await self.desk.ahead.drop(one.item)
        return renewed

    async def _work_alone(self, work: spool.Work, *, renewed: bool) -> bool:
        """Work one item; wait while the ERP is down. Whether links to receipts are newer than those of the group.

        With `renewed` they are so already. The desk has a newer chart afterwards if this item found it stale.
        """
        wait = _Wait(self.run)
        stale = False
        while True:
            try:
                if renewed:
                    work = await self._again(work)
                if stale:
                    self.desk = await _with_fresh_chart(self.desk)
                    stale = False
                await work_item(self.desk, work)
            except ChartStale:
                stale = True
            except LinkLapsed:
                await fetch.while_there_is_time(self.run, fetch.data_layer(self.run))
                renewed = True
                self.desk = replace(self.desk, fresh_links_allowed=False)
            except ErpDown as down:
                await wait.for_erp(down.problem)
            else:
                self.desk = replace(self.desk, fresh_chart_allowed=True, fresh_links_allowed=True)
                await self.run.reporter.more(1)
                return renewed

    async def _again(self, work: spool.Work) -> spool.Work:
        async with self.run.context.db.reading() as session:
            return await spool.again(session, self.run.job.id, work)


class _Wait:
    """Waiting for an ERP that is down, since something last went through."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._began: dt.datetime = utcnow()
        self._tries = 0

    async def for_erp(self, down: Problem) -> None:
        """Wait once more. Raises `JobStopped` when that was long enough, or when the job must not wait."""
        patience = self._run.context.patience
        waited = (utcnow() - self._began).total_seconds()
        if waited > patience.erp_down or self._run.late:
            raise JobStopped(down)
        pause = patience.pause[min(self._tries, len(patience.pause) - 1)]
        self._tries += 1
        log.warning("erp down, waiting", seconds=pause, reason=down.internal)
        await asyncio.sleep(pause)
        await self._run.reporter.keep_alive()


async def _with_fresh_chart(desk: Desk) -> Desk:
    try:
        chart = ChartIndex(await desk.erp.chart())
    except ErpError as error:
        raise_if_general(error)
        raise JobStopped(error.problem) from error
    return replace(desk, chart=chart, fresh_chart_allowed=False)


async def _settle_rest(run: Run, found: Problem) -> None:
    """Fail what waits for one common reason, except what an interrupted attempt may have booked: that is unknown."""
    async with run.context.db.transaction() as session:
        await ledger.guard(session, run.lease)
        job = await session.get_one(ExportJob, run.job.id)
        await spool.doubt_interrupted(session, job)
        settled = await spool.settle_rest(session, job.id, found)
        spool.note(session, job, "stopped", reason=found.text, items=settled)
