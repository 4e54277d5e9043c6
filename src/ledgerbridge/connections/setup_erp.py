"""The first step of the set-up: an access to an ERP is tried, a company of it chosen, and that one bound.

What is tried is kept sealed until it is bound, discarded or old, so that nobody enters a key or uploads a file twice.
A key is never shown again, and never sent to another place than the one it was entered for.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy.orm import defer

from ledgerbridge.bookkeeping.problem import text_apart
from ledgerbridge.connections import erp_binding, erp_settings, setup
from ledgerbridge.connections.context import Connections
from ledgerbridge.connections.drafts import Kept, change, kept_of
from ledgerbridge.connections.erp_binding import Bound
from ledgerbridge.connections.errors import BindingRefused, Fault, SecretUnreadable
from ledgerbridge.connections.sealed import BIND_AGAIN, opened
from ledgerbridge.connections.setup import Step
from ledgerbridge.connections.setup_entry import Entry, Given, handed_on, read, refuse_files, texts, told
from ledgerbridge.erp.adapter import Adapter, SettingsError
from ledgerbridge.erp.port import Capabilities, ErpCompany, ErpError
from ledgerbridge.store.tables import ErpBinding, SetupDraft

_KIND = "kind"
COMPANIES = "companies"
"""Under this name a draft's answers hold what the access showed."""
_NO_DIMENSIONS = {"dimensions": [], "not_applicable": "yes"}
"""What counts as entered where the ERP knows no dimensions."""


@dataclass(frozen=True, slots=True)
class Tried:
    """An access that was entered and not bound yet."""

    kind: str
    entered: Mapping[str, str]
    """As sent, secrets and files left out."""
    companies: tuple[ErpCompany, ...]
    """What it showed; empty when it did not work."""
    at: str
    """When; names this test, so that nobody chooses from a list that another tab has replaced."""


def tried_of(kept: Kept | None) -> Tried | None:
    """What of a draft is an access under test."""
    if kept is None:
        return None
    entered = {name: value for name, value in kept.entered.items() if name != _KIND}
    companies = tuple(ErpCompany(**one) for one in (kept.answers or {}).get(COMPANIES, ()))
    return Tried(kept.entered.get(_KIND, ""), entered, companies, kept.at.isoformat())


async def tried(room: Connections, connection_id: uuid.UUID) -> Tried | None:
    """The access under test; None when there is none. Raises nothing of its own."""
    async with room.db.transaction() as session:
        draft = await session.get(SetupDraft, connection_id, options=[defer(SetupDraft.settings_sealed)])
        return tried_of(kept_of(draft).get(Step.ERP)) if draft is not None else None


async def held(room: Connections, connection_id: uuid.UUID, adapter: Adapter) -> Mapping[str, str]:
    """Secrets and files that are kept and may be left out, each with what is shown of it: nothing of a secret.

    None where they do not open.
    """
    try:
        stored = await _stored(room, connection_id, adapter)
    except SecretUnreadable:
        return {}
    may_stay = erp_settings.left_out(adapter, texts(adapter, stored), stored)
    return {name: "" if name in adapter.secret_fields() else told(value) for name, value in may_stay.items()}


async def enter(
    room: Connections, connection_id: uuid.UUID, kind: str, given: Given, actor: str
) -> Sequence[ErpCompany]:
    """Try an access and keep it, whether or not it works; the companies to choose from.

    A secret or file that is left out is the one tried before, else the bound one; a secret only at the place it was
    entered for. A file that is at fault is not kept. Raises `BindingRefused` naming the faulty settings by
    `settings.<name>`, `SecretUnreadable` and `ConnectionUnknown`.
    """
    adapter = erp_binding.adapter_of(room, kind)
    entry = await _entry(room, connection_id, adapter, given)
    try:
        refuse_files(given)
        whole = await read(adapter, erp_settings.completed(adapter, entry.settings, entry.stored))
        found = await adapter.companies(handed_on(adapter, whole), room.observe_erp)
    except SettingsError as error:
        await _keep(room, connection_id, entry.without(error.errors), actor)
        faults = [Fault(f"settings.{name}", text) for name, text in error.errors.items()]
        raise BindingRefused("settings_refused", "The access to the accounting system is not right.", faults) from None
    except ErpError as error:
        await _keep(room, connection_id, entry, actor)
        raise BindingRefused(error.problem.failure.value, text_apart(error.problem)) from error
    await _keep(room, connection_id, entry, actor, works=(whole, found))
    return found


async def note(room: Connections, connection_id: uuid.UUID, kind: str, given: Given, actor: str) -> None:
    """Keep an access that was entered for later, without trying it.

    Raises `BindingRefused` for a file that is too large, `SecretUnreadable` and `ConnectionUnknown`.
    """
    adapter = erp_binding.adapter_of(room, kind)
    entry = await _entry(room, connection_id, adapter, given)
    try:
        refuse_files(given)
    except SettingsError as error:
        await _keep(room, connection_id, entry.without(error.errors), actor)
        faults = [Fault(f"settings.{name}", text) for name, text in error.errors.items()]
        raise BindingRefused("settings_refused", "This file cannot be kept.", faults) from None
    await _keep(room, connection_id, entry, actor)


async def choose(
    room: Connections,
    connection_id: uuid.UUID,
    company: str,
    actor: str,
    *,
    shown_at: str,
    confirm_company_change: bool = False,
) -> Bound:
    """Bind one of the companies that the access tried at `shown_at` showed, and forget the test. Raises as `bind`."""
    async with room.db.transaction() as session:
        draft = await session.get(SetupDraft, connection_id)
        under_test = tried_of(kept_of(draft).get(Step.ERP)) if draft else None
        sealed = draft.settings_sealed if draft else None
    if under_test is None or sealed is None or not under_test.companies:
        raise BindingRefused("not_tested", "Test the connection first.")
    if under_test.at != shown_at:
        raise BindingRefused("tested_anew", "The connection was tested anew meanwhile. Look at its companies again.")
    adapter = erp_binding.adapter_of(room, under_test.kind)
    field = erp_settings.company_field(adapter)
    if company not in {one.id for one in under_test.companies}:
        raise BindingRefused(
            "settings_refused", "Choose one of the companies.", [Fault("company", "Choose a company.")]
        )
    kept = handed_on(adapter, _opened(room, connection_id, sealed, adapter))
    forgotten = dict.fromkeys(erp_settings.held(adapter) - kept.keys())
    settings = forgotten | kept | ({field.name: company} if field else {})
    bound = await erp_binding.bind(
        room, connection_id, adapter.kind, settings, actor, confirm_company_change=confirm_company_change
    )
    await _without_dimensions(room, connection_id, bound.capabilities, actor)
    await forget(room, connection_id, actor, finished=True)
    return bound


async def forget(room: Connections, connection_id: uuid.UUID, actor: str, *, finished: bool = False) -> None:
    """Forget the access under test; what is bound stays. Raises `ConnectionUnknown`."""
    async with change(room, connection_id, actor) as draft:
        draft.body = {name: kept for name, kept in draft.body.items() if name != Step.ERP.value}
        draft.settings_sealed = None
        if finished:
            draft.step = Step.ERP.value


async def _entry(room: Connections, connection_id: uuid.UUID, adapter: Adapter, given: Given) -> Entry:
    entry = Entry.of(adapter, given)
    if not entry.may_be_left_out:
        return entry
    try:
        stored = await _stored(room, connection_id, adapter)
    except SecretUnreadable:
        if erp_settings.needed(adapter, entry.settings):
            raise
        return entry
    return entry.beside(stored, erp_settings.removed(adapter, given))


async def _stored(room: Connections, connection_id: uuid.UUID, adapter: Adapter) -> dict[str, Any]:
    """The settings tried before, else the bound ones, secrets included; empty for another kind."""
    async with room.db.transaction() as session:
        draft = await session.get(SetupDraft, connection_id)
        binding = await session.get(ErpBinding, connection_id)
    under_test = draft.settings_sealed if draft else None
    if under_test is not None and (found := _opened(room, connection_id, under_test, adapter)):
        return found
    if binding is None or binding.settings_sealed is None or binding.kind != adapter.kind:
        return {}
    text = opened(
        room.vault, binding.settings_sealed, table="erp_bindings", column="settings_sealed", row=connection_id,
        remedy=BIND_AGAIN,
    )  # fmt: skip
    return dict(json.loads(text))


def _opened(room: Connections, connection_id: uuid.UUID, sealed: bytes, adapter: Adapter) -> dict[str, Any]:
    """The settings under test; empty when they are of another kind."""
    text = opened(
        room.vault, sealed, table="setup_drafts", column="settings_sealed", row=connection_id, remedy=BIND_AGAIN
    )
    kept = json.loads(text)
    return dict(kept["settings"]) if kept[_KIND] == adapter.kind else {}


async def _keep(
    room: Connections,
    connection_id: uuid.UUID,
    entry: Entry,
    actor: str,
    *,
    works: tuple[Mapping[str, Any], Sequence[ErpCompany]] | None = None,
) -> None:
    """Keep what was entered; with `works`, the settings that worked and the companies they showed."""
    adapter = entry.adapter
    settings: Mapping[str, Any] | None
    if works is not None:
        settings, answers = works[0], {COMPANIES: [asdict(one) for one in works[1]]}
    else:
        settings, answers = erp_settings.kept(adapter, entry.settings, entry.stored), None
    kept = Kept({_KIND: adapter.kind} | texts(adapter, entry.settings), answers, room.now())
    async with change(room, connection_id, actor) as draft:
        draft.body = draft.body | {Step.ERP.value: kept.stored()}
        if settings is not None:
            draft.settings_sealed = room.vault.seal(
                json.dumps({_KIND: adapter.kind, "settings": dict(settings)}),
                table="setup_drafts",
                column="settings_sealed",
                row=connection_id,
            )


async def _without_dimensions(room: Connections, connection_id: uuid.UUID, able: Capabilities, actor: str) -> None:
    """Nobody is asked for dimensions where the ERP knows none, and is asked again where it does."""
    found = await setup.read(room, connection_id)
    kept = found.draft.get(Step.DIMENSIONS)
    if not able.dimensions and found.in_force is None:
        await setup.keep(room, connection_id, Step.DIMENSIONS, _NO_DIMENSIONS, actor, answers={"dimensions": []})
    elif able.dimensions and kept is not None and kept.entered == _NO_DIMENSIONS:
        await setup.discard(room, connection_id, Step.DIMENSIONS, actor)
