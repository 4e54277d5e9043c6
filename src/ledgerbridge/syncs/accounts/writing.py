"""Writing accounts: batches where many are new, one call each otherwise, and what Pleo may answer to each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from ledgerbridge.pleo.chart_of_accounts import (
    MAX_BATCH,
    Account,
    AccountsApi,
    BatchReason,
    CreatedAccount,
    NewAccount,
)
from ledgerbridge.pleo.errors import (
    BadRequest,
    Conflict,
    NotFound,
    PleoError,
    TooManyItems,
    Unprocessable,
)
from ledgerbridge.syncs.accounts.plan import Change, against
from ledgerbridge.syncs.apply import chunks, code_of, each, in_halves, surely, text_of
from ledgerbridge.syncs.desk import Desk
from ledgerbridge.syncs.record import Action

BATCH_FROM = 5
"""From so many new accounts on they go in batches (ACC-073)."""

_REFUSED_WHOLE = (BadRequest, Conflict, TooManyItems, Unprocessable)
_REASONS = {
    BatchReason.EXTERNAL_ID_TOO_LONG: "its identifier is too long",
    BatchReason.EXTERNAL_ID_EMPTY: "its identifier is empty",
    BatchReason.NAME_TOO_LONG: "its name is too long",
    BatchReason.NAME_EMPTY: "its name is empty",
    BatchReason.CODE_TOO_LONG: "its number is too long",
}


async def create(desk: Desk, api: AccountsApi, new: Sequence[NewAccount]) -> None:
    """Create accounts; those that turn out to be there are brought in step instead (A1, A15, A16)."""
    if len(new) < BATCH_FROM:
        await _singly(desk, api, new)
        return
    doubts = await _in_batches(desk, api, new)
    again = await _settle(desk, api, doubts)
    if len(again) < BATCH_FROM:
        await _singly(desk, api, [*again, *doubts.singly])
        return
    left = await _in_batches(desk, api, again)
    for one in await _settle(desk, api, left):
        text = "Pleo did not say twice what became of this account; the next run looks again."
        desk.record.failed(named_new(one), "create", "outcome_unknown", text)
    await _singly(desk, api, [*doubts.singly, *left.singly])


async def change(desk: Desk, api: AccountsApi, changes: Sequence[Change]) -> None:
    """Update and unarchive, one PUT each (A3 to A5)."""
    await each(
        desk, changes, lambda one: _put(desk, api, one), named=lambda one: named_new(one.wanted), action="update"
    )


async def archive(desk: Desk, api: AccountsApi, gone: Sequence[Account]) -> None:
    """Archive, with all that Pleo holds sent back unchanged (A6, A9, A11, ACC-085)."""

    async def put(one: Account) -> Action | None:
        shown = one.name if one.name.strip() else one.code or one.external_id
        wanted = NewAccount(one.external_id or one.id, shown, one.code, one.tax_code_external_id)
        done = await _put(desk, api, Change(one, wanted), archived=True)
        desk.record.gone.add(one.code or one.external_id or one.id)
        return done

    await each(desk, gone, put, named=name, action="archive")


def name(one: Account) -> str:
    """An account of Pleo as people know it."""
    return f"account {one.code or one.external_id} {one.name}".strip()


async def _put(desk: Desk, api: AccountsApi, one: Change, *, archived: bool = False) -> Action | None:
    wanted = one.wanted

    async def send(tax_code: str | None) -> None:
        await api.update(one.account, name=wanted.name, code=wanted.code, tax_code=tax_code, archived=archived)

    try:
        try:
            await send(wanted.tax_code)
        except BadRequest:
            if wanted.tax_code is None:
                raise
            await desk.still_ours()
            await send(None)
            _without_tax(desk, wanted)
    except NotFound:
        text = "Pleo no longer has this account; the next run creates it again if it is still needed."
        desk.record.skipped(named_new(wanted), "gone", text)
        return None
    if archived:
        return Action.ARCHIVED
    return Action.UNARCHIVED if one.account.archived else Action.UPDATED


def _without_tax(desk: Desk, wanted: NewAccount) -> None:
    """Pleo took it only without its tax code (ACC-111, A18)."""
    text = f"Pleo refused the tax code {wanted.tax_code} on this account, so it was sent without. Check the tax code."
    desk.record.note(named_new(wanted), "update", "tax_code_refused", text)


# ------------------------------------------------------------------ one by one


async def _singly(desk: Desk, api: AccountsApi, new: Sequence[NewAccount]) -> None:
    await each(desk, new, lambda one: _one(desk, api, one), named=named_new, action="create")


async def _one(desk: Desk, api: AccountsApi, new: NewAccount) -> Action | None:
    async def find() -> CreatedAccount | None:
        found = await api.find(desk.company_id, new.external_id)
        return CreatedAccount(found, existed=False) if found else None

    async def post(what: NewAccount) -> CreatedAccount:
        return await surely(lambda: api.create(desk.company_id, what), find)

    wanted = new
    try:
        try:
            made = await post(new)
        except BadRequest:
            if new.tax_code is None:
                raise
            await desk.still_ours()
            wanted = replace(new, tax_code=None)
            made = await post(wanted)
            _without_tax(desk, new)
    except Conflict:
        found = await api.find(desk.company_id, new.external_id)
        if found is None:
            raise
        made = CreatedAccount(found, existed=True)
    left = against(wanted, made.account)
    if left is not None:
        await desk.still_ours()
        done = await _put(desk, api, left)
        return done if made.existed else Action.CREATED
    return Action.UNCHANGED if made.existed else Action.CREATED


# ------------------------------------------------------------------ in batches


@dataclass
class _Doubts:
    """What batches leave to be settled."""

    lost: list[NewAccount] = field(default_factory=list)
    """No answer, or not named in it: they may or may not stand (ACC-117)."""
    taken: list[NewAccount] = field(default_factory=list)
    """Their external id exists already (A16)."""
    singly: list[NewAccount] = field(default_factory=list)
    """To be created alone, which tells more than OTHER does (ACC-119)."""


async def _in_batches(desk: Desk, api: AccountsApi, new: Sequence[NewAccount]) -> _Doubts:
    doubts = _Doubts()
    settled: set[str] = set()

    def refused(one: NewAccount, error: PleoError) -> None:
        settled.add(one.external_id)
        desk.record.failed(named_new(one), "create", code_of(error), text_of(error))

    async def call(some: Sequence[NewAccount]) -> None:
        await desk.still_ours()
        answer = await api.create_batch(desk.company_id, some)
        wanted = {one.external_id: one for one in some}
        settled.update(wanted)
        desk.record.done(Action.CREATED, sum(one.external_id in wanted for one in answer.created))
        doubts.lost += [wanted[key] for key in answer.unanswered]
        for one in answer.refused:
            if one.external_id in wanted:
                _refused_item(desk, doubts, wanted[one.external_id], one.reasons)

    async def batch(some: Sequence[NewAccount]) -> None:
        await in_halves(some, call, refused, splits=_REFUSED_WHOLE)

    def lost(some: Sequence[NewAccount]) -> None:
        doubts.lost += [one for one in some if one.external_id not in settled]

    bundles = list(chunks(new, MAX_BATCH))
    await each(
        desk,
        bundles,
        batch,
        named=lambda some: f"{len(some)} accounts",
        action="create",
        count=lambda some: sum(one.external_id not in settled for one in some),
        lost=lost,
    )
    return doubts


def _refused_item(desk: Desk, doubts: _Doubts, one: NewAccount, reasons: Sequence[str]) -> None:
    """ACC-118 to -120: one item may carry several reasons, and new ones may come."""
    if BatchReason.EXTERNAL_ID_ALREADY_EXISTS in reasons:
        doubts.taken.append(one)
    elif set(reasons) <= {BatchReason.OTHER}:
        doubts.singly.append(one)
    else:
        told = ", ".join(_REASONS.get(BatchReason(r), r) if r in set(BatchReason) else r for r in reasons)
        desk.record.failed(
            named_new(one),
            "create",
            reasons[0].lower(),
            f"Pleo refused it: {told}. Correct it in the accounting system.",
        )


async def _settle(desk: Desk, api: AccountsApi, doubts: _Doubts) -> list[NewAccount]:
    """Read before anything is repeated: bring what stands in step, return what was lost and stands nowhere."""
    if not (doubts.lost or doubts.taken):
        return []
    there = await _there(desk, api, [*doubts.lost, *doubts.taken])
    changes = []
    for one, was_lost in [*((one, True) for one in doubts.lost), *((one, False) for one in doubts.taken)]:
        found = there.get(one.external_id)
        if found is None:
            if not was_lost:
                text = "Pleo says that it has this account but does not show it. Ask Pleo to look for its identifier."
                desk.record.failed(named_new(one), "create", "external_id_taken", text)
        elif left := against(one, found):
            changes.append(left)
        else:
            desk.record.done(Action.CREATED if was_lost else Action.UNCHANGED)
    await change(desk, api, changes)
    return [one for one in doubts.lost if one.external_id not in there]


async def _there(desk: Desk, api: AccountsApi, some: Sequence[NewAccount]) -> dict[str, Account]:
    """Accounts by external id, active before archived: a few are searched for, many are read with all."""
    if len(some) < BATCH_FROM:
        found = [await api.find(desk.company_id, one.external_id) for one in some]
        return {one.external_id: one for one in found if one is not None}
    listed = await api.all(desk.company_id)
    return {one.external_id: one for one in sorted(listed, key=lambda one: one.archived, reverse=True)}


def named_new(one: NewAccount) -> str:
    """An account to come, as people know it."""
    return f"account {one.code or one.external_id} {one.name}"
