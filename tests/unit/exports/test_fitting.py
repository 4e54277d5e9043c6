"""Receipts in the form that an ERP takes: nothing is dropped, nothing is touched without need, every try is alike."""

from __future__ import annotations

import asyncio
import io
import os
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pypdf
import pytest

from ledgerbridge.bookkeeping.problem import Failure
from ledgerbridge.bookkeeping.words import ExportItem, ItemFile
from ledgerbridge.erp.port import Capabilities
from ledgerbridge.exports import receipts
from ledgerbridge.exports.fitting import JPEG, PDF, PNG, ZIP, Piece, pieces, types_in_words
from ledgerbridge.exports.receipts import ReceiptProblem, Receipts, fetch_all, unfit
from ledgerbridge.outgoing.files import FileNotKept, HeldFile
from ledgerbridge.outgoing.papers.order import Make
from ledgerbridge.outgoing.papers.workshop import NotMade, Workshop
from ledgerbridge.pleo.downloads import DownloadedFile, TooLarge
from tests.support.erp_double import CAPABILITIES
from tests.support.hostile_files import jpeg, office, pdf, png
from tests.unit.bookkeeping.books import item as some_item

WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
ONE_FILE = replace(CAPABILITIES, several_attachments=False)
ONE_PDF = replace(ONE_FILE, attachment_types=frozenset({PDF}))
PDFS = replace(CAPABILITIES, attachment_types=frozenset({PDF}))
PDFS_AND_ZIPS = replace(CAPABILITIES, attachment_types=frozenset({PDF, ZIP}))
IMAGES = replace(CAPABILITIES, attachment_types=frozenset({JPEG, PNG}))


class Host:
    """A file host on disk."""

    def __init__(self, *contents: bytes) -> None:
        self.contents = list(contents)
        self.asked = 0

    async def fetch(self, url: str, most: int | None = None) -> DownloadedFile:
        self.asked += 1
        content = self.contents[int(url.rpartition("/")[2])]
        if most is not None and len(content) > most:
            raise TooLarge(most)
        file = HeldFile()
        file.add(content)
        return DownloadedFile(file, None)


def with_files(*files: tuple[str | None, bytes], said: bool = True) -> tuple[ExportItem, Host]:
    links = tuple(
        ItemFile(f"https://files.example/{at}", kind, len(content) if said else None)
        for at, (kind, content) in enumerate(files)
    )
    return replace(some_item(), reconciliation_id="R-7", files=links), Host(*(content for _, content in files))


async def fitted(able: Capabilities, *files: tuple[str | None, bytes], **more: Any) -> dict[str, bytes]:
    """What the ERP is given, by name."""
    item, host = with_files(*files)
    with await fetch_all(item, host, able, **more) as taken:  # type: ignore[arg-type]
        assert [one.type for one in taken] == [TYPES[one.name.rpartition(".")[2]] for one in taken]
        return {one.name: one.file.whole() for one in taken}


TYPES = {"pdf": PDF, "jpg": JPEG, "png": PNG, "zip": ZIP, "txt": "text/plain", "docx": WORD}


async def refused(able: Capabilities, *files: tuple[str | None, bytes], **more: Any) -> tuple[Failure, str]:
    item, host = with_files(*files)
    with pytest.raises(ReceiptProblem) as told:
        await fetch_all(item, host, able, **more)  # type: ignore[arg-type]
    return told.value.problem.failure, told.value.problem.text


def pages(content: bytes) -> Sequence[pypdf.PageObject]:
    return pypdf.PdfReader(io.BytesIO(content)).pages


@pytest.fixture(autouse=True)
def no_file_stays() -> Iterator[None]:
    before = len(os.listdir("/proc/self/fd"))
    yield
    assert len(os.listdir("/proc/self/fd")) <= before


# ------------------------------------------------------------------ what goes as it is


@pytest.mark.rule("EXP-ATT-03", "EXP-ATT-06")
@pytest.mark.parametrize("able", [CAPABILITIES, PDFS], ids=["any type", "PDFs"])
async def test_what_is_taken_goes_byte_for_byte_whatever_is_in_it(able: Capabilities) -> None:
    broken = pdf()[:100]
    assert await fitted(able, (PDF, broken), (PDF, pdf())) == {"R-7-1.pdf": broken, "R-7-2.pdf": pdf()}


@pytest.mark.rule("EXP-ATT-03")
async def test_one_file_for_an_erp_that_takes_one_goes_as_it_is() -> None:
    assert await fitted(ONE_FILE, ("text/plain", b"Dear Sir")) == {"R-7-1.txt": b"Dear Sir"}
    assert await fitted(ONE_PDF, (PDF, b"%PDF-broken")) == {"R-7-1.pdf": b"%PDF-broken"}


@pytest.mark.parametrize("name", ["image/jpg", "image/jpeg", "image/pjpeg"])
async def test_a_type_is_known_by_all_its_names(name: str) -> None:
    photo = jpeg()
    assert await fitted(IMAGES, (name, photo)) == {"R-7-1.jpg": photo}


# ------------------------------------------------------------------ what gets another form


@pytest.mark.rule("EXP-ATT-06", "EXP-ATT-16")
async def test_where_one_file_is_taken_several_become_one_pdf_the_same_on_every_try() -> None:
    files = ((PDF, pdf(2)), (JPEG, jpeg()), (PNG, png()))
    ((name, content),) = (first := await fitted(ONE_PDF, *files)).items()
    assert name == "R-7.pdf"
    assert len(pages(content)) == 4
    assert await fitted(ONE_PDF, *files) == first


@pytest.mark.rule("EXP-ATT-12")
async def test_where_images_are_not_taken_each_becomes_a_pdf_and_pdfs_stay_as_they_are() -> None:
    given = await fitted(PDFS, (JPEG, jpeg()), (PDF, pdf(3)), (PNG, png()))
    assert list(given) == ["R-7-1.pdf", "R-7-2.pdf", "R-7-3.pdf"]
    assert given["R-7-2.pdf"] == pdf(3)
    assert [len(pages(content)) for content in given.values()] == [1, 3, 1]


@pytest.mark.rule("EXP-ATT-06", "EXP-ATT-07")
async def test_what_cannot_be_joined_is_packed_where_archives_are_taken() -> None:
    photo, letter = jpeg(), office()
    ((name, content),) = (await fitted(ONE_FILE, (JPEG, photo), (WORD, letter))).items()
    assert name == "R-7.zip"
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert {one: archive.read(one) for one in archive.namelist()} == {"R-7-1.jpg": photo, "R-7-2.docx": letter}


@pytest.mark.rule("EXP-ATT-12")
async def test_a_type_that_is_not_taken_is_packed_by_itself_where_archives_are_taken() -> None:
    given = await fitted(PDFS_AND_ZIPS, (WORD, office()), (JPEG, jpeg()), (PDF, pdf()))
    assert list(given) == ["R-7-1.zip", "R-7-2.pdf", "R-7-3.pdf"]
    with zipfile.ZipFile(io.BytesIO(given["R-7-1.zip"])) as archive:
        assert archive.namelist() == ["R-7-1.docx"]


@pytest.mark.rule("EXP-ATT-07")
@pytest.mark.parametrize("other", [pdf(password="mine"), pdf()[:90], b"no PDF at all"])
async def test_what_cannot_be_read_is_packed_as_it_is_where_archives_are_taken(other: bytes) -> None:
    ((name, content),) = (await fitted(ONE_FILE, (PDF, pdf()), (PDF, other))).items()
    assert name == "R-7.zip"
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.read("R-7-2.pdf") == other


async def test_a_file_is_told_by_what_it_is_where_pleo_says_another_type() -> None:
    """Telephones call a scan an image that is a PDF."""
    (content,) = (await fitted(PDFS, (JPEG, pdf(2)))).values()
    assert len(pages(content)) == 2


async def test_a_file_of_no_said_type_is_fitted_by_what_it_begins_with() -> None:
    assert list(await fitted(PDFS, (None, jpeg()), (None, pdf()))) == ["R-7-1.pdf", "R-7-2.pdf"]
    failure, text = await refused(PDFS, (None, b"Dear Sir"))
    assert failure is Failure.RECEIPT_CONVERSION
    assert "Receipt 1 of 1" in text


async def test_an_original_may_be_larger_than_what_the_erp_takes_and_what_is_made_of_it_not() -> None:
    photo = jpeg(300, 200)
    able = replace(PDFS, max_attachment_bytes=len(photo) + 2_000)
    assert list(await fitted(able, (JPEG, photo))) == ["R-7-1.pdf"]
    failure, text = await refused(replace(able, max_attachment_bytes=len(photo)), (JPEG, photo))
    assert failure is Failure.RECEIPT_TOO_LARGE
    assert "Receipt 1 of 1 is larger than the accounting system accepts (more against" in text


# ------------------------------------------------------------------ what is refused, in words


@pytest.mark.rule("EXP-ATT-14", "EXP-ATT-07")
async def test_a_type_that_has_no_form_is_refused_before_anything_is_fetched() -> None:
    item, host = with_files((PDF, pdf()), (WORD, office()))
    with pytest.raises(ReceiptProblem) as told:
        await fetch_all(item, host, PDFS)  # type: ignore[arg-type]
    assert host.asked == 0
    assert told.value.problem.row.item_type == "receipt_conversion_failure"
    assert told.value.problem.text == (
        "Receipt 2 of 2 cannot be given to the accounting system: it takes no files of this type. Nothing was booked. "
        "Upload it in Pleo as PDF, JPEG or PNG, then export again."
    )


@pytest.mark.rule("EXP-ATT-14", "EXP-ATT-06")
async def test_receipts_that_cannot_become_one_are_refused_and_the_one_is_named() -> None:
    failure, text = await refused(ONE_PDF, (PDF, pdf()), (WORD, office()), (PNG, png()))
    assert failure is Failure.RECEIPTS_NOT_JOINED
    assert text == (
        "The accounting system takes one file for each expense, and the 3 receipts of this one cannot be made into "
        "one: receipt 2 of 3 is neither a PDF nor a JPEG or PNG image. Nothing was booked. "
        "Upload them in Pleo as PDF, JPEG or PNG, or keep only one there, then export again."
    )
    failure, text = await refused(ONE_PDF, (PDF, pdf()), (PDF, pdf(password="mine")))
    assert failure is Failure.RECEIPTS_NOT_JOINED
    assert "receipt 2 of 2 opens with a password only" in text


async def test_where_neither_form_is_taken_several_receipts_are_refused() -> None:
    failure, text = await refused(replace(IMAGES, several_attachments=False), (JPEG, jpeg()), (JPEG, jpeg()))
    assert failure is Failure.RECEIPTS_NOT_JOINED
    assert "it takes neither PDF nor ZIP files" in text
    assert "keep only one there" in text


@pytest.mark.rule("EXP-ATT-14")
async def test_a_broken_image_is_refused_where_it_has_to_be_read() -> None:
    failure, text = await refused(PDFS, (PDF, pdf()), (PNG, png(500, 500)[:60]))
    assert failure is Failure.RECEIPT_CONVERSION
    assert "Receipt 2 of 2 cannot be given to the accounting system: it is damaged." in text


@pytest.mark.rule("EXP-ATT-14")
async def test_what_is_too_large_as_one_is_refused_as_such() -> None:
    failure, text = await refused(replace(ONE_PDF, max_attachment_bytes=3_000), (JPEG, jpeg()), (PNG, png()))
    assert failure is Failure.RECEIPTS_TOO_MANY
    assert "too large together (2 made into one file against 0.0 MB)" in text


async def test_a_process_that_failed_is_told_as_passing_and_nothing_takes_another_form_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Else a file would have another name on the next try."""

    async def killed(self: Workshop, make: Make, *_: Any) -> HeldFile:
        assert make is Make.PDF
        raise NotMade("the process ended with -9")

    monkeypatch.setattr(Workshop, "make", killed)
    failure, text = await refused(ONE_FILE, (JPEG, jpeg()), (JPEG, jpeg()))
    assert failure is Failure.RECEIPT_NOT_PREPARED
    assert "Export again in an hour" in text


async def test_a_machine_without_room_is_told_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    async def full(*_: Any) -> HeldFile:
        raise FileNotKept(OSError("No space left on device"))

    monkeypatch.setattr(Workshop, "make", full)
    assert (await refused(ONE_FILE, (JPEG, jpeg()), (JPEG, jpeg())))[0] is Failure.RECEIPT_NOT_KEPT


@pytest.mark.rule("EXP-EXPIRE-04")
async def test_a_workshop_that_does_not_come_to_an_item_lets_no_job_run_out(monkeypatch: pytest.MonkeyPatch) -> None:
    class Busy(Workshop):
        async def make(self, *_: Any) -> HeldFile:
            await asyncio.sleep(60)
            raise AssertionError

    monkeypatch.setattr(receipts, "MAX_SECONDS", 0.2)
    failure, _ = await refused(ONE_FILE, (JPEG, jpeg()), (JPEG, jpeg()), workshop=Busy())
    assert failure is Failure.RECEIPT_NOT_PREPARED


# ------------------------------------------------------------------ by what is declared alone


@pytest.mark.parametrize(
    ("able", "kinds", "becomes"),
    [
        (CAPABILITIES, [PDF, WORD, None], [(None, False)] * 3),
        (replace(ONE_PDF, attachments=False), [PDF, WORD], [(None, False)] * 2),
        (PDFS, [PDF, JPEG, WORD, None], [(None, False), ((Make.PDF,), False), ((), False), (None, False)]),
        (PDFS_AND_ZIPS, [JPEG, WORD], [((Make.PDF, Make.ZIP), False), ((Make.ZIP,), False)]),
        (IMAGES, [PDF], [((), False)]),
        (ONE_FILE, [PDF, JPEG, None], [((Make.PDF, Make.ZIP), True)]),
        (ONE_FILE, [PDF, WORD], [((Make.ZIP,), True)]),
        (ONE_PDF, [PDF, WORD], [((), True)]),
        (ONE_PDF, [WORD], [((), False)]),
        (ONE_PDF, [], []),
    ],
)
def test_the_form_follows_from_the_types_and_what_the_erp_declares(
    able: Capabilities, kinds: list[str | None], becomes: list[tuple[Any, bool]]
) -> None:
    assert [(one.makes, one.joined) for one in pieces(kinds, able)] == becomes
    assert [at for one in pieces(kinds, able) for at in one.positions] == list(range(1, len(kinds) + 1))


def test_nothing_is_said_against_what_only_its_content_can_tell() -> None:
    item, _ = with_files((None, office()), (JPEG, b"no image"), (PDF, b"locked"))
    assert unfit(item, PDFS) is None
    assert unfit(item, ONE_PDF) is None


def test_a_file_that_goes_as_it_is_must_not_be_larger_than_the_erp_takes() -> None:
    item, _ = with_files((JPEG, bytes(900)), (PDF, bytes(900)))
    found = unfit(item, replace(PDFS, max_attachment_bytes=500))
    assert found is not None
    assert found.facts["name"] == "2 of 2"
    assert unfit(item, replace(ONE_PDF, max_attachment_bytes=500)) is None, "what is made of them may be smaller"


@pytest.mark.parametrize(
    ("able", "words"),
    [
        (PDFS, "PDF, JPEG or PNG"),
        (IMAGES, "JPEG or PNG"),
        (replace(PDFS, attachment_types=frozenset({PNG})), "PNG"),
        (replace(PDFS, attachment_types=frozenset({"image/tiff"})), "another type of file"),
        (replace(IMAGES, attachment_types=frozenset({JPEG, "text/plain"})), "JPEG or plain text"),
        (replace(ONE_FILE, attachment_types=None), "PDF, JPEG or PNG"),
    ],
)
def test_a_person_is_told_what_to_upload_instead(able: Capabilities, words: str) -> None:
    assert types_in_words(able) == words


def test_an_item_without_files_needs_no_form() -> None:
    assert pieces([], CAPABILITIES) == ()
    assert Piece((1,), None).makes is None
    assert Receipts() == ()
