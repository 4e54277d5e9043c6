"""Reading an answer within bounds: of what arrives and, before it is unpacked, of what it unpacks to.

httpx unpacks whatever a piece of the answer holds at once and one layer for each that the answer names; a few kilobytes
can fill the memory so. Here one layer of gzip or deflate is unpacked, a piece at a time.
"""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator, Callable, Iterator

import httpx

ACCEPT_ENCODING = "gzip, deflate"
"""What `read_body` can unpack."""
_PIECE = 64 * 1024
_GZIP = zlib.MAX_WBITS | 16


async def read_body(response: httpx.Response, most: int) -> tuple[bytes, bool]:
    """The unpacked body, and whether it is whole; it is cut at `most` bytes, and nothing beyond is unpacked.

    Raises `httpx.DecodingError` for a body that is packed otherwise than it says, in several layers or cut short,
    besides the errors of the transport.
    """
    body = bytearray()
    whole = await pour_body(response, most, body.extend)
    return bytes(body), whole


async def pour_body(response: httpx.Response, most: int, into: Callable[[bytes], object]) -> bool:
    """As `read_body`, but the body goes to `into`, a piece at a time; whether it was whole."""
    poured = arrived = 0
    unpacking = _unpacking(response)
    async for chunk in _chunks(response):
        arrived += len(chunk)
        for piece in unpacking.pieces(chunk):
            into(piece[: most - poured])
            poured += len(piece)
            if poured > most:
                return False
        if arrived > most:
            return False
    unpacking.end()
    return True


async def _chunks(response: httpx.Response) -> AsyncIterator[bytes]:
    # Only a transport of a test hands an answer over as a whole.
    chunks = response.aiter_bytes() if response.is_stream_consumed else response.aiter_raw()
    async for chunk in chunks:
        yield chunk


def _unpacking(response: httpx.Response) -> _Plain | _Packed:
    named = [one.strip().lower() for one in response.headers.get("Content-Encoding", "").split(",")]
    layers = [one for one in named if one not in ("", "identity")]
    if not layers or response.is_stream_consumed:
        return _Plain()
    if layers in (["gzip"], ["x-gzip"], ["deflate"]):
        return _Packed(gzip=layers != ["deflate"])
    raise httpx.DecodingError("the answer is packed in a way that was not asked for")


class _Plain:
    def pieces(self, chunk: bytes) -> Iterator[bytes]:
        yield chunk

    def end(self) -> None:
        return None


class _Packed:
    """Unpacks one layer, at most `_PIECE` bytes at a time."""

    def __init__(self, *, gzip: bool) -> None:
        self._gzip = gzip
        self._head = b""
        self._unpack = zlib.decompressobj(_GZIP) if gzip else None

    def pieces(self, chunk: bytes) -> Iterator[bytes]:
        if self._unpack is None:
            chunk = self._head = self._head + chunk
            if len(chunk) < 2:
                return
            self._unpack = zlib.decompressobj(zlib.MAX_WBITS if _has_zlib_header(chunk) else -zlib.MAX_WBITS)
        while chunk:
            if self._unpack.eof:
                if not self._gzip:
                    raise httpx.DecodingError("more follows the end of the answer")
                self._unpack = zlib.decompressobj(_GZIP)
            try:
                piece = self._unpack.decompress(chunk, _PIECE)
            except zlib.error:
                raise httpx.DecodingError("the answer cannot be unpacked") from None
            self._head = b"begun"
            chunk = self._unpack.unused_data if self._unpack.eof else self._unpack.unconsumed_tail
            if piece:
                yield piece

    def end(self) -> None:
        if self._head and not (self._unpack and self._unpack.eof):
            raise httpx.DecodingError("the answer breaks off")


def _has_zlib_header(data: bytes) -> bool:
    """Whether what is called deflate has the header it should have; some servers send it bare."""
    return data[0] & 0x0F == zlib.DEFLATED and int.from_bytes(data[:2], "big") % 31 == 0
