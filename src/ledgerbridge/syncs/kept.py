"""Which kinds of master data an ERP keeps at all. Of one that it does not keep nothing is read, written or archived."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ledgerbridge.erp.port import Capabilities
from ledgerbridge.store.tables import SyncKind
from ledgerbridge.syncs.failing import Stopped, not_kept
from ledgerbridge.syncs.ladder import NAMES

_KEPT: Mapping[SyncKind, Callable[[Capabilities], bool]] = {
    SyncKind.ACCOUNTS: lambda able: True,
    SyncKind.TAX_CODES: lambda able: able.tax_codes,
    SyncKind.TAGS: lambda able: able.dimensions,
    SyncKind.VENDORS: lambda able: able.vendors,
}


def keeps(able: Capabilities, kind: SyncKind) -> bool:
    """Whether there is anything of a kind that could be synchronised; so it is of an ERP that could not be asked."""
    return not able.told or _KEPT[kind](able)


def insist(able: Capabilities, kind: SyncKind) -> None:
    """Raise `Stopped` with `NOT_KEPT` for a kind that the ERP does not keep."""
    if not keeps(able, kind):
        text = f"The connected accounting system keeps no {NAMES[kind]}, so nothing of Pleo is touched."
        raise Stopped(not_kept(text))
