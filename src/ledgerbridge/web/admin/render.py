"""From our rows to the admin API's answers: the one place that decides what is shown."""

from __future__ import annotations

import uuid

from ledgerbridge.connections.configuration import Version
from ledgerbridge.connections.erp_binding import Bound
from ledgerbridge.exports.queries import ItemSummary, JobSummary
from ledgerbridge.ops.overview import Overview, missing
from ledgerbridge.redaction import redact_text
from ledgerbridge.store import tables
from ledgerbridge.syncs.freshness import Freshness
from ledgerbridge.web.admin import models, sync_models

_AFTER_REVERSAL = "Pleo still shows the expense as exported. Export it again there to book it anew."
_WHILE_REVERSING = (
    "The accounting system has not confirmed it. Ask for it again in a few minutes: we look there first and never take "
    "it back twice. Nothing is booked beside it until then."
)


def connection(overview: Overview) -> models.Connection:
    """A connection as the API shows it."""
    row, subscription = overview.connection, overview.subscription
    return models.Connection(
        id=row.id,
        environment=row.environment,
        company_id=row.company_id,
        company_name=row.company_name,
        status=row.status,
        status_reason=row.status_reason,
        missing=missing(overview),
        activating=_activating(overview),
        syncs=[_freshness(one) for one in overview.syncs],
        mapping_warnings=overview.warnings,
        parked_vendors=overview.parked_vendors,
        open_claims=overview.open_claims,
        auth_method=row.auth_method,
        scopes=row.scopes.split(),
        installation=models.Installation(
            id=row.installation_id, status=row.installation_status, read_at=row.installation_read_at
        )
        if row.installation_id
        else None,
        erp=_bound(overview.binding) if overview.binding else None,
        config_version=overview.config_version,
        webhooks=models.Webhooks(
            subscribed=subscription.pleo_id is not None and subscription.ended_at is None,
            event_types=subscription.event_types,
            checked_at=subscription.checked_at,
        )
        if subscription
        else None,
        last_job=_glance(overview.last_job) if overview.last_job else None,
        created_at=row.created_at,
        activated_at=row.activated_at,
        disconnected_at=row.disconnected_at,
    )


def _activating(overview: Overview) -> models.Activating | None:
    since, progress = overview.connection.activating_since, overview.progress
    if since is None or progress is None:
        return None
    return models.Activating(
        since=since,
        done=[kind.value for kind in progress.done],
        under_way=progress.waiting[0].value if progress.waiting else None,
        waiting=[kind.value for kind in progress.waiting[1:]],
        left_behind=[kind.value for kind in progress.left_behind],
    )


def _freshness(one: Freshness) -> models.SyncFreshness:
    return models.SyncFreshness(
        kind=one.kind.value,
        state=one.state.value,
        last_success_at=one.last_success_at,
        next_due_at=one.next_due_at,
        failing_since=one.failing_since,
        reason=one.reason,
    )


def _bound(binding: tables.ErpBinding) -> models.Erp:
    return models.Erp(
        id=binding.connection_id,
        kind=binding.kind,
        settings=binding.settings_shown,
        company=models.ErpCompany(
            id=binding.company_ref,
            name=binding.company_name,
            registration_number=binding.registration_number,
            currency=binding.currency,
        ),
        limits=binding.limits,
    )


def erp(connection_id: uuid.UUID, bound: Bound) -> models.Erp:
    """An ERP company that was bound just now."""
    company = bound.company
    return models.Erp(
        id=connection_id,
        kind=bound.kind,
        settings=dict(bound.settings),
        company=models.ErpCompany(
            id=company.id,
            name=company.name,
            registration_number=company.registration_number,
            currency=company.currency,
        ),
        limits=bound.limits,
    )


def configuration(connection_id: uuid.UUID, version: Version) -> models.Configuration:
    """A version of the configuration, ready to be sent back."""
    return models.Configuration(
        **dict(version.body),
        id=f"{connection_id}:{version.version}",
        version=version.version,
        created_at=version.created_at,
        created_by=version.created_by,
    )


def _glance(row: tables.ExportJob) -> models.JobGlance:
    return models.JobGlance(
        id=row.id,
        pleo_job_id=row.pleo_job_id,
        status=row.pleo_status,
        created_at=row.pleo_created_at,
        closed_at=row.closed_at,
    )


def job(summary: JobSummary) -> models.ExportJob:
    """An export job with its counts."""
    row = summary.job
    return models.ExportJob(
        id=row.id,
        connection_id=row.connection_id,
        pleo_job_id=row.pleo_job_id,
        status=row.pleo_status,
        phase=row.phase,
        number_of_items=row.number_of_items,
        items=models.ItemCounts(**summary.items),
        found_by=row.found_by,
        announced_at=row.announced_at,
        created_at=row.pleo_created_at,
        created_by=row.created_by,
        config_version=row.config_version,
        claimed_at=row.claimed_at,
        started_at=row.started_at,
        closed_at=row.closed_at,
        failure_type=row.failure_type,
        failure_reason=row.failure_reason,
    )


def event(row: tables.JobEvent) -> models.JobEvent:
    """A step of a job's timeline."""
    return models.JobEvent(id=row.id, at=row.at, name=row.name, detail=row.detail)


def item(summary: ItemSummary) -> models.ExportItem:
    """An item with the posting it led to."""
    row, posting = summary.item, summary.posting
    return models.ExportItem(
        id=row.accounting_entry_id,
        accounting_entry_id=row.accounting_entry_id,
        position=row.position,
        state=row.state,
        attempts=row.attempts,
        failure=row.failure,
        failure_type=row.failure_type,
        failure_reason=row.failure_reason,
        internal=redact_text(row.internal) if row.internal else None,
        reported_at=row.reported_at,
        report_refusal=row.report_refusal,
        erp_url=posting.erp_url if posting else None,
        posting=_posting(posting) if posting else None,
    )


def _posting(row: tables.Posting) -> models.Posting:
    return models.Posting(
        id=row.id,
        state=row.state,
        revision=row.revision,
        document=row.document,
        erp_kind=row.erp_kind,
        erp_id=row.erp_id,
        erp_number=row.erp_number,
        erp_url=row.erp_url,
        final=row.final,
        total=row.total,
        currency=row.currency,
        config_version=row.config_version,
        booked_at=row.booked_at,
        note=row.note,
        reversal=_reversal(row, row.reversal_state) if row.reversal_state else None,
    )


def _reversal(row: tables.Posting, state: str) -> models.Reversal:
    return models.Reversal(
        state=state,
        erp_id=row.reversal_erp_id,
        number=row.reversal_number,
        url=row.reversal_url,
        reason=row.reversal_reason,
        by=row.reversal_by,
        at=row.reversal_at,
        what_next=_AFTER_REVERSAL if state == tables.ReversalState.REVERSED else _WHILE_REVERSING,
    )


def sync_run(row: tables.SyncRun) -> sync_models.SyncRun:
    """A sync run with its counts."""
    return sync_models.SyncRun(**{name: getattr(row, name) for name in sync_models.SyncRun.model_fields})


def sync_run_with_problems(row: tables.SyncRun) -> sync_models.SyncRunWithProblems:
    """The same with the reason of each record that failed or was left alone."""
    return sync_models.SyncRunWithProblems(
        **dict(sync_run(row)),
        problems=[sync_models.SyncProblem(**one) for one in row.problems],
        problems_left_out=row.problems_left_out,
    )


def mapping_warning(row: tables.MappingWarning) -> sync_models.MappingWarning:
    """A mapping warning, open or resolved."""
    return sync_models.MappingWarning(**{name: getattr(row, name) for name in sync_models.MappingWarning.model_fields})


def parked_vendor(row: tables.VendorLink) -> sync_models.ParkedVendor:
    """A vendor that waits for a person."""
    return sync_models.ParkedVendor(
        id=row.pleo_id, phase=row.phase, erp_id=row.erp_id, code=row.code, note=row.note, since=row.created_at
    )
