"""The bare term of a job: the same calls to Pleo, the pure mapping and the same rows, and nothing of our care.

One loop, one HTTP client, one connection: no intent before the ERP, no lease, no request budget, no check of an
answer, nothing read back, one commit a page. It is what a script would do that trusts everybody and never dies.
"""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import httpx
import psycopg

from ledgerbridge.bookkeeping.chart_index import ChartIndex
from ledgerbridge.bookkeeping.mapping import book
from ledgerbridge.bookkeeping.words import Configuration, JournalEntry
from ledgerbridge.clock import utcnow
from ledgerbridge.connections.access import load
from ledgerbridge.exports.judging import today_in
from ledgerbridge.pleo.items import parse_item
from tests.support.rig import Rig

PAGE = 100
_JOB = """
    insert into export_jobs (id, connection_id, pleo_job_id, pleo_created_at, pleo_status, phase, found_by,
        number_of_items, vendor_based, interactive, expires_in, counted)
    values (%s, %s, %s, now(), 'in_progress', 'started', 'poll', %s, false, false, 3600, true)
"""
_CONTROL = """
    insert into export_items (job_id, accounting_entry_id, connection_id, position, state, attempts)
    select %s, r.id, %s, r.position, 'waiting', 0
    from jsonb_to_recordset(%s) as r(id text, position int)
"""
_PAYLOADS = """
    update export_items set payload = page.payload from jsonb_each(%s) as page(id, payload)
    where job_id = %s and accounting_entry_id = page.id
"""
_POSTINGS = """
    insert into postings (id, connection_id, accounting_entry_id, revision, state, digest, total, currency,
        posting_date, config_version, job_id, fence, erp_kind, document, erp_id, erp_number, erp_url, final,
        intended_at, booked_at)
    select r.id, %s, r.entry, 1, 'booked', 'none', r.total, r.currency, r.date, 1, %s, 1, 'double', 'journal_entry',
        r.number, r.number, r.url, true, now(), now()
    from jsonb_to_recordset(%s) as r(id uuid, entry text, total text, currency text, date date, number text, url text)
"""
_OUTCOMES = """
    update export_items i set state = 'booked', attempts = 1, posting_id = p.id, reported_at = now()
    from postings p
    where i.job_id = %s and i.accounting_entry_id = any(%s) and p.connection_id = %s
        and p.accounting_entry_id = i.accounting_entry_id and p.revision = 1
"""
_EVENT = """insert into export_job_events (connection_id, job_id, at, name, detail) values (%s, %s, now(), %s, '{}')"""
_CLOSE = """update export_jobs set phase = 'closed', pleo_status = 'completed', closed_at = now() where id = %s"""
_DROP = "update export_items set payload = null where job_id = %s"


@dataclass
class Bare:
    """A script with the credential, the configuration and the chart of the company of `rig`."""

    rig: Rig
    database_url: str
    authorisation: str
    configuration: Configuration
    chart: ChartIndex
    calls: int = 0

    async def work(self) -> None:
        """Work the one pending job of the company."""
        async with (
            httpx.AsyncClient(
                base_url=self.rig.pleo.url, headers={"Authorization": self.authorisation}, timeout=60
            ) as pleo,
            await psycopg.AsyncConnection.connect(self.database_url) as db,
        ):
            found = await self._get(pleo, "/v3/export-jobs", company_id=self.rig.pleo.company_id, statuses="pending")
            (job,) = found["data"]
            await self._post(pleo, job["id"], "started")
            row = uuid.uuid4()
            await db.execute(_JOB, (row, self.rig.connection_id, job["id"], job["numberOfItems"]))
            await db.commit()
            await self._spool(pleo, db, row, job["id"])
            await self._post(pleo, job["id"], "completed")
            await db.execute(_CLOSE, (row,))
            await db.execute(_DROP, (row,))
            await db.commit()

    async def _spool(self, pleo: httpx.AsyncClient, db: psycopg.AsyncConnection, row: uuid.UUID, job: str) -> None:
        position = 0
        async for page in self._pages(pleo, f"/v3/export-jobs/{job}/items"):
            rows = [{"id": one["accountingEntryId"], "position": position + n} for n, one in enumerate(page)]
            position += len(rows)
            await db.execute(_CONTROL, (row, self.rig.connection_id, json.dumps(rows)))
            await db.commit()
        async for page in self._pages(pleo, "/v3/export-items", job_id=job):
            await self._book(pleo, db, row, job, page)

    async def _book(
        self, pleo: httpx.AsyncClient, db: psycopg.AsyncConnection, row: uuid.UUID, job: str, page: Sequence[Any]
    ) -> None:
        company = self.rig.connection_id
        await db.execute(_PAYLOADS, (json.dumps({one["accountingEntryId"]: one for one in page}), row))
        rows, updates = [], []
        for number, one in enumerate(page):
            entry = book(parse_item(one), self.configuration, self.chart, today=today_in(self.configuration))
            assert isinstance(entry, JournalEntry)
            name, url = f"JE-{number}", f"https://erp.example/{number}"
            key = entry.key.accounting_entry_id
            told = {"id": str(uuid.uuid4()), "entry": key, "total": f"{entry.total:.2f}", "currency": entry.currency}
            rows.append({**told, "date": entry.date.isoformat(), "number": name, "url": url})
            at = utcnow().strftime("%Y-%m-%dT%H:%M:%S.000Z")
            told = {"accountingEntryId": key, "status": "successful", "externalId": name, "externalUrl": url}
            updates.append({**told, "exportedAt": at})
        await db.execute(_POSTINGS, (company, row, json.dumps(rows)))
        self.calls += 1
        (await pleo.put(f"/v3/export-jobs/{job}/items", json=updates)).raise_for_status()
        await db.execute(_OUTCOMES, (row, [one["entry"] for one in rows], company))
        await db.execute(_EVENT, (company, row, "reported"))
        await db.commit()

    async def _pages(self, pleo: httpx.AsyncClient, path: str, **more: str) -> Any:
        after: dict[str, str] = {}
        while True:
            found = await self._get(pleo, path, limit=str(PAGE), **more, **after)
            yield found["data"]
            if not found["pagination"]["hasNextPage"]:
                return
            after = {"after": found["pagination"]["endCursor"]}

    async def _get(self, pleo: httpx.AsyncClient, path: str, **params: str) -> Any:
        self.calls += 1
        return (await pleo.get(path, params=params)).raise_for_status().json()

    async def _post(self, pleo: httpx.AsyncClient, job: str, event: str) -> None:
        self.calls += 1
        body = {"jobId": job, "event": event}
        (await pleo.post("/v3/export-job-events", json=body)).raise_for_status()


async def bare(rig: Rig, database_url: str) -> Bare:
    """The bare term for the company of `rig`."""
    key = rig.pleo.control("POST", "/api-keys", {"company_id": rig.pleo.company_id})["key"]
    company = await load(rig.context.connections, rig.connection_id)
    assert company.configuration is not None
    authorisation = "Basic " + base64.b64encode(f"{key}:".encode()).decode()
    return Bare(rig, database_url, authorisation, company.configuration, ChartIndex(rig.books.chart))
