"""Answers are unpacked within bounds: a few bytes that stand for gigabytes cost a few bytes."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib
from collections.abc import AsyncIterator, Sequence

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledgerbridge.outgoing.bodies import read_body

MB = 1024 * 1024


class Arriving(httpx.AsyncByteStream):
    def __init__(self, chunks: Sequence[bytes]) -> None:
        self.chunks = chunks
        self.taken = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self.chunks:
            self.taken += 1
            yield chunk


def answer(chunks: Sequence[bytes], coding: str | None = None) -> httpx.Response:
    return httpx.Response(200, headers={"Content-Encoding": coding} if coding else {}, stream=Arriving(chunks))


def bare_deflate(data: bytes) -> bytes:
    packing = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packing.compress(data) + packing.flush()


PACKED = {"gzip": gzip.compress, "x-gzip": gzip.compress, "deflate": zlib.compress, "identity": bytes, "": bytes}


@given(
    st.sampled_from([*PACKED.items(), ("deflate", bare_deflate), ("GZIP", gzip.compress)]),
    st.binary(max_size=3000),
    st.integers(1, 400),
)
async def test_what_was_packed_is_read(coding: tuple[str, object], data: bytes, size: int) -> None:
    name, pack = coding
    packed = pack(data)  # type: ignore[operator]
    chunks = [packed[at : at + size] for at in range(0, len(packed), size)]
    assert await read_body(answer(chunks, name), 3000) == (data, True)


async def test_gzip_in_several_members_is_read() -> None:
    assert await read_body(answer([gzip.compress(b"one") + gzip.compress(b"two")], "gzip"), 100) == (b"onetwo", True)


@pytest.mark.rule("LIMIT-041")
@pytest.mark.parametrize("coding", ["gzip", "deflate"])
async def test_a_bomb_is_not_unpacked_beyond_the_bound(coding: str) -> None:
    bomb = PACKED[coding](bytes(96 * MB))
    assert len(bomb) < 100_000
    tracemalloc.start()
    body, whole = await read_body(answer([bomb], coding), MB)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (len(body), whole) == (MB, False)
    assert peak < 8 * MB


@pytest.mark.parametrize("coding", ["gzip, gzip", "deflate, gzip", "br", "zstd", "gzip, br", "compress", "nonsense"])
async def test_several_layers_and_unknown_packing_are_refused(coding: str) -> None:
    with pytest.raises(httpx.DecodingError):
        await read_body(answer([gzip.compress(gzip.compress(b"x"))], coding), MB)


@pytest.mark.parametrize(
    ("chunks", "coding"),
    [
        ([gzip.compress(b"half of it")[:-4]], "gzip"),
        ([zlib.compress(b"half of it")[:-4]], "deflate"),
        ([b"not gzip at all"], "gzip"),
        ([b"\xff\xff\xff\xff not deflate"], "deflate"),
        ([gzip.compress(b"x") + b"rubbish"], "gzip"),
        ([zlib.compress(b"x") + b"rubbish"], "deflate"),
    ],
)
async def test_a_broken_body_is_an_error_and_never_half_a_body(chunks: list[bytes], coding: str) -> None:
    with pytest.raises(httpx.DecodingError):
        await read_body(answer(chunks, coding), MB)


async def test_an_endless_body_is_left_at_the_bound() -> None:
    stream = Arriving([bytes(1000)] * 1000)
    body, whole = await read_body(httpx.Response(200, stream=stream), 5000)
    assert (len(body), whole, stream.taken) == (5000, False, 6)


async def test_packed_nothing_without_end_is_left_too() -> None:
    empty = gzip.compress(b"") * 50
    stream = Arriving([empty] * 1000)
    body, whole = await read_body(httpx.Response(200, headers={"Content-Encoding": "gzip"}, stream=stream), 5000)
    assert (body, whole) == (b"", False)
    assert stream.taken < 10


async def test_no_body_needs_no_packing() -> None:
    assert await read_body(answer([], "gzip"), 10) == (b"", True)
