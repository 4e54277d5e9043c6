"""Table A of tags.md: what becomes of each tag group. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from ledgerbridge.bookkeeping.master_data import MasterDimension
from ledgerbridge.pleo.tags import TagGroup
from ledgerbridge.syncs.record import Trouble


@dataclass(frozen=True, slots=True)
class Pair:
    """A selected, active dimension and its group."""

    dimension: MasterDimension
    group: TagGroup


@dataclass(frozen=True, slots=True)
class GroupsPlan:
    """What one run does with groups."""

    keep: tuple[Pair, ...] = ()
    """Active already: no write (TAG-052)."""
    unarchive: tuple[Pair, ...] = ()
    create: tuple[MasterDimension, ...] = ()
    archive: tuple[TagGroup, ...] = ()
    ask: tuple[TagGroup, ...] = ()
    """To be archived as well, but no version of the configuration ever selected them: a person is asked (TAG-061)."""
    deselect: tuple[str, ...] = ()
    """Codes, as the configuration writes them, of dimensions that are no longer active (TAG-035)."""
    troubles: tuple[Trouble, ...] = ()


def key(code: str) -> str:
    """What codes are compared by (TAG-042)."""
    return code.lower()


def plan_groups(
    dimensions: Sequence[MasterDimension],
    selected: Sequence[str],
    groups: Sequence[TagGroup],
    *,
    managed: Collection[str],
    only: str | None = None,
) -> GroupsPlan:
    """Compare the selection with Pleo's groups, by code alone (TAG-040, TAG-043).

    `managed` holds the keys of codes that any version of the configuration selected. With `only` a single dimension
    is looked at and no other group touched (TAG-127).
    """
    wanted = {key(code): code for code in selected if only is None or key(code) == key(only)}
    plan = _Draft(managed)
    for name, code in wanted.items():
        there = [group for group in groups if key(group.code) == name]
        active = [one for one in dimensions if key(one.code) == name and one.active]
        if len(active) > 1:
            plan.collision(code, active)
        elif active:
            plan.match(active[0], there)
        else:
            plan.deselect.append(code)
            plan.archive.extend(group for group in there if not group.archived)
    if only is None:
        plan.sweep(group for group in groups if key(group.code) not in wanted and not group.archived)
    return plan.done()


class _Draft:
    def __init__(self, managed: Collection[str]) -> None:
        self._managed = managed
        self.keep: list[Pair] = []
        self.unarchive: list[Pair] = []
        self.create: list[MasterDimension] = []
        self.archive: list[TagGroup] = []
        self.ask: list[TagGroup] = []
        self.deselect: list[str] = []
        self.troubles: list[Trouble] = []

    def match(self, dimension: MasterDimension, there: Sequence[TagGroup]) -> None:
        if not there:
            self.create.append(dimension)
            return
        first, *others = sorted(there, key=_seniority)
        (self.unarchive if first.archived else self.keep).append(Pair(dimension, first))
        if others:
            self._duplicates(dimension, others)

    def _duplicates(self, dimension: MasterDimension, others: Sequence[TagGroup]) -> None:
        active = [group for group in others if not group.archived]
        self.archive.extend(active)
        if active:
            text = (
                f"Pleo has {len(active) + 1} active tag groups with the code {dimension.code}. "
                "The oldest is kept, the others are archived."
            )
            self.troubles.append(Trouble(f"dimension {dimension.code}", "archive", "duplicate_group", text))

    def collision(self, code: str, found: Sequence[MasterDimension]) -> None:
        names = " and ".join(f"{one.code} ({one.name})" for one in found)
        text = (
            f"Several dimensions of the accounting system share the code {code} but for upper and lower case: {names}. "
            "None is synchronised until their codes differ."
        )
        self.troubles.append(Trouble(f"dimension {code}", "none", "code_collision", text))

    def sweep(self, groups: Iterable[TagGroup]) -> None:
        """Active groups without a selected dimension (TAG-055)."""
        for group in groups:
            (self.archive if key(group.code) in self._managed else self.ask).append(group)

    def done(self) -> GroupsPlan:
        return GroupsPlan(
            keep=tuple(self.keep),
            unarchive=tuple(self.unarchive),
            create=tuple(self.create),
            archive=tuple(self.archive),
            ask=tuple(self.ask),
            deselect=tuple(self.deselect),
            troubles=tuple(self.troubles),
        )


def _seniority(group: TagGroup) -> tuple[bool, float, str]:
    """Active first, then the oldest, then the lowest id."""
    return group.archived, group.created_at.timestamp() if group.created_at else float("inf"), group.id
