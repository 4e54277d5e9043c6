"""Receipt links: they work by themselves, for a day, and notice a credential."""

from __future__ import annotations

import struct
import zlib
from typing import Any
from urllib.parse import urlsplit

from pleo_sandbox.seeds.receipts import jpeg, pdf, png
from tests.contract.desk import Desk


async def _files(desk: Desk, job_id: str) -> list[dict[str, Any]]:
    answer = await desk.pleo.get("/v3/export-items", params={"job_id": job_id})
    files: list[dict[str, Any]] = answer.json()["data"][0]["files"]
    return files


async def test_every_file_is_what_the_item_says(connected: Desk):
    job = await connected.started("receipt_many")
    files = await _files(connected, job["id"])
    assert [file["type"] for file in files] == ["application/pdf", "image/jpeg", "image/png", "text/plain"]
    for file in files:
        answer = await connected.control.get(file["url"])
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith(file["type"])
        assert len(answer.content) == file["size"]
        assert urlsplit(file["url"]).netloc == "pleo.test"


async def test_a_link_lives_for_a_day_from_the_fetch_of_the_item(connected: Desk):
    job = await connected.started("card_purchase", expires_in=10 * 86400)
    (old,) = await _files(connected, job["id"])
    await connected.control.post("/sandbox/clock", json={"seconds": 86399})
    assert (await connected.control.get(old["url"])).status_code == 200
    await connected.control.post("/sandbox/clock", json={"seconds": 2})
    assert (await connected.control.get(old["url"])).status_code == 403
    await connected.connect()
    (new,) = await _files(connected, job["id"])
    assert (await connected.control.get(new["url"])).status_code == 200


async def test_links_cannot_be_made_up(connected: Desk):
    job = await connected.started("card_purchase")
    (file,) = await _files(connected, job["id"])
    key, expires, signature = urlsplit(file["url"]).path.split("/")[2:]
    assert len(key) >= 32
    for path in (
        f"{key}/{int(expires) + 1}/{signature}",
        f"{'0' * 32}/{expires}/{signature}",
        f"{key}/{expires}/{'0' * 64}",
        f"{key}/{expires}/ü",
        f"{key}/soon/{signature}",
        f"{key}",
    ):
        assert (await connected.control.get(f"/files/{path}")).status_code == 403, path


async def test_a_credential_sent_along_is_refused_and_remarked(connected: Desk):
    job = await connected.started("card_purchase")
    (file,) = await _files(connected, job["id"])
    answer = await connected.control.get(file["url"], headers={"authorization": "Bearer leaked-token"})
    assert answer.status_code == 400
    assert (await connected.remarks())[-1] == "credential_sent_to_file_url"
    recorded = (await connected.control.get("/sandbox/requests", params={"path_prefix": "/files/"})).json()
    assert ["authorization", "Bearer"] in recorded[0]["headers"]
    assert "leaked-token" not in str(recorded)


async def test_null_and_empty_file_lists_differ(connected: Desk):
    job = await connected.started("receipt_null", "tax_none")
    data = (await connected.pleo.get("/v3/export-items", params={"job_id": job["id"]})).json()["data"]
    assert [item["files"] for item in data] == [None, []]


def test_the_pdf_holds_together():
    content = pdf("Café (Norden)", "Total \\ 45.00").content
    start = int(content.rsplit(b"startxref\n", 1)[1].split(b"\n")[0])
    table = content[start:].split(b"\n")
    assert table[0] == b"xref"
    count = int(table[1].split()[1])
    for number in range(1, count):
        offset = int(table[2 + number].split()[0])
        assert content[offset:].startswith(b"%d 0 obj" % number)
    stream = content.split(b"stream\n", 1)[1].split(b"\nendstream")[0]
    assert b"/Length %d " % len(stream) in content
    assert stream.count(b"(") - stream.count(b"\\(") == 2


def test_the_jpeg_holds_together():
    content = jpeg("taxi").content
    position, markers = 2, []
    while position < len(content):
        marker = content[position + 1]
        markers.append(marker)
        if marker == 0xDA:
            break
        position += 2 + int.from_bytes(content[position + 2 : position + 4], "big")
    assert markers == [0xE0, 0xFE, 0xDB, 0xC0, 0xC4, 0xC4, 0xDA]
    assert content.startswith(b"\xff\xd8")
    assert content.endswith(b"\xff\xd9")
    assert jpeg("one").content != jpeg("two").content


def test_the_png_holds_together():
    content = png().content
    position, kinds = 8, []
    while position < len(content):
        (length,) = struct.unpack(">I", content[position : position + 4])
        chunk = content[position + 4 : position + 8 + length]
        assert struct.unpack(">I", content[position + 8 + length : position + 12 + length]) == (zlib.crc32(chunk),)
        kinds.append(chunk[:4])
        position += 12 + length
    assert kinds == [b"IHDR", b"IDAT", b"IEND"]
