"""Which kinds of ERP there are: those of this package and of every installed package that brings one.

A package names its adapters as entry points of the group `ledgerbridge.erp`, each a callable that is given the `Reach`
of outgoing calls and answers an `Adapter` of the entry point's name. Nothing else in the service knows a kind by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import entry_points
from types import MappingProxyType

from ledgerbridge.erp.adapter import Adapter
from ledgerbridge.outgoing.addresses import PUBLIC, Reach

GROUP = "ledgerbridge.erp"


def adapters(reach: Reach = PUBLIC) -> Mapping[str, Adapter]:
    """An adapter of each kind, by its name; they call no address outside `reach`."""
    return MappingProxyType({found.name: found.load()(reach=reach) for found in entry_points(group=GROUP)})
