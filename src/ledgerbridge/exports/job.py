"""One export job: start → preflight → fetch → book → report → complete, from wherever an earlier run left it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace

import structlog

from ledgerbridge.bookkeeping.chart_index import ChartIndex
from ledgerbridge.bookkeeping.problem import Failure, Problem, problem
from ledgerbridge.clock import utcnow
from ledgerbridge.connections.access import ConnectionState, open_erp
from ledgerbridge.connections.errors import CredentialError, SecretUnreadable
from ledgerbridge.erp.port import Erp, ErpError
from ledgerbridge.exports import closing, fetch, ledger, settling, spool
from ledgerbridge.exports.closing import CHUNK
from ledgerbridge.exports.context import ExportContext
from ledgerbridge.exports.desk import ChartStale, Desk, ErpDown, JobStopped, raise_if_general
from ledgerbridge.exports.enqueue import enqueue_settle
from ledgerbridge.exports.item import work_item
from ledgerbridge.exports.judging import load_signs, today_in
from ledgerbridge.exports.ledger import FenceLost
from ledgerbridge.exports.preflight import NotReady, Ready, inspect, patiently, set_up
from ledgerbridge.exports.receipts import LinkLapsed
from ledgerbridge.exports.report import JobGone, Reporter
from ledgerbridge.exports.vendors import index_for
from ledgerbridge.pleo.errors import Forbidden, OutcomeUnknown, RateLimited, Unauthorised, Unavailable
from ledgerbridge.pleo.export import ExportApi
from ledgerbridge.store.leases import Lease
from ledgerbridge.store.tables import ExportJob, ItemState, JobPhase

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Run:
    """One attempt at one job by the holder of the company's lease."""

    context: ExportContext
    lease: Lease
    company: ConnectionState
    api: ExportApi
    job: ExportJob
    reporter: Reporter


async def work_job(
    context: ExportContext, lease: Lease, company: ConnectionState, api: ExportApi, job: ExportJob
) -> None:
    """Take a claimed job to its end at Pleo.

    Raises what only time or an operator can settle (Pleo unavailable, lease lost); the job then stays open and the next
    look resumes it without a second `started` (EXP-REC-02, -03).
    """
    run = Run(context, lease, company, api, job, Reporter(context, api, job))
    try:
        if job.phase == JobPhase.CLAIMED and not await closing.start(run):
            return
        await _work_started(run)
    except JobGone:
        await closing.close_as_pleo_says(run)
    except RateLimited as error:
        await _give_up_if_late(run, error, problem(Failure.PLEO_RATE_LIMIT, str(error)))
    except SecretUnreadable as error:
        # Mostly the ERP's; where it is Pleo's, the same comes of telling Pleo, and the job stays open.
        await _give_up_if_late(run, error, problem(Failure.ERP_ACCESS_UNREADABLE, str(error)))
    except (Unavailable, OutcomeUnknown, Unauthorised, Forbidden, CredentialError, FenceLost):
        raise  # Pleo would not take a failure just now either
    except Exception as error:
        log.exception("unexpected failure in an export job")
        await _give_up_if_late(run, error, problem(Failure.UNEXPECTED, repr(error)))


async def _give_up_if_late(run: Run, error: Exception, found: Problem) -> None:
    """Let the queue try again while there is time; then fail the job with words rather than let it expire."""
    if not _late(run):
        raise error
    await closing.fail(run, found)


async def _work_started(run: Run) -> None:
    try:
        ready = set_up(run.company)
        async with AsyncExitStack() as stack:
            erp = await stack.enter_async_context(open_erp(run.context.connections, run.company.connection.id))
            chart = await patiently(
                run.context.patience, lambda: inspect(erp, ready, vendor_based=run.job.vendor_based)
            )
            await closing.note(run, "preflight_passed", config_version=ready.configuration.version)
            await _while_there_is_time(run, fetch.both_layers(run))
            vendors = await index_for(run, erp)
            desk = replace(await _desk(run, erp, ready, chart), vendors=vendors)
            stopped = await _book_all(run, desk)
            if stopped is None:
                await _settle_claims(run, erp)
    except (NotReady, fetch.Unfetchable, JobStopped) as error:
        await closing.fail(run, error.problem)
        return
    await closing.complete(run, stopped)


async def _while_there_is_time(run: Run, reading: Awaitable[object]) -> None:
    """Read items at Pleo. Raises `JobStopped` where Pleo does not give them and there is no time left to ask again.

    Pleo may refuse just this reading for ever and take everything else.
    """
    try:
        await reading
    except Unavailable as error:
        if not _late(run):
            raise
        raise JobStopped(problem(Failure.PLEO_GIVES_NO_ITEMS, str(error))) from error


async def _settle_claims(run: Run, erp: Erp) -> None:
    """Bring bills and payments together, once everything booked is reported: matching never costs an outcome.

    A job that would expire over it goes on; the rest is matched by work of its own.
    """
    await run.reporter.flush()
    connection = run.company.connection
    work = settling.Settling(
        run.context.db, run.lease, connection.id, connection.company_id, erp, late=lambda: _late(run)
    )
    matched = await settling.settle_open(work, run.job.id)
    if matched.groups:
        await closing.note(run, "settled", groups=matched.groups)
    if matched.unfinished:
        async with run.context.db.transaction() as session:
            await enqueue_settle(session, run.context.queue, connection.id)


async def _desk(run: Run, erp: Erp, ready: Ready, chart: ChartIndex) -> Desk:
    connection = run.company.connection
    return Desk(
        context=run.context,
        lease=run.lease,
        connection_id=connection.id,
        company_id=connection.company_id,
        job_id=run.job.id,
        configuration=ready.configuration,
        erp=erp,
        erp_kind=ready.binding.kind,
        chart=chart,
        today=today_in(ready.configuration),
        signs=await load_signs(run.context, connection.id),
    )


# ------------------------------------------------------------------ booking every item


async def _book_all(run: Run, desk: Desk) -> Problem | None:
    """Book what waits, then come back to unknown outcomes, until every item has an outcome (EXP-DONE-01).

    Returns what stopped the booking, if anything did.
    """
    stopped = None
    try:
        await _book_state(run, desk, ItemState.WAITING)
        for pause in run.context.patience.pause:
            async with run.context.db.reading() as session:
                left = await spool.next_items(session, run.job.id, ItemState.UNKNOWN, -1, 1)
            if not left or not desk.erp.capabilities.can_probe or _late(run):
                break
            await run.reporter.keep_alive()
            await asyncio.sleep(pause)
            await _book_state(run, desk, ItemState.UNKNOWN)
    except JobStopped as reason:
        stopped = reason.problem
        await _settle_rest(run, stopped)
    await closing.settle_unknown(run, searched=desk.erp.capabilities.can_probe)
    return stopped


async def _book_state(run: Run, desk: Desk, state: ItemState) -> None:
    position = -1
    while True:
        async with run.context.db.reading() as session:
            chunk = await spool.next_items(session, run.job.id, state, position, CHUNK)
        if not chunk:
            return
        for work in chunk:
            position = work.position
            desk = await _work_patiently(run, desk, work)
            await run.reporter.one_more()


async def _work_patiently(run: Run, desk: Desk, work: spool.Work) -> Desk:
    """Work one item; wait while the ERP is down, but not so long that the job expires (invariant 10).

    Returns the desk for the next item, with a newer chart if this one found it stale.
    """
    patience = run.context.patience
    began = utcnow()
    tries = 0
    stale = False
    while True:
        try:
            if stale:
                desk = await _with_fresh_chart(desk)
                stale = False
            await work_item(desk, work)
        except ChartStale:
            stale = True
        except LinkLapsed:
            await _while_there_is_time(run, fetch.data_layer(run))
            async with run.context.db.reading() as session:
                work = await spool.again(session, run.job.id, work)
            desk = replace(desk, fresh_links_allowed=False)
        except ErpDown as down:
            waited = (utcnow() - began).total_seconds()
            if waited > patience.erp_down or _late(run):
                raise JobStopped(down.problem) from down
            pause = patience.pause[min(tries, len(patience.pause) - 1)]
            tries += 1
            log.warning("erp down, waiting", seconds=pause, reason=down.problem.internal)
            await asyncio.sleep(pause)
            await run.reporter.keep_alive()
        else:
            return replace(desk, fresh_chart_allowed=True, fresh_links_allowed=True)


async def _with_fresh_chart(desk: Desk) -> Desk:
    try:
        chart = ChartIndex(await desk.erp.chart())
    except ErpError as error:
        raise_if_general(error)
        raise JobStopped(error.problem) from error
    return replace(desk, chart=chart, fresh_chart_allowed=False)


def _late(run: Run) -> bool:
    """Whether so much of `expiresIn` has gone that what is open must be settled now (EXP-EXPIRE-04)."""
    return run.reporter.since_last_action > run.job.expires_in * run.context.patience.deadline_share


async def _settle_rest(run: Run, found: Problem) -> None:
    """Fail what waits for one common reason, except what an interrupted attempt may have booked: that is unknown."""
    async with run.context.db.transaction() as session:
        await ledger.guard(session, run.lease)
        job = await session.get_one(ExportJob, run.job.id)
        await spool.doubt_interrupted(session, job)
        settled = await spool.settle_rest(session, job.id, found)
        spool.note(session, job, "stopped", reason=found.text, items=settled)
