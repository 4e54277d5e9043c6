"""Files of strangers in another form: every page and every byte comes along, or it is said why not."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Sequence
from typing import Any

import pypdf
import pytest
from PIL import Image, ImageChops, ImageOps

from ledgerbridge.outgoing.files import HeldFile
from ledgerbridge.outgoing.papers import images
from ledgerbridge.outgoing.papers.order import Make, Why
from ledgerbridge.outgoing.papers.workshop import CannotMake, Sheet, TooLargeMade, Workshop
from tests.support.hostile_files import jpeg, office, pdf, pdf_of, png

MOST = 10_000_000


async def made(make: Make, *contents: bytes, most: int = MOST) -> bytes:
    sheets = [Sheet(f"R-1-{at}.x", HeldFile.of(content)) for at, content in enumerate(contents, 1)]
    with await Workshop().make(make, sheets, most) as file:
        return file.whole()


def pages(content: bytes) -> Sequence[pypdf.PageObject]:
    return pypdf.PdfReader(io.BytesIO(content), strict=True).pages


def drawn(page: pypdf.PageObject) -> Image.Image:
    """The picture on a page as it is seen, at the size of the page in points."""
    (found,) = page.images
    assert found.image is not None
    matrix = [float(one) for one in page["/Contents"].get_object().get_data().split(b" cm")[0][2:].split()]  # type: ignore[attr-defined]
    a, b, c, d, e, f = matrix
    across, down = (round(float(side)) for side in page.mediabox[2:])
    stretched = found.image.convert("RGB")
    wide, high = stretched.size
    whole = a * d - b * c
    # From a point of the page, counted from above, to one of the picture.
    back = (
        d / whole * wide, c / whole * wide, (-d * e + c * (f - down)) / whole * wide,
        b / whole * high, a / whole * high, high - (b * e + a * (down - f)) / whole * high,
    )  # fmt: skip
    return stretched.transform((across, down), Image.Transform.AFFINE, back)


@pytest.mark.rule("EXP-ATT-06", "EXP-ATT-12")
async def test_pdfs_and_images_become_one_pdf_of_all_pages_in_order() -> None:
    photo = jpeg(300, 200)
    content = await made(Make.PDF, pdf(2, side=111), photo, png(90, 30, "RGB", "red"), pdf(1, side=222))
    sizes = [tuple(round(float(side)) for side in page.mediabox[2:]) for page in pages(content)]
    assert sizes == [(111, 111), (111, 111), (216, 144), (65, 22), (222, 222)]
    assert photo in content, "a photograph is taken in byte for byte"
    assert drawn(pages(content)[3]).getpixel((30, 10)) == (255, 0, 0)


@pytest.mark.rule("EXP-ATT-16")
@pytest.mark.parametrize("make", Make)
async def test_the_same_files_make_the_same_bytes_on_every_try(make: Make) -> None:
    files = (pdf(inside={"a.xml": b"<a/>"}), jpeg(), png(mode="RGBA"))
    assert await made(make, *files) == await made(make, *files)


async def test_a_locked_pdf_that_anybody_may_read_is_taken_in() -> None:
    content = await made(Make.PDF, pdf(3, password=""), pdf())
    assert len(pages(content)) == 4
    assert not pypdf.PdfReader(io.BytesIO(content)).is_encrypted


async def test_a_file_inside_a_pdf_comes_along() -> None:
    """Electronic invoices are a PDF with the figures inside."""
    content = await made(Make.PDF, pdf(inside={"factur-x.xml": b"<Invoice/>"}), pdf(inside={"factur-x.xml": b"<Two/>"}))
    inside = pypdf.PdfReader(io.BytesIO(content)).attachments
    assert {name: list(found) for name, found in inside.items()} == {
        "1-factur-x.xml": [b"<Invoice/>"],
        "2-factur-x.xml": [b"<Two/>"],
    }


@pytest.mark.parametrize("held", range(1, 9))
def test_a_photograph_stands_upright_however_the_camera_was_held(held: int) -> None:
    picture = Image.new("RGB", (80, 40), "red")
    picture.paste("blue", (40, 0, 80, 40))
    picture.paste("green", (0, 20, 40, 40))
    said = Image.Exif()
    said[0x0112] = held
    file = io.BytesIO()
    picture.save(file, "PNG", exif=said)
    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(file.getvalue())))

    seen = drawn(pages(images.page(file.getvalue()))[0])

    assert (seen.width > seen.height) == (upright.width > upright.height)
    for across, down in ((0.25, 0.25), (0.75, 0.25), (0.25, 0.75), (0.75, 0.75)):
        spot = upright.getpixel((int(across * upright.width), int(down * upright.height)))
        assert seen.getpixel((int(across * seen.width), int(down * seen.height))) == spot


@pytest.mark.parametrize(
    ("mode", "colour", "seen"),
    [
        ("1", 1, (255, 255, 255)),
        ("L", 90, (90, 90, 90)),
        ("LA", (0, 0), (255, 255, 255)),
        ("P", 0, (0, 0, 0)),
        ("RGB", (1, 2, 3), (1, 2, 3)),
        ("RGBA", (9, 9, 9, 0), (255, 255, 255)),
        ("RGBA", (9, 9, 9, 255), (9, 9, 9)),
        ("I;16", 0x8040, (128, 128, 128)),
    ],
)
def test_a_png_of_any_kind_looks_the_same_and_what_shows_through_lies_on_white(
    mode: str, colour: Any, seen: tuple[int, int, int]
) -> None:
    (page,) = pages(images.page(png(30, 20, mode, colour)))
    assert page.images[0].image is not None
    assert page.images[0].image.convert("RGB").getpixel((15, 10)) == seen


def test_nothing_of_a_png_is_lost() -> None:
    noise = Image.merge("RGB", [Image.effect_noise((70, 50), 80) for _ in range(3)])
    file = io.BytesIO()
    noise.save(file, "PNG")
    found = pages(images.page(file.getvalue()))[0].images[0].image
    assert found is not None
    assert ImageChops.difference(found.convert("RGB"), noise).getbbox() is None


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_a_jpeg_is_taken_in_byte_for_byte(mode: str) -> None:
    file = io.BytesIO()
    Image.effect_noise((60, 40), 50).convert(mode).save(file, "JPEG", progressive=True)
    content = images.page(file.getvalue())
    assert file.getvalue() in content
    assert (b"/Decode [1 0 1 0 1 0 1 0]" in content) == (mode == "CMYK")
    assert len(pages(content)) == 1


def test_a_picture_fits_a_page_and_a_small_one_is_not_blown_up() -> None:
    sizes = [
        tuple(round(float(side)) for side in pages(images.page(png(*size, "1")))[0].mediabox[2:])
        for size in ((4000, 3000), (3000, 4000), (100, 50), (1, 1))
    ]
    assert sizes == [(794, 595), (595, 794), (72, 36), (3, 3)]


@pytest.mark.rule("EXP-ATT-06")
async def test_anything_goes_into_an_archive_as_it_is() -> None:
    contents = (b"plain", office(), b"", bytes(300_000))
    packed = await made(Make.ZIP, *contents)
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        assert archive.testzip() is None
        assert [(one.filename, archive.read(one)) for one in archive.infolist()] == [
            (f"R-1-{at}.x", content) for at, content in enumerate(contents, 1)
        ]
        assert {(one.date_time, one.compress_type) for one in archive.infolist()} == {((1980, 1, 1, 0, 0, 0), 0)}


@pytest.mark.parametrize("make", Make)
async def test_no_more_is_made_than_may_be(make: Make) -> None:
    photo = jpeg(400, 300)
    content = await made(make, photo)
    assert len(await made(make, photo, most=len(content))) == len(content)
    with pytest.raises(TooLargeMade):
        await made(make, photo, most=len(content) - 1)


@pytest.mark.parametrize("other", [office(), b"Dear Sir,", b"", b"GIF89a" + bytes(90)])
async def test_of_what_is_no_document_none_is_made_whatever_it_is_called(other: bytes) -> None:
    with pytest.raises(CannotMake) as told:
        await made(Make.PDF, pdf(), other)
    assert (told.value.why, told.value.position) == (Why.NO_DOCUMENT, 2)


@pytest.mark.rule("EXP-ATT-07")
@pytest.mark.parametrize("gone", [b"/Count 9", b"/Contents 99 0 R"], ids=["pages", "what is on a page"])
async def test_a_pdf_of_which_something_is_missing_is_not_joined_without_it(gone: bytes) -> None:
    whole = pdf_of(
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Count 1 /Kids [3 0 R] >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] /Contents 4 0 R >>",
        b"<< /Length 3 >>\nstream\nq Q\nendstream",
    )
    assert len(pages(await made(Make.PDF, whole))) == 1
    name = gone.split()[0]
    torn = re.sub(name + rb" \d( 0 R)?", gone, whole)
    assert torn != whole
    with pytest.raises(CannotMake) as told:
        await made(Make.PDF, torn)
    assert told.value.why is Why.DAMAGED
