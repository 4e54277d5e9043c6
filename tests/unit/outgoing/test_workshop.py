"""Files that mean harm: they cost the process that reads them its life, and the service a moment."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from ledgerbridge.outgoing import papers
from ledgerbridge.outgoing.files import FileNotKept, HeldFile
from ledgerbridge.outgoing.papers import workshop
from ledgerbridge.outgoing.papers.order import Answer, Make, Order, Why
from ledgerbridge.outgoing.papers.workshop import CannotMake, NotMade, Sheet, Workshop
from tests.support import hostile_files as hostile

MOST = 10_000_000


async def make(content: bytes, at: Workshop | None = None, what: Make = Make.PDF) -> HeldFile:
    """Of a file that others follow, so that one is to blame."""
    sheets = [Sheet("1", HeldFile.of(hostile.pdf())), Sheet("2", HeldFile.of(content))]
    return await (at or Workshop(seconds=5)).make(what, sheets, MOST)


def children() -> set[str]:
    """Processes that were begun here and have not been waited for; other tests of this run may have some, too."""
    found = set()
    for one in Path("/proc").iterdir():
        with suppress(OSError):
            if one.name.isdigit() and (one / "stat").read_text().rpartition(")")[2].split()[1] == str(os.getpid()):
                found.add(one.name)
    return found


@pytest.fixture(autouse=True)
def nothing_stays() -> Iterator[None]:
    """No open file, no process."""
    files, processes = set(os.listdir("/proc/self/fd")), children()
    yield
    assert len(set(os.listdir("/proc/self/fd"))) <= len(files)
    assert children() <= processes


@pytest.mark.rule("EXP-ATT-07")
@pytest.mark.parametrize(
    ("file", "why"),
    [
        (hostile.png_of_claims, Why.BEYOND),
        (hostile.png_bomb, Why.BEYOND),
        (hostile.jpeg_of_claims, Why.BEYOND),
        (hostile.inner_bomb, Why.BEYOND),
        (hostile.stream_bomb, Why.DAMAGED),
        (hostile.endless_pages, Why.DAMAGED),
        (hostile.nested, Why.DAMAGED),
        (lambda: hostile.pdf(password="only me"), Why.LOCKED),
        (lambda: hostile.pdf(3)[:200], Why.DAMAGED),
        (lambda: hostile.png(900, 900)[:60], Why.DAMAGED),
        (lambda: hostile.jpeg()[:200], Why.DAMAGED),
        (lambda: b"%PDF-1.7", Why.DAMAGED),
    ],
    ids=[
        *("a PNG of many pixels", "a PNG that unpacks to many", "a JPEG of many pixels", "files inside"),
        *("a stream of objects", "a tree that is its own branch", "lists in lists", "a password", "half a PDF"),
        *("half a PNG", "the head of a JPEG", "the first word of a PDF"),
    ],
)
async def test_a_file_that_means_harm_is_refused_by_its_place_and_reason(file: Callable[[], bytes], why: Why) -> None:
    with pytest.raises(CannotMake) as told:
        await make(file())
    assert (told.value.why, told.value.position) == (why, 2)


async def test_a_table_that_names_itself_is_read_once() -> None:
    (await make(hostile.circle_of_tables())).close()


async def test_a_file_that_would_take_for_ever_is_given_up_when_its_time_is_over() -> None:
    began = time.monotonic()
    with pytest.raises(CannotMake) as told:
        await make(hostile.page_bomb(4, 15), Workshop(seconds=1))
    assert (told.value.why, told.value.position) == (Why.BEYOND, 2)
    assert time.monotonic() - began < 60


async def _said(body: str, seconds: int = 5) -> tuple[int | None, str]:
    """How Python ends that runs within the bounds of the process, and what it prints."""
    code = (
        f"import os, socket\nfrom ledgerbridge.outgoing.papers import bounds\nbounds.settle_down(9, {seconds})\n{body}"
    )
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", f"{code}\nprint('done')", stdout=-1, stderr=-1)
    out, error = await process.communicate()
    return process.returncode, (out + error).decode()


@pytest.mark.parametrize(
    ("body", "refused"),
    [
        ("open('/etc/hostname')", "Too many open files"),
        ("socket.socket()", "Too many open files"),
        ("os.pipe()", "Too many open files"),
        ("os.setuid(65534) if not os.getuid() else None; os.fork()", "Resource temporarily unavailable"),
        ("bytes(800_000_000)", "MemoryError"),
    ],
    ids=["a file", "a socket", "a pipe", "a process", "memory"],
)
async def test_the_process_can_open_nothing_and_take_no_more(body: str, refused: str) -> None:
    code, said = await _said(body)
    assert code == 1
    assert refused in said
    assert "done" not in said


async def test_the_process_ends_when_its_time_is_over() -> None:
    assert await _said("while True: pass", seconds=1) == (-signal.SIGXCPU, "")


async def test_the_process_knows_no_secret_of_the_service(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLEO_CLIENT_SECRET", "of the service")
    seen: dict[str, Any] = {}
    start = asyncio.create_subprocess_exec

    async def watched(*words: str, **how: Any) -> Any:
        seen.update(how, words=words)
        return await start(*words, **how)

    monkeypatch.setattr(asyncio, "create_subprocess_exec", watched)
    (await make(hostile.jpeg())).close()
    assert set(seen["env"]) <= {*workshop._KEPT, "LANG", "PYTHONHASHSEED"}
    assert len(seen["pass_fds"]) == 3
    assert "of the service" not in str(seen)
    assert seen["start_new_session"], "a signal for the service is none for what it has under way"


async def test_the_process_can_read_the_receipts_and_not_change_them() -> None:
    with HeldFile() as file:
        file.add(b"receipt")
        with file.lent() as descriptor:
            assert os.pread(descriptor, 9, 0) == b"receipt"
            with pytest.raises(OSError, match="Bad file descriptor"):
                os.write(descriptor, b"x")
        assert file.whole() == b"receipt"


async def test_who_goes_away_leaves_no_process_behind() -> None:
    place = Workshop(at_once=1, seconds=5)
    task = asyncio.create_task(make(hostile.page_bomb(4, 15), place))
    await asyncio.sleep(0.3)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    (await make(hostile.jpeg(), place)).close()


async def test_no_more_processes_run_at_once_than_there_are_places(monkeypatch: pytest.MonkeyPatch) -> None:
    now = most = 0

    async def counted(order: Order) -> Answer:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.01)
        now -= 1
        return Answer(done=True)

    monkeypatch.setattr(workshop, "_carried_out", counted)
    place = Workshop()
    for made in await asyncio.gather(*(make(b"", place) for _ in range(7))):
        made.close()
    assert most == workshop.AT_ONCE


async def test_a_process_that_does_not_come_to_its_end_in_time_is_no_fault_of_the_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(workshop, "SECONDS", 0.2)
    with pytest.raises(NotMade, match="not done after"):
        await make(hostile.page_bomb(4, 15))


@pytest.mark.parametrize(
    ("code", "said", "becomes"),
    [
        (-signal.SIGKILL, ["at 1"], "ended with -9"),
        (1, ["at 1"], "ended with 1"),
        (0, [], "ended with 0"),
        (0, ["at 1"], "what nobody understands"),
        (0, ['{"done": 1, "more": 2}'], "what nobody understands"),
        (0, ['{"why": "because"}'], "what nobody understands"),
    ],
)
def test_a_process_that_the_machine_ended_is_no_fault_of_the_file(code: int, said: list[str], becomes: str) -> None:
    with pytest.raises(NotMade, match=becomes):
        workshop._understood(code, said)


def test_a_library_that_a_file_has_upset_is_that_files_fault() -> None:
    crashed = workshop._understood(-signal.SIGSEGV, ["at 1", "at 2"])
    assert crashed == Answer(why=Why.DAMAGED, position=2)


async def test_a_disk_that_is_full_is_told_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    if not os.path.exists("/dev/full"):
        pytest.skip("a device of Linux")
    sheets = [Sheet("1", HeldFile.of(hostile.pdf()))]
    with sheets[0].file.lent() as given, open("/dev/full", "wb") as full:
        order = Order(Make.PDF, (workshop.Given("1", given, sheets[0].file.size),), full.fileno(), MOST, 5)
        with pytest.raises(FileNotKept, match="No space left"):
            workshop._heed(await workshop._carried_out(order))


def test_nothing_but_that_process_imports_what_reads_a_file() -> None:
    inside = Path(papers.__file__).parent
    inner = r"papers(?:\.| import .*\b)(?:bounds|images|joining|packing|faults|__main__)\b"
    for path in Path(inside).parents[1].rglob("*.py"):
        if path.parent != inside:
            assert not re.search(inner, path.read_text("utf-8")), path
    assert not re.search(inner, (inside / "workshop.py").read_text("utf-8"))
