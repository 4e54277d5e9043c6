"""One export job: start → preflight → fetch → book → report → complete, from wherever an earlier run left it."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass, replace

import structlog

from ledgerbridge.bookkeeping.chart_index import ChartIndex
from ledgerbridge.bookkeeping.problem import Failure, Problem, problem
from ledgerbridge.connections.access import ConnectionState, open_erp
from ledgerbridge.connections.errors import CredentialError, SecretUnreadable
from ledgerbridge.erp.port import Erp, ErpError
from ledgerbridge.exports import closing, fetch, settling
from ledgerbridge.exports.ahead import Ahead
from ledgerbridge.exports.booking import book_all
from ledgerbridge.exports.context import ExportContext
from ledgerbridge.exports.desk import Desk, JobStopped
from ledgerbridge.exports.enqueue import enqueue_settle
from ledgerbridge.exports.filing import file_waiting
from ledgerbridge.exports.judging import load_signs, today_in
from ledgerbridge.exports.ledger import FenceLost
from ledgerbridge.exports.preflight import NotReady, Ready, inspect, patiently, set_up
from ledgerbridge.exports.report import JobGone, Reporter
from ledgerbridge.exports.vendors import index_for
from ledgerbridge.pleo.errors import Forbidden, OutcomeUnknown, RateLimited, Unauthorised, Unavailable
from ledgerbridge.pleo.export import ExportApi
from ledgerbridge.store.leases import Lease
from ledgerbridge.store.tables import ExportJob, JobPhase

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

    @property
    def late(self) -> bool:
        """Whether so much of `expiresIn` has gone that what is open must be settled now (EXP-EXPIRE-04)."""
        return self.reporter.since_last_action > self.job.expires_in * self.context.patience.deadline_share


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
    except ErpError as error:  # it cannot be opened at all: no adapter, or none that takes what is stored
        log.error("ALERT: the accounting system cannot be opened", reason=error.problem.internal)
        await _give_up_if_late(run, error, error.problem)
    except (Unavailable, OutcomeUnknown, Unauthorised, Forbidden, CredentialError, FenceLost):
        raise  # Pleo would not take a failure just now either
    except Exception as error:
        log.exception("unexpected failure in an export job")
        await _give_up_if_late(run, error, problem(Failure.UNEXPECTED, repr(error)))


async def _give_up_if_late(run: Run, error: Exception, found: Problem) -> None:
    """Let the queue try again while there is time; then fail the job with words rather than let it expire."""
    if not run.late:
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
            await fetch.while_there_is_time(run, fetch.both_layers(run))
            vendors = await index_for(run, erp)
            ahead = await stack.enter_async_context(Ahead(run.context.downloads, erp.capabilities, run.context.shelf))
            desk = replace(await _desk(run, erp, ready, chart, ahead), vendors=vendors)
            stopped = await book_all(run, desk)
            if stopped is None:
                await _settle_claims(run, erp)
            await file_waiting(erp)
    except (NotReady, fetch.Unfetchable, JobStopped) as error:
        await closing.fail(run, error.problem)
        return
    await closing.complete(run, stopped)


async def _settle_claims(run: Run, erp: Erp) -> None:
    """Bring bills and payments together, once everything booked is reported: matching never costs an outcome.

    A job that would expire over it goes on; the rest is matched by work of its own.
    """
    await run.reporter.flush()
    connection = run.company.connection
    work = settling.Settling(
        run.context.db, run.lease, connection.id, connection.company_id, erp, late=lambda: run.late
    )
    matched = await settling.settle_open(work, run.job.id)
    if matched.groups:
        await closing.note(run, "settled", groups=matched.groups)
    if matched.unfinished:
        async with run.context.db.transaction() as session:
            await enqueue_settle(session, run.context.queue, connection.id)


async def _desk(run: Run, erp: Erp, ready: Ready, chart: ChartIndex, ahead: Ahead) -> Desk:
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
        ahead=ahead,
        today=today_in(ready.configuration),
        signs=await load_signs(run.context, connection.id),
    )
