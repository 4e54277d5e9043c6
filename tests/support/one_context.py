"""One SSL context for all clients that tests make: reading the authorities costs 20 ms of a processor each time."""

from __future__ import annotations

import functools

from httpx._transports import default


def share_context() -> None:
    """From now on equal wishes for a context get the same one. httpx has no public place for a default."""
    default.create_ssl_context = functools.cache(default.create_ssl_context)
