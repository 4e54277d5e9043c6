"""The budget under load: nearly all of it is used, never more, the urgent first, and a rest that Pleo asks for is kept.

A minute is scaled down; the moments of the calls are the database's, noted by a trigger beside each grant.
"""

import asyncio
import time
from contextlib import AsyncExitStack

import pytest
from sqlalchemy import text

from ledgerbridge.connections.context import Budgets
from ledgerbridge.store.budget import PostgresBudget
from ledgerbridge.store.engine import Database

PER_MINUTE = 500
MINUTE = 6.0
"""Seconds that stand for a minute here."""
KEY = "staging:company"


@pytest.fixture
async def grants(db: Database) -> None:
    """Every call let through under KEY is noted with the database's time."""
    async with db.transaction() as session:
        await session.execute(text("create table grants (at timestamptz)"))
        await session.execute(
            text(
                "create function note() returns trigger language plpgsql as "
                "$$ begin insert into grants values (clock_timestamp()); return new; end $$"
            )
        )
        await session.execute(
            text(
                f"create trigger note after update of next_free_at on rate_budgets for each row "
                f"when (new.key = '{KEY}') execute function note()"
            )
        )


async def moments(db: Database) -> list[float]:
    async with db.reading() as session:
        rows = await session.execute(text("select extract(epoch from at)::float8 from grants order by at"))
        return [row[0] for row in rows]


def most_in_a_minute(times: list[float]) -> int:
    return max(sum(begin <= moment < begin + MINUTE for moment in times) for begin in times)


def as_in_service(db: Database, minute: float = MINUTE) -> PostgresBudget:
    """The budget with the numbers that a connection gets in service."""
    made = Budgets(db, "staging", PER_MINUTE)
    return PostgresBudget(db, KEY, made.per_minute, made.burst, ceiling=made.ceiling, minute=minute)


async def call_for_ever(budget: PostgresBudget) -> None:
    """One of a sync's writers: asks for a call, makes it, asks again."""
    while True:
        await budget.take(urgent=False)
        await asyncio.sleep(0.01)


@pytest.mark.rule("LIMIT-001", "ACC-105", "TAG-114", "VEN-134")
@pytest.mark.parametrize("replicas", [pytest.param(1, marks=pytest.mark.long), 2], ids=["one-replica", "two-replicas"])
@pytest.mark.usefixtures("grants")
async def test_a_flood_uses_98_percent_of_the_budget_and_never_more_than_all_of_it(
    db: Database, database_url: str, replicas: int
) -> None:
    """The bound holds in every try; the share is the best of three, because a busy machine may be late by itself."""
    best = 0
    for _ in range(3):
        best = max(best, await _flooded(db, database_url, replicas))
        if best >= PER_MINUTE * 0.98:
            return
    pytest.fail(f"only {best / PER_MINUTE:.2%} used")


async def _flooded(db: Database, database_url: str, replicas: int) -> int:
    """Calls in one minute of a flood."""
    seen = len(await moments(db))
    async with AsyncExitStack() as stack:
        writers = []
        for _ in range(replicas):
            replica = Database(database_url)
            stack.push_async_callback(replica.close)
            budget = as_in_service(replica)
            writers += [asyncio.create_task(call_for_ever(budget)) for _ in range(8)]
        await asyncio.sleep(MINUTE * 2)
        for writer in writers:
            writer.cancel()
        await asyncio.gather(*writers, return_exceptions=True)
    times = (await moments(db))[seen:]
    # From the second half minute on, so that the burst at the beginning does not count.
    began = times[0] + MINUTE / 2
    used = sum(began <= moment < began + MINUTE for moment in times)
    print(f"{replicas} replica(s): {used / PER_MINUTE:.2%} used, at most {most_in_a_minute(times)} in a minute")
    assert most_in_a_minute(times) <= PER_MINUTE
    return used


@pytest.mark.parametrize("replicas", [1, 2], ids=["one-replica", "two-replicas"])
async def test_an_export_waits_for_a_slot_or_two_while_a_sync_floods(database_url: str, replicas: int) -> None:
    minute = 30.0
    slot = minute / PER_MINUTE
    async with AsyncExitStack() as stack:
        dbs = [Database(database_url) for _ in range(replicas)]
        for one in dbs:
            stack.push_async_callback(one.close)
        budgets = [as_in_service(one, minute) for one in dbs]
        writers = [asyncio.create_task(call_for_ever(budget)) for budget in budgets for _ in range(8)]
        await asyncio.sleep(1)
        export, waits = budgets[-1], []
        for _ in range(15):
            began = time.monotonic()
            await export.take(urgent=True)
            waits.append(time.monotonic() - began)
        for writer in writers:
            writer.cancel()
        await asyncio.gather(*writers, return_exceptions=True)
    waits.sort()
    print(f"{replicas} replica(s): {waits[7] / slot:.2f} slots in the middle, {waits[-1] / slot:.2f} at worst")
    assert waits[7] < 2.5 * slot
    assert waits[-1] < 8 * slot


async def test_a_sync_still_gets_its_share_while_exports_flood(db: Database) -> None:
    budget = PostgresBudget(db, KEY, 600, 4, minute=6)

    async def exports() -> None:
        while True:
            await budget.take(urgent=True)

    flood = [asyncio.create_task(exports()) for _ in range(4)]
    served, ends = 0, time.monotonic() + 2
    while time.monotonic() < ends:
        async with asyncio.timeout(2):
            await budget.take(urgent=False)
        served += 1
    for one in flood:
        one.cancel()
    await asyncio.gather(*flood, return_exceptions=True)
    assert served >= 8


@pytest.mark.rule("LIMIT-002", "TAG-147", "ACC-116")
async def test_what_pleo_asks_one_caller_to_wait_all_callers_of_all_replicas_wait(database_url: str) -> None:
    dbs = [Database(database_url) for _ in range(2)]
    budgets = [PostgresBudget(db, KEY, 600, 100) for db in dbs]
    other = PostgresBudget(dbs[0], "staging:other", 600, 100)
    for budget in (*budgets, other):
        await budget.take()
    began = time.monotonic()
    await budgets[0].pause(0.6)
    await other.take()
    assert time.monotonic() - began < 0.4, "another company must not wait"
    await asyncio.gather(*(budget.take(urgent=urgent) for budget in budgets for urgent in (True, False)))
    assert time.monotonic() - began >= 0.6
    for db in dbs:
        await db.close()


@pytest.mark.rule("LIMIT-002")
async def test_a_shorter_rest_does_not_end_a_longer_one(db: Database) -> None:
    budget = PostgresBudget(db, KEY, 600, 100)
    began = time.monotonic()
    await budget.pause(0.5)
    await budget.pause(0.05)
    await budget.take()
    assert time.monotonic() - began >= 0.5


@pytest.mark.rule("LIMIT-002")
async def test_a_rest_too_long_to_wait_for_is_told_at_once(db: Database) -> None:
    budget = PostgresBudget(db, KEY, 600, 100, longest_pause=120)
    await budget.pause(900)
    async with asyncio.timeout(2):
        rest = await budget.take()
    assert rest is not None
    assert 880 < rest <= 900
