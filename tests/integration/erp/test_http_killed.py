"""Whoever dies beside the HTTP target, we or the partner: what was asked for stands once, and nothing else does."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from ledgerbridge import faults
from ledgerbridge.bookkeeping.master_data import NewVendor
from ledgerbridge.erp.conformance.bench import PLEO_COMPANY, Killed, entry, receipts
from ledgerbridge.erp.conformance.payables import bill, payment
from ledgerbridge.erp.http_target import HttpAdapter
from ledgerbridge.erp.http_target.contract import OPERATIONS
from ledgerbridge.erp.port import Attachment, Booked, ErpError, Wanted
from ledgerbridge.outgoing.addresses import Reach
from ledgerbridge.outgoing.files import HeldFile
from tests.faults.points import derived
from tests.support.http_target import IMPATIENT, SECRET, HttpBench, running
from tests.support.ports import free_port

MB = 1024 * 1024


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HttpBench]:
    with running(tmp_path_factory.mktemp("books")) as (books, base_url):
        yield HttpBench(books, base_url)


class Story:
    """A vendor, a paid bill with a receipt, an open one with its payment, and an entry that is taken back."""

    def __init__(self, bench: HttpBench) -> None:
        self.bench = bench
        self.vendor = NewVendor(str(uuid4()), f"Vendor {uuid4().hex}")
        self.ids = [str(uuid4()) for _ in range(4)]

    async def tell(self) -> None:
        chart, facts = await self.bench.chart(), self.bench.facts
        async with self.bench.opened() as erp:
            await erp.preflight(final=True, bills=True)
            owed_to = await erp.create_vendor(self.vendor)
            paid = bill(chart, facts, owed_to, paid=True, id_=self.ids[0])
            owed = bill(chart, facts, owed_to, id_=self.ids[1])
            pays = payment(chart, facts, owed_to, owed.total, like=entry(chart, facts, id_=self.ids[2]))
            wrong = entry(chart, facts, id_=self.ids[3])
            done = await erp.book_many([Wanted(paid, receipts(100)), Wanted(owed), Wanted(pays)], final=True)
            booked = [one for one in done if isinstance(one, Booked)]
            assert await erp.settle([booked[1].ref, booked[2].ref])
            if not await self._taken_back():
                made = await erp.book(wrong, (), final=True)
                await erp.reverse(made.ref, wrong.key, reason="Wrong", day=None)

    async def _taken_back(self) -> bool:
        """Whether what is taken back in the end stands so already; our ledger would know."""
        return len(await self.bench.entries(self.ids[3])) == 2

    async def check(self) -> None:
        assert len(await self.bench.vendors_called(self.vendor.name)) == 1
        for id_ in self.ids[:2]:
            (standing,) = await self.bench.bills(id_)
            assert (standing.final, standing.paid) == (True, True)
        (own,) = await self.bench.entries(self.ids[0])
        (pays,) = await self.bench.entries(self.ids[2])
        assert (own.final, pays.final) == (True, True)
        assert len(await self.bench.entries(self.ids[3])) == 2
        assert not any((await self.bench.net_of(self.ids[3])).values())


async def passed(story: Story, kill_at: int | None = None) -> list[str]:
    """The points of the target that a story passes; with `kill_at` our death at one of them."""
    trace: list[str] = []

    def hook(name: str) -> None:
        if not name.startswith("erp http "):
            return
        trace.append(name)
        if len(trace) - 1 == kill_at:
            raise Killed

    faults.install(hook)
    try:
        await story.tell()
    finally:
        faults.install(None)
    return trace


@pytest.mark.rule("EXP-REC-04", "EXP-IDEM-02")
@pytest.mark.parametrize("everywhere", [False, pytest.param(True, marks=pytest.mark.long)])
async def test_whatever_the_call_at_which_we_die_the_story_ends_the_same(bench: HttpBench, everywhere: bool) -> None:
    await bench.chart()  # kept by the bench, and no part of the story
    trace = await passed(whole := Story(bench))
    await whole.check()
    writing = {f"erp http {one.name}" for one in OPERATIONS if one.writes} | {"erp http attachments"}
    assert {name.rpartition(" ")[0] for name in trace} >= writing - {"erp http reopen"}
    for at, name in enumerate(trace):
        if everywhere or name.rpartition(" ")[0] in writing:
            story = Story(bench)
            with pytest.raises(Killed):
                await passed(story, at)
            await story.tell()
            await story.check()


def test_every_point_of_the_target_is_derived_from_its_contract() -> None:
    points = {f"erp http {one.name}" for one in OPERATIONS} | {"erp http attachments"}
    assert points == {point for point in derived().points if point.startswith("erp http ")}


# ------------------------------------------------------------------ the partner dies


class Server:
    """The reference server as a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.books = folder / "books.sqlite"
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "examples.http_target.server", "--port", str(self.port)]
        command += ["--books", str(self.books), "--secret", SECRET]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[3])
        assert self.process.stdout is not None
        assert self.process.stdout.readline().startswith(b"http://")

    def kill(self) -> None:
        if self.process is not None:
            os.kill(self.process.pid, signal.SIGKILL)
            self.process.wait()
            if self.process.stdout is not None:
                self.process.stdout.close()
            self.process = None

    @property
    def settings(self) -> dict[str, object]:
        return {"base_url": f"http://127.0.0.1:{self.port}", "secret": SECRET, "company": "1"}

    def standing(self) -> list[tuple[str, str]]:
        with contextlib.closing(sqlite3.connect(self.books)) as db:
            return db.execute("SELECT entry, id FROM documents WHERE final").fetchall()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = Server(tmp_path)
    made.start()
    yield made
    made.kill()


@pytest.mark.rule("EXP-REC-04", "EXP-IDEM-02")
async def test_a_partner_killed_while_it_books_has_each_entry_once_in_the_end(server: Server, bench: HttpBench) -> None:
    adapter = HttpAdapter(reach=Reach(local=True), patience=IMPATIENT)
    chart = await bench.chart()
    wanted = [Wanted(entry(chart, bench.facts)) for _ in range(50)]
    async with adapter.open(server.settings) as erp:
        booking = asyncio.create_task(erp.book_many(wanted, final=True))
        while not server.standing():  # noqa: ASYNC110 - it is another process's file
            await asyncio.sleep(0.005)
        server.kill()
        first = await booking
    assert all(isinstance(one, Booked) or one.outcome_unknown for one in first), "some of it may stand"
    server.start()
    async with adapter.open(server.settings) as erp:
        second = await erp.book_many(wanted, final=True)
        assert all(isinstance(one, Booked) for one in second)
        listed = await erp.entries(bench.facts.open_date, bench.facts.open_date, PLEO_COMPANY)
    told = sorted((one.document.key.accounting_entry_id, one_.id) for one, one_ in zip(wanted, second, strict=True))
    assert told == sorted((entry_, str(number)) for entry_, number in server.standing())
    assert len(listed) == len(wanted)
    for before, after in zip(first, second, strict=True):
        assert isinstance(before, ErpError) or before.id == after.id


@pytest.mark.rule("EXP-ATT-14")
async def test_a_large_receipt_goes_through_in_pieces(server: Server, bench: HttpBench) -> None:
    adapter = HttpAdapter(reach=Reach(local=True))
    wanted = entry(await bench.chart(), bench.facts)
    with HeldFile() as file:
        for _ in range(12):
            file.add(os.urandom(MB))
        async with adapter.open(server.settings) as erp:
            await erp.company()
            tracemalloc.start()
            try:
                await erp.book(wanted, [Attachment("R-1-1.pdf", "application/pdf", file)], final=True)
                _, peak = tracemalloc.get_traced_memory()
            finally:
                tracemalloc.stop()
        (kept,) = server.books.with_suffix(".files").iterdir()
        assert kept.stat().st_size == file.size
    assert peak < 4 * MB
