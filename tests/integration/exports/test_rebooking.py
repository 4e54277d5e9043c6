"""A changed expense that is exported again: the old entry is taken back and the new one booked, once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.integration.exports.taking_back import CHANGED, booked, counters, exported, postings, states
from tests.support.erp_double import CAPABILITIES, lost_reply, refused, unreadable
from tests.support.rig import Killed, Rig


async def _changed(rig: Rig, **configuration: Any) -> str:
    """A booked expense that was changed in Pleo, in a company that has such entries reversed and booked anew."""
    await rig.configure(changed_reexport="reverse_and_rebook", **configuration)
    _, entry = await booked(rig)
    rig.pleo.control("POST", f"/expenses/{entry}/unexport", {"changes": CHANGED})
    return entry


@pytest.mark.rule("EXP-IDEM-06", "EXP-IDEM-07")
async def test_a_changed_entry_is_reversed_and_booked_as_its_next_revision(rig: Rig) -> None:
    entry = await _changed(rig)

    item = await exported(rig, entry)

    assert (item["status"], item["externalId"]) == ("successful", "JE-1001")
    assert (rig.entries_of(entry), counters(rig, entry)) == (1, 1)
    assert await states(rig) == [(1, "reversed", "reversed"), (2, "booked", None)]
    assert (await postings(rig))[0].reversal_by == "system"
    assert (await exported(rig, entry))["externalId"] == "JE-1001", "and that is what stands from now on"
    assert rig.books.calls["reverse"] == 1


@pytest.mark.rule("EXP-IDEM-07")
async def test_where_the_erp_cannot_reverse_a_changed_entry_fails_as_ever(rig: Rig) -> None:
    rig.books.capabilities = replace(CAPABILITIES, can_reverse=False)
    entry = await _changed(rig)
    item = await exported(rig, entry)
    assert (item["status"], rig.entries_of(entry)) == ("failed", 1)
    assert "booked before as JE-1000 with other contents" in item["failureReason"]


async def test_nothing_is_taken_back_for_what_cannot_be_booked_anew(rig: Rig) -> None:
    entry = await _changed(rig)
    rig.pleo.control("POST", f"/expenses/{entry}/unexport", {"changes": {"type": "brand_new"}})
    item = await exported(rig, entry)
    assert item["status"] == "failed"
    assert "brand_new" in item["failureReason"], "what must be mended, not what stands in the way"
    assert (rig.entries_of(entry), rig.books.calls["reverse"]) == (1, 0)
    assert await states(rig) == [(1, "booked", None)]


async def test_a_receipt_that_cannot_be_fetched_takes_nothing_back(rig: Rig) -> None:
    await rig.configure(changed_reexport="reverse_and_rebook")
    (entry,) = rig.pleo.queue("receipt_jpeg")
    await exported(rig, entry)
    rig.pleo.control("POST", f"/expenses/{entry}/unexport", {"changes": CHANGED})
    rig.books.capabilities = replace(CAPABILITIES, max_attachment_bytes=1)
    item = await exported(rig, entry)
    assert item["failureReasonType"] == "receipt_file_size_limit_exceeded"
    assert (rig.entries_of(entry), rig.books.calls["reverse"]) == (1, 0)


async def test_a_new_booking_that_is_refused_says_that_the_old_one_is_gone(rig: Rig) -> None:
    entry = await _changed(rig)
    rig.books.before["book"] = [refused("No.")]
    item = await exported(rig, entry)
    assert item["status"] == "failed"
    assert "Its earlier booking JE-1000 has been taken back." in item["failureReason"]
    assert (await exported(rig, entry))["externalId"] == "JE-1001"


@pytest.mark.rule("EXP-REC-04", "EXP-IDEM-07")
@pytest.mark.parametrize(
    ("when", "call"),
    [("before", "reverse"), ("after", "reverse"), ("before", "book"), ("after", "book")],
)
@pytest.mark.parametrize("how", ["killed", pytest.param("lost", marks=pytest.mark.long)])
async def test_whatever_dies_on_the_way_a_changed_entry_stands_once_in_its_new_form(
    rig: Rig, when: str, call: str, how: str
) -> None:
    entry = await _changed(rig)
    job_id = rig.pleo.export([entry])
    getattr(rig.books, when)[call] = [Killed() if how == "killed" else lost_reply()]
    if how == "killed":
        with pytest.raises(Killed):
            await rig.look()
        await rig.expire_lease()
    await rig.look()

    item = rig.pleo.items(job_id)[entry]
    assert item["status"] == "successful", item["failureReason"]
    assert (rig.entries_of(entry), counters(rig, entry)) == (1, 1)
    (standing,) = rig.books.of(entry)
    assert standing.entry.key.revision == 2


async def test_an_erp_that_cannot_be_read_leaves_the_item_in_doubt_and_books_nothing(rig: Rig) -> None:
    entry = await _changed(rig)
    rig.books.before["reverse"] = [unreadable()]
    item = await exported(rig, entry)
    assert item["status"] == "failed"
    assert (rig.entries_of(entry), rig.books.calls["book"]) == (1, 1)
