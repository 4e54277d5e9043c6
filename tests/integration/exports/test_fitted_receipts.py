"""Receipts of a job for an ERP that takes one PDF for each entry: joined before anything is booked, each time alike."""

from __future__ import annotations

import base64
import io
import os
from collections.abc import Iterator
from dataclasses import replace

import pypdf
import pytest

from ledgerbridge.bookkeeping.problem import Failure
from ledgerbridge.exports.fitting import Form
from ledgerbridge.exports.outlook import Outlook
from ledgerbridge.exports.preview import preview
from tests.support.erp_double import CAPABILITIES, lost_reply
from tests.support.hostile_files import jpeg, office, pdf, png, png_bomb
from tests.support.rig import Killed, Rig

ONE_PDF = replace(CAPABILITIES, several_attachments=False, attachment_types=frozenset({"application/pdf"}), batch=10)
TYPES = {"pdf": "application/pdf", "jpg": "image/jpeg", "png": "image/png", "doc": "application/msword"}
PHOTO = jpeg(200, 100)

BOTH = pytest.mark.parametrize("rig", [1, 10], ids=["one at a time", "in batches"], indirect=True)


@pytest.fixture
async def rig(request: pytest.FixtureRequest, rig: Rig) -> Rig:
    rig.books.capabilities = replace(ONE_PDF, batch=getattr(request, "param", 10))
    return rig


@pytest.fixture(autouse=True)
def nothing_stays(rig: Rig) -> Iterator[None]:
    """At the end no nameless file is open, and all room for look-ahead is free."""
    shelf = rig.context.shelf
    before, room = nameless(), (shelf.free_files, shelf.free_bytes)
    yield
    assert nameless() == before
    assert (shelf.free_files, shelf.free_bytes) == room


def nameless() -> int:
    links = (f"/proc/self/fd/{number}" for number in os.listdir("/proc/self/fd"))
    return sum("(deleted)" in os.readlink(link) for link in links if os.path.islink(link))


def with_receipts(rig: Rig, *items: list[tuple[str, bytes]]) -> list[str]:
    """Expenses with these receipts each."""
    seeds = rig.pleo.queue(*["fee"] * len(items))
    payloads = {
        one["id"]: one["payload"] for one in rig.pleo.control("GET", f"/expenses?company_id={rig.pleo.company_id}")
    }
    custom = [
        {
            "payload": payloads[seed]
            | {"accountingEntryId": f"00000000-0000-4000-8000-{number:012}", "reconciliationId": f"R-{number}"},
            "files": [{"type": TYPES[kind], "base64": base64.b64encode(content).decode()} for kind, content in files],
        }
        for number, (seed, files) in enumerate(zip(seeds, items, strict=True))
    ]
    return rig.pleo.queue(custom=custom)


def pages(content: bytes) -> int:
    return len(pypdf.PdfReader(io.BytesIO(content)).pages)


@BOTH
@pytest.mark.rule("EXP-ATT-06", "EXP-ATT-07", "EXP-ATT-12", "EXP-ATT-14")
async def test_each_entry_gets_its_receipts_as_one_pdf_and_what_cannot_be_one_fails_alone(rig: Rig) -> None:
    ids = with_receipts(
        rig,
        [("pdf", pdf(2)), ("jpg", PHOTO), ("png", png())],
        [("pdf", b"%PDF-1.4 as it is")],
        [],
        [("jpg", PHOTO)],
        [("pdf", pdf()), ("doc", office())],
        [("png", png_bomb())],
    )
    job_id = rig.pleo.export(ids)

    await rig.look()

    items = rig.pleo.items(job_id)
    assert rig.pleo.job(job_id)["status"] == "completed_with_errors"
    assert [items[entry]["status"] for entry in ids] == ["successful"] * 4 + ["failed"] * 2
    joined, same, nothing, photo = (rig.books.received[entry] for entry in ids[:4])
    assert [pages(one) for one in joined] == [4]
    assert same == [b"%PDF-1.4 as it is"]
    assert nothing == []
    assert [pages(one) for one in photo] == [1]
    assert PHOTO in joined[0]
    assert PHOTO in photo[0]
    assert {items[entry]["failureReasonType"] for entry in ids[4:]} == {"receipt_conversion_failure"}
    assert "receipt 2 of 2 is neither a PDF nor" in items[ids[4]]["failureReason"]
    assert "too large or too intricate" in items[ids[5]]["failureReason"]
    assert len(rig.books.entries) == 4


@pytest.mark.rule("EXP-ATT-16", "EXP-ATT-10")
async def test_on_every_try_an_entry_is_offered_the_same_file_under_the_same_name(rig: Rig) -> None:
    ids = with_receipts(rig, [("jpg", PHOTO), ("pdf", pdf())])
    job_id = rig.pleo.export(ids)
    rig.books.before["book"] = [Killed()]
    with pytest.raises(Killed):
        await rig.look()
    first = rig.books.received[ids[0]]
    await rig.expire_lease()
    rig.books.before["book"] = [lost_reply()]

    await rig.look()

    assert rig.pleo.job(job_id)["status"] == "completed"
    assert rig.books.received[ids[0]] == first
    assert {names[0].rpartition(".")[2] for names in rig.books.offered} == {"pdf"}
    assert len(set(rig.books.offered)) == 1
    assert len(rig.books.entries) == 1


async def test_a_preview_tells_the_same_by_what_pleo_says_of_the_files(rig: Rig) -> None:
    ids = with_receipts(rig, [("pdf", pdf(2)), ("jpg", PHOTO)], [("doc", office())], [("jpg", PHOTO)])
    job_id = rig.pleo.export(ids)

    shown = {
        one.accounting_entry_id: one for one in (await preview(rig.context, rig.connection_id, job_id=job_id)).items
    }

    assert [shown[entry].outcome for entry in ids] == [Outlook.WOULD_BOOK, Outlook.WOULD_FAIL, Outlook.WOULD_BOOK]
    assert [[(one.form, one.joined) for one in shown[entry].receipts] for entry in ids] == [
        [(Form.PDF, True)] * 2, [(Form.NONE, False)], [(Form.PDF, False)],
    ]  # fmt: skip
    (found,) = shown[ids[1]].problems
    assert found.failure is Failure.RECEIPT_CONVERSION
    await rig.look()
    assert rig.pleo.items(job_id)[ids[1]]["failureReason"] == found.text
    for entry in (ids[0], ids[2]):
        names = {one.name for one in shown[entry].receipts}
        assert names == {one for offered in rig.books.offered for one in offered} & names
        assert len(names) == 1
