"""Writing tags: bulk archives, bulk unarchives, then renames and creates, with what Pleo may answer to each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ledgerbridge.bookkeeping.master_data import MasterValue
from ledgerbridge.pleo.errors import BadRequest, Conflict, NotFound, PleoError, Unprocessable
from ledgerbridge.pleo.tags import MAX_ARCHIVED, Tag, TagsApi
from ledgerbridge.syncs.apply import chunks, code_of, each, in_halves, refuse, text_of
from ledgerbridge.syncs.desk import Desk
from ledgerbridge.syncs.failing import concerns_all
from ledgerbridge.syncs.record import Action
from ledgerbridge.syncs.tags.groups import Pair
from ledgerbridge.syncs.tags.values import NewTag, Rename, TagsPlan, plan_tags

_REFUSED_WHOLE = (BadRequest, Conflict, NotFound, Unprocessable)


@dataclass
class Planned:
    """One pair with its plan, and what the writing of it ran into."""

    pair: Pair
    plan: TagsPlan
    full: BadRequest | None = None
    """Pleo refused a new tag: perhaps the ceiling of the group, so no more are tried (TAG-112, TAG-142)."""
    missing: int = 0
    """Values that have no tag because of it."""
    taken: list[NewTag] = field(default_factory=list)
    """Codes Pleo says it has already (TAG-140)."""
    lost: list[NewTag] = field(default_factory=list)
    """Creates without an answer."""

    @property
    def code(self) -> str:
        return self.pair.dimension.code


@dataclass(frozen=True, slots=True)
class _One:
    """One call about one tag."""

    of: Planned
    wanted: NewTag
    rename: Rename | None = None
    """None for a create."""

    @property
    def name(self) -> str:
        return f"{self.of.code}: {self.wanted.code} {self.wanted.name}"


async def write(desk: Desk, api: TagsApi, planned: Sequence[Planned], archive: Sequence[Tag]) -> None:
    """Carry out the plans of all pairs; `archive` are the tags that may be archived."""
    await _bulk(desk, api, archive, archived=True)
    await _bulk(desk, api, [tag for one in planned for tag in one.plan.revive], archived=False)
    calls = [_One(one, rename.wanted, rename) for one in planned for rename in one.plan.rename]
    calls += [_One(one, new) for one in planned for new in one.plan.create]
    await _single(desk, api, calls)
    for one in planned:
        await _look_again(desk, api, one)
        _report_full(desk, one)


async def _bulk(desk: Desk, api: TagsApi, tags: Sequence[Tag], *, archived: bool) -> None:
    action = "archive" if archived else "unarchive"
    settled: set[str] = set()

    def refused(tag: Tag, error: PleoError) -> None:
        settled.add(tag.id)
        desk.record.failed(named(tag), action, code_of(error), text_of(error))

    async def call(bundle: Sequence[Tag]) -> None:
        await desk.still_ours()
        answer = await api.archive_tags(desk.company_id, [tag.id for tag in bundle], archived=archived)
        settled.update(tag.id for tag in bundle)
        desk.record.done(Action.ARCHIVED if archived else Action.UNARCHIVED, len(answer.tags))
        for tag in bundle:
            if tag.id in answer.unconfirmed:
                text = "Pleo took the request but does not show this tag as changed; the next run looks again."
                desk.record.failed(named(tag), action, "not_confirmed", text)

    async def bundle(some: Sequence[Tag]) -> None:
        await in_halves(some, call, refused, splits=_REFUSED_WHOLE)

    await each(
        desk,
        chunks(tags, MAX_ARCHIVED),
        bundle,
        named=lambda some: f"{len(some)} tags to {action}",
        action=action,
        count=lambda some: sum(tag.id not in settled for tag in some),
    )


async def _single(desk: Desk, api: TagsApi, calls: Sequence[_One], *, last: bool = False) -> None:
    """Renames and creates side by side. With `last` a code that is taken or an answer that is lost is final."""

    async def put(one: _One, rename: Rename) -> Action | None:
        try:
            await api.update_tag(rename.tag, name=rename.wanted.name, archived=False)
        except NotFound:
            return await post(one)  # gone: the value has no tag (TAG-143)
        except Conflict:
            text = (
                f"Pleo says that another tag of dimension {one.of.code} has the code {rename.tag.code}. "
                "The tag was left as it is; archive or rename the other one in Pleo."
            )
            desk.record.failed(one.name, "update", "code_clash", text)
            return None
        return Action.UNARCHIVED if rename.tag.archived else Action.UPDATED

    async def post(one: _One) -> Action | None:
        if one.of.full is not None:
            one.of.missing += 1
            return None
        try:
            await api.create_tag(one.of.pair.group.id, one.wanted.code, one.wanted.name)
        except BadRequest as error:
            one.of.full = error
            one.of.missing += 1
            return None
        except Conflict:
            if last:
                raise
            one.of.taken.append(one.wanted)
            return None
        return Action.CREATED

    await each(
        desk,
        calls,
        lambda one: put(one, one.rename) if one.rename else post(one),
        named=lambda one: one.name,
        action="create",
        lost=None if last else lambda one: one.of.lost.append(one.wanted),
    )


async def _look_again(desk: Desk, api: TagsApi, one: Planned) -> None:
    """After a 409 or a lost answer: read the group once more, match again, then repeat only what is not there."""
    if not (one.taken or one.lost):
        return
    doubtful = [MasterValue(new.code, new.code, new.name, active=True) for new in (*one.taken, *one.lost)]
    try:
        tags = await api.tags(one.pair.group.id)
    except PleoError as error:
        if concerns_all(error):
            raise
        refuse(desk, f"dimension {one.code}", "create", error, count=len(doubtful))
        return
    plan = plan_tags(one.code, doubtful, tags)
    lost = {new.code for new in one.lost}
    calls = [_One(one, rename.wanted, rename) for rename in (*plan.rename, *map(_as_it_is, plan.revive))]
    desk.record.done(Action.CREATED, plan.unchanged)
    for new in plan.create:
        if new.code in lost:
            calls.append(_One(one, new))
        else:
            text = (
                f"Pleo says that the code {new.code} is taken but shows no tag of dimension {one.code} with it. "
                "Look for it in other tag groups of Pleo."
            )
            desk.record.failed(f"{one.code}: {new.code} {new.name}", "create", "code_taken", text)
    await _single(desk, api, calls, last=True)


def _report_full(desk: Desk, one: Planned) -> None:
    if one.full is None:
        return
    text = (
        f"Pleo takes no more tags for dimension {one.code}, perhaps because the group is full: {one.missing} values "
        f"are missing in Pleo. Block values that are no longer used in the accounting system. {text_of(one.full)}"
    )
    desk.record.failed(f"dimension {one.code}", "create", "group_refuses", text, count=one.missing)


def _as_it_is(tag: Tag) -> Rename:
    return Rename(tag, NewTag(tag.code, tag.name or tag.code))


def named(tag: Tag) -> str:
    """A tag of Pleo as people know it."""
    return f"tag {tag.code} {tag.name or ''}".strip()
