"""The table: fault × times injected × items exported × duplicates × lost × unresolved × time to full recovery."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any

from tests.chaos.books import Finding
from tests.chaos.faults import CATALOGUE
from tests.chaos.play import Wave

_HEAD = ("fault", "injected", "items", "duplicates", "lost", "unresolved", "median s", "worst s")


@dataclass
class Row:
    """One fault over all waves it was part of."""

    fault: str
    injected: int = 0
    items: int = 0
    duplicates: int = 0
    lost: int = 0
    unresolved: int = 0
    recovery: list[float] = field(default_factory=list)

    def cells(self) -> tuple[str, ...]:
        counts = (self.injected, self.items, self.duplicates, self.lost, self.unresolved)
        times = (median(self.recovery), max(self.recovery)) if self.recovery else ()
        return (self.fault, *(str(one) for one in counts), *(f"{one:.1f}" for one in times))


@dataclass
class Report:
    """What all seeds came to."""

    rows: dict[str, Row] = field(default_factory=lambda: {name: Row(name) for name in CATALOGUE})
    total: Row = field(default_factory=lambda: Row("all"))
    misplaced: int = 0
    trouble: list[str] = field(default_factory=list)
    """One line for each seed that did not end well."""
    throughput: dict[str, Any] = field(default_factory=dict)

    def add(self, wave: Wave, finding: Finding) -> None:
        """Count a wave for each of its faults; the last row counts it once."""
        for row in [*(self.rows[fault.name] for fault in wave.faults), self.total]:
            injected = sum(wave.injected.values()) if row is self.total else wave.injected.get(row.fault, 0)
            row.injected += injected
            row.items += wave.items
            row.duplicates += len(set(finding.duplicates))
            row.lost += len(set(finding.lost))
            row.unresolved += len(set(finding.unresolved))
            row.recovery.append(round(wave.recovery, 2))
        self.misplaced += len(set(finding.misplaced))

    @property
    def good(self) -> bool:
        """Nothing twice, nothing lost, nothing where it does not belong, every seed played to its end."""
        return not (self.total.duplicates or self.total.lost or self.misplaced or self.trouble)

    def table(self) -> str:
        """For people."""
        rows = [_HEAD, *(row.cells() for row in [*self.rows.values(), self.total] if row.items)]
        wide = [max(len(row[column]) for row in rows if column < len(row)) for column in range(len(_HEAD))]
        lines = []
        for row in rows:
            first, *rest = row
            cells = [first.ljust(wide[0]), *(cell.rjust(width) for cell, width in zip(rest, wide[1:], strict=False))]
            lines.append(" | ".join(cells))
        lines.insert(1, "-+-".join("-" * width for width in wide))
        return "\n".join(lines)

    def as_json(self) -> dict[str, Any]:
        """For machines."""
        return {
            "good": self.good,
            "rows": [asdict(row) for row in self.rows.values() if row.items],
            "total": asdict(self.total),
            "misplaced": self.misplaced,
            "trouble": self.trouble,
            "throughput": self.throughput,
        }
