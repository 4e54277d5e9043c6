"""What a seed is, and the register seeds are entered into."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pleo_sandbox.seeds.build import Draft, Frame

Builder = Callable[[Frame], Draft]
GROUPS = ("type", "sub_type", "tax", "split", "currency", "receipt", "shape", "bad")
PAYABLES = "payables"
"""A set of its own: its seeds need a vendor of the company and a vendor-based job."""


@dataclass(frozen=True)
class Seed:
    """A named expense. ``expected_failure`` is the item ``failureReasonType`` a bad seed must be reported with."""

    name: str
    group: str
    about: str
    build: Builder
    expected_failure: str | None = None


CATALOGUE: dict[str, Seed] = {}


def seed(group: str, about: str, expected_failure: str | None = None) -> Callable[[Builder], Builder]:
    """Enters a builder into the catalogue under its function name."""

    def enter(build: Builder) -> Builder:
        name = build.__name__
        if group not in (*GROUPS, PAYABLES) or name in CATALOGUE:
            raise ValueError(f"seed {name} is entered twice or in no known group")
        CATALOGUE[name] = Seed(name, group, about, build, expected_failure)
        return build

    return enter
