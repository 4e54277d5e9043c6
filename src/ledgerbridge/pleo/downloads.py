"""Receipts from the links of the data layer. A link is itself the key, so nothing of ours is sent along.

No Authorization header ever, a client of its own that reaches public addresses only, HTTPS, few redirects each checked
anew, a cap on size and time (EXP-ATT-01, -02, -08). A file goes to disk piece by piece and is bytes: nothing here looks
into it. Links appear in no error and, through a filter on httpx's own log line, in no log.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime

import httpx
from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt

from ledgerbridge import faults
from ledgerbridge.clock import utcnow
from ledgerbridge.outgoing.addresses import PUBLIC, Reach
from ledgerbridge.outgoing.clients import checked_client
from ledgerbridge.outgoing.files import FileNotKept, HeldFile
from ledgerbridge.outgoing.links import link_fault
from ledgerbridge.outgoing.network import AddressRefused
from ledgerbridge.pleo import retry
from ledgerbridge.pleo.wire import Answer, Limits, NoAnswer, bare_request, exchange

MAX_BYTES = 30 * 1024 * 1024
"""Pleo's own limit for one file (EXP-ATT-13)."""
MAX_REDIRECTS = 3
MAX_TRIES = 4
PORTS = frozenset({443})
_DEAD_LINK = frozenset({400, 401, 403, 404, 410})


class DownloadFailed(Exception):
    """The file did not come. `status` is the last HTTP status, None when no answer arrived."""

    def __init__(self, detail: str, *, status: int | None = None, retry_after: float | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.retry_after = retry_after


class LinkExpired(DownloadFailed):
    """The link no longer works; it lives 24 hours. Fetch the item again for a new one (EXP-ATT-02)."""


class TooLarge(DownloadFailed):
    """The file is larger than we take; `limit` in bytes."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"larger than {limit} bytes")
        self.limit = limit


class NotKept(DownloadFailed):
    """The file was to be had, but this machine has no room for it."""


class _Passing(DownloadFailed):
    """May be different the next time."""


@dataclass(frozen=True, slots=True)
class DownloadedFile:
    file: HeldFile = field(repr=False)
    """Its bytes; whoever fetched them closes it."""
    content_type: str | None
    """MIME type in lower case without parameters, as the storage names it; may be absent or generic."""


def files_client(*, local_allowed: bool = False) -> httpx.AsyncClient:
    """The client for `Downloader`; it refuses every host that leads elsewhere than to the public internet.

    `local_allowed` opens this machine, for the sandbox only: see `PleoEndpoints.local`.
    """
    return checked_client(_reach(local_allowed))


class Downloader:
    """Fetches files. `http` must be a client of its own, never the one for Pleo's APIs: see `files_client`."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        *,
        local_allowed: bool = False,
        max_bytes: int = MAX_BYTES,
        total_seconds: float = 180.0,
        sleep: retry.Sleep = asyncio.sleep,
        now: Callable[[], datetime] = utcnow,
    ) -> None:
        """`local_allowed` permits links to this machine, for the sandbox only: see `PleoEndpoints.local`.

        `total_seconds` is for one file, however often it is tried.
        """
        self._http = http
        self._reach = _reach(local_allowed)
        self._limits = Limits(total=total_seconds, max_bytes=max_bytes)
        self._sleep = sleep
        self._now = now
        logging.getLogger("httpx").addFilter(_hide_paths)

    async def fetch(self, url: str, most: int | None = None) -> DownloadedFile:
        """The file behind a link; transient failures are tried again while its time lasts (EXP-ATT-08).

        Raises `LinkExpired`, `TooLarge`, `NotKept`, or `DownloadFailed` for the rest, a link we must not follow
        included. No more than `most` bytes are taken, where that is less than what this downloader takes.
        """
        largest = self._limits.max_bytes
        limits = self._limits if most is None else replace(self._limits, max_bytes=min(most, largest))
        retrying = AsyncRetrying(
            retry=retry_if_exception(
                lambda error: isinstance(error, _Passing) and (error.retry_after or 0) <= retry.LONGEST_WAIT
            ),
            wait=retry.pause,
            stop=stop_after_attempt(MAX_TRIES),
            sleep=self._sleep,
            reraise=True,
        )
        try:
            # Over all tries and redirects: a whole job waits meanwhile, and Pleo ends a job that waits too long.
            async with asyncio.timeout(limits.total):
                return await retrying(self._fetch_once, url, limits)
        except TimeoutError:
            raise DownloadFailed(f"not here after {limits.total:g} seconds") from None

    async def _fetch_once(self, url: str, limits: Limits) -> DownloadedFile:
        try:
            file = HeldFile()
            try:
                return DownloadedFile(file, await self._fetch_into(file, url, limits))
            except BaseException:
                file.close()
                raise
        except FileNotKept as error:
            failed = NotKept(str(error))
        raise failed

    async def _fetch_into(self, file: HeldFile, url: str, limits: Limits) -> str | None:
        """The type of what is in `file` now, as the storage names it."""
        target = url
        for _ in range(MAX_REDIRECTS + 1):
            answer = await self._get(target, file, limits)
            if answer.status not in (301, 302, 303, 307, 308):
                return self._type(answer, limits)
            target = _redirected(target, answer)
        raise DownloadFailed("too many redirects", status=answer.status)

    async def _get(self, url: str, file: HeldFile, limits: Limits) -> Answer:
        if fault := link_fault(url, self._reach, ports=PORTS):
            raise DownloadFailed(f"the link {fault}")
        headers = {"Accept": "*/*", "Accept-Encoding": "identity"}
        request = bare_request("GET", url, headers=headers, limits=limits)
        try:
            with faults.around("download"):
                return await exchange(self._http, request, limits, file.add)
        except NoAnswer as error:
            failed: DownloadFailed = _Passing(f"no answer: {error.cause}")
        except AddressRefused as error:
            failed = DownloadFailed(f"the link {error.reason}")
        raise failed

    def _type(self, answer: Answer, limits: Limits) -> str | None:
        status = answer.status
        if 200 <= status < 300:
            if not answer.complete:
                raise TooLarge(limits.max_bytes)
            kind = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
            return kind or None
        if status in _DEAD_LINK:
            raise LinkExpired(f"the link answers {status}", status=status)
        if status in (408, 425, 429) or status >= 500:
            wait = retry.retry_after(answer.headers, self._now())
            raise _Passing(f"status {status}", status=status, retry_after=wait)
        raise DownloadFailed(f"status {status}", status=status)


def _reach(local_allowed: bool) -> Reach:
    return Reach(local=True) if local_allowed else PUBLIC


def _redirected(url: str, answer: Answer) -> str:
    location = answer.headers.get("Location")
    if not location:
        raise DownloadFailed("a redirect without a target", status=answer.status)
    try:
        return str(httpx.URL(url).join(location))
    except httpx.InvalidURL:
        failed = DownloadFailed("a redirect to what is no URL", status=answer.status)
    raise failed


def _hide_paths(record: logging.LogRecord) -> bool:
    """Leaves of the URLs httpx logs only the host: a signed link may have its key in the query or in the path."""
    if isinstance(record.args, tuple):
        record.args = tuple(
            str(arg.copy_with(path="/", query=None, fragment=None)) if isinstance(arg, httpx.URL) else arg
            for arg in record.args
        )
    return True
