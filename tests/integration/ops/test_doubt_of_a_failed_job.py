"""A job that fails as a whole still tells of each item that may be booked (invariant 3)."""

from __future__ import annotations

import pytest
from sqlalchemy import select, text

from ledgerbridge.ops.invariants import ALL, check
from ledgerbridge.ops.invariants.standing import standings
from ledgerbridge.store.tables import Posting, PostingState
from tests.support.erp_double import down
from tests.support.rig import Killed, Rig


@pytest.mark.rule("EXP-VALID-09", "EXP-REC-04")
async def test_what_a_dead_worker_may_have_booked_is_told_though_the_erp_then_stays_away(rig: Rig) -> None:
    ids = rig.pleo.queue("fee", copies=2)
    job_id = rig.pleo.export(ids)
    rig.books.after["book"] = [Killed()]
    with pytest.raises(Killed):
        await rig.look()
    await rig.expire_lease()
    rig.books.before["preflight"] = [down()] * 1000
    await rig.look()

    job = rig.pleo.job(job_id)
    assert job["status"] == "failed"
    (doubtful,) = [item for item in job["items"] if item["status"] == "failed"]
    assert "we cannot tell whether it was booked" in doubtful["failureReason"]
    async with rig.db.reading() as session:
        assert list(await session.scalars(select(Posting.state))) == [PostingState.UNKNOWN]

    await _an_hour_later(rig)
    async with rig.db.reading() as session:
        assert {one.invariant.name: one.known for one in await standings(session)} == {
            "intent-settled": 0,
            "unknown-told": 0,
        } | {one.name: None for one in ALL if one.name not in ("intent-settled", "unknown-told")}


async def _an_hour_later(rig: Rig) -> None:
    async with rig.db.transaction() as session:
        await session.execute(text("update postings set intended_at = intended_at - interval '1 hour'"))
        await session.execute(text("update export_items set reported_at = reported_at - interval '30 minutes'"))
    for invariant in ALL:
        if invariant.name in ("intent-settled", "unknown-told"):
            await check(rig.db, invariant)
