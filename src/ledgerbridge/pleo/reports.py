"""What we tell Pleo about items and jobs, checked before it leaves: statuses, reasons, the two failure enumerations.

Pleo's enumerations differ: an item type never goes on a job event or the reverse (EXP-ERR-05), and five job types
belong to Pleo's own side (EXP-ERR-06).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, get_args

from ledgerbridge.pleo.endpoints import path_of
from ledgerbridge.pleo.models import format_instant

ITEM_FAILURE_TYPES = frozenset(
    {
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
    }
)
"""`failureReasonType` of an export job item (EXP-ERR-03)."""

JOB_FAILURE_TYPES = frozenset(
    {
        "invalid_configuration",
        "missing_configuration",
        "accounting_system_authentication_failure",
        "pleo_rate_limit",
        "accounting_system_rate_limit",
        "accounting_system_unreachable",
        "validation_failure",
        "authorization_failure",
        "integration_unusable",
        "accounting_system_timeout",
    }
)
"""`failureReasonType` of a job event that an integration may send (EXP-ERR-04 without EXP-ERR-06)."""

MAX_REASON = 1000
"""Characters of a failure reason; Pleo publishes no limit, a bookkeeper reads no more (our number)."""

JobEvent = Literal["started", "failed", "completed", "completed_with_errors"]
ItemStatus = Literal["in_progress", "successful", "failed"]


@dataclass(frozen=True, slots=True)
class ItemUpdate:
    """The report on one item; make it with `successful`, `failed` or `in_progress`."""

    accounting_entry_id: str
    status: ItemStatus
    external_id: str | None = None
    """The ERP's id of the entry."""
    external_url: str | None = None
    exported_at: datetime | None = None
    """When the ERP entry was created."""
    failure_reason: str | None = None
    failure_reason_type: str | None = None

    def __post_init__(self) -> None:
        failed = self.status == "failed"
        if not self.accounting_entry_id or self.status not in get_args(ItemStatus):
            raise ValueError(f"not an item update: {self.accounting_entry_id!r}, {self.status!r}")
        if failed and self.failure_reason_type not in ITEM_FAILURE_TYPES:
            raise ValueError(f"{self.failure_reason_type!r} is no failure type of an export item (EXP-ERR-05)")
        if failed and not _one_line(self.failure_reason):
            raise ValueError("a failed item needs a reason (EXP-UPD-06)")
        if not failed and (self.failure_reason or self.failure_reason_type):
            raise ValueError(f"a {self.status} item carries no failure reason")
        if self.status != "successful" and (self.external_id or self.external_url or self.exported_at):
            raise ValueError(f"a {self.status} item has no entry in the accounting system to point to")

    @classmethod
    def successful(
        cls,
        accounting_entry_id: str,
        *,
        external_id: str | None,
        external_url: str | None,
        exported_at: datetime | None,
    ) -> ItemUpdate:
        """Booked, or rightly nothing to book (EXP-UPD-05)."""
        return cls(
            accounting_entry_id,
            "successful",
            external_id=external_id,
            external_url=external_url,
            exported_at=exported_at,
        )

    @classmethod
    def failed(cls, accounting_entry_id: str, *, reason: str, reason_type: str) -> ItemUpdate:
        """Not booked, with words a bookkeeper can act on (EXP-UPD-06)."""
        return cls(accounting_entry_id, "failed", failure_reason=reason, failure_reason_type=reason_type)

    @classmethod
    def in_progress(cls, accounting_entry_id: str) -> ItemUpdate:
        """Still being worked on; keeps a long job alive (EXP-UPD-10, EXP-EXPIRE-01)."""
        return cls(accounting_entry_id, "in_progress")

    def body(self) -> dict[str, str]:
        """The contract's shape: only members that have a value."""
        return _without_empty(
            accountingEntryId=self.accounting_entry_id,
            status=self.status,
            externalId=self.external_id,
            externalUrl=self.external_url,
            exportedAt=format_instant(self.exported_at) if self.exported_at else None,
            failureReason=_one_line(self.failure_reason),
            failureReasonType=self.failure_reason_type,
        )


def job_event(job_id: str, event: JobEvent, reason: str | None, reason_type: str | None) -> dict[str, str]:
    """The body of a job event. Raises `ValueError` where Pleo's rules are not met."""
    path_of(job_id)
    if event not in get_args(JobEvent):
        raise ValueError(f"no job event: {event!r}")
    if event == "failed":
        if reason_type not in JOB_FAILURE_TYPES:
            raise ValueError(f"{reason_type!r} is no failure type an integration may send for a job (EXP-ERR-05, -06)")
        if not _one_line(reason):
            raise ValueError("a failed job needs a reason (EXP-DONE-03)")
    elif reason or reason_type:
        raise ValueError(f"a reason goes with the event failed only, not with {event} (EXP-DONE-03)")
    return _without_empty(jobId=job_id, event=event, failureReason=_one_line(reason), failureReasonType=reason_type)


def _one_line(text: str | None) -> str:
    """One line without control characters or broken surrogates, cut to a length people read."""
    if not text:
        return ""
    clean = text.encode("utf-8", "replace").decode().replace("\0", "")
    line = " ".join(clean.split())
    return line if len(line) <= MAX_REASON else line[: MAX_REASON - 1].rstrip() + "…"


def _without_empty(**members: Any) -> dict[str, str]:
    return {name: value for name, value in members.items() if value}
