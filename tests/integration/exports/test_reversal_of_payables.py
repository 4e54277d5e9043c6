"""What is taken back was matched with something: that is owed again."""

from __future__ import annotations

import pytest

from ledgerbridge.exports.alone import CannotResolve
from ledgerbridge.store.tables import (
    ReversalState,
)
from tests.integration.exports.payables import Payables, invoice, payment, purchase
from tests.integration.exports.taking_back import exported, job_of, taken_back
from tests.support.rig import Killed


@pytest.mark.rule("EXP-AP-04", "EXP-IDEM-07")
@pytest.mark.parametrize("which", ["bill", "payment"])
async def test_what_the_posting_was_matched_with_is_open_again(payables: Payables, which: str) -> None:
    rig = payables.rig
    bill, paid = await payables.export(invoice(), payment())
    assert await payables.states() == [("bill", "settled"), ("payment", "settled")]
    entry = (bill if which == "bill" else paid)["accountingEntryId"]

    assert await taken_back(rig, await job_of(rig), entry) == ReversalState.REVERSED

    assert await payables.states() == [("payment" if which == "bill" else "bill", "reopened")]
    assert await payables.open_claims() == 1
    assert payables.owed() == (1000 if which == "payment" else -1000)
    await exported(rig, entry, vendor_based=True)
    await payables.round(days=1)
    assert payables.owed() == 0


@pytest.mark.rule("EXP-AP-04", "EXP-REC-04")
@pytest.mark.parametrize("call", ["reopen", "reverse"])
async def test_a_death_after_the_match_was_taken_apart_is_gone_on_from(payables: Payables, call: str) -> None:
    rig = payables.rig
    bill, _ = await payables.export(invoice(), payment())
    rig.books.after[call] = [Killed()]
    with pytest.raises(Killed):
        await taken_back(rig, await job_of(rig), bill["accountingEntryId"])
    await rig.expire_lease()
    await payables.round(days=1)
    assert rig.books.calls["settle"] == 1, "nothing is matched with what is being taken back"
    assert await taken_back(rig, await job_of(rig), bill["accountingEntryId"]) == ReversalState.REVERSED
    assert await payables.states() == [("payment", "reopened")]
    assert payables.owed() == -1000


async def test_a_match_that_may_not_be_taken_apart_keeps_the_posting(payables: Payables) -> None:
    rig = payables.rig
    bill, _ = await payables.export(invoice(), payment())
    rig.books.locked = True
    with pytest.raises(CannotResolve, match="is matched with other entries"):
        await taken_back(rig, await job_of(rig), bill["accountingEntryId"])
    assert await payables.states() == [("bill", "settled"), ("payment", "settled")]
    assert payables.owed() == 0


@pytest.mark.rule("EXP-AP-10")
async def test_a_bill_goes_with_the_payment_of_its_own_item(payables: Payables) -> None:
    rig = payables.rig
    (bill,) = await payables.export(purchase())
    await taken_back(rig, await job_of(rig), bill["accountingEntryId"])
    assert (payables.owed(), rig.entries_of(bill["accountingEntryId"])) == (0, 0)
    await exported(rig, bill["accountingEntryId"])
    assert (payables.owed(), rig.entries_of(bill["accountingEntryId"])) == (0, 1)
