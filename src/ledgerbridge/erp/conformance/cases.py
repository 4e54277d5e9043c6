"""The cases of the suite, and what became of each on one ERP."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ledgerbridge.erp.conformance import PARTS


@dataclass
class Case:
    """One test of one suite, with all its parameters."""

    passed: int = 0
    failed: int = 0
    not_capable: Counter[str] = field(default_factory=Counter)
    """What the ERP does not claim or has nothing of, and how often it was needed."""
    capable: Counter[str] = field(default_factory=Counter)
    """What the ERP claims, so that there is nothing to refuse."""

    @property
    def good(self) -> bool:
        """Whether it ran, or was answered, and nothing failed."""
        return not self.failed and bool(self.passed or self.not_capable or self.capable)

    def __str__(self) -> str:
        told = []
        if self.failed:
            told.append(f"{self.failed} failed")
        if self.passed:
            told.append("passed")
        if self.not_capable:
            told.append(f"not capable: {', '.join(sorted(self.not_capable))}")
        if self.capable and not (self.passed or self.failed):
            told.append(f"claims {', '.join(sorted(self.capable))}")
        return "; ".join(told) or "not run"


@dataclass
class Results:
    """What became of the suite on one ERP."""

    cases: dict[str, dict[str, Case]] = field(default_factory=dict)
    """By suite and name."""
    claims: dict[str, Any] = field(default_factory=dict)
    """The ERP's capabilities, by name."""

    def case(self, suite: str, name: str) -> Case:
        """One case; of a suite that nobody ran, because nothing of it is claimed, that answer."""
        found = self.cases.get(suite, {}).get(name)
        needed = NEEDS.get(suite)
        if found is None and suite not in self.cases and needed in self.claims and not claimed(self.claims, needed):
            return Case(not_capable=Counter([needed]))
        return found or Case()


NEEDS = {
    "Batches": "batch",
    "Listing": "lists_entries",
    "Reversal": "can_reverse",
    "Vendors": "vendors",
    "NewVendors": "vendors",
    "Bills": "vendor_bills",
    "BillsOnce": "vendor_bills",
    "Matches": "vendor_bills",
    "ReversalOfBills": "vendor_bills",
}
"""Suites that say nothing of an ERP without this capability: an adapter of such a one may leave them out."""


def claimed(claims: Mapping[str, Any], capability: str) -> bool:
    """Whether a capability is claimed; of a number, whether it is more than one."""
    value = claims[capability]
    return bool(value) if isinstance(value, bool) else value is not None and value != 1


def suite_of(test_class: type | None) -> str | None:
    """The suite a test class inherits; None for another class."""
    if test_class is None:
        return None
    return next((suite.__name__ for suite in suites() if issubclass(test_class, suite)), None)


def part_of(name: str) -> int:
    """The part a suite stands in."""
    return next(part for part, found in PARTS.items() if name in [suite.__name__ for suite in found])


def suites() -> Iterator[type]:
    """Every suite, in order."""
    for part in PARTS.values():
        yield from part


def cases() -> Iterator[tuple[str, str]]:
    """Every case there is, as suite and name."""
    for suite in suites():
        for name in vars(suite):
            if name.startswith("test_"):
                yield suite.__name__, name


def as_json(results: Results) -> str:
    """The results for machines."""
    return json.dumps({"claims": results.claims, "cases": results.cases}, default=_plain, indent=1, sort_keys=True)


def _plain(value: object) -> object:
    return sorted(value) if isinstance(value, frozenset) else vars(value)


def read(text: str) -> Results:
    """What `as_json` wrote."""
    found: dict[str, Any] = json.loads(text)
    return Results(
        {
            suite: {
                name: Case(case["passed"], case["failed"], Counter(case["not_capable"]), Counter(case["capable"]))
                for name, case in named.items()
            }
            for suite, named in found["cases"].items()
        },
        found["claims"],
    )
