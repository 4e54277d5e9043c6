"""What the story needs of an accounting system: how to reach it, codes that fit it, and a look into its books."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from ledgerbridge.demo.calls import Calls


@dataclass(frozen=True, slots=True)
class ShownLine:
    """A line of an entry, for people."""

    account: str
    debit: Decimal
    credit: Decimal
    dimensions: str


@dataclass(frozen=True, slots=True)
class ShownEntry:
    """An entry as it stands in the books."""

    number: str
    date: dt.date
    lines: Sequence[ShownLine]


class DemoErp(Protocol):
    """One of them, up and empty but for its chart."""

    kind: str
    """As in `--erp`, and as the service knows it."""
    name: str
    """As people call it."""
    vendors: bool
    """Whether it keeps vendors and their bills, so that those chapters can be told."""
    takes: frozenset[str]
    """Deliberately bad expenses that it books all the same, because it demands less; they are left out."""

    def settings(self) -> dict[str, Any]:
        """What the customer enters to bind it."""
        ...

    def configuration(self) -> dict[str, Any]:
        """A configuration that fits it, as the admin API takes it."""
        ...

    def seed_chart(self) -> dict[str, Any]:
        """Codes for Pleo's expenses, as the first syncs bring them to Pleo."""
        ...

    def count(self, calls: Calls) -> int:
        """How many documents of ours its books hold, read by a way that is not the service's own."""
        ...

    def entries(self, calls: Calls) -> Sequence[ShownEntry]:
        """All journal entries of ours, in the order of their numbers."""
        ...

    def places(self) -> Sequence[tuple[str, str]]:
        """Where a person can look at it: a label and an address."""
        ...
