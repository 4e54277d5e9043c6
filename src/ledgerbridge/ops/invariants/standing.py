"""What the checks found last, for metrics and people."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from ledgerbridge.ops.invariants.catalogue import ALL
from ledgerbridge.ops.invariants.invariant import Invariant
from ledgerbridge.store.tables import InvariantCheck


@dataclass(frozen=True, slots=True)
class Standing:
    """One check beside its last result, as it is now."""

    invariant: Invariant
    row: InvariantCheck | None
    """None when it never ran."""

    @property
    def known(self) -> int | None:
        """How many violations there are; None when nobody knows, which is never the same as none.

        A check that cannot run just now still tells what it last found broken.
        """
        if self.row is None:
            return None
        if self.row.failure is not None and not self.row.violations:
            return None
        return self.row.violations

    def age(self, now: dt.datetime) -> float | None:
        """Seconds since the check last ran to its end; None when it never did."""
        if self.row is None or self.row.checked_at is None:
            return None
        return max(0.0, (now - self.row.checked_at).total_seconds())


async def standings(session: AsyncSession) -> list[Standing]:
    """Every check of this release, in order; also those that never ran."""
    rows = {row.name: row for row in await session.scalars(select(InvariantCheck))}
    return [Standing(invariant, rows.get(invariant.name)) for invariant in ALL]
