"""Named expenses to fill a queue with: every type, tax, split, currency and receipt, and some that must fail."""

from __future__ import annotations

from pleo_sandbox.seeds import bad, item_types, payables, shapes
from pleo_sandbox.seeds.build import Draft, Frame
from pleo_sandbox.seeds.catalogue import CATALOGUE, GROUPS, PAYABLES, Seed
from pleo_sandbox.seeds.chart import Chart, chart_from

__all__ = [
    "CATALOGUE",
    "GROUPS",
    "PAYABLES",
    "Chart",
    "Draft",
    "Frame",
    "Seed",
    "bad",
    "chart_from",
    "item_types",
    "named",
    "payables",
    "shapes",
]


def named(choice: str) -> list[Seed]:
    """The seeds behind a name: one seed, a group, ``all``, or ``good`` (all but the bad ones). ``KeyError`` if none.

    The set ``payables`` belongs to neither ``all`` nor ``good``; ``good_payables`` are its good ones.
    """
    if choice == "all":
        ordinary = [seed for seed in CATALOGUE.values() if seed.group in GROUPS]
        return sorted(ordinary, key=lambda seed: GROUPS.index(seed.group))
    if choice in ("good", f"good_{PAYABLES}"):
        return [seed for seed in named("all" if choice == "good" else PAYABLES) if seed.expected_failure is None]
    if choice in (*GROUPS, PAYABLES):
        return [seed for seed in CATALOGUE.values() if seed.group == choice]
    return [CATALOGUE[choice]]
