"""Polling: who is asked for export jobs, how often, within which share of the calls, and what makes it more often."""

from __future__ import annotations

import asyncio
import datetime as dt
import uuid
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from sqlalchemy import event, func, select, text, update

from ledgerbridge.connections.reliance import MISSED_WITHIN, relied_on
from ledgerbridge.exports import polls
from ledgerbridge.exports.context import ExportContext
from ledgerbridge.exports.polls import Rhythm, poll
from ledgerbridge.ops import gauges
from ledgerbridge.ops.metrics import Metrics
from ledgerbridge.pleo.errors import (
    Forbidden,
    NotFound,
    PleoError,
    RateLimited,
    Unauthorised,
    Unavailable,
    UnreadableAnswer,
)
from ledgerbridge.store.scope import across_companies
from ledgerbridge.store.tables import Connection, ConnectionStatus, ExportJob, LookSchedule
from tests.support.rig import Rig

RHYTHM = Rhythm(watched=180, relied_on=1800, per_minute=250)
BEGIN = dt.datetime(2026, 5, 4, 8, tzinfo=dt.UTC)
MINUTE = dt.timedelta(minutes=1)


@dataclass
class Office:
    """Companies at a Pleo that answers at once, on a clock that only moves when somebody waits."""

    context: ExportContext
    now: dt.datetime = BEGIN
    asked: dict[uuid.UUID, list[dt.datetime]] = field(default_factory=lambda: defaultdict(list))
    statements: int = 0
    answer: Callable[[Connection], bool] = lambda _: False

    async def ask(self, _: ExportContext, connection: Connection) -> bool:
        self.asked[connection.id].append(self.now)
        return self.answer(connection)

    async def sleep(self, seconds: float) -> None:
        self.now += dt.timedelta(seconds=seconds)
        await asyncio.sleep(0)

    async def poll_for(self, long: dt.timedelta, rhythm: Rhythm = RHYTHM) -> int:
        """Poll as the worker does; how many rounds that took."""
        end, rounds = self.now + long, 0
        while self.now < end:
            await self.sleep(await poll(self.context, rhythm, self.ask))
            rounds += 1
        return rounds

    async def companies(self, number: int, *, relied: bool, asked_before: float = 0) -> set[uuid.UUID]:
        """Live companies, whose webhooks have proven themselves or not, asked at different times before."""
        fill = f"""
            with made as (
                insert into connections (id, environment, company_id, status, auth_method, subject_urn, scopes,
                    activated_at)
                select gen_random_uuid(), '{self.context.connections.environment}', 'c' || random(), 'active', 'oauth',
                    'urn', '', timestamptz '{BEGIN}' - interval '9 days'
                from generate_series(1, {number}) returning id
            ), told as (
                insert into webhook_deliveries (id, connection_id, webhook_id, event_type, status, received_at, repeats)
                select gen_random_uuid(), id, 'w', 'vendor', 'done', timestamptz '{BEGIN}' - interval '8 days', 0
                from made where {relied}
            ), subscribed as (
                insert into subscriptions (connection_id, path_token_hash, path_token_sealed, event_types, checked_at)
                select id, decode(md5(id::text), 'hex'), '', '[]', timestamptz '{BEGIN}' from made
            ), planned as (
                insert into look_schedules (connection_id, due_at, looked_at)
                select id, timestamptz '{BEGIN}' + random() * interval '1 second' * {asked_before},
                    timestamptz '{BEGIN}' - interval '1 hour'
                from made where {asked_before} > 0
            ) select id from made
        """
        async with self.context.db.transaction() as session:
            with across_companies(session, "a test makes companies"):
                return set((await session.scalars(text(fill))).all())

    async def schedule(self, connection_id: uuid.UUID) -> LookSchedule:
        async with self.context.db.reading() as session:
            return await session.get_one(LookSchedule, connection_id)

    def gaps(self, companies: set[uuid.UUID]) -> list[dt.timedelta]:
        """Between two asks of the same company."""
        return [
            later - earlier
            for one in companies
            for earlier, later in zip(self.asked[one], self.asked[one][1:], strict=False)
        ]


@pytest.fixture
async def office(rig: Rig) -> AsyncIterator[Office]:
    async with rig.context.db.transaction() as session:
        with across_companies(session, "a test has companies of its own"):
            await session.execute(update(Connection).values(status=ConnectionStatus.PAUSED))
    made = Office(rig.context)
    connections = replace(rig.context.connections, now=lambda: made.now, sleep=made.sleep)
    made.context = replace(rig.context, connections=connections)

    def count(*_: Any) -> None:
        made.statements += 1

    engine = rig.context.db.engine.sync_engine
    event.listen(engine, "before_cursor_execute", count)
    yield made
    event.remove(engine, "before_cursor_execute", count)


async def looks(office: Office) -> set[str]:
    async with office.context.db.reading() as session:
        query = "select args ->> 'connection_id' from procrastinate_jobs where task_name = 'exports.look'"
        return set((await session.scalars(text(query))).all())


@pytest.mark.rule("HOOK-045", "EXP-EXPIRE-05", "LIMIT-001")
async def test_two_thousand_quiet_companies_cost_a_few_statements_and_a_seventh_of_the_calls(office: Office) -> None:
    quiet = await office.companies(2000, relied=True, asked_before=1800)
    rounds = await office.poll_for(dt.timedelta(minutes=75))
    asked = sum(len(times) for times in office.asked.values())
    assert set(office.asked) == quiet, "somebody was never asked"
    assert 2 * 2000 <= asked <= 3 * 2000, "once in half an hour, a little earlier by chance"
    assert max(office.gaps(quiet)) < dt.timedelta(minutes=31), "within which no pending job expires"
    by_minute = Counter(int((at - BEGIN) / MINUTE) for times in office.asked.values() for at in times)
    assert max(by_minute.values()) <= RHYTHM.per_minute + 1
    assert sorted(by_minute.values())[len(by_minute) // 2] <= 90, "spread, not all together"
    assert office.statements <= 6 * rounds, "statements a round, however many companies it asks"


@pytest.mark.rule("EXP-RATE-02", "LIMIT-001")
async def test_more_companies_than_the_share_carries_are_all_late_alike(office: Office) -> None:
    watched = await office.companies(600, relied=False, asked_before=180)
    await office.poll_for(dt.timedelta(minutes=25), replace(RHYTHM, per_minute=60))
    by_minute = Counter(int((at - BEGIN) / MINUTE) for times in office.asked.values() for at in times)
    assert max(by_minute.values()) <= 61
    assert set(office.asked) == watched
    assert dt.timedelta(minutes=9) < min(office.gaps(watched)), "somebody was asked twice while others waited"
    assert max(office.gaps(watched)) < dt.timedelta(minutes=12)


@pytest.mark.rule("HOOK-045")
@pytest.mark.parametrize(
    ("case", "spoil"),
    [
        ("nothing", ""),
        ("live since today", "update connections set activated_at = timestamptz '{now}' - interval '5 hours'"),
        ("never activated by us", "update connections set activated_at = null"),
        (
            "subscription not seen alive",
            "update subscriptions set checked_at = timestamptz '{now}' - interval '3 days'",
        ),
        ("subscription never seen", "update subscriptions set checked_at = null"),
        ("subscription ended", "update subscriptions set ended_at = timestamptz '{now}'"),
        ("no subscription", "delete from subscriptions"),
        ("no delivery for a month", "update webhook_deliveries set received_at = received_at - interval '1 month'"),
        ("no delivery ever", "delete from webhook_deliveries"),
        ("a job missed", "update look_schedules set missed_at = timestamptz '{now}' - interval '6 days'"),
    ],
)
async def test_what_keeps_webhooks_from_being_relied_on(office: Office, case: str, spoil: str) -> None:
    (one,) = await office.companies(1, relied=True, asked_before=1)
    async with office.context.db.transaction() as session:
        with across_companies(session, "a test spoils something"):
            if spoil:
                await session.execute(text(spoil.format(now=office.now)))
            await session.execute(update(LookSchedule).values(due_at=office.now))
            found = await session.scalar(select(relied_on(office.now)).where(Connection.id == one))
    assert found is (case == "nothing")
    await poll(office.context, RHYTHM, office.ask)
    wait = (await office.schedule(one)).due_at - office.now
    longest = dt.timedelta(seconds=1800 if found else 180)
    assert longest * 0.9 <= wait <= longest


async def test_a_miss_is_forgiven_after_a_week(office: Office) -> None:
    (one,) = await office.companies(1, relied=True, asked_before=1)
    async with office.context.db.transaction() as session:
        with across_companies(session, "a test looks back"):
            await session.execute(update(LookSchedule).values(missed_at=office.now - MISSED_WITHIN))
            assert await session.scalar(select(relied_on(office.now)).where(Connection.id == one)) is True


@pytest.mark.rule("HOOK-045", "EXP-DETECT-12")
async def test_a_job_that_a_webhook_should_have_told_of_makes_polling_frequent_again(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    far = dt.datetime.now(dt.UTC) + dt.timedelta(minutes=30)
    async with rig.context.db.transaction() as session:
        session.add(LookSchedule(connection_id=rig.connection_id, due_at=far))
    rig.pleo.export(rig.pleo.queue("fee"))
    await rig.look(found_by="poll")
    async with rig.context.db.reading() as session:
        planned = await session.get_one(LookSchedule, rig.connection_id)
        assert (planned.missed_at, planned.due_at) == (None, far), "its webhook may still be on the way"

    monkeypatch.setattr(polls, "LATE", -dt.timedelta(hours=1))
    rig.pleo.export(rig.pleo.queue("fee"))
    await rig.look(found_by="poll")
    async with rig.context.db.reading() as session:
        planned = await session.get_one(LookSchedule, rig.connection_id)
        assert planned.missed_at is not None
        assert planned.due_at < dt.datetime.now(dt.UTC) + dt.timedelta(seconds=181)


@pytest.mark.rule("HOOK-045", "EXP-DETECT-01", "EXP-DETECT-03", "EXP-DETECT-05", "EXP-DETECT-08")
async def test_a_poll_is_one_list_of_pending_jobs_and_a_look_only_where_one_waits(rig: Rig) -> None:
    async def look_due() -> None:
        async with rig.context.db.transaction() as session:
            with across_companies(session, "a test makes everybody due"):
                await session.execute(text("delete from procrastinate_jobs"))
                await session.execute(text("delete from look_schedules"))
            session.add(LookSchedule(connection_id=rig.connection_id, due_at=dt.datetime.now(dt.UTC)))

    async def round_() -> tuple[list[tuple[str, str]], int]:
        await look_due()
        before = len(rig.pleo.requests())
        await poll(rig.context, RHYTHM)
        calls = [(call["method"], call["path"]) for call in rig.pleo.requests()[before:]]
        async with rig.context.db.reading() as session:
            return calls, int(await session.scalar(text("select count(*) from procrastinate_jobs")) or 0)

    assert await round_() == ([("GET", "/v3/export-jobs")], 0)
    job = rig.pleo.export(rig.pleo.queue("fee"))
    assert await round_() == ([("GET", "/v3/export-jobs")], 1)
    assert rig.pleo.job(job)["status"] == "pending"


@pytest.mark.rule("EXP-REC-01")
async def test_a_company_with_a_job_of_ours_under_way_is_looked_at_without_asking(office: Office) -> None:
    one, other = await office.companies(2, relied=False, asked_before=1)
    async with office.context.db.transaction() as session:
        session.add(
            ExportJob(
                connection_id=one, pleo_job_id="j", pleo_created_at=BEGIN, pleo_status="in_progress", phase="started",
                found_by="poll", number_of_items=1, vendor_based=False, interactive=True, expires_in=3600,
            )
        )  # fmt: skip
    office.now += dt.timedelta(seconds=2)
    await poll(office.context, RHYTHM, office.ask)
    assert set(office.asked) == {other}
    assert await looks(office) == {str(one)}


async def test_one_company_that_fails_keeps_nobody_else_from_being_asked(office: Office) -> None:
    ids = sorted(await office.companies(4, relied=True, asked_before=1))
    well, down, refused, broken = ids
    troubles: dict[uuid.UUID, Exception] = {down: Unavailable("list"), broken: ValueError("a fault of ours")}

    def answer(connection: Connection) -> bool:
        if connection.id in troubles:
            raise troubles[connection.id]
        return connection.id == refused

    office.answer = answer
    office.now += dt.timedelta(seconds=2)
    await poll(office.context, RHYTHM, office.ask)
    assert set(office.asked) == set(ids)
    assert await looks(office) == {str(refused), str(broken)}, "where people see what is wrong"
    waits = {one: ((await office.schedule(one)).due_at - office.now).total_seconds() for one in ids}
    assert waits[well] >= 1620
    assert max(waits[down], waits[refused], waits[broken]) <= 180, "asked again soon"


@pytest.mark.rule("HOOK-045", "EXP-EXPIRE-05")
async def test_companies_that_fail_all_day_do_not_use_up_the_turns_of_the_others(office: Office) -> None:
    down = await office.companies(200, relied=False, asked_before=180)
    well = await office.companies(100, relied=False, asked_before=180)

    def answer(connection: Connection) -> bool:
        if connection.id in down:
            raise Unavailable("list")
        return False

    office.answer = answer
    await office.poll_for(dt.timedelta(minutes=16), replace(RHYTHM, per_minute=60))
    assert well <= set(office.asked), "somebody was never asked"
    assert max(office.gaps(well)) < dt.timedelta(minutes=6), "300 companies at 60 a minute"


@pytest.mark.rule("HOOK-045", "EXP-EXPIRE-05")
async def test_a_time_that_a_wrong_clock_wrote_is_not_waited_for(office: Office) -> None:
    (one,) = await office.companies(1, relied=True, asked_before=1)
    async with office.context.db.transaction() as session:
        with across_companies(session, "a test sets the clock"):
            await session.execute(update(LookSchedule).values(due_at=BEGIN + dt.timedelta(days=400)))
    await office.poll_for(dt.timedelta(minutes=2))
    assert one in office.asked


@pytest.mark.parametrize(
    "trouble",
    [
        Forbidden("list", status=403),
        Unauthorised("list", status=401),
        NotFound("list", status=404),
        UnreadableAnswer("list", status=200),
    ],
    ids=lambda one: type(one).__name__,
)
async def test_what_does_not_pass_by_itself_is_left_to_a_look_which_tells_people(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, trouble: PleoError
) -> None:
    async def refuse(*_: object, **__: object) -> None:
        raise trouble

    monkeypatch.setattr(polls.ExportApi, "list_jobs", refuse)
    async with rig.context.db.reading() as session:
        connection = await session.get_one(Connection, rig.connection_id)
    assert await polls.pending(rig.context, connection) is True


@pytest.mark.parametrize("trouble", [Unavailable("list"), RateLimited("list")], ids=["down", "limit"])
async def test_what_passes_by_itself_queues_no_look(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, trouble: PleoError
) -> None:
    async def refuse(*_: object, **__: object) -> None:
        raise trouble

    monkeypatch.setattr(polls.ExportApi, "list_jobs", refuse)
    async with rig.context.db.reading() as session:
        connection = await session.get_one(Connection, rig.connection_id)
    with pytest.raises(type(trouble)):
        await polls.pending(rig.context, connection)


async def test_a_round_that_dies_leaves_its_companies_due_soon(office: Office) -> None:
    (one,) = await office.companies(1, relied=True, asked_before=1)
    office.now += dt.timedelta(seconds=2)
    await polls._take(office.context, RHYTHM)
    assert (await office.schedule(one)).due_at == office.now + polls.TAKEN_FOR
    assert await polls._take(office.context, RHYTHM) == [], "another replica leaves it alone meanwhile"


@pytest.mark.rule("HOOK-045")
async def test_only_live_companies_of_this_environment_are_asked(office: Office) -> None:
    live = await office.companies(3, relied=False)
    foreign, paused = await office.companies(2, relied=False), await office.companies(2, relied=False, asked_before=1)
    async with office.context.db.transaction() as session:
        with across_companies(session, "a test moves companies"):
            await session.execute(update(Connection).where(Connection.id.in_(foreign)).values(environment="production"))
            await session.execute(
                update(Connection).where(Connection.id.in_(paused)).values(status=ConnectionStatus.PAUSED)
            )
    await office.poll_for(dt.timedelta(minutes=10))
    assert set(office.asked) == live
    async with office.context.db.reading() as session:
        with across_companies(session, "a test counts"):
            assert await session.scalar(select(func.count()).select_from(LookSchedule)) == len(live)
    assert all(min(times) - BEGIN <= dt.timedelta(minutes=5) for times in office.asked.values()), "newcomers soon"


@pytest.mark.rule("HOOK-045")
async def test_a_company_that_is_not_asked_shows_in_a_metric(office: Office) -> None:
    metrics, queue = Metrics(), office.context.queue
    await gauges.read(metrics, office.context.db, queue)
    assert metrics.registry.get_sample_value("ledgerbridge_polls_late_seconds") == 0
    await office.companies(2, relied=True, asked_before=1)
    async with office.context.db.transaction() as session:
        with across_companies(session, "a test makes one company late"):
            late = select(LookSchedule.connection_id).limit(1).scalar_subquery()
            now = dt.datetime.now(dt.UTC)
            await session.execute(update(LookSchedule).values(due_at=now + 30 * MINUTE))
            await session.execute(
                update(LookSchedule).where(LookSchedule.connection_id == late).values(due_at=now - 30 * MINUTE)
            )
    await gauges.read(metrics, office.context.db, queue)
    assert 1800 <= (metrics.registry.get_sample_value("ledgerbridge_polls_late_seconds") or 0) < 3600
