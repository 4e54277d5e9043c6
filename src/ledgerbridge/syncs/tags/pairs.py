"""The tags of all pairs of one run: read, planned, held back where unusual, written.

Archives of all groups share calls and go first, then unarchives, then renames and creates of all groups side by side.
So within every group archives precede creates (TAG-089), and the number of calls is the formula of tags.md section 7.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ledgerbridge.bookkeeping.master_data import MasterDimension, MasterValue
from ledgerbridge.erp.port import ErpError
from ledgerbridge.pleo.errors import PleoError
from ledgerbridge.pleo.tags import Tag, TagsApi
from ledgerbridge.syncs.apply import refuse
from ledgerbridge.syncs.desk import Desk
from ledgerbridge.syncs.failing import concerns_all
from ledgerbridge.syncs.record import Action
from ledgerbridge.syncs.tags.groups import Pair
from ledgerbridge.syncs.tags.values import TagsPlan, plan_tags
from ledgerbridge.syncs.tags.writing import Planned, named, write


@dataclass(frozen=True, slots=True)
class _Read:
    planned: list[Planned]
    held: frozenset[str]
    """Codes of dimensions whose archiving waits for a person."""


async def sync(desk: Desk, api: TagsApi, pairs: Sequence[Pair]) -> None:
    """Bring the tags of these pairs in step. One pair that cannot be read leaves the others going (TAG-151)."""
    read = await _read(desk, api, pairs)
    for one in read.planned:
        desk.record.tell(one.plan.troubles)
        desk.record.done(Action.UNCHANGED, one.plan.unchanged)
    archive = [tag for one in read.planned if one.pair.dimension.code not in read.held for tag in one.plan.archive]
    await write(desk, api, read.planned, archive)


async def foresee(desk: Desk, api: TagsApi, pairs: Sequence[Pair], to_come: Sequence[MasterDimension]) -> None:
    """Count what `sync` would do; the groups `to_come` have no tags yet."""
    read = await _read(desk, api, pairs)
    for one in read.planned:
        code = one.pair.dimension.code
        _foresee(desk, code, one.plan, held=code in read.held)
    for dimension in to_come:
        values = await desk.erp.dimension_values(dimension.id)
        _foresee(desk, dimension.code, plan_tags(dimension.code, values, ()), held=False)


async def _read(desk: Desk, api: TagsApi, pairs: Sequence[Pair]) -> _Read:
    """Plan every pair that can be read whole (TAG-148). Raises the first error when none can."""
    planned: list[Planned] = []
    held: dict[str, tuple[Tag, ...]] = {}
    errors: list[PleoError | ErpError] = []
    for pair in pairs:
        try:
            values = await desk.erp.dimension_values(pair.dimension.id)
            tags = await api.tags(pair.group.id)
        except (PleoError, ErpError) as error:
            if isinstance(error, PleoError) and concerns_all(error):
                raise
            refuse(desk, f"dimension {pair.dimension.code}", "read", error)
            errors.append(error)
            continue
        plan = plan_tags(pair.dimension.code, values, tags)
        planned.append(Planned(pair, plan))
        if _suspicious(desk, values, plan):
            held[pair.dimension.code] = plan.archive
    if errors and not planned:
        raise errors[0]
    return _Read(planned, _hold_back(desk, held))


def _suspicious(desk: Desk, values: Sequence[MasterValue], plan: TagsPlan) -> bool:
    """No values at all where there were tags (TAG-149), or more to archive than happens from day to day."""
    return bool(plan.archive) and (not values or desk.unusual(len(plan.archive), plan.active))


def _hold_back(desk: Desk, held: Mapping[str, Sequence[Tag]]) -> frozenset[str]:
    """Ask for what is held, unless it was allowed; groups archived with the same permission count against it."""
    if desk.may_archive([tag.id for tags in held.values() for tag in tags]):
        return frozenset()
    for code, tags in held.items():
        text = (
            f"{len(tags)} tags of dimension {code} would be archived in Pleo{desk.too_many}. "
            "Nothing was archived. Check the dimension in the accounting system, then allow it or correct it there."
        )
        desk.ask(f"dimension {code}", text, {tag.id: f"{code}: {named(tag)}" for tag in tags})
    return frozenset(held)


def _foresee(desk: Desk, code: str, plan: TagsPlan, *, held: bool) -> None:
    def of(tags: Iterable[Tag]) -> list[str]:
        return [f"{code}: {named(tag)}" for tag in tags]

    desk.record.tell(plan.troubles)
    desk.record.would(Action.CREATED, [f"{code}: tag {one.code} {one.name}" for one in plan.create])
    desk.record.would(Action.UPDATED, of(one.tag for one in plan.rename if not one.tag.archived))
    desk.record.would(Action.UNARCHIVED, of((*plan.revive, *(one.tag for one in plan.rename if one.tag.archived))))
    desk.record.would(Action.ARCHIVED, () if held else of(plan.archive))
    desk.record.done(Action.UNCHANGED, plan.unchanged)
