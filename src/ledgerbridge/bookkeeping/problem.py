"""A failure with its facts, as a value: bookkeeping returns it, errors carry it, reports spell it out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

from ledgerbridge.bookkeeping.failure_table import TABLE
from ledgerbridge.bookkeeping.failures import Failure, Kind, Row

T = TypeVar("T")

__all__ = ["TABLE", "Failed", "Failure", "Findings", "Kind", "Problem", "Row", "failed", "problem"]


@dataclass(frozen=True, slots=True)
class Problem:
    """One failure with its facts."""

    failure: Failure
    facts: Mapping[str, str] = field(default_factory=dict)
    """Fills the places of the row's text."""
    internal: str = ""
    """For operators: what was really said and done. Never shown to a bookkeeper, never holds a secret."""
    spelled: str | None = None
    """Overrides the text where several problems of one item are told together."""

    @property
    def row(self) -> Row:
        return TABLE[self.failure]

    @property
    def text(self) -> str:
        """The sentence a bookkeeper reads; an unknown place shows as `?` rather than failing."""
        return self.spelled or self.row.text.format_map(_Facts(self.facts))


_EXPORT_AGAIN = ", then export again."


def text_apart(found: Problem) -> str:
    """The sentence for a person who is not exporting just now, such as in the set-up."""
    return f"{found.text.removesuffix(_EXPORT_AGAIN)}." if found.text.endswith(_EXPORT_AGAIN) else found.text


_OF_THE_CHART = frozenset(
    {
        Failure.ACCOUNT_UNKNOWN,
        Failure.CONFIGURED_ACCOUNT_UNKNOWN,
        Failure.CONTRA_ACCOUNT_UNKNOWN,
        Failure.TAG_UNKNOWN,
        Failure.TAX_ACCOUNT_UNKNOWN,
        Failure.TAX_CODE_UNKNOWN,
    }
)


def of_chart(found: Problem, renewed_by: str | None) -> Problem:
    """The problem with what a person does where the ERP has it by now and the chart does not know (`Chart.renewed_by`)."""
    if renewed_by is None or found.failure not in _OF_THE_CHART:
        return found
    return replace(found, spelled=f"{found.text} {renewed_by}")


class _Facts(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return "?"


def problem(failure: Failure, internal: str = "", **facts: object) -> Problem:
    """Shorthand: `problem(Failure.ACCOUNT_UNKNOWN, code="999", name="Travel")`."""
    return Problem(failure, {name: str(value) for name, value in facts.items()}, internal)


@dataclass(frozen=True, slots=True)
class Failed:
    """What a step of bookkeeping returns instead of its result; never empty."""

    problems: tuple[Problem, ...]


def failed(failure: Failure, internal: str = "", **facts: object) -> Failed:
    """Shorthand for the most common case, one problem."""
    return Failed((problem(failure, internal, **facts),))


class Findings:
    """Collects the problems of several steps, so that a bookkeeper sees all of them at once and not one a day."""

    def __init__(self) -> None:
        self._seen: list[Problem] = []

    def take(self, result: T | Failed) -> T | None:
        """The step's result, or None when it failed; its problems are kept."""
        if isinstance(result, Failed):
            self.add(result.problems)
            return None
        return result

    def add(self, problems: Iterable[Problem]) -> None:
        for found in problems:
            if found not in self._seen:
                self._seen.append(found)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Each problem once, in the order found."""
        return tuple(self._seen)
