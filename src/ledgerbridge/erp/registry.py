"""Which kinds of ERP there are. A new one is one folder and one line here."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from ledgerbridge.erp.port import Adapter
from ledgerbridge.erp.tryton import TrytonAdapter
from ledgerbridge.outgoing.addresses import PUBLIC, Reach


def adapters(reach: Reach = PUBLIC) -> Mapping[str, Adapter]:
    """An adapter of each kind, by its name; they call no address outside `reach`."""
    return MappingProxyType({TrytonAdapter.kind: TrytonAdapter(reach=reach)})
