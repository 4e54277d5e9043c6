"""Export jobs and their items: the two state machines of Export API v3.

Job: ``pending`` -started-> ``in_progress`` -> ``completed`` | ``completed_with_errors`` | ``failed``.
Item: ``pending``, ``in_progress`` -> ``successful`` | ``failed`` by the integration, ``abandoned`` by Pleo.
Where Pleo prints nothing this takes the stricter reading, so that a client which passes here leans on nothing unproven:
final events only from ``in_progress``; ``completed`` and ``completed_with_errors`` only with every item final and only
when true; no item update while pending; a final item never changes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from pleo_sandbox.core.clock import Clock, stamp_or_none
from pleo_sandbox.core.entries import Entry, StoredFile, wallets_of
from pleo_sandbox.core.problems import Refusal, export_not_found
from pleo_sandbox.core.words import is_uuid, new_id

OPEN = ("pending", "in_progress")
JOB_STATUSES = (*OPEN, "failed", "completed", "completed_with_errors")
ITEM_STATUSES = (*OPEN, "failed", "successful", "abandoned")
EVENTS = ("started", "failed", "completed", "completed_with_errors")


@dataclass
class JobItem:
    """Progress of one entry in one job, with the payload as it was when the job was made.

    What is inside the payload is shared with the entry and never changed in place, only replaced.
    """

    entry: Entry
    job_id: str
    payload: dict[str, Any]
    files: tuple[StoredFile, ...] | None
    file_keys: tuple[str, ...] = ()
    status: str = "pending"
    external_id: str | None = None
    external_url: str | None = None
    exported_at: str | None = None
    failure_reason_type: str | None = None
    failure_reason: str | None = None

    @property
    def entry_id(self) -> str:
        """The accounting entry's id, which joins control and data layer."""
        return self.entry.id

    def as_published(self) -> dict[str, Any]:
        """The control-layer record."""
        return {
            "accountingEntryId": self.entry_id,
            "exportJobId": self.job_id,
            "status": self.status,
            "externalId": self.external_id,
            "externalUrl": self.external_url,
            "exportedAt": self.exported_at,
            "failureReasonType": self.failure_reason_type,
            "failureReason": self.failure_reason,
        }


@dataclass
class Job:
    """One attempt to export a batch of entries. ``expires_in`` counts seconds from the last action on it.

    ``control_layer_read`` is the sandbox's own: whether somebody has read the items to their last page.
    """

    id: str
    company_id: str
    created_at: datetime
    created_by: str | None
    expires_in: int
    is_interactive: bool
    vendor_based: bool
    items: dict[str, JobItem] = field(default_factory=dict)
    status: str = "pending"
    started_at: datetime | None = None
    completed_at: datetime | None = None
    expired_at: datetime | None = None
    last_updated_at: datetime | None = None
    failure_reason_type: str | None = None
    failure_reason: str | None = None
    control_layer_read: bool = False

    @property
    def is_open(self) -> bool:
        """Pending or in progress."""
        return self.status in OPEN

    @property
    def expires_at(self) -> datetime:
        """When it will expire if nothing more is done on it."""
        return (self.last_updated_at or self.created_at) + timedelta(seconds=self.expires_in)

    @cached_property
    def rows(self) -> list[JobItem]:
        """The items in their order, which never changes: a job is made whole."""
        return list(self.items.values())

    @cached_property
    def places(self) -> dict[str, int]:
        """Where in `rows` an accounting entry stands."""
        return {entry_id: place for place, entry_id in enumerate(self.items)}

    @cached_property
    def wallets(self) -> frozenset[str]:
        """The wallet currencies that need a contra account; entries of an open job do not change."""
        return wallets_of(item.entry for item in self.rows)

    def count(self, *statuses: str) -> int:
        """How many items are in one of these statuses."""
        return sum(item.status in statuses for item in self.items.values())

    def as_published(self) -> dict[str, Any]:
        """The shape of ``ExportJobV3``."""
        return {
            "id": self.id,
            "companyId": self.company_id,
            "status": self.status,
            "numberOfItems": len(self.items),
            "isInteractive": self.is_interactive,
            "vendorBasedBookkeeping": self.vendor_based,
            "expiresIn": self.expires_in,
            "createdAt": stamp_or_none(self.created_at),
            "createdBy": self.created_by,
            "startedAt": stamp_or_none(self.started_at),
            "lastUpdatedAt": stamp_or_none(self.last_updated_at),
            "completedAt": stamp_or_none(self.completed_at),
            "expiredAt": stamp_or_none(self.expired_at),
            "failureReasonType": self.failure_reason_type,
            "failureReason": self.failure_reason,
        }

    def as_event_data(self) -> dict[str, Any]:
        """The members of the published webhook sample, in its order."""
        published = self.as_published()
        names = ("companyId", "createdAt", "createdBy", "expiresIn", "id", "numberOfItems", "status")
        return {name: published[name] for name in names}


class Jobs:
    """All export jobs. Expiry is noticed whenever somebody looks."""

    def __init__(self, clock: Clock, job_seconds: int) -> None:
        self._clock = clock
        self._job_seconds = job_seconds
        self._jobs: dict[str, Job] = {}

    def all(self) -> list[Job]:
        """Every job, newest first: the default order is unpublished, so clients must sort for themselves."""
        self._expire_due()
        return sorted(self._jobs.values(), key=lambda job: job.created_at, reverse=True)

    def get(self, job_id: str) -> Job:
        """One job; 404 ``EXPORT_NOT_FOUND``."""
        self._expire_due()
        job = self._jobs.get(job_id.lower()) if is_uuid(job_id) else None
        if job is None:
            raise export_not_found(job_id)
        return job

    def visible(self, job_id: str, companies: frozenset[str]) -> Job:
        """One job of one of these companies; 404 otherwise, without telling whether it exists."""
        job = self.get(job_id)
        if job.company_id not in companies:
            raise export_not_found(job_id)
        return job

    def unfinished(self, company_id: str) -> list[Job]:
        """The company's open jobs, newest first."""
        return [job for job in self.all() if job.company_id == company_id and job.is_open]

    def create(
        self,
        company_id: str,
        entries: list[Entry],
        *,
        created_by: str | None,
        is_interactive: bool = True,
        vendor_based: bool = False,
        expires_in: int | None = None,
        alongside: bool = False,
    ) -> Job:
        """A pending job. 409 while another is unfinished, unless ``alongside`` (which only tests ask for)."""
        if not alongside and self.unfinished(company_id):
            raise Refusal(409, "EXPORT_ALREADY_IN_PROGRESS", "The company already has an unfinished export job")
        job = Job(
            id=new_id(),
            company_id=company_id,
            created_at=self._next_creation(),
            created_by=created_by,
            expires_in=self._job_seconds if expires_in is None else expires_in,
            is_interactive=is_interactive,
            vendor_based=vendor_based,
        )
        for entry in entries:
            job.items[entry.id] = JobItem(entry, job.id, dict(entry.payload), entry.files)
            entry.locked_by = job.id
            entry.jobs.append(job.id)
        self._jobs[job.id] = job
        return job

    def apply_event(self, job: Job, event: str, reason_type: str | None, reason: str | None) -> None:
        """Moves a job. 422 ``INVALID_EXPORT_JOB_STATUS_CHANGE`` for every move the page or truth does not allow."""
        wanted = "pending" if event == "started" else "in_progress"
        if job.status != wanted:
            raise _wrong_move(f"A job that is {job.status} cannot take the event {event}")
        if event in ("completed", "completed_with_errors") and job.count(*OPEN):
            raise _wrong_move(f"{job.count(*OPEN)} items have no final status")
        if event == "completed" and job.count("failed"):
            raise _wrong_move(f"{job.count('failed')} items failed")
        if event == "completed_with_errors" and not job.count("failed"):
            raise _wrong_move("No item failed")
        now = self._clock.now()
        job.last_updated_at = now
        if event == "started":
            job.status, job.started_at = "in_progress", now
            return
        job.failure_reason_type, job.failure_reason = reason_type, reason
        self._close(job, event, now)

    def cancel(self, job: Job) -> None:
        """The bookkeeper cancels in Pleo."""
        if not job.is_open:
            raise _wrong_move(f"A job that is {job.status} cannot be cancelled")
        job.failure_reason_type, job.failure_reason = "canceled_by_user", "The export was cancelled in Pleo"
        self._close(job, "failed", self._clock.now())

    def touch(self, job: Job) -> None:
        """An accepted item update counts as an action and winds the expiry clock again."""
        job.last_updated_at = self._clock.now()

    def _next_creation(self) -> datetime:
        # The published mask has whole seconds: two jobs of one second could not be told older from newer.
        now = self._clock.now().replace(microsecond=0)
        latest = max((job.created_at for job in self._jobs.values()), default=None)
        return now if latest is None or now > latest else latest + timedelta(seconds=1)

    def _expire_due(self) -> None:
        now = self._clock.now()
        for job in self._jobs.values():
            if job.is_open and now >= job.expires_at:
                job.failure_reason_type = "job_expired"
                job.failure_reason = "The export job was not updated in time"
                job.expired_at = job.expires_at
                self._close(job, "failed", job.expires_at)

    @staticmethod
    def _close(job: Job, status: str, now: datetime) -> None:
        job.status, job.completed_at, job.last_updated_at = status, now, now
        for item in job.items.values():
            if item.status in OPEN:
                item.status = "abandoned"
            entry = item.entry
            if entry.locked_by == job.id:
                entry.locked_by = None
            if item.status == "successful":
                entry.state, entry.last_error = "exported", None
            elif entry.state != "exported":
                entry.last_error = item.failure_reason or job.failure_reason or "Not exported"


def _wrong_move(message: str) -> Refusal:
    return Refusal(422, "INVALID_EXPORT_JOB_STATUS_CHANGE", message)
