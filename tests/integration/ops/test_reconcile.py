"""Our ledger compared with an ERP whose books are changed behind our back."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from ledgerbridge.clock import utcnow
from ledgerbridge.exports.reverse import reverse
from ledgerbridge.ops.reconcile import CannotCompare, Reconciled, read_only, reconcile
from ledgerbridge.ops.reconcile_compare import Kind, Well
from ledgerbridge.ops.reconcile_words import as_json, as_text
from ledgerbridge.store.engine import Database
from ledgerbridge.store.tables import ExportJob
from tests.integration.exports.payables import Payables, invoice, purchase
from tests.support.erp_double import down, lost_reply
from tests.support.rig import Rig

FIRST, LAST = dt.date(2000, 1, 1), dt.date(2099, 12, 31)


async def compared(rig: Rig, first: dt.date = FIRST, last: dt.date = LAST) -> Reconciled:
    """A comparison over a connection on which the database takes no write."""
    url = rig.db.engine.url.render_as_string(hide_password=False)
    db = Database(read_only(url))
    calls = set(rig.books.calls)
    try:
        found = await reconcile(replace(rig.context.connections, db=db), rig.connection_id, first, last)
    finally:
        await db.close()
    assert set(rig.books.calls) - calls <= {"company", "entries", "find"}
    return found


async def kinds(rig: Rig) -> list[Kind]:
    return [one.kind for one in (await compared(rig)).outcome.differences]


async def test_after_whole_jobs_both_sides_agree(rig: Rig) -> None:
    await rig.export("card_purchase", "refund", "out_of_pocket", "zero_amount", "bad_no_account")
    found = await compared(rig)
    assert (found.outcome.differences, found.ledger, found.erp) == ((), 3, 3)
    assert found.outcome.well[Well.AGREES] == 3
    assert as_text(found).endswith("No differences.")
    assert as_json(found)["differences"] == []


async def test_bills_with_and_without_their_payment_agree(payables: Payables) -> None:
    await payables.export(invoice("INV-1"), purchase())
    found = await compared(payables.rig)
    assert (found.outcome.differences, found.outcome.well[Well.AGREES]) == ((), 2)


def deleted(rig: Rig) -> None:
    rig.books.entries.clear()


def copied(rig: Rig) -> None:
    (one,) = rig.books.entries.values()
    rig.books.entries["9999"] = replace(one, id="9999", final=False)


def replaced(rig: Rig) -> None:
    copied(rig)
    rig.books.entries = {"9999": rig.books.entries["9999"]}


def reopened(rig: Rig) -> None:
    (one,) = rig.books.entries.values()
    one.final = False


def changed(rig: Rig) -> None:
    (one,) = rig.books.entries.values()
    debit, credit = one.entry.lines[0], one.entry.lines[-1]
    lines = (replace(debit, debit=debit.debit + 1), *one.entry.lines[1:-1], replace(credit, credit=credit.credit + 1))
    one.document = replace(one.entry, lines=lines)


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (deleted, Kind.MISSING_IN_ERP),
        (copied, Kind.TWICE_IN_ERP),
        (replaced, Kind.OTHER_DOCUMENT),
        (reopened, Kind.NO_LONGER_FINAL),
        (changed, Kind.AMOUNT_DIFFERS),
    ],
    ids=lambda value: value.value if isinstance(value, Kind) else value.__name__,
)
async def test_what_a_person_did_in_the_erp_is_told(rig: Rig, change: Callable[[Rig], None], kind: Kind) -> None:
    await rig.export("fee")
    change(rig)
    found = await compared(rig)
    (one,) = found.outcome.differences
    assert one.kind is kind
    said = as_text(found)
    assert one.pair.accounting_entry_id in said
    told: Any = as_json(found)["differences"][0]
    assert told["kind"] == kind.value
    assert told["ledger"]["job_id"] in said


async def test_an_entry_our_ledger_never_heard_of_is_told(rig: Rig) -> None:
    await rig.export("fee")
    async with rig.db.transaction() as session:
        await session.execute(text("update export_items set posting_id = null"))
        await session.execute(text("delete from postings"))
    assert await kinds(rig) == [Kind.MISSING_IN_LEDGER]


async def test_unknown_outcomes_are_settled_by_what_the_erp_shows(rig: Rig) -> None:
    await rig.export("fee", copies=2)
    async with rig.db.transaction() as session:
        await session.execute(text("update postings set state = 'unknown', erp_id = null, erp_number = null"))
    rig.books.entries.popitem()
    assert await kinds(rig) == [Kind.UNKNOWN_SETTLED, Kind.UNKNOWN_ABSENT]


async def test_what_is_being_booked_just_now_is_no_difference(rig: Rig) -> None:
    await rig.export("fee")
    async with rig.db.transaction() as session:
        await session.execute(text("update postings set state = 'intended'"))
    rig.books.entries.clear()
    assert (await compared(rig)).outcome.well[Well.UNDER_WAY] == 1
    async with rig.db.transaction() as session:
        await session.execute(text("update postings set intended_at = intended_at - interval '1 hour'"))
    assert await kinds(rig) == [Kind.UNKNOWN_ABSENT]


async def test_only_the_days_asked_for_are_compared_and_a_moved_draft_is_not_missing(rig: Rig) -> None:
    await rig.configure(posting_mode="draft")
    await rig.export("fee")
    (one,) = rig.books.entries.values()
    day = one.entry.date
    assert (await compared(rig, day, day)).ledger == 1
    other = await compared(rig, day + dt.timedelta(days=1), LAST)
    assert (other.ledger, other.erp, other.outcome.differences) == (0, 0, ())
    one.document = replace(one.entry, date=day + dt.timedelta(days=400))
    moved = await compared(rig, day, day)
    assert (moved.erp, moved.outcome.differences, moved.outcome.well[Well.AGREES]) == (0, (), 1)


async def test_a_posting_of_an_early_release_counts_in_the_period_it_was_intended_in(rig: Rig) -> None:
    await rig.export("fee")
    async with rig.db.transaction() as session:
        await session.execute(text("update postings set posting_date = null"))
    rig.books.entries.clear()
    today = utcnow().date()
    day = dt.timedelta(days=1)
    assert [one.kind for one in (await compared(rig, today - day, today)).outcome.differences] == [Kind.MISSING_IN_ERP]
    assert (await compared(rig, today - 9 * day, today - 5 * day)).ledger == 0


async def test_what_was_taken_back_is_no_difference_until_somebody_takes_that_back(rig: Rig) -> None:
    await rig.export("fee")
    (one,) = rig.books.entries.values()
    async with rig.db.reading() as session:
        job = (await session.scalars(select(ExportJob))).one()
    rig.books.after["reverse"] = [lost_reply()]
    await reverse(rig.context, job, one.entry.key.accounting_entry_id, reason="Wrong", actor="admin:ada")
    assert (await compared(rig)).outcome.differences == (), "it was asked for just now"
    async with rig.db.transaction() as session:
        await session.execute(text("update postings set reversal_at = reversal_at - interval '1 hour'"))
    assert await kinds(rig) == [Kind.REVERSAL_UNSETTLED]
    await reverse(rig.context, job, one.entry.key.accounting_entry_id, reason="Wrong", actor="admin:ada")
    assert await kinds(rig) == []
    one.taken_back = None
    assert await kinds(rig) == [Kind.REVERSED_STANDS]


async def test_after_a_lost_reply_and_its_probe_both_sides_agree(rig: Rig) -> None:
    rig.books.after["book"] = [lost_reply()]
    entries = rig.pleo.queue("fee", copies=2)
    rig.pleo.export(entries)
    await rig.look()
    assert await kinds(rig) == []


@pytest.mark.parametrize("why", ["down", "searched by nobody", "another company", "no such connection", "backwards"])
async def test_what_could_not_be_compared_is_never_called_equal(rig: Rig, why: str) -> None:
    await rig.export("fee")
    connection, first = rig.connection_id, FIRST
    match why:
        case "down":
            rig.books.before["entries"] = [down()]
        case "searched by nobody":
            rig.books.capabilities = replace(rig.books.capabilities, lists_entries=False)
        case "another company":
            rig.books.company = replace(rig.books.company, name="Somebody Else ApS")
        case "no such connection":
            connection = type(connection)(int=0)
        case "backwards":
            first = LAST + dt.timedelta(days=1)
    with pytest.raises(CannotCompare) as caught:
        await reconcile(rig.context.connections, connection, first, LAST)
    assert str(caught.value).endswith((".", "`"))
    assert "Nothing was booked" not in str(caught.value)


async def test_the_database_takes_no_write_from_a_comparison(rig: Rig) -> None:
    db = Database(read_only(rig.db.engine.url.render_as_string(hide_password=False)))
    with pytest.raises(DBAPIError, match="read-only"):
        async with db.transaction() as session:
            await session.execute(
                text("delete from postings where connection_id = :connection_id"), {"connection_id": rig.connection_id}
            )
    await db.close()
