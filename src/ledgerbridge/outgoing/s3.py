"""A folder of an S3-compatible bucket: one signed PUT that creates and never overwrites.

A bucket is an address: `https://host/bucket/folder` or `https://bucket.host/folder`. A file becomes visible with the
last byte of its PUT, so that is the decisive step; before it, a broken connection has left nothing.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from datetime import datetime
from urllib.parse import quote

import httpx

from ledgerbridge.outgoing.addresses import Reach
from ledgerbridge.outgoing.bodies import ACCEPT_ENCODING, pour_body, read_body
from ledgerbridge.outgoing.clients import checked_client
from ledgerbridge.outgoing.network import AddressRefused
from ledgerbridge.outgoing.placing import Decisive, Failing, NotPlaced, Parcel, nothing, short
from ledgerbridge.outgoing.signing_s3 import EMPTY, S3Key, signed

_PATIENCE = 60.0
_LARGEST_ERROR = 64 * 1024
_LOOKS = (0.5, 2.0, 5.0)
"""Seconds before each look for a file whose PUT was not answered: it may still be under way."""
_GATEWAY = frozenset({502, 504})
"""Said by what stands before the server, which may have taken the file all the same."""
_BUSY = frozenset({408, 409, 425, 429, 500, 503}) | _GATEWAY
_CODES = {
    "NoSuchBucket": Failing.FOLDER,
    "InvalidAccessKeyId": Failing.LOGIN,
    "SignatureDoesNotMatch": Failing.LOGIN,
    "AuthorizationHeaderMalformed": Failing.REGION,
    "InvalidRegionName": Failing.REGION,
    "PermanentRedirect": Failing.REGION,
    "TemporaryRedirect": Failing.REGION,
    "RequestTimeTooSkewed": Failing.CLOCK,
    "QuotaExceeded": Failing.FULL,
    "XMinioStorageFull": Failing.FULL,
    "EntityTooLarge": Failing.FULL,
}


class Bucket:
    """A `Place` in a bucket."""

    def __init__(
        self,
        address: str,
        key: S3Key,
        reach: Reach,
        now: Callable[[], datetime],
        *,
        patience: float = _PATIENCE,
        looks: tuple[float, ...] = _LOOKS,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """`address` without a slash at the end; `now` tells the time in UTC."""
        self._address = address
        self._key = key
        self._reach = reach
        self._now = now
        self._patience = patience
        self._looks = looks
        self._transport = transport

    async def put(self, parcel: Parcel, *, decisive: Decisive = nothing, sent: bool = False) -> bool:
        async with self._client() as client:
            at = self._at(parcel.name)
            if await self._there(client, at, parcel):
                return False
            if sent:
                raise NotPlaced(Failing.IN_DOUBT)
            return await self._create(client, at, parcel, decisive)

    async def probe(self) -> None:
        content = secrets.token_hex(16).encode()
        name = f"ledgerbridge-test-{secrets.token_hex(4)}.txt"
        parcel = Parcel(name, len(content), hashlib.sha256(content).hexdigest(), lambda: _once(content))
        async with self._client() as client:
            at = self._at(name)
            await self._there(client, at, parcel)
            await self._create(client, at, parcel, nothing)
            try:
                if not await self._there(client, at, parcel):
                    raise NotPlaced(Failing.MAY_NOT_READ)
            except NotPlaced:
                with suppress(NotPlaced):
                    await self._delete(client, at)
                raise
            await self._delete(client, at)

    def _client(self) -> httpx.AsyncClient:
        headers = {"Accept-Encoding": ACCEPT_ENCODING}
        return checked_client(self._reach, transport=self._transport, timeout=self._patience, headers=headers)

    def _at(self, name: str) -> httpx.URL:
        # As it stands: a path that is spelled otherwise on its way would not fit its signature.
        return httpx.URL(f"{self._address}/{quote(name, safe='-_.~')}")

    async def _there(self, client: httpx.AsyncClient, at: httpx.URL, parcel: Parcel) -> bool:
        """Whether exactly this file is there. Raises `NotPlaced` when another one is, or none can say."""
        request = client.build_request("GET", at, headers=self._signed("GET", at, EMPTY))
        try:
            answer = await client.send(request, stream=True)
        except _FAILED as error:
            raise _not_sent(error) from None
        digest, size = hashlib.sha256(), 0

        def take(piece: bytes) -> None:
            nonlocal size
            size += len(piece)
            digest.update(piece)

        try:
            if answer.status_code == 404:
                if await _code(answer) == "NoSuchBucket":
                    raise NotPlaced(Failing.FOLDER)
                return False
            if answer.status_code != 200:
                raise await _refused(answer, denied=Failing.MAY_NOT_READ)
            whole = await pour_body(answer, parcel.size, take)
        except _FAILED as error:
            raise NotPlaced(Failing.BROKEN, short(error)) from None
        finally:
            await answer.aclose()
        if not whole or size != parcel.size or digest.hexdigest() != parcel.sha256:
            raise NotPlaced(Failing.OTHER_FILE, parcel.name)
        return True

    async def _create(self, client: httpx.AsyncClient, at: httpx.URL, parcel: Parcel, decisive: Decisive) -> bool:
        body = _Body(parcel, decisive)
        checksum = base64.b64encode(bytes.fromhex(parcel.sha256)).decode()
        headers = self._signed("PUT", at, parcel.sha256, {"if-none-match": "*", "x-amz-checksum-sha256": checksum})
        headers |= {"content-length": str(parcel.size)}
        try:
            request = client.build_request("PUT", at, headers=headers, content=body.pieces())
            answer = await client.send(request, stream=True)
        except _FAILED as error:
            if not body.decided:
                raise _not_sent(error) from None
            return await self._look(client, at, parcel)
        try:
            if answer.status_code in (200, 201, 204):
                return True
            if answer.status_code == 412:
                # Somebody was quicker, or a proxy has sent ours a second time.
                return not await self._there(client, at, parcel)
            if answer.status_code in _GATEWAY and body.decided:
                return await self._look(client, at, parcel)
            raise await _refused(answer, denied=Failing.MAY_NOT_WRITE)
        except _FAILED as error:
            raise NotPlaced(Failing.BROKEN, short(error)) from None
        finally:
            await answer.aclose()

    async def _look(self, client: httpx.AsyncClient, at: httpx.URL, parcel: Parcel) -> bool:
        """Whether a PUT that was not answered has taken effect. Raises `NotPlaced`, `sent` where that stays open."""
        for wait in self._looks:
            await asyncio.sleep(wait)
            with suppress(NotPlaced):
                if await self._there(client, at, parcel):
                    return True
        raise NotPlaced(Failing.BROKEN, "no answer came", sent=True)

    async def _delete(self, client: httpx.AsyncClient, at: httpx.URL) -> None:
        try:
            answer = await client.send(
                client.build_request("DELETE", at, headers=self._signed("DELETE", at, EMPTY)), stream=True
            )
        except _FAILED as error:
            raise _not_sent(error) from None
        try:
            if answer.status_code not in (200, 202, 204, 404):
                raise await _refused(answer, denied=Failing.MAY_NOT_DELETE)
        finally:
            await answer.aclose()

    def _signed(self, method: str, at: httpx.URL, sha256: str, more: Mapping[str, str] | None = None) -> dict[str, str]:
        return signed(method, at, sha256, self._key, self._now(), more)


class _Body:
    """The bytes of a parcel on their way, the last piece held back until the decisive step is taken."""

    def __init__(self, parcel: Parcel, decisive: Decisive) -> None:
        self._parcel = parcel
        self._decisive = decisive
        self.decided = False

    async def pieces(self) -> AsyncIterator[bytes]:
        held: bytes | None = None
        async for piece in self._parcel.pieces():
            if held is not None:
                yield held
            held = piece
        await self._decisive()
        self.decided = True
        yield held or b""


_FAILED = (httpx.HTTPError, httpx.InvalidURL, AddressRefused, OSError)


def _not_sent(error: Exception) -> NotPlaced:
    if isinstance(error, AddressRefused):
        return NotPlaced(Failing.ADDRESS, error.reason)
    if isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout)):
        return NotPlaced(Failing.UNREACHABLE, short(error))
    return NotPlaced(Failing.BROKEN, short(error) or type(error).__name__)


async def _refused(answer: httpx.Response, *, denied: Failing) -> NotPlaced:
    """Why the server refuses, told from the code in its answer rather than from the status alone."""
    text = await _text(answer)
    code = _element(text, "Code")
    region = answer.headers.get("x-amz-bucket-region") or _element(text, "Region")
    if failing := _CODES.get(code or ""):
        return NotPlaced(failing, short(region if failing is Failing.REGION else code))
    if answer.status_code in (301, 307):
        return NotPlaced(Failing.REGION, short(region or ""))
    if answer.status_code == 507:
        return NotPlaced(Failing.FULL, short(code or ""))
    if answer.status_code in _BUSY:
        return NotPlaced(Failing.BUSY, short(code or f"status {answer.status_code}"))
    if answer.status_code in (401, 403):
        return NotPlaced(denied, short(code or f"status {answer.status_code}"))
    known = code is not None
    return NotPlaced(Failing.STRANGE if known else Failing.NOT_IT, short(code or f"status {answer.status_code}"))


async def _code(answer: httpx.Response) -> str | None:
    return _element(await _text(answer), "Code")


async def _text(answer: httpx.Response) -> str:
    with suppress(httpx.HTTPError):
        body, _ = await read_body(answer, _LARGEST_ERROR)
        return body.decode(errors="replace")
    return ""


def _element(text: str, name: str) -> str | None:
    """What stands in an element of an error, which is a flat piece of XML; no parser meets what strangers sent."""
    found = re.search(rf"<{name}>([^<]{{0,200}})</{name}>", text)
    return found.group(1).strip() or None if found else None


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content
