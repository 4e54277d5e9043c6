"""Receipts are bytes that are handed on: never opened in this process, never beyond what one item may hold."""

from __future__ import annotations

import asyncio
import io
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import ledgerbridge
from ledgerbridge.bookkeeping.problem import Failure
from ledgerbridge.bookkeeping.words import ExportItem, ItemFile
from ledgerbridge.erp.port import Attachment
from ledgerbridge.erp.tryton.company import CAPABILITIES
from ledgerbridge.exports import receipts
from ledgerbridge.exports.fitting import name_of
from ledgerbridge.exports.receipts import LinkLapsed, ReceiptProblem, fetch_all, type_of
from ledgerbridge.outgoing.files import HeldFile
from ledgerbridge.pleo.downloads import DownloadedFile, LinkExpired, NotKept, TooLarge
from tests.unit.bookkeeping.books import item as some_item

SOURCES = Path(ledgerbridge.__file__).parent


class Store:
    """A file host; counts what was asked of it."""

    def __init__(self, *contents: bytes) -> None:
        self._contents = list(contents)
        self.asked = 0

    async def fetch(self, url: str, most: int | None = None) -> DownloadedFile:
        self.asked += 1
        content = self._contents.pop(0) if len(self._contents) > 1 else self._contents[0]
        return DownloadedFile(HeldFile.of(content), None)


def with_files(count: int, kind: str | None = None) -> ExportItem:
    files = tuple(ItemFile(f"https://files.example/{number}", kind, None) for number in range(count))
    return replace(some_item(), files=files)


async def fetched(item: ExportItem, *contents: bytes) -> Sequence[Attachment]:
    return await fetch_all(item, Store(*contents), CAPABILITIES)  # type: ignore[arg-type]


def pdf_bomb() -> bytes:
    """A page whose stream unpacks to 8 MB, packed twice."""
    packed = zlib.compress(zlib.compress(bytes(8_000_000), 1), 9)
    head = b"%%PDF-1.7\n1 0 obj<</Length %d/Filter[/FlateDecode/FlateDecode]>>stream\n" % len(packed)
    return head + packed + b"\nendstream endobj\n%%EOF"


def png_bomb() -> bytes:
    """An image that claims to be 65535 pixels wide and high."""
    head = struct.pack(">IIBBBBB", 65535, 65535, 8, 6, 0, 0, 0)
    chunk = b"IHDR" + head
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", len(head)) + chunk + struct.pack(">I", zlib.crc32(chunk))


def office_bomb() -> bytes:
    """A document whose one part unpacks to 8 MB."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", bytes(8_000_000))
    return packed.getvalue()


@pytest.mark.rule("EXP-ATT-03", "EXP-ATT-07")
@pytest.mark.parametrize("bomb", [pdf_bomb, png_bomb, office_bomb])
async def test_a_bomb_is_handed_on_as_the_bytes_it_is(bomb: Any) -> None:
    content = bomb()
    (attachment,) = await fetched(with_files(1), content)
    assert attachment.file.whole() == content


OPENERS = {
    *("PIL", "pypdf", "PyPDF2", "pikepdf", "fitz", "reportlab", "pdfminer", "cv2", "wand", "magic", "docx", "openpyxl"),
    *("zipfile", "tarfile", "gzip", "bz2", "lzma", "xml", "lxml", "defusedxml", "imghdr", "pickle", "marshal"),
    *("shelve", "yaml"),
}


IMPORT = re.compile(r"^[ \t]*(?:from[ \t]+([\w.]+)[ \t]+import\b|import[ \t]+([\w., \t]+))", re.MULTILINE)


def imported() -> Iterator[tuple[str, str]]:
    """Every module of the service with what it imports."""
    for path in sorted(SOURCES.rglob("*.py")):
        for whole, several in IMPORT.findall(path.read_text("utf-8")):
            for name in [whole] if whole else several.split(","):
                yield path.relative_to(SOURCES).as_posix(), name.strip().partition(" ")[0]


ELSEWHERE = {
    ("outgoing/papers/images.py", "PIL"),
    ("outgoing/papers/joining.py", "pypdf"),
    ("outgoing/papers/packing.py", "zipfile"),
}
"""What runs in a process of its own, with bounds (`tests/unit/outgoing/test_workshop.py`)."""


def test_nothing_of_ours_can_open_a_file_in_the_process_of_the_service() -> None:
    found = set(imported())
    assert ("pleo/downloads.py", "ledgerbridge.outgoing.links") in found, "the imports are read"
    opening = {(path, whole) for path, name in found if (whole := name.partition(".")[0]) in OPENERS}
    assert opening >= ELSEWHERE
    assert {one for one in opening - ELSEWHERE if not only_writes(*one)} == set()
    checked = {"outgoing/bodies.py", "erp/sie/writer.py"}  # the one within bounds, the other for a sum of its own
    assert {path for path, name in found if name == "zlib"} <= checked


def only_writes(path: str, name: str) -> bool:
    """Archives that we make of what is ours to hand over."""
    made = re.findall(r"ZipFile\(([^)]*)\)", (SOURCES / path).read_text("utf-8"))
    return name == "zipfile" and bool(made) and all('"w"' in one for one in made)


async def test_an_item_with_too_many_files_fails_before_any_is_fetched() -> None:
    store = Store(b"x")
    with pytest.raises(ReceiptProblem) as caught:
        await fetch_all(with_files(receipts.MAX_FILES + 1), store, CAPABILITIES)  # type: ignore[arg-type]
    assert store.asked == 0
    assert caught.value.problem.failure is Failure.RECEIPTS_TOO_MANY
    assert "51 files against 50 files" in caught.value.problem.text
    assert len(await fetched(with_files(receipts.MAX_FILES), b"x")) == receipts.MAX_FILES


async def test_files_that_are_too_large_together_fail_the_item_at_the_one_too_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(receipts, "MAX_TOTAL_BYTES", 2_000_000)
    store = Store(bytes(1_000_000))
    assert len(await fetch_all(with_files(2), store, CAPABILITIES)) == 2  # type: ignore[arg-type]
    with pytest.raises(ReceiptProblem) as caught:
        await fetch_all(with_files(9), store, CAPABILITIES)  # type: ignore[arg-type]
    assert store.asked == 2 + 3
    assert "more than 2 MB against 2 MB" in caught.value.problem.text


class Endless(Store):
    """A file host with one file beyond every limit."""

    async def fetch(self, url: str, most: int | None = None) -> DownloadedFile:
        raise TooLarge(30_000_000)


@pytest.mark.parametrize(
    ("said", "shown"),
    [(None, "(more against 30.0 MB)"), (270, "(more against 30.0 MB)"), (31_000_000, "(31.0 MB against 30.0 MB)")],
    ids=["no size said", "a wrong size said", "the size said"],
)
async def test_a_receipt_that_is_too_large_is_never_called_small(said: int | None, shown: str) -> None:
    item = replace(some_item(), files=(ItemFile("https://files.example/0", None, said),))
    with pytest.raises(ReceiptProblem) as caught:
        await fetch_all(item, Endless(b""), CAPABILITIES)  # type: ignore[arg-type]
    assert shown in caught.value.problem.text


@pytest.mark.rule("EXP-ATT-14")
async def test_of_a_file_without_a_size_no_more_is_fetched_than_the_erp_takes() -> None:
    class Large(Store):
        async def fetch(self, url: str, most: int | None = None) -> DownloadedFile:
            if most is not None and most < 3_000_000:
                raise TooLarge(most)
            return await super().fetch(url, most)

    capabilities = replace(CAPABILITIES, max_attachment_bytes=2_000_000)
    with pytest.raises(ReceiptProblem) as refused:
        await fetch_all(with_files(1), Large(bytes(3_000_000)), capabilities)  # type: ignore[arg-type]
    assert "(more against 2.0 MB)" in refused.value.problem.text


@pytest.mark.rule("EXP-ATT-14", "EXP-ATT-07")
async def test_a_machine_without_room_says_so_to_the_bookkeeper_and_why_to_the_operator() -> None:
    class Full(Store):
        async def fetch(self, url: str, most: int | None = None) -> DownloadedFile:
            if self.asked:
                raise NotKept("No space left on device; temporary files lie in /tmp, TMPDIR moves them")
            return await super().fetch(url, most)

    with pytest.raises(ReceiptProblem) as refused:
        await fetch_all(with_files(3), Full(b"x"), CAPABILITIES)  # type: ignore[arg-type]
    found = refused.value.problem
    assert found.text == (
        "Receipt 2 of 3 could not be handed on, because the integration has no storage left for it. "
        "Nothing was booked. Export again in an hour, and contact support if this happens again."
    )
    assert "TMPDIR" in found.internal
    assert found.row.item_type == "receipt_download_failure"


async def test_the_files_of_an_item_that_fails_are_freed() -> None:
    kept: list[HeldFile] = []

    class Keeping(Store):
        async def fetch(self, url: str, most: int | None = None) -> DownloadedFile:
            if self.asked == 2:
                raise LinkExpired("gone", status=404)
            found = await super().fetch(url, most)
            kept.append(found.file)
            return found

    with pytest.raises(LinkLapsed):
        await fetch_all(with_files(3), Keeping(b"x"), CAPABILITIES)  # type: ignore[arg-type]
    assert len(kept) == 2
    for file in kept:
        with pytest.raises(ValueError, match="closed"):
            file.whole()


@pytest.mark.rule("EXP-ATT-16")
@pytest.mark.parametrize(
    ("kind", "extension"),
    [
        ("application/pdf", "pdf"),
        ("image/jpeg", "jpg"),
        ("text/html", "bin"),
        ("application/x-msdownload", "bin"),
        ("image/svg+xml", "bin"),
        ("x/../../y", "bin"),
        ("application/pdf\r\nX-Header: y", "bin"),
    ],
)
def test_a_file_is_named_for_what_pleo_takes_and_else_as_nothing_that_runs(kind: str, extension: str) -> None:
    assert name_of(some_item(), 1, kind).endswith(f"-1.{extension}")


@pytest.mark.parametrize("reference", ["../../etc/passwd", "a\r\nContent-Type: x", "a\0b", "..", "", "ü" * 300, "a\\c"])
def test_a_name_is_one_plain_word(reference: str) -> None:
    name = name_of(replace(some_item(), reconciliation_id=reference, accounting_entry_id="../x"), 2, "image/png")
    assert name.endswith("-2.png")
    assert set(name) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")
    assert not name.startswith((".", "-"))
    assert len(name) < 100


def test_a_type_is_told_from_the_first_bytes_alone() -> None:
    assert (
        type_of(ItemFile("u", None, None), DownloadedFile(HeldFile.of(b"%PDF-" + b"\0" * 10), None))
        == "application/pdf"
    )
    assert (
        type_of(ItemFile("u", None, None), DownloadedFile(HeldFile.of(b" %PDF-"), None)) == "application/octet-stream"
    )

    def told(said: str | None, content: bytes) -> str:
        return type_of(ItemFile("u", said, None), DownloadedFile(HeldFile.of(content), None))

    assert told(None, b"%PDF-" + b"\0" * 10) == "application/pdf"
    assert told(None, b" %PDF-") == "application/octet-stream"
    assert told(" Image/PNG; x=y", b"%PDF-") == "image/png"


@pytest.mark.rule("EXP-EXPIRE-04", "EXP-ATT-14")
async def test_files_that_come_too_slowly_together_fail_the_item_and_do_not_let_the_job_run_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Trickle(Store):
        async def fetch(self, url: str, most: int | None = None) -> DownloadedFile:
            if self.asked:
                await asyncio.sleep(30)
            return await super().fetch(url, most)

    monkeypatch.setattr(receipts, "MAX_SECONDS", 0.05)
    with pytest.raises(ReceiptProblem) as refused:
        await fetch_all(with_files(3), Trickle(b"one"), CAPABILITIES)  # type: ignore[arg-type]
    assert refused.value.problem.failure is Failure.RECEIPT_DOWNLOAD
    assert "Receipt 2 of 3" in refused.value.problem.text
