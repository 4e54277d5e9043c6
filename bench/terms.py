"""What a figure is, and what its measurement gives."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Figure:
    """A ratio of ours to the bare term, with what it must and what it should reach."""

    title: str
    floor: float
    aim: float
    higher_is_better: bool

    def reaches(self, ratio: float, goal: float) -> bool:
        return ratio >= goal if self.higher_is_better else ratio <= goal


@dataclass(frozen=True, slots=True)
class Terms:
    """Both terms of one measurement, in the same unit."""

    ours: float
    bare: float
    unit: str
    detail: dict[str, Any] = field(default_factory=dict)
    """Whatever else explains the figure: sizes, spreads, single rounds."""

    @property
    def ratio(self) -> float:
        return self.ours / self.bare
