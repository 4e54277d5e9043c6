"""What is over goes and what is not stays, to the hour: rows on both sides of every border."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Null, func, select

from ledgerbridge.clock import utcnow
from ledgerbridge.ops import retention
from ledgerbridge.ops.retention import RULES, clear_away
from ledgerbridge.store.engine import Database
from ledgerbridge.store.scope import across_companies
from ledgerbridge.store.tables import (
    AdminSession,
    AuditRecord,
    Base,
    BrowserSession,
    CallMinute,
    ConnectAttempt,
    Connection,
    ConnectionStatus,
    Credential,
    DeliveryRefusal,
    ExportItem,
    ExportJob,
    JobEvent,
    MappingWarning,
    OidcAttempt,
    Posting,
    RateBudget,
    SetupDraft,
    SyncRun,
    VendorLink,
    WebhookDelivery,
)
from tests.integration.web.conftest import Face

NOW = utcnow()
"""When the test at work began: a suite may take long to come here."""
HOUR = dt.timedelta(hours=1)
PERSON = "Jane Roe was here"


@pytest.fixture(autouse=True)
def _now() -> None:
    globals()["NOW"] = utcnow()


def ago(days: float, over: bool) -> dt.datetime:
    """One hour beyond so many days, or one hour short of them."""
    return NOW - dt.timedelta(days=days) + (-HOUR if over else HOUR)


async def company(db: Database, status: str = ConnectionStatus.ACTIVE, **values: Any) -> uuid.UUID:
    found = uuid.uuid4()
    async with db.transaction() as session:
        session.add(
            Connection(
                id=found, environment="custom", company_id=str(uuid.uuid4()), status=status, auth_method="oauth",
                subject_urn="urn:pleo:company:x", **values,
            )
        )  # fmt: skip
    return found


def job(owner: uuid.UUID, **values: Any) -> ExportJob:
    sound = {
        "pleo_created_at": NOW, "phase": "fetched", "pleo_status": "in_progress", "found_by": "poll",
        "number_of_items": 1, "vendor_based": False, "interactive": True, "expires_in": 3600, "claimed_at": NOW,
    }  # fmt: skip
    return ExportJob(id=uuid.uuid4(), connection_id=owner, pleo_job_id=str(uuid.uuid4()), **{**sound, **values})


def closed(owner: uuid.UUID, at: dt.datetime) -> ExportJob:
    return job(owner, phase="closed", pleo_status="failed", closed_at=at, failure_reason=PERSON, created_by=PERSON)


def item(of: ExportJob, **values: Any) -> ExportItem:
    return ExportItem(
        job_id=of.id, accounting_entry_id="e", connection_id=of.connection_id, position=0, state="waiting", attempts=0,
        **values,
    )  # fmt: skip


def delivery(owner: uuid.UUID, status: str, at: dt.datetime) -> WebhookDelivery:
    return WebhookDelivery(
        connection_id=owner, webhook_id=str(uuid.uuid4()), event_type="x", status=status, received_at=at
    )


Make = Callable[[uuid.UUID, bool], list[Base]]
"""Rows of a company that are over, or just not; the last one is the one that counts."""
_EXPIRED = 1 + 3600 / 86400


def _attempt(_: uuid.UUID, over: bool) -> list[Base]:
    name = b"over" if over else b"not yet"
    return [ConnectAttempt(state_hash=name, browser_hash=b"b", verifier_sealed=b"v", expires_at=ago(0, over))]


def _session(owner: uuid.UUID, over: bool) -> list[Base]:
    return [BrowserSession(token_hash=b"1" if over else b"2", connection_id=owner, expires_at=ago(0, over))]


def _late_payload(owner: uuid.UUID, over: bool) -> list[Base]:
    """Written behind the close of its job by a worker that had lost it; the other job is still open."""
    of = closed(owner, NOW) if over else job(owner)
    return [of, item(of, payload={"supplier": PERSON})]


def _expired_payload(owner: uuid.UUID, over: bool) -> list[Base]:
    of = job(owner, phase="started", claimed_at=ago(90, True), last_action_at=ago(_EXPIRED, over))
    return [of, item(of, payload={"supplier": PERSON})]


def _history(owner: uuid.UUID, over: bool) -> list[Base]:
    of = closed(owner, ago(365, over))
    return [of, JobEvent(connection_id=owner, job_id=of.id, at=of.closed_at, name="failed", detail={"reason": PERSON})]


def _old_item(owner: uuid.UUID, over: bool) -> list[Base]:
    of = closed(owner, ago(365, over))
    return [of, item(of, failure_reason=PERSON)]


def _link(owner: uuid.UUID, over: bool) -> list[Base]:
    row = VendorLink(connection_id=owner, pleo_id=str(uuid.uuid4()), erp_id="7", phase="ended", note=PERSON, code="7")
    row.updated_at = ago(365, over)
    return [row]


def _draft(_: uuid.UUID, over: bool) -> list[Base]:
    """A key that was tried and never bound; the answers beside it stay. A connection has one draft."""
    own = uuid.uuid4()
    whose = Connection(
        id=own, environment="custom", company_id=str(own), status="setting_up", auth_method="oauth", subject_urn="x"
    )
    values = {"body": {}, "settings_sealed": PERSON.encode(), "updated_at": ago(30, over), "updated_by": "customer"}
    return [whose, SetupDraft(connection_id=own, **values)]


def _operator(_: uuid.UUID, over: bool) -> list[Base]:
    """Not used for two hours, or just short of them."""
    row = AdminSession(token_hash=b"1" if over else b"2", name="ada", method="token", credential=b"c")
    row.last_seen_at = NOW - dt.timedelta(hours=2) + (-HOUR if over else HOUR)
    row.expires_at = NOW + HOUR
    return [row]


def _provider(_: uuid.UUID, over: bool) -> list[Base]:
    values = {"browser_hash": b"b", "nonce_hash": b"n", "verifier_sealed": b"v", "expires_at": ago(0, over)}
    return [OidcAttempt(state_hash=b"over" if over else b"not yet", **values)]


CASES: dict[str, Make] = {
    "connect_attempts": _attempt,
    "browser_sessions": _session,
    "admin_sessions": _operator,
    "oidc_attempts": _provider,
    "webhook_deliveries": lambda owner, over: [delivery(owner, "done", ago(30, over))],
    "parked_deliveries": lambda owner, over: [delivery(owner, "parked", ago(365, over))],
    "payloads_of_closed_jobs": _late_payload,
    "expired_jobs": lambda owner, over: [job(owner, last_action_at=ago(_EXPIRED, over))],
    "payloads_of_expired_jobs": _expired_payload,
    "jobs_of_disconnected": lambda owner, over: [job(owner, phase="started", last_action_at=ago(_EXPIRED, over))],
    "export_job_events": _history,
    "export_items": _old_item,
    "export_jobs": lambda owner, over: [closed(owner, ago(365, over))],
    "sync_runs": lambda owner, over: [
        SyncRun(connection_id=owner, kind="tags", trigger="schedule", status="succeeded", started_at=ago(90, over))
    ],
    "mapping_warnings": lambda owner, over: [
        MappingWarning(connection_id=owner, kind="tags", code="c", used_by="u", text="t", resolved_at=ago(365, over))
    ],
    "vendor_links": _link,
    "tried_keys": _draft,
    "call_minutes": lambda _, over: [
        CallMinute(minute=ago(31, over), system="pleo", outcome="ok", calls=1, seconds=1.0)
    ],
    "delivery_refusals": lambda _, over: [
        DeliveryRefusal(
            day=(NOW - dt.timedelta(days=365)).date() - dt.timedelta(days=over), reason="not_json", deliveries=1
        )
    ],
    "rate_budgets": lambda _, over: [RateBudget(key=f"custom:{over}", next_free_at=ago(30, over))],
    "audit_log": lambda owner, over: [AuditRecord(actor="a", action="b", connection_id=owner, at=ago(3660, over))],
}  # fmt: skip


async def seen(db: Database, row: Base) -> dict[str, Any] | None:
    """The row as it stands now; None when it is gone."""
    table = row.metadata.tables[row.__tablename__]
    async with db.reading() as session:
        with across_companies(session, "a test"):
            query = select(table).where(*(column == getattr(row, column.name) for column in table.primary_key))
            found = (await session.execute(query)).mappings().first()
    return None if found is None else dict(found)


def test_every_rule_has_rows_on_both_sides_of_its_border() -> None:
    assert [rule.name for rule in RULES] == list(CASES)


async def test_what_is_over_goes_and_what_is_not_stays(face: Face) -> None:
    db = face.services.db
    rows: dict[str, dict[bool, Base]] = {}
    for name, make in CASES.items():
        gone = {"status": ConnectionStatus.DISCONNECTED, "disconnected_at": NOW}
        owner = await company(db, **(gone if name == "jobs_of_disconnected" else {}))
        rows[name] = {}
        for over in (True, False):
            made = make(owner, over)
            async with db.transaction() as session:
                for row in made:
                    session.add(row)
                    await session.flush()
            rows[name][over] = made[-1]
    before = {name: {over: await seen(db, row) for over, row in pair.items()} for name, pair in rows.items()}

    done = await clear_away(face.services.connections)

    assert {name: done[name] for name in CASES} == {name: {"export_jobs": 3}.get(name, 1) for name in CASES}
    for rule in RULES:
        young, old = [await seen(db, rows[rule.name][over]) for over in (False, True)]
        assert young == before[rule.name][False], f"{rule.name}: took what was not over"
        if not rule.emptied:
            assert old is None, f"{rule.name}: left what was over"
        else:
            assert old is not None
            assert PERSON not in str(old), f"{rule.name}: left personal data"
            for column, value in rule.emptied.items():
                assert old[column] == (None if isinstance(value, Null) else value) or column == "closed_at"
    again = await clear_away(face.services.connections)
    assert not again, "a second round found something to do"


@pytest.mark.rule("HOOK-042")
async def test_a_delivery_nobody_has_looked_at_is_never_cleared_away(face: Face) -> None:
    owner = await company(face.services.db)
    async with face.services.db.transaction() as session:
        session.add(delivery(owner, "queued", ago(400, over=True)))
    assert not await clear_away(face.services.connections)


async def test_the_pairs_ids_outlive_their_texts_so_that_none_is_used_for_another_vendor(face: Face) -> None:
    owner = await company(face.services.db)
    (link,) = _link(owner, over=True)
    async with face.services.db.transaction() as session:
        session.add(link)
    await clear_away(face.services.connections)
    left = await seen(face.services.db, link)
    assert left is not None
    assert (left["erp_id"], left["phase"], left["code"]) == ("7", "ended", None)


async def test_a_backlog_goes_in_pieces_over_several_rounds_and_is_counted(
    face: Face, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "BATCH", 2)
    monkeypatch.setattr(retention, "MOST_BATCHES", 2)
    owner = await company(face.services.db)
    async with face.services.db.transaction() as session:
        session.add_all(delivery(owner, "done", ago(60, over=True)) for _ in range(7))
    metrics = face.services.metrics
    rounds = [(await clear_away(face.services.connections, metrics.removed))["webhook_deliveries"] for _ in range(3)]
    assert rounds == [4, 3, 0]
    counted = metrics.registry.get_sample_value("ledgerbridge_rows_removed_total", {"what": "webhook_deliveries"})
    assert counted == 7


async def test_a_customer_who_left_at_pleo_and_never_came_back_is_disconnected_after_sixty_days(face: Face) -> None:
    db = face.services.db
    ended = ConnectionStatus.RECONNECT_NEEDED
    over = [
        await company(db, ended, updated_at=ago(60, over=True), company_name=PERSON),
        await company(db, ConnectionStatus.PAUSED, paused_by="watch", updated_at=ago(60, over=True)),
    ]
    stays = [
        await company(db, ended, updated_at=ago(60, over=False)),
        await company(db, ConnectionStatus.PAUSED, paused_by="operator", updated_at=ago(60, over=True)),
        await company(db, ConnectionStatus.SETTING_UP, updated_at=ago(60, over=True)),
        await company(db, updated_at=ago(60, over=True)),
    ]
    async with db.transaction() as session:
        session.add_all(Credential(connection_id=one, api_key_sealed=b"x", generation=1) for one in over + stays)

    done = await clear_away(face.services.connections)

    assert done["connections_left_alone"] == 2
    async with db.reading() as session:
        with across_companies(session, "a test"):
            rows = {one.id: one for one in await session.scalars(select(Connection))}
            keys = {one.connection_id: one.api_key_sealed for one in await session.scalars(select(Credential))}
    assert {rows[one].status for one in over} == {"disconnected"}
    assert {rows[one].company_name for one in over} == {None}
    assert "disconnected" not in {rows[one].status for one in stays}
    assert [keys[one] for one in over + stays] == [None, None, b"x", b"x", b"x", b"x"]


async def test_a_company_goes_with_its_ledger_when_no_books_need_be_kept_any_more(face: Face) -> None:
    db = face.services.db
    long, less = [
        await company(db, ConnectionStatus.DISCONNECTED, disconnected_at=ago(3660, over)) for over in (True, False)
    ]
    async with db.transaction() as session:
        for owner in (long, less):
            of = closed(owner, ago(3700, over=True))
            session.add(of)
            await session.flush()
            session.add(
                Posting(
                    connection_id=owner, accounting_entry_id="e", state="booked", total="1.00", currency="DKK",
                    config_version=1, job_id=of.id, fence=1, erp_kind="double", intended_at=NOW,
                )
            )  # fmt: skip
    await clear_away(face.services.connections)
    async with db.reading() as session:
        with across_companies(session, "a test"):
            assert list(await session.scalars(select(Connection.id))) == [less]
            assert list(await session.scalars(select(Posting.connection_id))) == [less]
            assert await session.scalar(select(func.count()).select_from(ExportJob)) == 1
