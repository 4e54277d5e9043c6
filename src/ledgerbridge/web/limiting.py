"""How often one caller may do what needs no proof of who is calling, or fail to prove it.

These limits keep strangers from costing us: tokens, states and signatures are too long to be guessed at any speed. So
whoever proves who they are is let through however much went wrong at their address: a right administrator's token
always, a delivery to a path that has proved itself always, up to a bound no sender of Pleo's comes near.

Counted in the memory of one process, for addresses sorted into a fixed number of buckets by a key of the process: a
flood from a million addresses costs as much memory as one from a thousand, and nobody can choose whose bucket to fill.
To count is to look at one bucket: nothing goes through all of them, however many there are.
"""

from __future__ import annotations

import hashlib
import ipaddress
import math
import os
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from enum import StrEnum

from fastapi import Request

from ledgerbridge.web.problems import HttpProblem


class Limit(StrEnum):
    """What is counted; also the label it is counted under."""

    CONNECT = "connect"
    """Presses of Connect, which store an attempt each."""
    CALLBACK = "callback"
    """Visits to the callback."""
    WEBHOOK = "webhook"
    """Deliveries that were not believed, or to a path that is not there."""
    DELIVERIES = "deliveries"
    """Believed deliveries of one subscription."""
    ADMIN = "admin"
    """Requests to the admin API without an administrator's token."""
    TRY = "try"
    """Accesses to an ERP that one company tries in its set-up: calls to addresses of its choice."""


ALLOWED: Mapping[Limit, str] = {
    Limit.CONNECT: "120/minute",
    Limit.CALLBACK: "120/minute",
    Limit.WEBHOOK: "600/minute",
    Limit.DELIVERIES: "6000/minute",
    Limit.ADMIN: "300/minute",
    Limit.TRY: "30/minute",
}
"""So many in a stretch of time that begins with the first of them."""
_SECONDS = {"second": 1.0, "minute": 60.0}
BUCKETS = 8192
MAX_PROVEN = 10_000


class Limiter:
    """The counts of one process."""

    def __init__(
        self,
        refused: Callable[[str], None] = lambda _: None,
        allowed: Mapping[Limit, str] = ALLOWED,
        *,
        buckets: int = BUCKETS,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """`refused` is told the limit of every request that is refused."""
        self._refused = refused
        self._allowed = {limit: _parsed(text) for limit, text in allowed.items()}
        self._now = now
        self._windows: dict[tuple[Limit, int], tuple[float, int]] = {}
        """When a bucket's stretch of time is over, and how many came in it."""
        self._buckets = buckets
        self._key = os.urandom(16)
        self._proven: OrderedDict[bytes, None] = OrderedDict()

    @property
    def kept(self) -> int:
        """How many counts are in memory."""
        return len(self._windows)

    async def count(self, limit: Limit, caller: str) -> None:
        """Count one. Raises `HttpProblem` 429 when it is one too many."""
        (most, seconds), place = self._allowed[limit], (limit, self._bucket(caller))
        over, came = self._window(place)
        self._windows[place] = (over, came + 1) if came else (self._now() + seconds, 1)
        if came >= most:
            raise self._too_many(limit, over)

    async def check(self, limit: Limit, caller: str) -> None:
        """Raises `HttpProblem` 429 when the next one would be one too many; counts nothing."""
        over, came = self._window((limit, self._bucket(caller)))
        if came >= self._allowed[limit][0]:
            raise self._too_many(limit, over)

    def prove(self, path: str) -> None:
        """A delivery to this path was believed; the newest `MAX_PROVEN` are remembered."""
        key = self._digest(path)
        self._proven[key] = None
        self._proven.move_to_end(key)
        if len(self._proven) > MAX_PROVEN:
            self._proven.popitem(last=False)

    def proven(self, path: str) -> bool:
        """Whether a delivery to this path was believed before."""
        return self._digest(path) in self._proven

    def _window(self, place: tuple[Limit, int]) -> tuple[float, int]:
        """The stretch of time a bucket is in: (whatever, 0) where the next one begins it."""
        over, came = self._windows.get(place, (0.0, 0))
        return (over, came) if self._now() < over else (over, 0)

    def _too_many(self, limit: Limit, over: float) -> HttpProblem:
        self._refused(limit)
        seconds = max(1, math.ceil(over - self._now()))
        return HttpProblem(
            429,
            f"Too many requests of this kind from one address. Wait {seconds} seconds, then try again.",
            kind="too-many-requests",
            headers={"Retry-After": str(seconds)},
        )

    def _bucket(self, caller: str) -> int:
        return int.from_bytes(self._digest(caller)[:8], "big") % self._buckets

    def _digest(self, text: str) -> bytes:
        return hashlib.blake2s(text.encode(errors="replace"), key=self._key, digest_size=16).digest()


def _parsed(text: str) -> tuple[int, float]:
    """How many, and in how many seconds."""
    most, _, unit = text.partition("/")
    return int(most), _SECONDS[unit]


def caller_of(request: Request) -> str:
    """Whom a request counts for: an IPv4 address, or the /64 of an IPv6 one, which is what one customer is given.

    The address of the connection, or what one of `TRUSTED_PROXIES` says.
    """
    host = request.client.host if request.client else ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ipaddress.IPv6Address(int(address) >> 64 << 64))
    return str(address)
