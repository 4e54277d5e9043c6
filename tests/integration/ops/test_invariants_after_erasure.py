"""What a disconnect erases is no alarm afterwards: the ledger that stays satisfies every check by itself."""

from __future__ import annotations

import uuid

from sqlalchemy import text

from ledgerbridge.connections.erasure import erase
from ledgerbridge.ops.invariants import ALL, check_all
from ledgerbridge.ops.invariants.standing import standings
from ledgerbridge.store.engine import Database
from ledgerbridge.store.tables import ConnectionStatus, ItemState, JobPhase, PostingState
from tests.integration.ops.planting import SEALED, Garden, ago


async def _ledger(garden: Garden) -> uuid.UUID:
    """A company that left in the middle: one entry marked by hand, one in doubt and told, one being booked."""
    owner = garden.company(ConnectionStatus.DISCONNECTED, disconnected_at=ago(minutes=40))
    closed, under_way = garden.job(owner), garden.job(owner, JobPhase.FETCHED, last_action_at=ago(hours=1))
    marked = garden.posting(
        owner, "e1", PostingState.BOOKED, erp_id=None, by_hand=True, note="ada: on paper", erp_number="7", job_id=closed
    )
    garden.item(owner, closed, "e1", ItemState.BOOKED, posting_id=marked, reported_at=ago(hours=1))
    doubtful = garden.posting(owner, "e2", PostingState.UNKNOWN, note="no reply", job_id=closed)
    told = {"reported_at": ago(hours=1), "failure_reason": "Look there."}
    garden.item(owner, closed, "e2", ItemState.FAILED, posting_id=doubtful, **told)
    garden.posting(owner, "e3", PostingState.INTENDED, job_id=under_way)
    garden.item(owner, under_way, "e3", ItemState.WAITING)
    await garden.planted()
    return owner


async def _broken(db: Database) -> dict[str, int | None]:
    for deep in (False, True):
        await check_all(db, deep=deep)
    async with db.reading() as session:
        found = await standings(session)
    assert len(found) == len(ALL)
    return {one.invariant.name: one.known for one in found if one.known != 0}


async def test_a_company_that_was_erased_leaves_nothing_that_looks_broken(db: Database) -> None:
    owner = await _ledger(Garden(db))

    await erase(db, owner)

    assert await _broken(db) == {}
    async with db.reading() as session:
        rows = await session.execute(
            text("select accounting_entry_id, state, note from postings where connection_id = :id order by 1"),
            {"id": owner},
        )
        assert [tuple(row) for row in rows] == [
            ("e1", "booked", "(forgotten)"),
            ("e2", "unknown", None),
            ("e3", "unknown", None),
        ]


async def test_neither_does_it_when_the_company_is_connected_again(db: Database) -> None:
    owner = await _ledger(Garden(db))
    await erase(db, owner)
    async with db.transaction() as session:
        await session.execute(
            text("update connections set status = 'active', disconnected_at = null where id = :id"), {"id": owner}
        )
        await session.execute(
            text(
                "update credentials set refresh_token_sealed = :sealed, access_token_sealed = :sealed, "
                "expires_at = now() + interval '1 hour', refreshed_at = now() where connection_id = :id"
            ),
            {"id": owner, "sealed": SEALED},
        )
        await session.execute(
            text("update export_jobs set phase = 'closed', closed_at = now() where connection_id = :id"), {"id": owner}
        )

    assert await _broken(db) == {}
