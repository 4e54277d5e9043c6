"""Receipts that open in a viewer: a PDF, a PNG and a JPEG, each made here and each different from the next."""

from __future__ import annotations

import base64
import struct
import zlib

from pleo_sandbox.core.entries import StoredFile

_JPEG = base64.b64decode(
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI"
    "CAgICAgICAgICAgICAj/wAALCABoAEgBAREA/8QAHwAAAQUBAQEBAQEAAAAAAAAAAAECAwQFBgcICQoL/8QAFBABAAAAAAAAAAAA"
    "AAAAAAAAAP/aAAgBAQAAPwD3oAAAAB8vgAPqAAAAAAPEQA9uDxF7cAAAAA8RAD24PEXtwAAAADxEAPbg8Re3AAAAAPkEPr4B8gh9"
    "fAAAAAB8WvtJ8WvtJ8WvtIAAAAB//9k="
)
_JFIF_HEADER = 20  # start of image and APP0, which must stay in front


def pdf(*lines: str) -> StoredFile:
    """A one-page PDF with these lines of text (characters outside Latin-1 become question marks)."""
    drawn = "".join(f"({_escaped(line)}) Tj 0 -18 Td " for line in lines)
    stream = f"BT /F1 12 Tf 40 380 Td {drawn}ET".encode("latin-1", "replace")
    resources = b"<< /Font << /F1 5 0 R >> >>"
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 300 420] /Contents 4 0 R /Resources " + resources + b" >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    document = bytearray(b"%PDF-1.4\n")
    offsets = []
    for number, content in enumerate(objects, 1):
        offsets.append(len(document))
        document += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    size = len(objects) + 1
    trailer = b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (size, len(document))
    document += b"xref\n0 %d\n0000000000 65535 f \n%s%s" % (size, table, trailer)
    return StoredFile("application/pdf", bytes(document))


def png(width: int = 96, height: int = 128) -> StoredFile:
    """A small striped greyscale PNG."""
    rows = b"".join(b"\x00" + bytes([225 if (y // 8) % 2 else 250]) * width for y in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b""))
    chunks = b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in parts
    )
    return StoredFile("image/png", b"\x89PNG\r\n\x1a\n" + chunks)


def jpeg(comment: str) -> StoredFile:
    """A small JPEG picture of a till receipt; the comment inside makes each file its own."""
    text = comment.encode()[:500]
    segment = b"\xff\xfe" + struct.pack(">H", len(text) + 2) + text
    return StoredFile("image/jpeg", _JPEG[:_JFIF_HEADER] + segment + _JPEG[_JFIF_HEADER:])


def text(content: str) -> StoredFile:
    """A plain text receipt, as an e-mail confirmation comes."""
    return StoredFile("text/plain", content.encode())


def _escaped(line: str) -> str:
    return line.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")
