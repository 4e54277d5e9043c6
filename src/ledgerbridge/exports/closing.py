"""The job events: `started`, and the one final event, each sent once (EXP-START-*, EXP-DONE-*)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import structlog

from ledgerbridge.bookkeeping.problem import Failure, Problem, problem
from ledgerbridge.clock import utcnow
from ledgerbridge.connections.access import open_erp
from ledgerbridge.exports import ledger, outbox, spool
from ledgerbridge.exports.desk import doubt
from ledgerbridge.exports.report import JobGone
from ledgerbridge.exports.reversal import pending
from ledgerbridge.pleo.errors import NotFound, OutcomeUnknown, Unprocessable
from ledgerbridge.pleo.reports import JobEvent
from ledgerbridge.store.tables import ExportJob, ItemState, JobPhase

if TYPE_CHECKING:
    from ledgerbridge.exports.job import Run

log = structlog.get_logger(__name__)

CHUNK = 50
"""Items read from the spool at a time."""
FINAL = ("completed", "completed_with_errors", "failed")


async def note(run: Run, name: str, **detail: Any) -> None:
    """Add a line to the job's timeline."""
    async with run.context.db.transaction() as session:
        job = await session.get_one(ExportJob, run.job.id)
        if "config_version" in detail:
            job.config_version = detail["config_version"]
        spool.note(session, job, name, **detail)


async def start(run: Run) -> bool:
    """Take ownership at Pleo; False when the job turned out not to be ours to work.

    A job that is in progress already was started by an earlier run of ours: it is resumed without a second `started`
    (EXP-START-04). When Pleo refuses the event, the job is read again and left alone (EXP-START-05).
    """
    if run.job.pleo_status == "in_progress":
        await _started(run, "resumed")
        return True
    try:
        await run.api.send_event(run.job.pleo_job_id, "started")
    except OutcomeUnknown:
        if await _status_at_pleo(run) == "pending":
            await run.api.send_event(run.job.pleo_job_id, "started")
    except Unprocessable:
        status = await _status_at_pleo(run)
        log.warning("job could not be started", status=status)
        if status in FINAL:
            await _close(run, status, None, "not_started")
        return False
    run.reporter.acted()
    await _started(run, "started")
    return True


async def _started(run: Run, name: str) -> None:
    async with run.context.db.transaction() as session:
        job = await session.get_one(ExportJob, run.job.id)
        job.phase = JobPhase.STARTED
        job.pleo_status = "in_progress"
        job.started_at = job.last_action_at = run.reporter.last_action
        spool.note(session, job, name)
    run.job.phase = JobPhase.STARTED


async def fail(run: Run, found: Problem) -> None:
    """Fail the job with its reason; what was really booked is reported first (EXP-VALID-09, EXP-DONE-08), and what may
    have been booked, each with its own reason."""
    if await _doubtful(run):
        await settle_unknown(run, searched=await _searched(run))
    await run.reporter.flush()
    await _finish(run, "failed", found)


async def settle_unknown(run: Run, *, searched: bool) -> None:
    """Report outcomes nobody could learn as failed; the ledger keeps them unknown, and the next export probes first.

    Where nobody can probe (`searched`), a person settles them (`exports/resolve.py`).
    """
    while True:
        async with run.context.db.transaction() as session:
            await ledger.guard(session, run.lease)
            left = await spool.next_items(session, run.job.id, ItemState.UNKNOWN, -1, CHUNK)
            for work in left:
                standing = await ledger.doubt(session, run.company.connection.id, work.accounting_entry_id)
                why, moved_from = (standing.note, standing.moved_from) if standing else (None, None)
                found = doubt(work.accounting_entry_id, why or "", moved_from, searched=searched)
                if standing is not None and standing.reversal_state is not None:
                    found = pending(standing)
                await spool.settle(session, run.job.id, work.accounting_entry_id, ItemState.FAILED, problem=found)
        if not left:
            return


async def _doubtful(run: Run) -> bool:
    """Whether an interrupted attempt may have booked some of the items; they are called unknown from now on."""
    async with run.context.db.transaction() as session:
        await ledger.guard(session, run.lease)
        job = await session.get_one(ExportJob, run.job.id)
        await spool.doubt_interrupted(session, job)
        return bool(await spool.next_items(session, job.id, ItemState.UNKNOWN, -1, 1))


async def _searched(run: Run) -> bool:
    """Whether the ERP can be searched by key at all; False where that cannot be told."""
    try:
        async with open_erp(run.context.connections, run.company.connection.id) as erp:
            return erp.capabilities.can_probe
    except Exception as error:
        log.warning("not known whether the accounting system can be searched", error=type(error).__name__)
        return False


async def complete(run: Run, stopped: Problem | None) -> None:
    """Report what is left and send the event that fits the outcomes (EXP-DONE-01, -02).

    `stopped` is what kept the rest of the items from being booked, if anything did: the reason of a job without one
    good item. Outcomes Pleo refused are sent once more; a job with one it still refuses cannot be completed, so it is
    failed.
    """
    await run.reporter.flush()
    counts, refused = await _counted(run)
    if refused:
        await asyncio.sleep(run.context.patience.pause[0])
        async with run.context.db.transaction() as session:
            await outbox.forget_refusals(session, run.job.id)
        await run.reporter.flush()
        counts, refused = await _counted(run)
    if refused:
        await _finish(run, "failed", problem(Failure.REPORT_REFUSED, count=refused))
        return
    total = sum(counts.values())
    good = counts.get(ItemState.BOOKED, 0) + counts.get(ItemState.NOTHING_TO_POST, 0)
    if good == total:
        await _finish(run, "completed", None)
    elif good > 0:
        await _finish(run, "completed_with_errors", None)
    else:
        await _finish(run, "failed", stopped or problem(Failure.ALL_ITEMS_FAILED, count=total))


async def _counted(run: Run) -> tuple[dict[str, int], int]:
    async with run.context.db.reading() as session:
        return await spool.counts(session, run.job.id), await outbox.refused_count(session, run.job.id)


async def _finish(run: Run, event: JobEvent, found: Problem | None) -> None:
    status: str = event
    async with run.context.db.transaction() as session:
        await ledger.guard(session, run.lease)
    try:
        await _send_final(run, event, found)
    except (Unprocessable, NotFound):
        status = await _status_at_pleo(run)
        if status not in FINAL:
            raise
    await _close(run, status, found, status)


async def _send_final(run: Run, event: JobEvent, found: Problem | None) -> None:
    reason = (
        {"failure_reason": found.text, "failure_reason_type": found.row.job_type or "validation_failure"}
        if found
        else {}
    )
    try:
        await run.api.send_event(run.job.pleo_job_id, event, **reason)
    except OutcomeUnknown:
        if await _status_at_pleo(run) not in FINAL:
            await run.api.send_event(run.job.pleo_job_id, event, **reason)


async def close_as_pleo_says(run: Run) -> None:
    """Pleo ended the job without us (expired, cancelled): stop, and keep what was booked (EXP-EXPIRE-03)."""
    try:
        job = await run.api.get_job(run.job.pleo_job_id)
    except NotFound:
        await _close(run, "failed", None, "vanished")
        return
    if job.status not in FINAL:
        raise JobGone
    await _close(run, job.status, None, "ended_by_pleo", reason=job.failure_reason_type)


async def _status_at_pleo(run: Run) -> str:
    return (await run.api.get_job(run.job.pleo_job_id)).status


async def _close(run: Run, status: str, found: Problem | None, name: str, **detail: Any) -> None:
    async with run.context.db.transaction() as session:
        await ledger.guard(session, run.lease)
        job = await session.get_one(ExportJob, run.job.id)
        await spool.close(session, job, status, found)
        if detail.get("reason"):
            job.failure_type = str(detail["reason"])
        counts = await spool.counts(session, job.id)
        spool.note(session, job, name, **detail, **counts)
        unannounced = job.announced_at is None and job.found_by == "poll"
    if unannounced:
        run.context.observer.unannounced()
    seconds = (utcnow() - run.job.pleo_created_at).total_seconds()
    run.context.observer.job(status, run.job.found_by, seconds)
    log.info("export job closed", status=status, **counts)
