"""Receipts fetched ahead: a convenience that never takes more than its room and never makes an item fail."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace

import pytest

from ledgerbridge.bookkeeping.problem import Failure
from ledgerbridge.bookkeeping.words import ExportItem, ItemFile
from ledgerbridge.erp.tryton.company import CAPABILITIES
from ledgerbridge.exports import ahead as room
from ledgerbridge.exports import receipts
from ledgerbridge.exports.ahead import Ahead, Shelf
from ledgerbridge.exports.fitting import PDF
from ledgerbridge.exports.receipts import LinkLapsed, ReceiptProblem, Receipts
from ledgerbridge.outgoing.files import HeldFile
from ledgerbridge.outgoing.papers.order import Make
from ledgerbridge.outgoing.papers.workshop import Sheet, Workshop
from ledgerbridge.pleo.downloads import DownloadedFile, LinkExpired, NotKept, TooLarge
from tests.unit.bookkeeping.books import item as some_item

SIZE = 1000


@dataclass
class Host:
    """A file host whose files are on disk, as real ones are; waits where a test says so, and counts."""

    gates: dict[str, asyncio.Event] = field(default_factory=dict)
    failures: dict[str, list[Exception]] = field(default_factory=dict)
    """By link; one is raised a call, then the file comes."""
    sizes: dict[str, int] = field(default_factory=dict)
    calls: Counter[str] = field(default_factory=Counter)
    now: int = 0
    most: int = 0
    """Downloads at once."""
    sparse: bool = False
    """Files of the right size, and nothing in them."""

    async def fetch(self, url: str, most: int | None = None) -> DownloadedFile:
        self.calls[url] += 1
        self.now += 1
        self.most = max(self.most, self.now)
        file = HeldFile()
        try:
            await asyncio.sleep(0)
            if url in self.gates:
                await self.gates[url].wait()
            if waiting := self.failures.get(url):
                raise waiting.pop(0)
            size = self.sizes.get(url, SIZE)
            if most is not None and size > most:
                raise TooLarge(most)
            if self.sparse:
                os.truncate(file._file.fileno(), size)
                file.size = size
            else:
                file.add(url.encode().ljust(size, b"."))
            return DownloadedFile(file, "text/plain")
        except BaseException:
            file.close()
            raise
        finally:
            self.now -= 1

    def gate(self, item: ExportItem) -> asyncio.Event:
        """Nothing of the item comes before it is opened."""
        return self.gates.setdefault(item.files[0].url, asyncio.Event())


def item(number: int, files: int = 1, size: int | None = SIZE) -> ExportItem:
    links = tuple(ItemFile(f"https://files.example/{number}/{at}", None, size) for at in range(files))
    return replace(some_item(), accounting_entry_id=f"e-{number}", files=links)


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


@pytest.fixture(autouse=True)
def no_file_stays() -> Iterator[None]:
    before = open_files()
    yield
    assert open_files() <= before


@dataclass
class Job:
    """A job with its look-ahead."""

    host: Host
    shelf: Shelf
    ahead: Ahead


@asynccontextmanager
async def jobs(count: int = 1, **limits: int) -> AsyncIterator[list[Job]]:
    """Jobs of one process. At their end all its room is free again and no task is left."""
    host, shelf = Host(), Shelf(**limits)
    before = (shelf.free_files, shelf.free_bytes)
    async with AsyncExitStack() as stack:
        yield [
            Job(host, shelf, await stack.enter_async_context(Ahead(host, CAPABILITIES, shelf)))  # type: ignore[arg-type]
            for _ in range(count)
        ]
    assert (shelf.free_files, shelf.free_bytes) == before
    assert asyncio.all_tasks() == {asyncio.current_task()}


@asynccontextmanager
async def job(**limits: int) -> AsyncIterator[Job]:
    async with jobs(**limits) as (one,):
        yield one


async def until(what: Callable[[], bool]) -> None:
    for _ in range(1000):
        if what():
            return
        await asyncio.sleep(0)
    raise AssertionError("it did not come to that")


def names(taken: Receipts) -> list[bytes]:
    return [one.file.whole().rstrip(b".") for one in taken]


async def test_what_was_fetched_ahead_is_there_when_its_item_is_up() -> None:
    async with job() as one:
        assert one.ahead.begin(item(1, files=3))
        await until(lambda: sum(one.host.calls.values()) == 3 and one.host.now == 0)
        with await one.ahead.take(item(1, files=3)) as taken:
            assert names(taken) == [b"https://files.example/1/%d" % at for at in range(3)]
        assert set(one.host.calls.values()) == {1}


async def test_items_are_fetched_while_another_is_worked() -> None:
    async with job() as one:
        for number in (1, 2, 3):
            one.ahead.begin(item(number))
        with await one.ahead.take(item(1)):
            await until(lambda: len(one.host.calls) == 3)


async def test_an_item_that_was_not_begun_is_fetched_when_it_is_up() -> None:
    async with job() as one:
        with await one.ahead.take(item(1)) as taken:
            assert len(taken) == 1


async def test_an_item_is_begun_once() -> None:
    async with job() as one:
        assert one.ahead.begin(item(1))
        assert one.ahead.begin(item(1))
        (await one.ahead.take(item(1))).close()
        assert set(one.host.calls.values()) == {1}


async def test_an_item_without_files_or_for_an_erp_without_them_needs_no_room() -> None:
    async with job(files=0) as one:
        assert one.ahead.begin(item(1, files=0))
        assert await one.ahead.take(item(1, files=0)) == ()
        plain = Ahead(one.host, replace(CAPABILITIES, attachments=False), one.shelf)  # type: ignore[arg-type]
        assert plain.begin(item(2))
        assert await plain.take(item(2)) == ()
        assert not one.host.calls


# ------------------------------------------------------------------ bounds


async def test_no_more_files_and_bytes_than_there_is_room_for_over_all_jobs() -> None:
    async with jobs(2, files=5, size=4 * SIZE) as (one, other):
        assert one.ahead.begin(item(1, files=2))
        assert other.ahead.begin(item(2, files=2))
        assert not one.ahead.begin(item(3)), "no bytes are left"
        assert (one.shelf.free_files, one.shelf.free_bytes) == (1, 0)
    async with jobs(5, files=2) as several:
        assert [each.ahead.begin(item(1, size=0)) for each in several] == [True, True, False, False, False]


async def test_a_job_never_takes_more_room_than_it_leaves_to_others() -> None:
    def begin(job: Job, first: int) -> int:
        """How many more items it begins."""
        return next(count for count in range(1000) if not job.ahead.begin(item(first + count)))

    async with jobs(3, files=60, size=1000 * SIZE) as (one, two, three):
        assert begin(one, 0) == 31
        assert (begin(two, 100), begin(three, 200)) == (15, 8)
        for number in range(31):
            (await one.ahead.take(item(number))).close()
        assert begin(one, 300) == 19
        assert begin(two, 400) == 2


async def test_a_taken_item_keeps_its_room_until_it_is_done() -> None:
    async with job(files=1) as one:
        one.ahead.begin(item(1))
        await until(lambda: one.host.now == 1)
        with await one.ahead.take(item(1)) as taken:
            assert not one.ahead.begin(item(2))
            taken.close()
            taken.close()
        assert one.ahead.begin(item(2))


async def test_files_of_unknown_size_take_the_room_of_the_largest_until_they_are_there() -> None:
    async with job(size=30 * 1024 * 1024 + SIZE) as one:
        assert one.ahead.begin(item(1, size=None))
        assert not one.ahead.begin(item(2, size=None))
        await until(lambda: one.shelf.free_bytes == 30 * 1024 * 1024)
        assert one.ahead.begin(item(2, size=None))


@pytest.mark.parametrize("when", ["while it comes", "afterwards"])
async def test_a_file_larger_than_pleo_says_is_left_and_fetched_when_its_item_is_up(when: str) -> None:
    async with job(size=SIZE) as one:
        lied = item(1, size=10)
        one.host.sizes[lied.files[0].url] = 50_000
        gate = one.host.gate(lied)
        one.ahead.begin(lied)
        await until(lambda: one.host.now == 1)
        taking = asyncio.create_task(one.ahead.take(lied)) if when == "while it comes" else None
        await asyncio.sleep(0)
        gate.set()
        await until(lambda: one.host.now == 0)
        with await (taking or one.ahead.take(lied)) as taken:
            assert [each.file.size for each in taken] == [50_000]
        assert one.host.calls[lied.files[0].url] == 2


async def test_only_so_many_are_fetched_ahead_at_a_time_over_all_jobs() -> None:
    async with jobs(2, at_once=3) as (one, other):
        host = one.host
        gates = [host.gate(item(number)) for number in range(10)]
        for number in range(10):
            assert (one if number % 2 else other).ahead.begin(item(number))
        await until(lambda: host.now == 3)
        for gate in gates:
            gate.set()
        for number in range(10):
            (await (one if number % 2 else other).ahead.take(item(number))).close()
        assert host.most == 3


async def test_the_item_that_is_up_waits_for_no_turn() -> None:
    async with job(at_once=1) as one:
        one.host.gate(item(1))
        one.ahead.begin(item(1))
        await until(lambda: one.host.now == 1)
        one.ahead.begin(item(2))
        for up in (item(2), item(3)):
            with await one.ahead.take(up) as taken:
                assert len(taken) == 1


async def test_the_bounds_fit_an_ordinary_process_and_hold_the_largest_item() -> None:
    assert room.MOST_FILES + 10 * receipts.MAX_FILES + 100 <= 1024
    assert room.MOST_FILES >= receipts.MAX_FILES
    assert room.MOST_BYTES >= receipts.MAX_TOTAL_BYTES
    assert room.MOST_BYTES + 10 * receipts.MAX_TOTAL_BYTES < 2 * 1024**3
    async with job() as one:
        largest = item(1, files=receipts.MAX_FILES, size=receipts.MAX_TOTAL_BYTES // receipts.MAX_FILES)
        assert one.ahead.begin(largest)
        assert one.ahead.begin(item(2, files=receipts.MAX_FILES, size=None))


# ------------------------------------------------------------------ failures


async def test_a_failure_is_told_only_when_its_item_is_up() -> None:
    async with job() as one:
        one.host.failures[item(1).files[0].url] = [LinkExpired("gone", status=404)]
        gate = one.host.gate(item(1))
        one.ahead.begin(item(1))
        one.ahead.begin(item(2))
        (await one.ahead.take(item(2))).close()
        waiting = asyncio.create_task(one.ahead.take(item(1)))
        await until(lambda: one.host.calls[item(1).files[0].url] == 1)
        gate.set()
        with pytest.raises(LinkLapsed):
            await waiting


async def test_a_failure_nobody_asks_for_is_told_to_nobody(caplog: pytest.LogCaptureFixture) -> None:
    async with job() as one:
        one.host.failures[item(1).files[0].url] = [LinkExpired("gone", status=404)]
        one.ahead.begin(item(1))
        await until(lambda: one.host.calls.total() == 1 and one.host.now == 0)
    assert not caplog.records


@pytest.mark.parametrize("when", ["begun again", "long after", "at once"])
async def test_what_failed_long_before_its_item_is_up_is_fetched_anew(
    when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An outage of a minute must not cost all the items that were to come."""
    async with job() as one:
        one.host.failures[item(1).files[0].url] = [LinkExpired("an outage", status=404)]
        one.ahead.begin(item(1))
        await until(lambda: one.host.calls.total() == 1 and one.host.now == 0)
        if when == "at once":
            with pytest.raises(LinkLapsed):
                await one.ahead.take(item(1))
            return
        if when == "begun again":
            one.ahead.begin(item(1))
            await until(lambda: one.host.calls.total() == 2)
        else:
            monkeypatch.setattr(room, "STALE_SECONDS", 0.0)
        with await one.ahead.take(item(1)) as taken:
            assert len(taken) == 1
        assert one.host.calls.total() == 2


@pytest.mark.rule("EXP-ATT-02")
async def test_an_item_with_new_links_is_not_given_the_files_of_the_old_ones() -> None:
    async with job() as one:
        one.ahead.begin(item(1))
        fresh = replace(item(1), files=(ItemFile("https://files.example/fresh", None, SIZE),))
        with await one.ahead.take(fresh) as taken:
            assert names(taken) == [b"https://files.example/fresh"]


async def test_an_item_that_cannot_be_fetched_is_begun_by_nobody_and_says_why() -> None:
    async with job() as one:
        assert one.ahead.begin(item(1, files=receipts.MAX_FILES + 1))
        with pytest.raises(ReceiptProblem, match="too many"):
            await one.ahead.take(item(1, files=receipts.MAX_FILES + 1))
        assert not one.host.calls


@pytest.mark.parametrize("begun", [True, False], ids=["begun before", "fetched now"])
async def test_a_full_disk_costs_the_look_ahead_and_not_the_item(begun: bool) -> None:
    async with job() as one:
        up, later = item(1), item(2)
        one.ahead.begin(later)
        await until(lambda: one.host.calls.total() == 1 and one.host.now == 0)
        one.host.failures[up.files[0].url] = [NotKept("No space left on device") for _ in range(1 + begun)]
        gate = one.host.gate(up)
        if begun:
            one.ahead.begin(up)
            await until(lambda: one.host.now == 1)
        taking = asyncio.create_task(one.ahead.take(up))
        await until(lambda: one.host.now == 1)
        gate.set()
        with await taking as taken:
            assert len(taken) == 1
        (await one.ahead.take(later)).close()
        assert one.host.calls[later.files[0].url] == 2, "its files made room"


async def test_a_disk_that_stays_full_fails_the_item() -> None:
    async with job() as one:
        one.host.failures[item(1).files[0].url] = [NotKept("No space left on device")] * 3
        one.ahead.begin(item(1))
        one.ahead.begin(item(2))
        with pytest.raises(ReceiptProblem) as refused:
            await one.ahead.take(item(1))
        assert refused.value.problem.failure is Failure.RECEIPT_NOT_KEPT


@pytest.mark.rule("EXP-EXPIRE-04")
async def test_a_trickle_fetched_ahead_has_no_more_time_than_one_that_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receipts, "MAX_SECONDS", 0.05)
    async with job() as one:
        one.host.gate(item(1))
        one.ahead.begin(item(1))
        await until(lambda: one.host.now == 1)
        with pytest.raises(ReceiptProblem) as refused:
            await one.ahead.take(item(1))
        assert "not here after 0.05 seconds" in refused.value.problem.internal
        assert one.host.calls.total() == 1


async def test_the_largest_item_goes_through_and_one_byte_more_does_not() -> None:
    async with job() as one:
        one.host.sparse = True
        largest = item(1, files=4, size=receipts.MAX_TOTAL_BYTES // 4)
        for file in largest.files:
            one.host.sizes[file.url] = receipts.MAX_TOTAL_BYTES // 4
        one.ahead.begin(largest)
        with await one.ahead.take(largest) as taken:
            assert sum(each.file.size for each in taken) == receipts.MAX_TOTAL_BYTES
        one.host.sizes[largest.files[3].url] += 1
        unknown = replace(largest, files=tuple(replace(file, size=None) for file in largest.files))
        one.ahead.begin(unknown)
        with pytest.raises(ReceiptProblem) as refused:
            await one.ahead.take(unknown)
        assert refused.value.problem.failure is Failure.RECEIPTS_TOO_MANY


# ------------------------------------------------------------------ ends


async def test_what_was_fetched_and_never_taken_is_freed_at_the_end() -> None:
    before = open_files()
    async with job() as one:
        for number in range(20):
            one.ahead.begin(item(number))
        await until(lambda: one.host.calls.total() == 20 and one.host.now == 0)
        assert open_files() - before == 20
    assert open_files() == before


async def test_what_was_taken_and_never_closed_is_freed_at_the_end() -> None:
    async with job() as one:
        one.ahead.begin(item(1))
        kept = [await one.ahead.take(item(number)) for number in (1, 2)]
    with pytest.raises(ValueError, match="closed file"):
        kept[0][0].file.whole()


async def test_an_item_can_be_dropped() -> None:
    async with job(files=1) as one:
        one.ahead.begin(item(1))
        await one.ahead.drop(item(1))
        await one.ahead.drop(item(2))
        assert one.ahead.begin(item(3))


@pytest.mark.parametrize("begun", [True, False], ids=["begun before", "fetched now"])
async def test_a_job_that_is_cancelled_leaves_neither_task_nor_file(begun: bool) -> None:
    shelf, host = Shelf(), Host()
    host.gate(item(1))

    async def work() -> None:
        async with Ahead(host, CAPABILITIES, shelf) as ahead:  # type: ignore[arg-type]
            for number in range(1 if begun else 2, 12):
                ahead.begin(item(number))
            await ahead.take(item(1))

    working = asyncio.create_task(work())
    await until(lambda: host.now > 0)
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working
    assert (shelf.free_files, shelf.free_bytes) == (room.MOST_FILES, room.MOST_BYTES)
    assert asyncio.all_tasks() == {asyncio.current_task()}


@pytest.mark.rule("EXP-ATT-06")
async def test_receipts_get_the_form_an_erp_takes_while_it_works_on_others(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[tuple[str, ...]] = []

    async def joined(self: Workshop, make: Make, sheets: Sequence[Sheet], most: int) -> HeldFile:
        made.append(tuple(sheet.name for sheet in sheets))
        file = HeldFile()
        file.add(b"joined")
        return file

    monkeypatch.setattr(Workshop, "make", joined)
    host, shelf = Host(), Shelf()
    before = (shelf.free_files, shelf.free_bytes)
    one_file = replace(CAPABILITIES, several_attachments=False, attachment_types=None)
    several = replace(item(1, files=3), files=tuple(replace(file, type=PDF) for file in item(1, files=3).files))
    async with Ahead(host, one_file, shelf) as ahead:  # type: ignore[arg-type]
        assert ahead.begin(several)
        await until(lambda: bool(made))
        with await ahead.take(several) as taken:
            assert [one.file.whole() for one in taken] == [b"joined"]
        assert len(made) == 1, "it was made before its item was up"
    assert len(made[0]) == 3
    assert (shelf.free_files, shelf.free_bytes) == before
