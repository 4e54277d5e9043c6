"""One tags run: groups first and completely, then the tags of every pair (TAG-050, TAG-070)."""

from __future__ import annotations

from dataclasses import replace

from ledgerbridge.bookkeeping.master_data import MasterDimension
from ledgerbridge.connections import configuration
from ledgerbridge.pleo.errors import Conflict
from ledgerbridge.pleo.tags import TagGroup, TagsApi
from ledgerbridge.syncs import failing, guard
from ledgerbridge.syncs.apply import each, surely
from ledgerbridge.syncs.desk import Desk
from ledgerbridge.syncs.record import Action
from ledgerbridge.syncs.tags import pairs as tag_pairs
from ledgerbridge.syncs.tags.groups import GroupsPlan, Pair, key, plan_groups


async def sync(desk: Desk) -> None:
    """Bring groups and tags in step with the selected dimensions."""
    api = TagsApi(desk.pleo)
    plan = await _planned(desk, api)
    if plan.deselect:
        await desk.still_ours()
        await configuration.deselect(desk.syncs.connections, desk.connection_id, plan.deselect)
    pairs = await _write_groups(desk, api, plan)
    await tag_pairs.sync(desk, api, pairs)


async def foresee(desk: Desk) -> None:
    """Count what `sync` would do."""
    api = TagsApi(desk.pleo)
    plan = await _planned(desk, api)
    desk.record.would(Action.ARCHIVED, [_group(one) for one in plan.archive])
    desk.record.would(Action.UNARCHIVED, [_group(one.group) for one in plan.unarchive])
    desk.record.would(Action.CREATED, [f"dimension {one.code} {one.name}" for one in plan.create])
    desk.record.done(Action.UNCHANGED, len(plan.keep))
    await tag_pairs.foresee(desk, api, (*plan.keep, *plan.unarchive), plan.create)


async def _planned(desk: Desk, api: TagsApi) -> GroupsPlan:
    """Read both sides and compare; groups that need a person's word are taken out unless it was given (TAG-061)."""
    selected = desk.configuration.dimensions
    if desk.body.dimensions is None:
        return GroupsPlan()  # nobody has chosen yet, and no choice is no reason to archive anything (TAG-023)
    if desk.only is not None and key(desk.only) not in map(key, selected):
        raise failing.Stopped(failing.not_ready(f"Dimension {desk.only} is not selected in the configuration."))
    dimensions = await desk.erp.dimensions()
    guard.believe(len(dimensions), len(selected), "dimensions")
    groups = await api.groups(desk.company_id)
    if not dimensions:
        return GroupsPlan()  # nothing selected, nothing offered: nobody works with dimensions here (TAG-032)
    managed = await configuration.ever_selected(desk.syncs.connections, desk.connection_id)
    plan = plan_groups(dimensions, selected, groups, managed={key(code) for code in managed}, only=desk.only)
    desk.record.tell(plan.troubles)
    if desk.may_archive([group.id for group in plan.ask]):
        desk.record.permitted += len(plan.ask)
        return replace(plan, archive=(*plan.archive, *plan.ask))
    desk.record.hold_back(group.id for group in plan.ask)
    for group in plan.ask:
        text = (
            f"Tag group {group.name} ({group.code}) is active in Pleo, but no dimension is selected for it. "
            "It will be archived once you allow it; or select its dimension in the configuration."
        )
        desk.record.note(_group(group), "archive", "needs_confirmation", text)
    return plan


async def _write_groups(desk: Desk, api: TagsApi, plan: GroupsPlan) -> list[Pair]:
    """Archive before the rest, so that never more than five are active (TAG-060). The pairs that stand afterwards."""
    ready = list(plan.keep)
    desk.record.done(Action.UNCHANGED, len(plan.keep))

    async def archive(group: TagGroup) -> Action:
        await api.update_group(group, archived=True)
        return Action.ARCHIVED

    async def unarchive(pair: Pair) -> Action:
        ready.append(Pair(pair.dimension, await _revived(api, pair)))
        return Action.UNARCHIVED

    async def create(dimension: MasterDimension) -> Action:
        ready.append(Pair(dimension, await _created(desk, api, dimension)))
        return Action.CREATED

    await each(desk, plan.archive, archive, named=_group, action="archive")
    await each(desk, plan.unarchive, unarchive, named=lambda pair: _group(pair.group), action="unarchive")
    await each(desk, plan.create, create, named=lambda one: f"dimension {one.code} {one.name}", action="create")
    return ready


async def _created(desk: Desk, api: TagsApi, dimension: MasterDimension) -> TagGroup:
    async def find() -> TagGroup | None:
        there = [group for group in await api.groups(desk.company_id) if key(group.code) == key(dimension.code)]
        return min(there, key=lambda group: (group.archived, group.id)) if there else None

    try:
        group = await surely(lambda: api.create_group(desk.company_id, dimension.code, _name(dimension)), find)
    except Conflict:
        found = await find()
        if found is None:
            raise
        group = found
    return await _revived(api, Pair(dimension, group)) if group.archived else group


async def _revived(api: TagsApi, pair: Pair) -> TagGroup:
    return await api.update_group(pair.group, archived=False, name=_name(pair.dimension))


def _name(dimension: MasterDimension) -> str:
    return dimension.name if dimension.name.strip() else dimension.code


def _group(group: TagGroup) -> str:
    return f"tag group {group.code} {group.name}"
