"""The table: fault × times injected × items exported × duplicates × lost × unresolved × time to full recovery."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any

from tests.chaos.books import Finding
from tests.chaos.faults import CATALOGUE
from tests.chaos.play import Wave

_HEAD = ("fault", "injected", "items", "duplicates", "lost", "unresolved", "median s", "worst s")


@dataclass
class Row:
    """One fault over all waves it was part of, or one kind of accounting system over all waves."""

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
    kinds: dict[str, Row] = field(default_factory=dict)
    """A row for each kind of accounting system."""
    total: Row = field(default_factory=lambda: Row("all"))
    misplaced: int = 0
    unsound: int = 0
    """Faults of books in themselves."""
    trouble: list[str] = field(default_factory=list)
    """One line for each seed that did not end well."""
    throughput: dict[str, Any] = field(default_factory=dict)

    def add(self, wave: Wave, found: Mapping[str, Finding]) -> None:
        """Count a wave for each of its faults; the last row counts it once."""
        struck = sum(wave.injected.values())
        for name in [fault.name for fault in wave.faults]:
            self._count(self.rows[name], wave, wave.injected.get(name, 0), found)
        self._count(self.total, wave, struck, found)
        for kind, finding in found.items():
            self._count(self.kinds.setdefault(kind, Row(kind)), wave, struck, {kind: finding})
        self.misplaced += sum(len(set(one.misplaced)) for one in found.values())
        self.unsound += sum(len(set(one.unsound)) for one in found.values())

    def _count(self, row: Row, wave: Wave, struck: int, found: Mapping[str, Finding]) -> None:
        row.injected += struck
        row.items += sum(wave.items(kind) for kind in found)
        for one in found.values():
            row.duplicates += len(set(one.duplicates))
            row.lost += len(set(one.lost))
            row.unresolved += len(set(one.unresolved))
        row.recovery.append(round(wave.recovery, 2))

    @property
    def good(self) -> bool:
        """Nothing twice, nothing lost, nothing where it does not belong, books sound, every seed played to its end."""
        wrong = (self.total.duplicates, self.total.lost, self.misplaced, self.unsound, self.trouble)
        return not any(wrong)

    def table(self) -> str:
        """For people."""
        rows = [_HEAD, *(row.cells() for row in [*self.rows.values(), *self.kinds.values(), self.total] if row.items)]
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
            "kinds": [asdict(row) for row in self.kinds.values()],
            "total": asdict(self.total),
            "misplaced": self.misplaced,
            "unsound": self.unsound,
            "trouble": self.trouble,
            "throughput": self.throughput,
        }
