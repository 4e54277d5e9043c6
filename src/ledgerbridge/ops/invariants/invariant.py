"""What one check is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Invariant:
    """One statement and the query that finds what breaks it."""

    name: str
    """Names it in the table, the metric and the runbook; never changed once released."""
    number: int
    """Of the statement in the design that it belongs to."""
    statement: str
    """What must hold, in one sentence."""
    alert: str
    """What a broken one means and what to do first, in one line."""
    broken: str
    """SQL that gives a row for each violation, with one text column `sample` made of ids only. It reads over all
    companies, so it names no company; what it looks at is bounded by an index or a window of time."""
    values: Mapping[str, object] = field(default_factory=dict)
    """Parameters of `broken`: thresholds and periods of grace."""
    deep: bool = False
    """Reads whole tables and so runs less often."""
