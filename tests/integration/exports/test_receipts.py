"""Receipts of a whole job, fetched ahead of their items: never lost, never on the wrong entry, never left behind."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import func, select

from ledgerbridge.exports.receipts import MAX_FILES
from ledgerbridge.outgoing import files
from ledgerbridge.store.tables import Posting
from tests.support.erp_double import CAPABILITIES
from tests.support.rig import Killed, Rig

FULL = "/dev/full"


BOTH = pytest.mark.parametrize("rig", [1, 10], ids=["one at a time", "in batches"], indirect=True)


@pytest.fixture
async def rig(request: pytest.FixtureRequest, rig: Rig) -> Rig:
    """An ERP that takes ten documents at a time, or as many as a test says."""
    rig.books.capabilities = replace(CAPABILITIES, batch=getattr(request, "param", 10))
    return rig


@pytest.fixture(autouse=True)
def nothing_stays(rig: Rig) -> Iterator[None]:
    """At the end no file is open and all room for look-ahead is free."""
    shelf = rig.context.shelf
    before, room = open_files(), (shelf.free_files, shelf.free_bytes)
    yield
    assert open_files() == before
    assert (shelf.free_files, shelf.free_bytes) == room


def open_files() -> int:
    """Nameless files of this process, and what stands for them on a full disk."""
    links = (f"/proc/self/fd/{number}" for number in os.listdir("/proc/self/fd"))
    names = [os.readlink(link) for link in links if os.path.islink(link)]
    return sum("(deleted)" in name or name == FULL for name in names)


def fetched(rig: Rig) -> int:
    """How often a receipt was asked for."""
    return len(rig.pleo.calls("/files"))


def with_files(rig: Rig, *counts: int) -> list[str]:
    """Expenses with so many receipts each, every one of its own bytes."""
    seeds = rig.pleo.queue(*["fee"] * len(counts))
    queued = rig.pleo.control("GET", f"/expenses?company_id={rig.pleo.company_id}")
    payloads = {one["id"]: one["payload"] for one in queued}
    custom = [
        {
            "payload": payloads[seed] | {"accountingEntryId": f"00000000-0000-4000-8000-{number:012}"},
            "files": [_file(content) for content in contents(number, count)],
        }
        for number, (seed, count) in enumerate(zip(seeds, counts, strict=True))
    ]
    return rig.pleo.queue(custom=custom)


def contents(number: int, count: int) -> list[bytes]:
    """The receipts of one of them."""
    return [b"%d/%d" % (number, at) for at in range(count)]


def _file(content: bytes) -> dict[str, str]:
    return {"type": "text/plain", "base64": base64.b64encode(content).decode()}


@BOTH
@pytest.mark.rule("EXP-ATT-01", "EXP-ATT-04", "EXP-ATT-07")
async def test_every_file_is_fetched_once_and_offered_with_its_own_item(rig: Rig) -> None:
    counts = [1, 3, 0, 2, *[1] * 20]
    ids = with_files(rig, *counts)
    job_id = rig.pleo.export(ids)

    await rig.look()

    assert rig.pleo.job(job_id)["status"] == "completed"
    assert fetched(rig) == sum(counts)
    assert [rig.books.received[entry] for entry in ids] == [contents(*one) for one in enumerate(counts)]


async def test_an_item_with_as_many_files_as_there_may_be_is_booked_with_all(rig: Rig) -> None:
    ids = with_files(rig, MAX_FILES, 1)
    job_id = rig.pleo.export(ids)

    await rig.look()

    assert rig.pleo.job(job_id)["status"] == "completed"
    assert sorted(len(one.files) for one in rig.books.entries.values()) == [1, MAX_FILES]


@pytest.mark.rule("EXP-ATT-02")
async def test_links_that_lapse_while_fetched_ahead_are_renewed_and_every_item_is_booked_once(rig: Rig) -> None:
    ids = with_files(rig, *[1] * 12)
    job_id = rig.pleo.export(ids, expires_in=10 * 86400)
    rig.books.before["book"] = [Killed()]
    with pytest.raises(Killed):
        await rig.look()
    rig.pleo.control("POST", "/clock", {"seconds": 25 * 3600})

    await rig.expire_lease()
    await rig.look()

    assert rig.pleo.job(job_id)["status"] == "completed"
    assert sorted(len(one.files) for one in rig.books.entries.values()) == [1] * 12


@pytest.mark.rule("EXP-ATT-08", "EXP-ATT-07")
async def test_a_short_outage_of_the_file_host_costs_no_item(rig: Rig) -> None:
    ids = with_files(rig, *[1] * 12)
    job_id = rig.pleo.export(ids)
    rig.pleo.fault("status", path="/files/**", status=503, times=10)

    await rig.look()

    assert rig.pleo.job(job_id)["status"] == "completed"


@BOTH
@pytest.mark.skipif(not os.path.exists(FULL), reason="a device of Linux")
@pytest.mark.rule("EXP-ATT-07", "EXP-ATT-14")
async def test_on_a_full_disk_nothing_with_a_receipt_is_booked_and_the_rest_is(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(buffering: int) -> Any:
        return open(FULL, "r+b", buffering)

    ids = with_files(rig, 1, 0, 1)
    job_id = rig.pleo.export(ids)
    with monkeypatch.context() as patched:
        patched.setattr(files.tempfile, "TemporaryFile", full)
        await rig.look()

    items = rig.pleo.items(job_id)
    assert [items[entry]["status"] for entry in ids] == ["failed", "successful", "failed"]
    assert items[ids[0]]["failureReasonType"] == "receipt_download_failure"
    assert "no storage left" in items[ids[0]]["failureReason"]
    async with rig.db.reading() as session:
        assert await session.scalar(select(func.count()).select_from(Posting)) == 1
    assert len(rig.books.entries) == 1

    again = rig.pleo.export([ids[0], ids[2]])
    await rig.look()
    assert rig.pleo.job(again)["status"] == "completed"
    assert len(rig.books.entries) == 3


async def test_a_job_that_stops_in_the_middle_frees_what_it_fetched_ahead(rig: Rig) -> None:
    ids = with_files(rig, *[2] * 25)
    rig.pleo.export(ids)
    rig.books.before["book"] = [Killed()]
    with pytest.raises(Killed):
        await rig.look()
    assert fetched(rig) > 2
