"""Which kinds of ERP there are. A new one is one folder and one line here."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from ledgerbridge.erp.port import Adapter, SettingsError
from ledgerbridge.erp.tryton import TrytonAdapter

ADAPTERS: Mapping[str, Adapter] = MappingProxyType({TrytonAdapter.kind: TrytonAdapter()})


def adapter(kind: str) -> Adapter:
    """The adapter of a kind. Raises `SettingsError` on field `kind`, naming the kinds there are."""
    try:
        return ADAPTERS[kind]
    except KeyError:
        known = ", ".join(sorted(ADAPTERS))
        raise SettingsError({"kind": f"There is no such kind of accounting system; known: {known}."}) from None
