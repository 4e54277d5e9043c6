"""What differs between two configurations, field by field, and the names of the codes in them. Pure but for `names`."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog

from ledgerbridge.bookkeeping.words import Chart
from ledgerbridge.connections.access import open_erp
from ledgerbridge.connections.config_body import ConfigurationBody
from ledgerbridge.connections.context import Connections
from ledgerbridge.connections.errors import CredentialError, Refused
from ledgerbridge.erp.port import ErpError

Value = str | int | bool | tuple[str, ...] | None
Path = tuple[str, ...]
OTHERS = "*"
"""Stands for every other currency; comes last."""
NAMES_SECONDS = 4.0
"""How long a page waits for the ERP to name its codes; without them it shows the codes alone."""
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Change:
    """One field that differs."""

    path: Path
    """Member names, such as `accounts`, `wallet`, `DKK`."""
    old: Value
    """None where it was not set."""
    new: Value


@dataclass(frozen=True, slots=True)
class Names:
    """What the ERP calls the things a configuration names by code."""

    journals: Mapping[str, str] = field(default_factory=dict)
    accounts: Mapping[str, str] = field(default_factory=dict)
    taxes: Mapping[str, str] = field(default_factory=dict)
    """By the ERP's id."""
    dimensions: Mapping[str, str] = field(default_factory=dict)

    def of(self, path: Path, value: str) -> str | None:
        """The name of a code that stands at `path`; None for what has none there."""
        match path:
            case ("journal",):
                return self.journals.get(value)
            case ("accounts", *_):
                return self.accounts.get(value)
            case ("tax", "codes", _):
                return self.taxes.get(value)
            case ("dimensions",):
                return self.dimensions.get(value)
        return None


def changes(old: ConfigurationBody | None, new: ConfigurationBody) -> Sequence[Change]:
    """What `new` changes of `old`, in the order of the fields; of nothing it sets everything it holds."""
    before, after = (dict(_flat(body.model_dump(mode="json"))) if body else {} for body in (old, new))
    paths = [*after, *(path for path in before if path not in after)]
    return [Change(path, before.get(path), after.get(path)) for path in paths if before.get(path) != after.get(path)]


def values(body: ConfigurationBody) -> Sequence[tuple[Path, Value]]:
    """Every field of a configuration with its value, in order."""
    return list(_flat(body.model_dump(mode="json")))


async def names(room: Connections, connection_id: uuid.UUID) -> Names | None:
    """The names in the chart of the bound ERP as it is now; None when it cannot be read, or not soon enough."""
    try:
        async with asyncio.timeout(NAMES_SECONDS), open_erp(room, connection_id) as erp:
            return _names(await erp.chart())
    except (ErpError, Refused, CredentialError, TimeoutError) as error:
        log.info("codes are shown without names", why=type(error).__name__)
        return None


def _names(chart: Chart) -> Names:
    return Names(
        journals={one.code: one.name for one in chart.journals},
        accounts={one.code: one.name for one in chart.accounts},
        taxes={one.id: one.name for one in chart.taxes},
        dimensions={one.code: one.name for one in chart.dimensions},
    )


def _flat(members: Mapping[str, Any], above: Path = ()) -> Iterator[tuple[Path, Value]]:
    for name, value in sorted(members.items(), key=lambda member: member[0] == OTHERS):
        path = (*above, name)
        if isinstance(value, Mapping):
            yield from _flat(value, path)
        else:
            yield path, tuple(map(str, value)) if isinstance(value, list) else value
