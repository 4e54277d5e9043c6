"""Numbers of the charts: counted right, over all processes, and without reading more than the time they show."""

from __future__ import annotations

import asyncio
import json
import os
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event, text

from ledgerbridge.ops import calls, figures
from ledgerbridge.ops.calls import Tally
from ledgerbridge.ops.figures import Span, Window
from ledgerbridge.store.engine import Database
from ledgerbridge.store.tables import CalledSystem, CallMinute, ExportItemCount, JobPhase
from tests.integration.ops.planting import Garden

NOW = datetime(2026, 3, 29, 14, 25, tzinfo=UTC)
TODAY = datetime(2026, 3, 29, 9, 0, tzinfo=UTC)


def at(**back: float) -> datetime:
    return TODAY - timedelta(**back)


@pytest.mark.parametrize(("span", "number", "last"), [
    (Span.DAY, 24, NOW.replace(minute=0)), (Span.MONTH, 30, NOW.replace(hour=0, minute=0)),
], ids=["day", "month"])  # fmt: skip
def test_a_span_ends_with_the_column_that_is_going_on(span: Span, number: int, last: datetime) -> None:
    columns = span.columns(NOW)
    assert (len(columns), columns[-1]) == (number, last)
    assert list(columns) == sorted(columns)


async def test_jobs_and_items_are_counted_by_the_day_they_closed(db: Database) -> None:
    garden = Garden(db)
    mine, theirs = garden.company(), garden.company()
    today = garden.job(mine, closed_at=at())
    garden.rows[-1].pleo_status = "completed_with_errors"  # type: ignore[attr-defined]
    garden.rows += [
        ExportItemCount(job_id=job, connection_id=owner, state=state, items=number)
        for owner, job, state, number in [
            (mine, today, "booked", 1), (mine, today, "failed", 1),
            (mine, garden.job(mine, closed_at=at(hours=1)), "booked", 1),
            (theirs, garden.job(theirs, closed_at=at(days=1)), "booked", 1),
        ]
    ]  # fmt: skip
    garden.job(theirs, closed_at=at(days=60))
    garden.job(theirs, phase=JobPhase.FETCHED)
    await garden.planted()
    async with db.reading() as session:
        jobs = await figures.jobs(session, Window.of(Span.MONTH, NOW))
        items = await figures.items(session, Window.of(Span.MONTH, NOW))
        own = await figures.items(session, Window.of(Span.MONTH, NOW, theirs))
        hours = await figures.jobs(session, Window.of(Span.DAY, NOW))
    assert jobs[-2:] == [{"completed": 1}, {"completed": 1, "completed_with_errors": 1}]
    assert sum(sum(day.values()) for day in jobs) == 3, "neither older nor open ones"
    assert items[-2:] == [{"booked": 1}, {"booked": 2, "failed": 1}]
    assert own[-2:] == [{"booked": 1}, {}]
    assert [index for index, hour in enumerate(hours) if hour] == [17, 18]


async def test_the_time_of_a_job_runs_from_its_webhook(db: Database) -> None:
    garden = Garden(db)
    owner = garden.company()
    for seconds in (10, 20, 30):
        garden.job(owner, closed_at=at(), announced_at=at(seconds=seconds))
    garden.job(owner, closed_at=at())
    await garden.planted()
    async with db.reading() as session:
        found = await figures.times(session, Window.of(Span.MONTH, NOW, owner))
    assert found[-2] is None
    assert found[-1] == figures.Times(jobs=3, median=20.0, slow=29.0)


async def test_calls_of_several_processes_are_added_up(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "utcnow", lambda: NOW)
    tallies = [Tally() for _ in range(4)]
    for tally in tallies:
        for answer in (200, 202, 429, 500, None, "timed_out"):
            tally.call(CalledSystem.PLEO, answer, 0.5)
        tally.call(CalledSystem.ERP, "200", 0.25)
        tally.refused("signature_refused")
    await asyncio.gather(*(tally.store(db) for tally in tallies))
    await tallies[0].store(db)
    async with db.reading() as session:
        found = await figures.calls(session, Window.of(Span.DAY, NOW))
        most = await figures.busiest_minutes(session, Window.of(Span.DAY, NOW))
        rows = (await session.execute(text("select reason, deliveries from delivery_refusals"))).all()
    assert found[CalledSystem.PLEO][-1] == figures.Calls({"ok": 8, "limited": 4, "error": 12}, 12.0)
    assert found[CalledSystem.ERP][-1] == figures.Calls({"ok": 4}, 1.0)
    assert found[CalledSystem.ERP][-2].calls == 0
    assert most[-2:] == [0, 24]
    assert [tuple(row) for row in rows] == [("signature_refused", 4)]


async def test_what_the_database_could_not_take_is_kept_for_the_next_time(db: Database) -> None:
    tally = Tally()
    tally.call(CalledSystem.PLEO, 200, 0.1)
    tally.refused("not_json")
    away = Database("postgresql://nobody@127.0.0.1:1/nothing")
    with pytest.raises(Exception, match=r"refused|failed"):
        await tally.store(away)
    await away.close()
    tally.call(CalledSystem.PLEO, 200, 0.1)
    async with calls.storing(tally, db):
        pass
    async with db.reading() as session:
        (row,) = (await session.execute(text("select sum(calls), count(*) from call_minutes"))).all()
        refused = await session.scalar(text("select sum(deliveries) from delivery_refusals"))
    assert (row[0], refused) == (2, 1), "stored at the end of the process at the latest"


async def test_busiest_minutes_are_of_pleo_and_of_all_outcomes(db: Database) -> None:
    async with db.transaction() as session:
        session.add_all(
            CallMinute(minute=NOW.replace(minute=minute), system=system, outcome=outcome, calls=number, seconds=1.0)
            for minute, system, outcome, number in [
                (1, "pleo", "ok", 300), (1, "pleo", "limited", 20), (2, "pleo", "ok", 310), (2, "erp", "ok", 900),
            ]
        )  # fmt: skip
    async with db.reading() as session:
        assert (await figures.busiest_minutes(session, Window.of(Span.MONTH, NOW)))[-1] == 320


JOBS = int(os.environ.get("FIGURES_JOBS", "8000"))
MINUTES = int(os.environ.get("FIGURES_MINUTES", "20000"))


async def test_a_chart_reads_its_time_and_not_the_whole_table(db: Database) -> None:
    """Two years of jobs, of which it shows a month; and the month of calls that is kept."""
    garden = Garden(db)
    owner = garden.company()
    await garden.planted()
    async with db.transaction() as session:
        await session.execute(text(FILL_JOBS), {"owner": owner, "now": NOW, "number": JOBS, "step": 730 * 86400 / JOBS})
        await session.execute(text(FILL_MINUTES), {"now": NOW, "number": MINUTES})
    async with db.transaction() as session:
        for table in ("export_jobs", "export_item_counts", "call_minutes"):
            await session.execute(text(f"analyze {table}"))
    window = Window.of(Span.MONTH, NOW)
    read: dict[str, int] = {}
    for name, ask in {"jobs": figures.jobs, "items": figures.items, "times": figures.times, "calls": figures.calls,
                      "busiest": figures.busiest_minutes}.items():  # fmt: skip
        read[name] = await rows_read(db, ask, window)
    month = JOBS * 31 / 730
    assert read["jobs"] <= month
    assert read["times"] <= month
    assert read["items"] <= 3 * month
    assert read["calls"] <= 30 * 1440 * 6
    print(read)


FILL_JOBS = """
    with made as (
        insert into export_jobs (id, connection_id, pleo_job_id, pleo_created_at, pleo_status, phase, found_by,
            announced_at, number_of_items, vendor_based, interactive, expires_in, closed_at)
        select gen_random_uuid(), cast(:owner as uuid), n::text, closed - interval '1 minute', 'completed', 'closed',
            'webhook', closed - interval '1 minute', 1, false, false, 3600, closed
        from (select n, cast(:now as timestamptz) - make_interval(secs => n * :step) as closed
              from generate_series(1, :number) n) days
        returning id, connection_id
    )
    insert into export_item_counts (job_id, state, connection_id, items)
    select id, state, connection_id, 3 from made, (values ('booked'), ('failed')) states(state)
"""
FILL_MINUTES = """
    insert into call_minutes
    select date_trunc('minute', cast(:now as timestamptz)) - make_interval(mins => n / 6), system, outcome, 100, 20.0
    from generate_series(0, :number, 6) n, (values ('pleo'), ('erp')) s(system),
        (values ('ok'), ('error'), ('limited')) o(outcome)
"""


async def rows_read(db: Database, ask: Any, window: Window) -> int:
    """How many rows the scans of its one query bring up."""
    sent: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, values: Any, *_: Any) -> None:
        if "select" in statement.lower():
            sent.append((statement, values))

    event.listen(db.engine.sync_engine, "before_cursor_execute", note)
    async with db.reading() as session:
        began = asyncio.get_running_loop().time()
        await ask(session, window)
        print(ask.__name__, f"{asyncio.get_running_loop().time() - began:.3f} s")
    event.remove(db.engine.sync_engine, "before_cursor_execute", note)
    ((statement, values),) = sent
    async with db.engine.connect() as connection:
        await connection.execution_options(across_companies="a plan is looked at")
        explained = await connection.exec_driver_sql(f"explain (analyze, format json) {statement}", values)
        plan = explained.scalar_one()
    (top,) = plan if isinstance(plan, list) else json.loads(plan)
    return sum(scans(top["Plan"]))


def scans(plan: dict[str, Any]) -> list[int]:
    own = plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)
    here = [int(own * plan["Actual Loops"])] if "Scan" in plan["Node Type"] and "Relation Name" in plan else []
    return here + [rows for child in plan.get("Plans", []) for rows in scans(child)]
