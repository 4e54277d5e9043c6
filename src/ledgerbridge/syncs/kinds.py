"""The kinds of sync and what does the work of each: one line a kind."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from ledgerbridge.store.tables import SyncKind
from ledgerbridge.syncs.accounts import sync as accounts
from ledgerbridge.syncs.desk import Desk
from ledgerbridge.syncs.tags import sync as tags
from ledgerbridge.syncs.tax_codes import sync as tax_codes
from ledgerbridge.syncs.vendors import sync as vendors

Sync = Callable[[Desk], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Work:
    """How one kind is synchronised and foreseen."""

    sync: Sync
    """Read both systems fully, compare, guard, write; counts in `desk.record`. Raises only what ends the whole run."""
    foresee: Sync
    """Read and compare the same way and count in `desk.record` what `sync` would do. Writes nothing."""


KINDS: Mapping[SyncKind, Work] = {
    SyncKind.TAGS: Work(tags.sync, tags.foresee),
    SyncKind.ACCOUNTS: Work(accounts.sync, accounts.foresee),
    SyncKind.TAX_CODES: Work(tax_codes.sync, tax_codes.foresee),
    SyncKind.VENDORS: Work(vendors.sync, vendors.foresee),
}
