"""Groups whose replies do not come, whose worker dies, whose ERP is out of reach: nothing twice, nothing lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import pytest
from sqlalchemy import update

from ledgerbridge.bookkeeping.problem import Failure, problem
from ledgerbridge.erp.port import Booked, ErpError, Wanted
from ledgerbridge.exports.ledger import FenceLost
from ledgerbridge.store.tables import ItemState, Lease, Posting, PostingState
from tests.integration.exports.grouping import TOGETHER, dies_at, ledger, outcomes
from tests.support.erp_double import DoubleErp, Later, down, lost_reply, refused
from tests.support.rig import Killed, Rig

# ------------------------------------------------------------------ replies that do not come


@pytest.mark.rule("EXP-REC-04", "EXP-IDEM-01")
@pytest.mark.parametrize("when", ["before", "after"])
async def test_each_item_of_a_batch_without_a_reply_is_looked_for_before_it_is_sent_again(
    grouped: Rig, when: str
) -> None:
    ids = grouped.pleo.queue("fee", copies=4)
    job_id = grouped.pleo.export(ids)
    getattr(grouped.books, when)["book_many"] = [lost_reply()]

    await grouped.look()

    assert grouped.pleo.job(job_id)["status"] == "completed"
    assert [grouped.entries_of(entry) for entry in ids] == [1] * 4
    assert grouped.books.calls["find"] >= 4


@pytest.mark.rule("EXP-REC-04")
async def test_an_error_about_a_whole_batch_is_no_proof_that_none_of_it_is_booked(grouped: Rig) -> None:
    ids = grouped.pleo.queue("fee", copies=3)
    job_id = grouped.pleo.export(ids)
    grouped.books.after["book_many"] = [refused("The request was not understood.")]

    await grouped.look()

    assert grouped.pleo.job(job_id)["status"] == "completed"
    assert [grouped.entries_of(entry) for entry in ids] == [1] * 3


@pytest.mark.rule("EXP-REC-04")
async def test_an_adapter_that_answers_for_too_few_leaves_all_in_doubt_and_none_twice(
    grouped: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = DoubleErp.book_many

    async def short(self: DoubleErp, wanted: Sequence[Wanted], *, final: bool) -> Sequence[Booked | ErpError]:
        return (await whole(self, wanted, final=final))[:-1]

    monkeypatch.setattr(DoubleErp, "book_many", short)
    ids = grouped.pleo.queue("fee", copies=3)
    job_id = grouped.pleo.export(ids)

    await grouped.look()

    assert grouped.pleo.job(job_id)["status"] == "completed"
    assert [grouped.entries_of(entry) for entry in ids] == [1] * 3
    assert grouped.books.calls["find"] == 3


@pytest.mark.rule("EXP-REC-04")
async def test_where_nobody_can_look_a_batch_without_a_reply_waits_for_a_person_item_by_item(grouped: Rig) -> None:
    grouped.books.capabilities = replace(TOGETHER, can_probe=False)
    ids = grouped.pleo.queue("fee", copies=3)
    job_id = grouped.pleo.export(ids)
    grouped.books.after["book_many"] = [lost_reply()]

    await grouped.look()

    items = grouped.pleo.items(job_id)
    assert all(f"PLEO:{entry}" in items[entry]["failureReason"] for entry in ids)
    assert grouped.books.calls["book_many"] == 1
    assert await ledger(grouped) == {"unknown": 3}


# ------------------------------------------------------------------ deaths


@pytest.mark.rule("EXP-REC-01", "EXP-REC-03", "EXP-IDEM-01")
@pytest.mark.parametrize(
    "point",
    [
        "commit exports.group:_intended before",
        "commit exports.group:_intended after",
        "commit exports.group:_settled before",
        "commit exports.group:_settled after",
    ],
)
async def test_a_group_whose_worker_died_is_booked_once(grouped: Rig, point: str) -> None:
    ids = grouped.pleo.queue("fee", copies=4)
    job_id = grouped.pleo.export(ids)
    dies_at(point)
    with pytest.raises(Killed):
        await grouped.look()
    intended = await ledger(grouped)

    await grouped.expire_lease()
    await grouped.look()

    assert grouped.pleo.job(job_id)["status"] == "completed"
    assert [grouped.entries_of(entry) for entry in ids] == [1] * 4
    assert bool(intended) == (point != "commit exports.group:_intended before"), "nothing is sent without an intent"
    assert grouped.books.calls["find"] == intended["intended"], "what may have been sent is looked for, and no more"


@pytest.mark.rule("EXP-REC-01", "EXP-IDEM-01")
async def test_a_worker_that_dies_in_the_midst_of_a_batch_leaves_nothing_that_is_booked_twice(grouped: Rig) -> None:
    ids = grouped.pleo.queue("fee", copies=6)
    job_id = grouped.pleo.export(ids)
    grouped.books.after["book"] = Later(2, [Killed()])
    with pytest.raises(Killed):
        await grouped.look()
    assert await ledger(grouped) == {"intended": 6}

    await grouped.expire_lease()
    await grouped.look()

    assert grouped.pleo.job(job_id)["status"] == "completed"
    assert [grouped.entries_of(entry) for entry in ids] == [1] * 6


@pytest.mark.rule("EXP-ORDER-02")
async def test_a_worker_that_lost_its_lease_over_a_batch_writes_none_of_its_outcomes(grouped: Rig) -> None:
    grouped.pleo.export(grouped.pleo.queue("fee", copies=3))

    async def taken_over() -> None:
        async with grouped.db.transaction() as session:
            of_ours = Posting.connection_id == grouped.connection_id
            await session.execute(update(Lease).values(fence=Lease.fence + 1, holder="another"))
            await session.execute(update(Posting).where(of_ours).values(state=PostingState.BOOKED, erp_number="JE-7"))

    grouped.books.meanwhile["book"] = taken_over
    grouped.books.before["book"] = [refused()]
    with pytest.raises(FenceLost):
        await grouped.look()

    assert await ledger(grouped) == {"booked": 3}
    assert set((await outcomes(grouped)).values()) == {ItemState.WAITING}


async def test_a_worker_that_lost_its_lease_sends_no_batch(grouped: Rig) -> None:
    grouped.pleo.export(grouped.pleo.queue("receipt_jpeg", copies=2))

    async def taken_over() -> None:
        async with grouped.db.transaction() as session:
            await session.execute(update(Lease).values(fence=Lease.fence + 1, holder="another"))

    grouped.books.meanwhile["chart"] = taken_over
    with pytest.raises(FenceLost):
        await grouped.look()

    assert grouped.books.calls["book_many"] == 0
    assert await ledger(grouped) == {}


# ------------------------------------------------------------------ troubles of the whole ERP


async def test_an_outage_in_the_midst_of_a_batch_is_waited_out_and_the_rest_goes_together(grouped: Rig) -> None:
    ids = grouped.pleo.queue("fee", copies=6)
    job_id = grouped.pleo.export(ids)
    grouped.books.before["book"] = Later(2, [down(), down(), down(), down()])

    await grouped.look()

    assert grouped.pleo.job(job_id)["status"] == "completed"
    assert [grouped.entries_of(entry) for entry in ids] == [1] * 6
    assert grouped.books.calls["book_many"] == 2
    assert grouped.books.calls["find"] == 0, "what certainly is not booked is not doubted"


@pytest.mark.rule("EXP-ERR-02")
async def test_an_erp_that_stays_down_fails_the_rest_of_its_group_with_words(grouped: Rig) -> None:
    job_id = grouped.pleo.export(grouped.pleo.queue("fee", copies=5))
    grouped.books.before["book"] = Later(2, [down() for _ in range(1000)])

    await grouped.look()

    items = grouped.pleo.job(job_id)["items"]
    told = Counter((item["status"], item["failureReasonType"]) for item in items)
    assert told == {("successful", None): 2, ("failed", "accounting_system_unreachable"): 3}
    assert await ledger(grouped) == {"booked": 2, "not_booked": 3}


async def test_a_refused_key_in_the_midst_of_a_batch_stops_the_job_and_keeps_what_was_booked(grouped: Rig) -> None:
    job_id = grouped.pleo.export(grouped.pleo.queue("fee", copies=5))
    grouped.books.before["book"] = Later(3, [ErpError(problem(Failure.ERP_AUTHENTICATION)) for _ in range(9)])

    await grouped.look()

    items = grouped.pleo.job(job_id)["items"]
    told = Counter((item["status"], item["failureReasonType"]) for item in items)
    assert told == {("successful", None): 3, ("failed", "accounting_system_authentication_failure"): 2}
    assert await ledger(grouped) == {"booked": 3, "not_booked": 2}
    assert grouped.books.calls["book_many"] == 1


@pytest.mark.rule("EXP-PERIOD-04")
async def test_a_period_that_closes_over_a_batch_is_looked_up_again_once(grouped: Rig) -> None:
    ids = grouped.pleo.queue("fee", copies=5)
    job_id = grouped.pleo.export(ids)
    closed = ErpError(problem(Failure.PERIOD_CLOSED, date="2026-11-05"))
    grouped.books.before["book"] = Later(2, [closed, closed])

    await grouped.look()

    assert grouped.pleo.job(job_id)["status"] == "completed"
    assert [grouped.entries_of(entry) for entry in ids] == [1] * 5
    assert await ledger(grouped) == {"booked": 5}
