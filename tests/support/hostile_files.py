"""Files as people upload them, and as those would who mean harm; real ones, made here and read by real libraries."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from typing import Any

import pypdf
from PIL import Image


def jpeg(width: int = 60, height: int = 40, **how: Any) -> bytes:
    """A photograph that packs badly."""
    made = io.BytesIO()
    Image.effect_noise((width, height), 60).convert("RGB").save(made, "JPEG", **how)
    return made.getvalue()


def png(width: int = 60, height: int = 40, mode: str = "RGB", colour: Any = 0, **how: Any) -> bytes:
    """A plain image."""
    made = io.BytesIO()
    Image.new(mode, (width, height), colour).save(made, "PNG", **how)
    return made.getvalue()


def pdf(pages: int = 1, *, side: float = 200, inside: dict[str, bytes] | None = None, password: str | None = None,
        owner: str = "o") -> bytes:  # fmt: skip
    """Blank pages, with files inside, and locked where a password is given: by "" only against changes."""
    made = pypdf.PdfWriter()
    for _ in range(pages):
        made.add_blank_page(side, side)
    for name, content in (inside or {}).items():
        made.add_attachment(name, content)
    if password is not None:
        made.encrypt(password, owner, algorithm="AES-256")
    written = io.BytesIO()
    made.write(written)
    return written.getvalue()


def office() -> bytes:
    """What begins as a Word document does."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", "<w:document/>")
    return packed.getvalue()


def png_of_claims() -> bytes:
    """An image that claims to be 65535 pixels wide and high."""
    head = struct.pack(">IIBBBBB", 65535, 65535, 8, 6, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + _chunk(b"IDAT", b"") + _chunk(b"IEND", b"")


def png_bomb() -> bytes:
    """An image of 400 million pixels in 50 kB."""
    packing = zlib.compressobj(9)
    row = bytes(1 + 20_000 // 8)
    packed = b"".join(packing.compress(row * 500) for _ in range(40)) + packing.flush()
    head = struct.pack(">IIBBBBB", 20_000, 20_000, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + _chunk(b"IDAT", packed) + _chunk(b"IEND", b"")


def jpeg_of_claims() -> bytes:
    """The head of an image of 4 thousand million pixels."""
    size = struct.pack(">BHHB", 8, 65_500, 65_500, 3) + bytes((1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0))
    return b"\xff\xd8\xff\xc0" + struct.pack(">H", len(size) + 2) + size + b"\xff\xda\0\x02\xff\xd9"


def pdf_of(*objects: bytes) -> bytes:
    """A PDF of these objects, numbered from 1, the first its catalogue."""
    made, places = b"%PDF-1.7\n", []
    for number, one in enumerate(objects, 1):
        places.append(len(made))
        made += b"%d 0 obj\n%s\nendobj\n" % (number, one)
    rows = b"".join(b"%010d 00000 n \n" % place for place in places)
    head = b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    end = b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF" % (len(objects) + 1, len(made))
    return made + head + rows + end


def page_bomb(deep: int = 9, wide: int = 10) -> bytes:
    """A thousand million pages, each the same one."""
    kids = [
        b"<< /Type /Pages /Count %d /Kids [%s] >>" % (wide ** (deep - level), b"%d 0 R " % (level + 3) * wide)
        for level in range(deep)
    ]
    page = b"<< /Type /Page /Parent %d 0 R /MediaBox [0 0 9 9] >>" % (deep + 1)
    return pdf_of(b"<< /Type /Catalog /Pages 2 0 R >>", *kids, page)


def endless_pages() -> bytes:
    """A tree of pages that is its own branch."""
    return pdf_of(b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Count 2 /Kids [2 0 R 2 0 R] >>")


def stream_bomb(megabytes: int = 300) -> bytes:
    """Objects in a stream that unpacks to so much, packed twice."""
    packing = zlib.compressobj(9)
    packed = b"".join(packing.compress(bytes(1_000_000)) for _ in range(megabytes)) + packing.flush()
    packed = zlib.compress(packed, 9)
    objects = (
        b"<< /Type /ObjStm /N 9 /First 99 /Length %d /Filter [/FlateDecode /FlateDecode] >>\nstream\n%s\nendstream"
    )
    made = b"%PDF-1.7\n1 0 obj\n" + objects % (len(packed), packed) + b"\nendobj\n"
    rows = b"".join(struct.pack(">BHB", 2, 1, at) for at in range(9))
    about = b"<< /Type /XRef /Size 20 /Root 10 0 R /W [1 2 1] /Index [10 9] /Length %d >>\nstream\n%s\nendstream"
    start = len(made)
    return made + b"2 0 obj\n" + about % (len(rows), rows) + b"\nendobj\nstartxref\n%d\n%%%%EOF" % start


def inner_bomb(files: int = 20, megabytes: int = 70) -> bytes:
    """A PDF with files inside that unpack to 1.4 GB."""
    made = pypdf.PdfWriter()
    made.add_blank_page(9, 9)
    for number in range(files):
        made.add_attachment(f"{number}.xml", b"to be replaced")
    packed = zlib.compress(bytes(megabytes * 1_000_000), 1)
    for one in made._objects:
        if isinstance(one, pypdf.generic.StreamObject) and one._data == b"to be replaced":
            one._data = packed
            one[pypdf.generic.NameObject("/Filter")] = pypdf.generic.NameObject("/FlateDecode")
    written = io.BytesIO()
    made.write(written)
    return written.getvalue()


def nested(deep: int = 100_000) -> bytes:
    """A page whose box is a list in a list in a list."""
    box = b"[" * deep + b"]" * deep
    return pdf_of(
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Count 1 /Kids [3 0 R] >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox " + box + b" >>",
    )


def circle_of_tables() -> bytes:
    """A table of objects that names itself as the one before it."""
    made = pdf()
    at = made.rindex(b"startxref")
    start = int(made[at:].split()[1])
    return made[:at].replace(b"/Root", b"/Prev %d /Root" % start) + made[at:]


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
