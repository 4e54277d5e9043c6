"""One cache of compiled statements for all engines that tests make.

The service makes one engine a process and compiles each statement once. Tests make one or two each, and compiling all
statements anew, and judging them (`ledgerbridge.store.scope`), was a quarter of their time.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy.dialects.postgresql.psycopg import PGDialectAsync_psycopg
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.util import LRUCache

from ledgerbridge.store import engine

_COMPILED: LRUCache[Any, Any] = LRUCache(5000)


def share_compiled() -> None:
    """From now on what one engine has compiled is compiled for all; the key of the cache names the dialect."""
    PGDialectAsync_psycopg.__eq__ = lambda self, other: type(self) is type(other)  # type: ignore[method-assign]
    PGDialectAsync_psycopg.__hash__ = lambda self: hash(type(self))  # type: ignore[method-assign]
    make = engine.create_async_engine

    def made(*given: Any, **options: Any) -> AsyncEngine:
        new = make(*given, **options)
        new.sync_engine._compiled_cache = _COMPILED
        return new

    engine.create_async_engine = made
