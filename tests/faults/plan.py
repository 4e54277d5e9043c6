"""`points.txt`: at which points each walk kills, and which points none passes, with the reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

FILE = Path(__file__).with_name("points.txt")
_APART = "not walked: "


@dataclass(frozen=True)
class Plan:
    """What the file says."""

    walks: Mapping[str, tuple[str, ...]]
    """Points by the name of the walk that kills there."""
    apart: Mapping[str, str]
    """Points that no walk passes, each with the reason."""

    @property
    def points(self) -> list[str]:
        return [*(point for points in self.walks.values() for point in points), *self.apart]


def plan(text: str | None = None) -> Plan:
    """Read the file: a section a walk, a line a point; `#` begins a remark."""
    walks: dict[str, list[str]] = {}
    apart: dict[str, str] = {}
    section = ""
    for raw in (FILE.read_text() if text is None else text).splitlines():
        line = raw.partition("#")[0].strip()
        if line.startswith("["):
            section = line.strip("[]")
        elif line and section.startswith(_APART):
            apart[line] = section.removeprefix(_APART)
        elif line:
            walks.setdefault(section, []).append(line)
    return Plan({name: tuple(points) for name, points in walks.items()}, apart)
