"""Which dimensions are selected when a company first connects (TAG-028 to -032, TAG-036).

Once, before anybody has chosen: whoever shows the choice offers these, and stores what the person makes of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ledgerbridge.bookkeeping.configuration import MOST_DIMENSIONS
from ledgerbridge.bookkeeping.master_data import MasterDimension
from ledgerbridge.erp.port import Erp
from ledgerbridge.pleo.tags import TagGroup, TagsApi
from ledgerbridge.pleo.transport import PleoClient
from ledgerbridge.syncs.tags.groups import key


@dataclass(frozen=True, slots=True)
class Preselection:
    """What a person may choose from, and what is ticked already."""

    available: tuple[MasterDimension, ...]
    """Active dimensions in the ERP's order, named as there (TAG-021, TAG-026). Empty ends the step (TAG-032)."""
    selected: tuple[str, ...]
    """Codes for `dimensions` of the configuration: those whose tag group is active in Pleo, at most five."""
    beyond: tuple[str, ...]
    """Codes that match as well but would be a sixth: not taken, to be told (TAG-036)."""


def preselect(dimensions: Sequence[MasterDimension], groups: Sequence[TagGroup]) -> Preselection:
    """Match active dimensions with active groups by code, case ignored. Pure."""
    available = tuple(one for one in dimensions if one.active)
    active = {key(group.code) for group in groups if not group.archived}
    matching = tuple(dict.fromkeys(one.code for one in available if key(one.code) in active))
    return Preselection(available, matching[:MOST_DIMENSIONS], matching[MOST_DIMENSIONS:])


async def preselected(pleo: PleoClient, erp: Erp, company_id: str) -> Preselection:
    """Read both systems and preselect; changes nothing. Raises `ErpError` and `PleoError`."""
    dimensions = await erp.dimensions()
    if not any(one.active for one in dimensions):
        return Preselection((), (), ())
    return preselect(dimensions, await TagsApi(pleo).groups(company_id))
