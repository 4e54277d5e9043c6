"""Whatever a normal day brings leaves every invariant unbroken."""

from __future__ import annotations

from ledgerbridge.ops.invariants import ALL, check_all
from ledgerbridge.ops.invariants.standing import standings
from ledgerbridge.store.engine import Database
from tests.integration.exports.payables import Payables, invoice, payment, purchase, returned
from tests.support.erp_double import lost_reply
from tests.support.rig import Rig

NOTHING: dict[str, tuple[int, list[str], None]] = {invariant.name: (0, [], None) for invariant in ALL}


async def found(db: Database) -> dict[str, object]:
    for deep in (False, True):
        await check_all(db, deep=deep)
    async with db.reading() as session:
        return {
            one.invariant.name: (one.known, one.row.samples, one.row.failure) if one.row else None
            for one in await standings(session)
        }


async def test_whole_jobs_good_bad_in_doubt_and_repeated_break_nothing(rig: Rig) -> None:
    await rig.export("card_purchase", "out_of_pocket", "refund", "wallet_topup", "zero_amount", "receipt_many", "bad")
    rig.books.after["book"] = [lost_reply()]
    entries = rig.pleo.queue("fee", copies=2)
    rig.pleo.export(entries)
    await rig.look("webhook")
    rig.pleo.export(entries)
    await rig.look()
    await rig.configure(posting_mode="draft")
    await rig.export("mileage")
    assert await found(rig.db) == NOTHING


async def test_bills_and_payments_break_nothing(payables: Payables) -> None:
    await payables.export(invoice("INV-1"), purchase())
    await payables.export(payment("INV-1"))
    await payables.export(returned("INV-1"))
    assert len(payables.rig.books.bills) == 2
    assert await found(payables.rig.db) == NOTHING
