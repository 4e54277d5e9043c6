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


Results = dict[str, dict[str, Case]]
"""Cases by suite and name."""


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
    return json.dumps(
        {
            suite: {
                name: {
                    "passed": case.passed,
                    "failed": case.failed,
                    "not_capable": dict(sorted(case.not_capable.items())),
                    "capable": dict(sorted(case.capable.items())),
                }
                for name, case in found.items()
            }
            for suite, found in results.items()
        },
        indent=1,
    )


def read(text: str) -> Results:
    """What `as_json` wrote."""
    found: Mapping[str, Mapping[str, Any]] = json.loads(text)
    return {
        suite: {
            name: Case(case["passed"], case["failed"], Counter(case["not_capable"]), Counter(case["capable"]))
            for name, case in named.items()
        }
        for suite, named in found.items()
    }
