"""What a figure is, what its measurement gives, and how far it got."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Reached(StrEnum):
    """How near a measurement came."""

    AIM = "aim"
    FLOOR = "floor"
    MISSED = "missed"
    FAILED = "failed"
    """There is no measurement."""

    @property
    def enough(self) -> bool:
        return self in (Reached.AIM, Reached.FLOOR)


@dataclass(frozen=True, slots=True)
class Figure:
    """A ratio of ours to the bare term, with what it must and what it should reach."""

    title: str
    floor: float
    aim: float
    higher_is_better: bool

    def reaches(self, ratio: float, goal: float) -> bool:
        return ratio >= goal if self.higher_is_better else ratio <= goal

    def judged(self, ratio: float) -> Reached:
        if self.reaches(ratio, self.aim):
            return Reached.AIM
        return Reached.FLOOR if self.reaches(ratio, self.floor) else Reached.MISSED


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
