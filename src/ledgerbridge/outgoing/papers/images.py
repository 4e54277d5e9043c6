"""A JPEG or PNG as a PDF of one page, its picture as it was: a JPEG byte for byte, a PNG unpacked and packed again.

Runs only where `bounds` hold.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass

# All of Pillow that is needed, now: later nothing can be opened, and it loads the rest when it comes to it.
from PIL import Image, MpoImagePlugin, TiffImagePlugin

from ledgerbridge.outgoing.papers.faults import Damaged, TooMuch, of_file

Image.preinit()
_LOADED = (MpoImagePlugin, TiffImagePlugin)
MOST_PIXELS_JPEG = 250_000_000
"""A JPEG is not unpacked; telephones make up to 200 megapixels. Whoever looks at it has to unpack it, though."""
MOST_PIXELS_PNG = 40_000_000
"""A page scanned in colour at 600 dots an inch has 35 million."""
MOST_SIDE = 65_500
A4 = (595.28, 841.89)
"""Points, upright."""
POINTS_A_PIXEL = 0.72
"""At most: small pictures are shown at 100 pixels an inch and not blown up."""
_ORIENTATION = 0x0112
_TURNS = {
    1: (1, 0, 0, 1, 0, 0), 2: (-1, 0, 0, 1, 1, 0), 3: (-1, 0, 0, -1, 1, 1), 4: (1, 0, 0, -1, 0, 1),
    5: (0, -1, -1, 0, 1, 1), 6: (0, -1, 1, 0, 0, 1), 7: (0, 1, 1, 0, 0, 0), 8: (0, 1, -1, 0, 1, 0),
}  # fmt: skip
"""What the camera says of how it was held, as what turns the unit square upright."""
Image.MAX_IMAGE_PIXELS = None  # counted here


@dataclass(frozen=True, slots=True)
class Picture:
    """An image as a PDF holds one."""

    width: int
    height: int
    colours: str
    """Name of the colour space."""
    packed: bytes
    how: bytes
    """What unpacks it, and what is odd about it, as entries of its dictionary."""
    turn: int = 1
    """As in `_TURNS`."""


def page(content: bytes) -> bytes:
    """A PDF with the image of a JPEG or PNG. Raises `Damaged` and `TooMuch`."""
    return _document(_picture(content))


def _picture(content: bytes) -> Picture:
    try:
        with Image.open(io.BytesIO(content), formats=("JPEG", "PNG")) as image:
            jpeg = image.format != "PNG"
            pixels = image.width * image.height
            if pixels > (MOST_PIXELS_JPEG if jpeg else MOST_PIXELS_PNG) or max(image.size) > MOST_SIDE:
                raise TooMuch(f"{image.width} x {image.height} pixels")
            return _of_jpeg(image, content) if jpeg else _of_png(image)
    except TooMuch:
        raise
    except Exception as error:
        if not of_file(error):
            raise
        raise Damaged(repr(error)) from error


def _of_jpeg(image: Image.Image, content: bytes) -> Picture:
    colours = {"L": "DeviceGray", "RGB": "DeviceRGB", "CMYK": "DeviceCMYK"}.get(image.mode)
    if colours is None or b"\xff\xda" not in content:
        raise Damaged(f"a JPEG of mode {image.mode}, or without a picture")
    # What Adobe calls cyan is the lack of it.
    odd = b" /Decode [1 0 1 0 1 0 1 0]" if image.mode == "CMYK" and "adobe" in image.info else b""
    turn = image.getexif().get(_ORIENTATION, 1)
    return Picture(
        image.width, image.height, colours, content, b"/Filter /DCTDecode" + odd, turn if turn in _TURNS else 1
    )


def _of_png(image: Image.Image) -> Picture:
    turn = image.getexif().get(_ORIENTATION, 1)
    plain = _plain(image)
    again = io.BytesIO()
    plain.save(again, "PNG")
    colours, count = ("DeviceRGB", 3) if plain.mode == "RGB" else ("DeviceGray", 1)
    how = (
        f"/Filter /FlateDecode /DecodeParms << /Predictor 15 /Colors {count} /BitsPerComponent 8 "
        f"/Columns {plain.width} >>"
    )
    packed = b"".join(_data(again.getvalue()))
    return Picture(plain.width, plain.height, colours, packed, how.encode(), turn if turn in _TURNS else 1)


def _plain(image: Image.Image) -> Image.Image:
    """Grey or coloured, eight bits each; what shows through lies on white."""
    if image.mode.startswith("I"):  # 16 bits of grey
        return image.convert("I").point(lambda value: value / 256).convert("L")
    if image.has_transparency_data:
        clear = image if image.mode == "RGBA" else image.convert("RGBA")
        paper = Image.new("RGB", image.size, "white")
        paper.paste(clear, mask=clear.getchannel("A"))
        return paper
    if image.mode in ("L", "RGB"):
        return image
    return image.convert("L" if image.mode == "1" else "RGB")


def _data(png: bytes) -> Iterator[bytes]:
    """The packed picture of a PNG, which is what a PDF calls flate with a predictor."""
    at = 8
    while at < len(png):
        size, kind = struct.unpack_from(">I4s", png, at)
        if kind == b"IDAT":
            yield png[at + 8 : at + 8 + size]
        at += size + 12


def _document(picture: Picture) -> bytes:
    sideways = picture.turn > 4
    across, down = (picture.height, picture.width) if sideways else (picture.width, picture.height)
    room = sorted(A4, reverse=across > down)
    scale = min(room[0] / across, room[1] / down, POINTS_A_PIXEL)
    width, height = max(across * scale, 3.0), max(down * scale, 3.0)
    a, b, c, d, e, f = _TURNS[picture.turn]
    drawn = (
        f"q {a * width:.4f} {b * height:.4f} {c * width:.4f} {d * height:.4f} {e * width:.4f} {f * height:.4f} cm "
        "/P Do Q"
    ).encode()
    box = f"[0 0 {width:.4f} {height:.4f}]"
    shown = f"/MediaBox {box} /Resources << /XObject << /P 4 0 R >> >> /Contents 5 0 R"
    image = (
        f"<< /Type /XObject /Subtype /Image /Width {picture.width} /Height {picture.height} "
        f"/ColorSpace /{picture.colours} /BitsPerComponent 8 /Length {len(picture.packed)} "
    )
    return _written(
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        f"<< /Type /Page /Parent 2 0 R {shown} >>".encode(),
        image.encode() + picture.how + b" >>\nstream\n" + picture.packed + b"\nendstream",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(drawn), drawn),
    )


def _written(*objects: bytes) -> bytes:
    """A PDF file of these objects, the first of which is its catalogue."""
    made = bytearray(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
    places = []
    for number, one in enumerate(objects, 1):
        places.append(len(made))
        made += b"%d 0 obj\n%s\nendobj\n" % (number, one)
    start = len(made)
    made += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    made += b"".join(b"%010d 00000 n \n" % place for place in places)
    made += b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)
    return bytes(made)
