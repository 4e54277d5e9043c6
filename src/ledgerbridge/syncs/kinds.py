"""The kinds of sync and what does the work of each: one line a kind."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from ledgerbridge.store.tables import SyncKind
from ledgerbridge.syncs.desk import Desk


@dataclass(frozen=True, slots=True)
class Work:
    """How one kind is synchronised and foreseen."""

    sync: Callable[[Desk], Awaitable[None]]
    """Read both systems fully, compare, guard, write; counts in `desk.record`. Raises only what ends the whole run."""
    foresee: Callable[[Desk], Awaitable[None]]
    """Read and compare the same way and count in `desk.record` what `sync` would do. Writes nothing."""


KINDS: Mapping[SyncKind, Work] = {}
