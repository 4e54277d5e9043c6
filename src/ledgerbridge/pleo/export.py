"""The Export API v3: jobs, their control layer and data layer, item updates and job events.

Reading is tolerant, sending is strict: exactly the contract's members, no nulls, a `ValueError` before a wrong one.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass
from typing import Any

from ledgerbridge.pleo import reports
from ledgerbridge.pleo.endpoints import path_of
from ledgerbridge.pleo.errors import PleoError, UnreadableAnswer
from ledgerbridge.pleo.items import FetchedItem, fetched
from ledgerbridge.pleo.models import ExportJob, ExportJobItem, ItemUpdateError, Model, Wire, read
from ledgerbridge.pleo.paging import PAGE_SIZE, one_page, pages
from ledgerbridge.pleo.reports import ItemUpdate, JobEvent
from ledgerbridge.pleo.transport import Call, PleoClient

MAX_UPDATES = 100
"""Most items one update may carry; Pleo answers 413 above it (LIMIT-004, EXP-UPD-02)."""


@dataclass(frozen=True, slots=True)
class Reported:
    """What Pleo made of one update, which may be partial even on 200 (EXP-UPD-07)."""

    updated: tuple[ExportJobItem, ...]
    errors: tuple[ItemUpdateError, ...]
    unanswered: tuple[str, ...]
    """Entries named in neither list: read the control layer before believing anything about them."""


class ExportApi:
    """Calls of one company. `page_size` is the `limit` of every list."""

    def __init__(self, client: PleoClient, *, page_size: int = PAGE_SIZE) -> None:
        self._client = client
        self._page_size = page_size

    async def list_jobs(self, company_id: str, statuses: Collection[str]) -> tuple[ExportJob, ...]:
        """All jobs of a company in these statuses, oldest first (EXP-START-01), from all pages (EXP-DETECT-09).

        Changes nothing at Pleo (EXP-DETECT-01). A job in another status is dropped even if Pleo sends it.
        Raises `ValueError` without a company or a status: the question must name both (EXP-DETECT-05, EXP-ENT-03).
        """
        if not company_id or not statuses:
            raise ValueError("listing export jobs needs a company and at least one status")
        params = [("company_id", company_id), *(("statuses", status) for status in statuses)]
        call = Call("getExportJobsListV3", "GET", "/v3/export-jobs", params)
        found = [
            read(ExportJob, raw, call.operation)
            async for page in pages(self._client, call, limit=self._page_size)
            for raw in page.data
        ]
        return tuple(sorted((job for job in found if job.status in statuses), key=lambda job: (job.created_at, job.id)))

    async def get_job(self, job_id: str) -> ExportJob:
        """One job as it is now. Raises `NotFound` (`EXPORT_NOT_FOUND`)."""
        call = Call("getExportJobByIdV3", "GET", path_of("v3", "export-jobs", job_id))
        return await self._client.record(call, ExportJob, inside="data")

    async def send_event(
        self,
        job_id: str,
        event: JobEvent,
        *,
        failure_reason: str | None = None,
        failure_reason_type: str | None = None,
    ) -> None:
        """Move a job. A reason and its type go with `failed`, always and only (EXP-DONE-03, contradiction O-8).

        Raises `Unprocessable` when the job's state does not allow it (re-read the job: EXP-START-05, EXP-DONE-06) and
        `OutcomeUnknown` when the reply was lost (re-read it, too: another `started` must not follow).
        """
        body = reports.job_event(job_id, event, failure_reason, failure_reason_type)
        await self._client.send(Call("createExportJobEventV3", "POST", "/v3/export-job-events", body=body))

    async def job_items(self, job_id: str) -> AsyncIterator[tuple[ExportJobItem, ...]]:
        """The control layer, page by page (EXP-CTRL-01).

        Raises `NotFound`, and `UnreadableAnswer` for a record without id or status.
        """
        call = Call("getExportJobItemsV3", "GET", path_of("v3", "export-jobs", job_id, "items"))
        async for page in pages(self._client, call, limit=self._page_size):
            yield tuple(read(ExportJobItem, raw, call.operation) for raw in page.data)

    async def export_items(self, job_id: str) -> AsyncIterator[tuple[FetchedItem, ...]]:
        """The data layer, page by page, each item raw and parsed; one that cannot be read carries its problem.

        Raises `Unprocessable` when the job is finished (EXP-DATA-02), `BadRequest` when contra accounts are missing
        (see `missing_contra_accounts`).
        """
        path_of(job_id)
        call = Call("getExportItemsV3", "GET", "/v3/export-items", [("job_id", job_id)])
        async for page in pages(self._client, call, limit=self._page_size):
            yield tuple(fetched(raw) for raw in page.data)

    async def export_items_page(
        self, job_id: str, *, after: str | None, limit: int
    ) -> tuple[tuple[FetchedItem, ...], str | None]:
        """One page of the data layer and the cursor of the next, None on the last. Raises as `export_items`."""
        path_of(job_id)
        call = Call("getExportItemsV3", "GET", "/v3/export-items", [("job_id", job_id)])
        page, following = await one_page(self._client, call, limit=limit, after=after)
        return tuple(fetched(raw) for raw in page.data), following

    async def update_items(self, job_id: str, updates: Sequence[ItemUpdate]) -> Reported:
        """Report outcomes of at most 100 different items; an empty report makes no call.

        Raises `ValueError` for more, or for an entry named twice; `Unprocessable` when the job is finished
        (EXP-UPD-09), `NotFound`, and `UnreadableAnswer` when Pleo's answer leaves open what was taken.
        """
        entries = [update.accounting_entry_id for update in updates]
        if len(entries) > MAX_UPDATES:
            raise ValueError(f"{len(entries)} updates in one call; at most {MAX_UPDATES} are allowed (LIMIT-004)")
        if len(set(entries)) != len(entries):
            raise ValueError("an accounting entry is named twice in one update")
        if not entries:
            return Reported((), (), ())
        path = path_of("v3", "export-jobs", job_id, "items")
        call = Call("updateExportJobItemsV3", "PUT", path, body=[update.body() for update in updates])
        return _reported(entries, await self._client.record(call, _Update))


def missing_contra_accounts(error: PleoError) -> tuple[str, ...] | None:
    """The currencies without a contra account, for a person to read; None when the error is another one (EXP-DATA-03).

    Empty when Pleo names none. The currencies come from the message, the decision from the type.
    """
    if not error.is_type("missing_contra_accounts"):
        return None
    return tuple(dict.fromkeys(re.findall(r"\b[A-Z]{3}\b", error.message or "")))


class _Update(Wire):
    data: list[Any] | None = None
    errors: list[Any] | None = None


def _reported(entries: Sequence[str], answer: _Update) -> Reported:
    updated, refused = _readable(ExportJobItem, answer.data), _readable(ItemUpdateError, answer.errors)
    answered = {item.accounting_entry_id for item in updated} | {error.accounting_entry_id for error in refused}
    return Reported(updated, refused, tuple(entry for entry in entries if entry not in answered))


def _readable(model: type[Model], values: list[Any] | None) -> tuple[Model, ...]:
    found: list[Model] = []
    for value in values or ():
        try:
            found.append(read(model, value, ""))
        except UnreadableAnswer:
            continue
    return tuple(found)
