"""Named expenses to fill a queue with: every type, tax, split, currency and receipt, and some that must fail."""

from __future__ import annotations

from pleo_sandbox.seeds import bad, item_types, shapes
from pleo_sandbox.seeds.build import Draft, Frame
from pleo_sandbox.seeds.catalogue import CATALOGUE, GROUPS, Seed
from pleo_sandbox.seeds.chart import Chart, chart_from

__all__ = [
    "CATALOGUE",
    "GROUPS",
    "Chart",
    "Draft",
    "Frame",
    "Seed",
    "bad",
    "chart_from",
    "item_types",
    "named",
    "shapes",
]


def named(choice: str) -> list[Seed]:
    """The seeds behind a name: one seed, a group, ``all``, or ``good`` (all but the bad ones). ``KeyError`` if none."""
    if choice == "all":
        return sorted(CATALOGUE.values(), key=lambda seed: GROUPS.index(seed.group))
    if choice == "good":
        return [seed for seed in named("all") if seed.expected_failure is None]
    if choice in GROUPS:
        return [seed for seed in CATALOGUE.values() if seed.group == choice]
    return [CATALOGUE[choice]]
