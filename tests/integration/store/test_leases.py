"""One holder a company at a time; a slow one is fenced off; a lost one stops."""

import asyncio
import uuid

import pytest
from sqlalchemy import text

from ledgerbridge.store.engine import Database
from ledgerbridge.store.leases import Lease, LeaseKeeper, LeaseLost, acquire, holds, release, renew
from tests.support.lines import Proxy


async def held(db: Database, lease: Lease) -> bool:
    async with db.transaction() as session:
        return await holds(session, lease)


async def taken(db: Database, connection_id: uuid.UUID, holder: str, seconds: float = 30) -> Lease:
    lease = await acquire(db, connection_id, holder, seconds)
    assert lease is not None
    return lease


async def expire(db: Database) -> None:
    async with db.transaction() as session:
        await session.execute(text("update leases set expires_at = now() - interval '1 second'"))


async def waits_for_a_lock(db: Database) -> bool:
    waiting = "select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
    async with db.reading() as session:
        return bool((await session.execute(text(waiting))).all())


async def test_nobody_gets_a_lease_that_is_held_not_even_its_holder(db: Database, connection_id: uuid.UUID) -> None:
    lease = await taken(db, connection_id, "a")
    assert await acquire(db, connection_id, "b", 30) is None
    assert await acquire(db, connection_id, "a", 30) is None
    assert await held(db, lease)


async def test_of_many_who_ask_at_once_one_gets_it(db: Database, connection_id: uuid.UUID) -> None:
    answers = await asyncio.gather(*(acquire(db, connection_id, str(n), 30) for n in range(15)))
    assert sum(answer is not None for answer in answers) == 1


async def test_the_fence_rises_with_every_holder(db: Database, connection_id: uuid.UUID) -> None:
    fences = []
    for holder in "abab":
        lease = await taken(db, connection_id, holder)
        fences.append(lease.fence)
        await release(db, lease)
        assert not await held(db, lease)
    assert fences == sorted(set(fences))


async def test_an_expired_lease_is_not_revived_nor_released_under_the_next_holder(
    db: Database, connection_id: uuid.UUID
) -> None:
    old = await taken(db, connection_id, "a")
    await expire(db)
    assert not await held(db, old)
    assert not await renew(db, old, 30)
    new = await taken(db, connection_id, "b")
    await release(db, old)
    assert not await renew(db, old, 30)
    assert await held(db, new)
    assert not await held(db, old)


async def test_the_next_holder_waits_for_a_transaction_that_asked(db: Database, connection_id: uuid.UUID) -> None:
    """The write of a slow holder either commits before the takeover or does not happen: that is the fence."""
    old = await taken(db, connection_id, "a", seconds=2)
    async with db.transaction() as session:
        assert await holds(session, old)
        await asyncio.sleep(2.1)
        takeover = asyncio.create_task(acquire(db, connection_id, "b", 30))
        async with asyncio.timeout(60):
            while not await waits_for_a_lock(db):
                assert not takeover.done(), "taken over under an open fenced transaction"
                await asyncio.sleep(0.02)
        await session.execute(text("insert into rate_budgets values ('fenced', now())"))
    new = await takeover
    assert new is not None
    assert new.fence > old.fence
    async with db.reading() as session:
        assert (await session.execute(text("select count(*) from rate_budgets"))).scalar_one() == 1
    assert not await held(db, old)


async def test_the_keeper_outlives_the_lease_time_and_gives_back(db: Database, connection_id: uuid.UUID) -> None:
    lease = await taken(db, connection_id, "a", 3)
    async with LeaseKeeper(db, lease, 3):
        for _ in range(4):
            await asyncio.sleep(0.85)
            assert await acquire(db, connection_id, "b", 30) is None
            assert await held(db, lease)
    assert await acquire(db, connection_id, "b", 30) is not None, "not given back at once"


async def test_a_lost_lease_cancels_the_body(db: Database, connection_id: uuid.UUID) -> None:
    lease = await taken(db, connection_id, "a", 1.5)
    reached = []
    with pytest.raises(LeaseLost):  # noqa: PT012
        async with LeaseKeeper(db, lease, 1.5):
            await expire(db)
            thief = await taken(db, connection_id, "b")
            await asyncio.sleep(60)
            reached.append("the end")
    assert not reached
    assert await held(db, thief), "the loser released the winner's lease"
    current = asyncio.current_task()
    assert current is not None
    assert current.cancelling() == 0
    await asyncio.sleep(0)


async def test_a_lease_lost_before_the_body_stops_it_before_it_begins(db: Database, connection_id: uuid.UUID) -> None:
    lease = await taken(db, connection_id, "a")
    await expire(db)
    with pytest.raises(LeaseLost):
        async with LeaseKeeper(db, lease, 30):
            pytest.fail("the body ran without a lease")


async def test_an_unreachable_database_stops_the_body_before_the_lease_ends(
    database_url: str, db: Database, connection_id: uuid.UUID
) -> None:
    lost = Database(database_url, pool_size=1)
    lease = await taken(db, connection_id, "a", 5)
    left = text("select expires_at > clock_timestamp() from leases")
    in_time = None
    with pytest.raises(LeaseLost):  # noqa: PT012
        async with LeaseKeeper(lost, lease, 5), db.transaction() as blocker:
            await blocker.execute(text("select 1 from leases for update"))  # by nobody else: no renewal gets through
            try:
                await asyncio.sleep(60)
            finally:
                in_time = (await blocker.execute(left)).scalar_one()
    assert in_time, "stopped only after somebody else could hold the lease"
    await lost.close()


async def test_errors_and_cancellations_of_the_body_pass_through(db: Database, connection_id: uuid.UUID) -> None:
    with pytest.raises(ZeroDivisionError):
        async with LeaseKeeper(db, await taken(db, connection_id, "a"), 30):
            raise ZeroDivisionError

    started = asyncio.Event()

    async def work() -> None:
        async with LeaseKeeper(db, await taken(db, connection_id, "b", 2), 2):
            started.set()
            await asyncio.sleep(30)

    task = asyncio.create_task(work())
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await acquire(db, connection_id, "c", 30) is None, "given back while a write may be on its way"
    while await acquire(db, connection_id, "c", 30) is None:  # noqa: ASYNC110
        await asyncio.sleep(0.05)


async def test_a_line_that_goes_silent_stops_the_body_before_anybody_else_can_hold_the_lease(
    db: Database, connection_id: uuid.UUID, proxy: Proxy
) -> None:
    far = Database(proxy.url)
    lease = await taken(db, connection_id, "far", 5)
    stopped = None
    with pytest.raises(LeaseLost):  # noqa: PT012
        async with LeaseKeeper(far, lease, 5):
            proxy.cut()
            try:
                await asyncio.sleep(60)
            finally:
                stopped = await acquire(db, connection_id, "near", 30)
    assert stopped is None, "somebody else held the lease while the body still ran"
    while await acquire(db, connection_id, "near", 30) is None:  # noqa: ASYNC110
        await asyncio.sleep(0.05)
    proxy.mend()
    await far.close()
