"""Reading and applying what an integration reports: job events and batches of item outcomes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pleo_sandbox.core.faults import Fault
from pleo_sandbox.core.jobs import EVENTS, ITEM_STATUSES, OPEN, Job, JobItem, Jobs
from pleo_sandbox.core.problems import Refusal, bad_request
from pleo_sandbox.core.words import choice_of, moment_of, object_of, text_of, uuid_of

BATCH_LIMIT = 100

JOB_FAILURES = (
    "invalid_configuration",
    "missing_configuration",
    "authentication_failure",
    "accounting_system_authentication_failure",
    "pleo_rate_limit",
    "accounting_system_rate_limit",
    "service_unreachable",
    "accounting_system_unreachable",
    "validation_failure",
    "authorization_failure",
    "integration_unusable",
    "job_expired",
    "service_timeout",
    "accounting_system_timeout",
    "canceled_by_user",
)
ITEM_FAILURES = (
    "receipt_upload_failure",
    "receipt_download_failure",
    "receipt_file_size_limit_exceeded",
    "receipt_conversion_failure",
    "unexpected_failure",
    "invalid_configuration",
    "missing_configuration",
    "accounting_system_authentication_failure",
    "accounting_system_rate_limit",
    "accounting_system_unreachable",
    "validation_failure",
    "accounting_system_validation_failure",
    "authorization_failure",
    "accounting_system_timeout",
    "vendor_unknown",
    "account_unknown",
    "tax_code_unknown",
    "tag_unknown",
)


@dataclass(frozen=True)
class JobEvent:
    """A checked body of ``POST /v3/export-job-events``."""

    job_id: str
    event: str
    failure_reason_type: str | None
    failure_reason: str | None


@dataclass(frozen=True)
class ItemUpdate:
    """A checked element of ``PUT /v3/export-jobs/{jobId}/items``."""

    entry_id: str
    status: str
    external_id: str | None
    external_url: str | None
    exported_at: str | None
    failure_reason_type: str | None
    failure_reason: str | None


def read_event(body: Any) -> JobEvent:
    """Checks an event body; 400 refusals."""
    fields = object_of(body, "The event")
    return JobEvent(
        job_id=uuid_of(fields, "jobId"),
        event=choice_of(fields, "event", EVENTS, required=True) or "",
        failure_reason_type=choice_of(fields, "failureReasonType", JOB_FAILURES),
        failure_reason=text_of(fields, "failureReason"),
    )


def read_updates(body: Any) -> list[ItemUpdate]:
    """Checks a batch: 413 above 100 entries, 400 for anything off the schema. An empty batch is refused too."""
    if not isinstance(body, list):
        raise bad_request("The body must be a JSON array")
    if len(body) > BATCH_LIMIT:
        raise Refusal(413, "EXPORT_JOB_ITEMS_UPDATE_LIMIT", f"At most {BATCH_LIMIT} items can be updated at once")
    if not body:
        raise bad_request("The body must name at least one item")
    return [_read_update(element) for element in body]


def apply_updates(
    jobs: Jobs, job: Job, updates: list[ItemUpdate], refusals: list[Fault]
) -> tuple[list[JobItem], list[dict[str, Any]]]:
    """Applies a batch element by element and returns what was updated and what was refused.

    422 ``EXPORT_JOB_STATUS_UNPROCESSABLE`` unless the job is in progress. ``refusals`` are faults that refuse entries.
    """
    if job.status != "in_progress":
        raise Refusal(422, "EXPORT_JOB_STATUS_UNPROCESSABLE", f"Items of a job that is {job.status} cannot be updated")
    updated: list[JobItem] = []
    errors: list[dict[str, Any]] = []
    for update in updates:
        item = job.items.get(update.entry_id)
        refused = _why_not(item, update, refusals)
        if item is None or refused is not None:
            kind, message = refused or ("ACCOUNTING_ENTRY_DOES_NOT_EXIST", "Unknown entry")
            errors.append({"accountingEntryId": update.entry_id, "type": kind, "message": message})
            continue
        _apply(item, update)
        updated.append(item)
    jobs.touch(job)
    return updated, errors


def _why_not(item: JobItem | None, update: ItemUpdate, refusals: list[Fault]) -> tuple[str, str] | None:
    if item is None:
        return "ACCOUNTING_ENTRY_DOES_NOT_EXIST", f"Accounting entry {update.entry_id} is not part of this export job"
    for fault in refusals:
        if fault.refuses(update.entry_id):
            return fault.error_type, "The accounting entry could not be updated"
    if item.status not in OPEN:
        return "EXPORT_ENTRY_STATUS_UPDATE_FAILED", f"The item is {item.status} already"
    if update.status not in ("in_progress", "successful", "failed"):
        return "EXPORT_ENTRY_STATUS_UPDATE_FAILED", f"An integration cannot set an item to {update.status}"
    return None


def _apply(item: JobItem, update: ItemUpdate) -> None:
    item.status = update.status
    # Whether omitted fields are cleared is unpublished; they are kept.
    item.external_id = update.external_id if update.external_id is not None else item.external_id
    item.external_url = update.external_url if update.external_url is not None else item.external_url
    item.exported_at = update.exported_at if update.exported_at is not None else item.exported_at
    item.failure_reason_type = update.failure_reason_type or item.failure_reason_type
    item.failure_reason = update.failure_reason or item.failure_reason


def _read_update(element: Any) -> ItemUpdate:
    fields = object_of(element, "Each element")
    return ItemUpdate(
        entry_id=uuid_of(fields, "accountingEntryId"),
        status=choice_of(fields, "status", ITEM_STATUSES, required=True) or "",
        external_id=text_of(fields, "externalId"),
        external_url=text_of(fields, "externalUrl"),
        exported_at=moment_of(fields, "exportedAt"),
        failure_reason_type=choice_of(fields, "failureReasonType", ITEM_FAILURES),
        failure_reason=text_of(fields, "failureReason"),
    )
