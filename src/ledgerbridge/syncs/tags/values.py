"""Table B of tags.md: what becomes of each tag of one pair. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ledgerbridge.bookkeeping.master_data import MasterValue
from ledgerbridge.pleo.tags import Tag
from ledgerbridge.syncs.record import Trouble
from ledgerbridge.syncs.tags.groups import key


@dataclass(frozen=True, slots=True)
class NewTag:
    """A value as its tag will read."""

    code: str
    name: str


@dataclass(frozen=True, slots=True)
class Rename:
    """A tag that takes the value's name and is active afterwards, in one PUT (TAG-074, TAG-075)."""

    tag: Tag
    wanted: NewTag
    """Also what is created when the tag has gone meanwhile (TAG-143)."""


@dataclass(frozen=True, slots=True)
class TagsPlan:
    """What one run does with the tags of one pair."""

    archive: tuple[Tag, ...] = ()
    revive: tuple[Tag, ...] = ()
    """Archived and of the right name: unarchived in bulk (TAG-086)."""
    rename: tuple[Rename, ...] = ()
    create: tuple[NewTag, ...] = ()
    unchanged: int = 0
    active: int = 0
    """Active tags before the run, for the guard."""
    troubles: tuple[Trouble, ...] = ()


def plan_tags(dimension: str, values: Sequence[MasterValue], tags: Sequence[Tag]) -> TagsPlan:
    """Compare the values of a dimension with the tags of its group, by code alone and case ignored (TAG-041, -042).

    Only active values create, keep or revive a tag (TAG-071); `dimension` is its code, for texts.
    """
    wanted: dict[str, list[MasterValue]] = defaultdict(list)
    troubles: list[Trouble] = []
    for value in values:
        if value.active and value.code is not None and value.code.strip():
            wanted[key(value.code)].append(value)
        elif value.active:
            troubles.append(_without_code(dimension, value))
    there: dict[str, list[Tag]] = defaultdict(list)
    for tag in tags:
        there[key(tag.code)].append(tag)
    plan = _Draft()
    for name, found in wanted.items():
        if len(found) > 1:
            troubles.append(_collision(dimension, found))
        else:
            plan.match(found[0], there.get(name, []))
    for name, left in there.items():
        if name not in wanted:
            plan.archive.extend(tag for tag in left if not tag.archived)
    return TagsPlan(
        archive=tuple(plan.archive),
        revive=tuple(plan.revive),
        rename=tuple(plan.rename),
        create=tuple(plan.create),
        unchanged=plan.unchanged,
        active=sum(not tag.archived for tag in tags),
        troubles=tuple(troubles),
    )


class _Draft:
    def __init__(self) -> None:
        self.archive: list[Tag] = []
        self.revive: list[Tag] = []
        self.rename: list[Rename] = []
        self.create: list[NewTag] = []
        self.unchanged = 0

    def match(self, value: MasterValue, there: Sequence[Tag]) -> None:
        wanted = _as_tag(value)
        if not there:
            self.create.append(wanted)
            return
        survivor = next(_by_preference(wanted, there))
        self.archive.extend(tag for tag in there if tag is not survivor and not tag.archived)
        if not same_name(survivor, wanted):
            self.rename.append(Rename(survivor, wanted))
        elif survivor.archived:
            self.revive.append(survivor)
        else:
            self.unchanged += 1


def same_name(tag: Tag, wanted: NewTag) -> bool:
    """Blanks around a name are not worth a write each hour, should Pleo drop them."""
    return (tag.name or "").strip() == wanted.name.strip()


def _by_preference(wanted: NewTag, tags: Sequence[Tag]) -> Iterator[Tag]:
    """Who stays of several: the right name first, then active, then oldest, then lowest id (TAG-077 to -079)."""

    def rank(tag: Tag) -> tuple[bool, bool, float, str]:
        age = tag.created_at.timestamp() if tag.created_at else float("inf")
        return not same_name(tag, wanted), tag.archived, age, tag.id

    return iter(sorted(tags, key=rank))


def _as_tag(value: MasterValue) -> NewTag:
    """A value without a name shows its code (O-11)."""
    code = value.code or ""
    return NewTag(code, value.name if value.name.strip() else code)


def _without_code(dimension: str, value: MasterValue) -> Trouble:
    text = (
        f'"{value.name}" of dimension {dimension} has no code in the accounting system. '
        "Give it one there, then it appears in Pleo."
    )
    return Trouble(f"{dimension}: {value.name}", "none", "code_missing", text)


def _collision(dimension: str, found: Sequence[MasterValue]) -> Trouble:
    names = " and ".join(f"{one.code} ({one.name})" for one in found)
    text = (
        f"Several active values of dimension {dimension} share a code but for upper and lower case: {names}. "
        "None is synchronised until their codes differ."
    )
    return Trouble(f"{dimension}: {found[0].code}", "none", "code_collision", text)
