"""The budget of calls: never more than allowed in any window, over all replicas, and fair."""

import asyncio
import time

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from ledgerbridge.store.budget import Limit, PostgresBudget
from ledgerbridge.store.engine import Database

MINUTE = 1.0
"""Seconds that stand for a minute here."""


@pytest.fixture
async def grants(db: Database) -> None:
    """Every call let through is noted with its key and the database's time."""
    async with db.transaction() as session:
        await session.execute(text("create table grants (key text, at timestamptz)"))
        await session.execute(
            text(
                "create function note() returns trigger language plpgsql as "
                "$$ begin insert into grants values (new.key, clock_timestamp()); return new; end $$"
            )
        )
        await session.execute(
            text(
                "create trigger note after update of next_free_at on rate_budgets for each row execute function note()"
            )
        )


async def most_in_a_minute(db: Database, key: str, calls: int) -> int:
    """By the database's own clock. A grant is noted a moment after it was decided, and on a busy machine this moment
    is longer, so the window is a little short of a minute."""
    async with db.reading() as session:
        worst = await session.execute(
            text(
                "select max((select count(*) from grants b where b.key = :key and b.at >= a.at"
                " and b.at < a.at + make_interval(secs => :m))), count(*) from grants a where key = :key"
            ),
            {"key": key, "m": MINUTE * 0.95},
        )
        most, noted = worst.one()
    assert noted == calls
    return int(most)


@pytest.mark.usefixtures("grants")
@pytest.mark.rule("LIMIT-001")
async def test_two_replicas_together_never_pass_more_than_allowed_in_any_minute(
    db: Database, database_url: str
) -> None:
    replicas = [Database(database_url), Database(database_url)]
    budgets = [PostgresBudget(db, "staging:c1", 30, 6, minute=MINUTE) for db in replicas]
    began = time.monotonic()
    await asyncio.gather(*(budgets[n % 2].take() for n in range(75)))
    assert await most_in_a_minute(db, "staging:c1", 75) <= 30
    assert time.monotonic() - began >= (75 - 6) / 24 * MINUTE * 0.98, "faster than the rate allows"
    for replica in replicas:
        await replica.close()


@pytest.mark.usefixtures("grants")
@pytest.mark.rule("LIMIT-001")
async def test_the_database_itself_never_grants_more_than_allowed(db: Database) -> None:
    """By the database's own clock: GCRA state after each grant bounds every window of a minute."""
    budget = PostgresBudget(db, "k", 20, 5, minute=MINUTE)
    await asyncio.gather(*(budget.take() for _ in range(45)))
    assert await most_in_a_minute(db, "k", 45) <= 20


@pytest.mark.usefixtures("grants")
@pytest.mark.rule("LIMIT-001")
async def test_a_ceiling_binds_all_credentials_together(db: Database) -> None:
    ceiling = Limit("staging", 30, 6)
    budgets = [PostgresBudget(db, f"staging:c{n}", 25, 5, ceiling=ceiling, minute=MINUTE) for n in range(3)]
    await asyncio.gather(*(budgets[n % 3].take() for n in range(60)))
    assert await most_in_a_minute(db, "staging", 60) <= 30


@pytest.mark.rule("LIMIT-001")
@pytest.mark.parametrize(("per_minute", "burst"), [(1, 1), (2, 1), (5, 4), (600, 120)])
def test_the_arithmetic_allows_exactly_the_limit_in_the_worst_minute(per_minute: int, burst: int) -> None:
    """GCRA lets `burst` calls through at once and one a spacing after that."""
    limit = Limit("k", per_minute, burst)
    after_the_burst = 60 / limit.spacing(60)
    if per_minute > 1:
        assert burst + after_the_burst == pytest.approx(per_minute)
    else:
        assert limit.spacing(60) == 60


async def test_one_credential_at_its_limit_does_not_use_up_the_ceiling(db: Database) -> None:
    ceiling = Limit("all", 1000, 100)
    narrow = PostgresBudget(db, "narrow", 3, 1, ceiling=ceiling, minute=60)
    await narrow.take()
    waiting = asyncio.create_task(narrow.take())
    await asyncio.sleep(0.3)
    assert not waiting.done()
    async with db.reading() as session:
        ahead = text("select extract(epoch from next_free_at - now()) from rate_budgets where key = 'all'")
        assert (await session.execute(ahead)).scalar_one() < 60 / 900, "a refused call was counted"
    waiting.cancel()


async def test_waiters_are_served_in_their_order(db: Database) -> None:
    budget = PostgresBudget(db, "k", 300, 1, minute=3)
    served: list[int] = []

    async def wait(number: int) -> None:
        await budget.take()
        served.append(number)

    await asyncio.gather(*(wait(number) for number in range(30)))
    assert served == list(range(30))


async def test_no_transaction_is_open_while_somebody_waits(database_url: str) -> None:
    db = Database(database_url, pool_size=2)
    budget = PostgresBudget(db, "k", 3, 1, minute=60)
    await budget.take()
    waiters = [asyncio.create_task(budget.take()) for _ in range(20)]
    await asyncio.sleep(0.2)
    open_ones = text(
        "select count(*) from pg_stat_activity where datname = current_database() and state like 'idle in%'"
    )
    async with db.reading() as session:
        assert (await session.execute(open_ones)).scalar_one() == 0
    for waiter in waiters:
        waiter.cancel()
    await asyncio.gather(*waiters, return_exceptions=True)
    await db.close()


async def test_a_waiter_that_is_cancelled_costs_nothing(db: Database) -> None:
    budget = PostgresBudget(db, "k", 61, 1, minute=30)
    await budget.take()
    waiters = [asyncio.create_task(budget.take()) for _ in range(50)]
    await asyncio.sleep(0.1)
    for waiter in waiters:
        waiter.cancel()
    await asyncio.gather(*waiters, return_exceptions=True)
    async with asyncio.timeout(20):  # a slot for each of those who left would be 25 seconds
        await budget.take()


async def test_without_a_database_no_call_is_allowed() -> None:
    gone = Database("postgresql://x:y@127.0.0.1:1/none")
    with pytest.raises(OperationalError):
        await PostgresBudget(gone, "k", 10, 1).take()
    await gone.close()


@pytest.mark.parametrize(("per_minute", "burst"), [(5, 5), (5, 0), (1, 2), (0, 1), (0, 0)])
def test_a_burst_that_leaves_no_room_is_refused(per_minute: int, burst: int) -> None:
    with pytest.raises(ValueError, match="burst"):
        Limit("k", per_minute, burst)
