"""Two companies with a row in every table that belongs to companies, and a face to reach for them.

Everything of a company is recognisable: its ids, and its name in every text that is shown.
"""

from __future__ import annotations

import base64
import datetime as dt
import re
import uuid
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import httpx
from psycopg import sql
from sqlalchemy import func, select, text

from ledgerbridge.app import app_of
from ledgerbridge.clock import utcnow
from ledgerbridge.connections import sessions
from ledgerbridge.store import tables
from ledgerbridge.store.binding import OWNED
from ledgerbridge.store.engine import Database
from ledgerbridge.store.vault import Vault, hash_token, new_token
from ledgerbridge.web.limiting import ALLOWED, Limiter
from tests.support.canaries import canary
from tests.support.rig import CONFIGURATION

if TYPE_CHECKING:
    from tests.integration.web.conftest import Face


@dataclass
class Company:
    """One company's rows, by what a caller could name them with."""

    name: str
    path_token: str = field(default_factory=new_token)
    secret: str = ""
    session: str = ""
    """Of a browser that is signed in."""
    connection_id: uuid.UUID = field(default_factory=uuid.uuid4)
    company_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    """Pleo's."""
    job_id: uuid.UUID = field(default_factory=uuid.uuid4)
    posting_id: uuid.UUID = field(default_factory=uuid.uuid4)
    run_id: uuid.UUID = field(default_factory=uuid.uuid4)
    book_id: uuid.UUID = field(default_factory=uuid.uuid4)
    file_id: uuid.UUID = field(default_factory=uuid.uuid4)
    voucher_id: uuid.UUID = field(default_factory=uuid.uuid4)

    def __getitem__(self, word: str) -> str:
        """A text of this company's, such as the id of its vendor."""
        return f"{self.name}-{word}"

    @property
    def ids(self) -> dict[str, str]:
        """Path parameters that lead to its rows, by name."""
        return {
            "connection_id": str(self.connection_id),
            "job_id": str(self.job_id),
            "run_id": str(self.run_id),
            "file_id": str(self.file_id),
            "entry_id": self["entry"],
            "pleo_id": self["vendor"],
            "kind": "tags",
            "subscription_token": self.path_token,
        }

    def shown_in(self, text: str) -> list[str]:
        """Which of its ids and texts stand there."""
        own = [str(one) for one in (self.connection_id, self.company_id, self.job_id, self.posting_id, self.run_id)]
        return [one for one in own if one in text] + re.findall(rf"{self.name}-\w+", text)


@dataclass
class Two:
    """A face with both, and callers of every sort."""

    face: Face
    app: Any
    mine: Company
    theirs: Company

    def caller(self, *, cookie: str | None = None, **headers: str) -> httpx.AsyncClient:
        """Somebody new."""
        cookies = {"ledgerbridge_session": cookie} if cookie else {}
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        base = self.face.services.settings.public_url
        return httpx.AsyncClient(transport=transport, base_url=base, headers=headers, cookies=cookies)

    def administrator(self) -> httpx.AsyncClient:
        return self.caller(authorization=self.face.admin.headers["authorization"])


async def two_companies(face: Face) -> Two:
    """Both companies, furnished; nobody's requests are counted against a limit here."""
    many = dict.fromkeys(ALLOWED, "1000000/minute")
    app = app_of(replace(face.services, limiter=Limiter(allowed=many)))
    mine, theirs = Company("ourco"), Company("otherco")
    for company in (mine, theirs):
        await furnish(face.services.db, face.services.connections.vault, company)
    return Two(face, app, mine, theirs)


async def furnish(db: Database, vault: Vault, one: Company) -> None:
    """At least one row in every table of companies; fails when a table has been forgotten."""
    now = utcnow()
    async with db.transaction() as session:
        session.add(_connection(one, now))
        await session.flush()
        one.session = (await sessions.sign_in(session, one.connection_id, now)).token
        session.add_all([*_access(one, vault, now), *_records(one, now)])
        session.add(_job(one, now))
        await session.flush()
        session.add(_posting(one, now))
        await session.flush()
        session.add_all(_of_the_job(one, now))
        for rows in _vouchers(one, now):
            session.add_all(rows)
            await session.flush()
    async with db.reading() as session:
        for table in OWNED.values():
            owner = table.c["connection_id" if "connection_id" in table.c else "id"]
            number = await session.scalar(select(func.count()).select_from(table).where(owner == one.connection_id))
            assert number, f"no row of {one.name} in {table.name}: the isolation of it would not be tried"


def _connection(one: Company, now: dt.datetime) -> tables.Connection:
    return tables.Connection(
        id=one.connection_id, environment="custom", company_id=one.company_id, company_name=one["name"],
        status="active", status_reason=one["reason"], auth_method="oauth", subject_urn=one["urn"], scopes="",
        activated_at=now,
    )  # fmt: skip


def _access(one: Company, vault: Vault, now: dt.datetime) -> list[tables.Base]:
    """What lets us in at Pleo and the ERP, and Pleo at ours."""
    own = one.connection_id
    one.secret = f"whsec_{base64.b64encode(canary(one['secret']).encode()).decode()}"

    def sealed(text: str, table: str, column: str) -> bytes:
        return vault.seal(text, table=table, column=column, row=own)

    return [
        tables.Credential(
            connection_id=own,
            access_token_sealed=sealed(canary(one["access"]), "credentials", "access_token_sealed"),
            refresh_token_sealed=sealed(canary(one["refresh"]), "credentials", "refresh_token_sealed"),
            expires_at=now + dt.timedelta(hours=1), expires_in=3600, refreshed_at=now,
        ),
        tables.Subscription(
            connection_id=own, path_token_hash=hash_token(one.path_token), pleo_id=one["subscription"],
            path_token_sealed=sealed(one.path_token, "subscriptions", "path_token_sealed"),
            secret_sealed=sealed(one.secret, "subscriptions", "secret_sealed"), secret_read_at=now, checked_at=now,
        ),
        tables.ErpBinding(
            connection_id=own, kind="double", settings_sealed=sealed("{}", "erp_bindings", "settings_sealed"),
            settings_shown={"database": one["database"]}, company_key=one["key"], company_ref="1",
            company_name=one["books"], registration_number=one["number"], currency="DKK",
            bound_by=one["person"],
        ),
        *(
            tables.ConfigVersion(
                connection_id=own, version=version, body={**CONFIGURATION, "journal": one["journal"]},
                created_by=one["person"],
            )
            for version in (1, 2)
        ),
        tables.SetupDraft(connection_id=own, body={"journal": one["draft"]}, updated_by=one["person"]),
        tables.Lease(connection_id=own, holder=one["holder"], fence=1, expires_at=now),
    ]  # fmt: skip


def _records(one: Company, now: dt.datetime) -> list[tables.Base]:
    own = one.connection_id
    twice = ("x", "y")
    return [
        *(tables.AuditRecord(actor=one["actor"], action="tried", connection_id=own, detail={"of": one["detail"]})
          for _ in twice),
        *(tables.WebhookDelivery(
            connection_id=own, webhook_id=one[f"hook{n}"], event_id=one["event"], event_type="v1.export-job.created",
            resource_id=one["resource"], company_id=one.company_id, status="done", note=one["note"],
        ) for n in twice),
        tables.LookSchedule(connection_id=own, due_at=now, looked_at=now),
        tables.SyncSchedule(connection_id=own, kind="tags", config_version=2, note=one["note"]),
        tables.SyncRun(id=one.run_id, connection_id=own, kind="tags", trigger="schedule", only=one["only"],
                       status="needs_confirmation", reason=one["reason"], to_archive=3, held=[one["held"]],
                       ended_at=now),
        tables.SyncRun(connection_id=own, kind="vendors", trigger="webhook", only=one["only"], status="succeeded",
                       started_at=now - dt.timedelta(days=1)),
        *(tables.VendorLink(connection_id=own, pleo_id=one[f"vendor{n}"], code=one["code"], phase="parked",
                            note=one["note"]) for n in ("", "2")),
        *(tables.MappingWarning(connection_id=own, kind="tags", code=one[f"code{n}"], used_by="dimensions",
                                text=one["text"]) for n in twice),
        tables.ObservedSign(connection_id=own, type=one["type"], sign=1),
    ]  # fmt: skip


def _job(one: Company, now: dt.datetime) -> tables.ExportJob:
    return tables.ExportJob(
        id=one.job_id, connection_id=one.connection_id, pleo_job_id=one["job"], pleo_created_at=now,
        pleo_status="completed_with_errors", phase="closed", found_by="webhook", number_of_items=2, vendor_based=False,
        interactive=False, created_by=one["person"], expires_in=3600, config_version=2, closed_at=now,
        failure_type="accounting_system_error", failure_reason=one["reason"],
    )  # fmt: skip


def _posting(one: Company, now: dt.datetime) -> tables.Posting:
    return tables.Posting(
        id=one.posting_id, connection_id=one.connection_id, accounting_entry_id=one["booked"], state="booked",
        digest="", total="1.00", currency="DKK", config_version=2, job_id=one.job_id, fence=1, erp_kind="double",
        erp_id=one["erp"], erp_number=one["erpnumber"], erp_url=f"https://{one['url']}.example/1", intended_at=now,
        booked_at=now,
    )  # fmt: skip


def _of_the_job(one: Company, now: dt.datetime) -> list[tables.Base]:
    own, job = one.connection_id, one.job_id
    return [
        tables.ExportJob(
            connection_id=own, pleo_job_id=one["job2"], pleo_created_at=now - dt.timedelta(days=1),
            pleo_status="completed", phase="closed", found_by="poll", number_of_items=0, vendor_based=False,
            interactive=False, expires_in=3600, closed_at=now,
        ),
        tables.JobEvent(connection_id=own, job_id=job, name="claimed", detail={"by": one["worker"]}),
        tables.ExportItem(
            job_id=job, accounting_entry_id=one["booked"], connection_id=own, position=0, state="booked",
            posting_id=one.posting_id, reported_at=now,
        ),
        tables.ExportItem(
            job_id=job, accounting_entry_id=one["entry"], connection_id=own, position=1, state="failed",
            failure="unexpected", failure_type="unknown", failure_reason=one["reason"], internal=one["internal"],
            payload={"of": one["payload"]}, reported_at=now,
        ),
        tables.Settlement(
            posting_id=one.posting_id, connection_id=own, side="bill", vendor_id=one["vendor"], amount="1.00",
            currency="DKK", reconciliation_id=one["reconciliation"],
        ),
    ]  # fmt: skip


def _vouchers(one: Company, now: dt.datetime) -> list[list[tables.Base]]:
    """A book with one voucher in a file that was handed over, one that waits, and an empty file; parents first."""
    own, book = one.connection_id, one.book_id
    numbered: dict[str, Any] = {
        "connection_id": own, "book_id": book, "series": "A", "year": "2026-01-01", "company_id": one.company_id,
        "revision": 1, "takes_back": False, "date": now.date(), "total": 1, "body": {"text": one["body"]}, "digest": "",
    }  # fmt: skip
    return [
        [tables.VoucherBookRow(id=book, connection_id=own, kind="files", company_ref="1", company_name=one["books"],
                               registration_number=one["number"], currency="SEK")],
        [tables.VoucherCounter(book_id=book, series="A", year="2026-01-01", connection_id=own, last=2),
         tables.VoucherFile(id=one.file_id, connection_id=own, book_id=book, name=one["file"], sha256="", size=1,
                            content=one["content"].encode(), vouchers=1, debit=1, handover_state="done",
                            handed_over_at=now, handover_place=one["place"]),
         tables.VoucherFile(connection_id=own, book_id=book, name=one["earlier"], sha256="", size=1, content=b"x",
                            vouchers=0, debit=0, handover_state="to_fetch", made_at=now - dt.timedelta(days=1))],
        [tables.Voucher(id=one.voucher_id, number=1, accounting_entry_id=one["booked"], file_id=one.file_id,
                        **numbered),
         tables.Voucher(number=2, accounting_entry_id=one["waiting"], **numbered)],
        [tables.VoucherReceipt(voucher_id=one.voucher_id, position=0, connection_id=own, name=one["receipt"],
                               type="application/pdf", size=1, sha256="")],
        [tables.VoucherPiece(voucher_id=one.voucher_id, position=0, piece=0, connection_id=own,
                             content=one["piece"].encode())],
    ]  # fmt: skip


async def content(db: Database, *, of: Company | None = None, without: tuple[str, ...] = ()) -> dict[str, str]:
    """A digest of every table but those of counts, written on the clock; or of what tables hold of one company."""
    found = {}
    async with db.transaction() as session:
        names = (await session.scalars(text("select tablename from pg_tables where schemaname = 'public'"))).all()
        for name in set(OWNED if of else names) - {"call_minutes", "delivery_refusals", *without}:
            table = sql.Identifier(name).as_string(None)
            mine = f"where {'id' if name == 'connections' else 'connection_id'} = '{of.connection_id}'" if of else ""
            query = text(f"select md5(coalesce(string_agg(t::text, '|' order by t::text), '')) from {table} t {mine}")
            found[name] = str(await session.scalar(query))
    return found
