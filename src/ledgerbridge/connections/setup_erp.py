"""The first step of the set-up: an access to an ERP is tried, a company of it chosen, and that one bound.

What is tried is kept sealed until it is bound, discarded or old, so that nobody enters a key twice. A key is never
shown again, and never sent to another place than the one it was entered for.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ledgerbridge.bookkeeping.problem import text_apart
from ledgerbridge.connections import erp_binding
from ledgerbridge.connections.context import Connections
from ledgerbridge.connections.drafts import Kept, change, kept_of
from ledgerbridge.connections.erp_binding import Bound
from ledgerbridge.connections.errors import BindingRefused, Fault
from ledgerbridge.connections.sealed import BIND_AGAIN, opened
from ledgerbridge.connections.setup import Step
from ledgerbridge.erp.adapter import Adapter, SettingField, SettingKind, SettingsError
from ledgerbridge.erp.port import ErpCompany, ErpError
from ledgerbridge.store.tables import ErpBinding, SetupDraft

_KIND = "kind"
COMPANIES = "companies"
"""Under this name a draft's answers hold what the access showed."""


@dataclass(frozen=True, slots=True)
class Tried:
    """An access that was entered and not bound yet."""

    kind: str
    entered: Mapping[str, str]
    """As sent, secrets left out."""
    companies: tuple[ErpCompany, ...]
    """What it showed; empty when it did not work."""
    has_secret: bool
    """Whether its secrets are kept, so that they may be left empty."""
    at: str
    """When; names this test, so that nobody chooses from a list that another tab has replaced."""


def tried_of(kept: Kept | None, *, has_secret: bool) -> Tried | None:
    """What of a draft is an access under test."""
    if kept is None:
        return None
    entered = {name: value for name, value in kept.entered.items() if name != _KIND}
    companies = tuple(ErpCompany(**one) for one in (kept.answers or {}).get(COMPANIES, ()))
    return Tried(kept.entered.get(_KIND, ""), entered, companies, has_secret, kept.at.isoformat())


async def tried(room: Connections, connection_id: uuid.UUID) -> Tried | None:
    """The access under test; None when there is none. Raises nothing of its own."""
    async with room.db.transaction() as session:
        draft = await session.get(SetupDraft, connection_id)
        if draft is None:
            return None
        return tried_of(kept_of(draft).get(Step.ERP), has_secret=draft.settings_sealed is not None)


async def enter(
    room: Connections, connection_id: uuid.UUID, kind: str, given: Mapping[str, str], actor: str
) -> Sequence[ErpCompany]:
    """Try an access and keep it, whether or not it works; the companies to choose from.

    A secret that is left out is the one tried before, else the bound one, if it was entered for the same place. Raises
    `BindingRefused` naming the faulty settings by `settings.<name>`, `SecretUnreadable` and `ConnectionUnknown`.
    """
    adapter = erp_binding.adapter_of(room, kind)
    secret = adapter.secret_fields()
    settings = _asked_for(adapter, given)
    shown = {_KIND: adapter.kind} | {name: value for name, value in settings.items() if name not in secret}
    stored = await _stored(room, connection_id, adapter) if secret - settings.keys() else {}
    try:
        settings |= _secrets(adapter, settings, stored)
        found = await adapter.companies(_without_company(adapter, settings), room.observe_erp)
    except SettingsError as error:
        await _keep(room, connection_id, shown, None, _with_secret(adapter, settings), actor)
        faults = [Fault(f"settings.{name}", text) for name, text in error.errors.items()]
        raise BindingRefused("settings_refused", "The access to the accounting system is not right.", faults) from None
    except ErpError as error:
        await _keep(room, connection_id, shown, None, _with_secret(adapter, settings), actor)
        raise BindingRefused(error.problem.failure.value, text_apart(error.problem)) from error
    await _keep(room, connection_id, shown, found, settings, actor)
    return found


async def note(room: Connections, connection_id: uuid.UUID, kind: str, given: Mapping[str, str], actor: str) -> None:
    """Keep an access that was entered for later, without trying it. Raises `BindingRefused`, `ConnectionUnknown`."""
    adapter = erp_binding.adapter_of(room, kind)
    settings = _asked_for(adapter, given)
    shown = {name: value for name, value in settings.items() if name not in adapter.secret_fields()}
    await _keep(room, connection_id, {_KIND: adapter.kind} | shown, None, _with_secret(adapter, settings), actor)


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
        under_test = tried_of(kept_of(draft).get(Step.ERP), has_secret=False) if draft else None
        sealed = draft.settings_sealed if draft else None
    if under_test is None or sealed is None or not under_test.companies:
        raise BindingRefused("not_tested", "Test the connection first.")
    if under_test.at != shown_at:
        raise BindingRefused("tested_anew", "The connection was tested anew meanwhile. Look at its companies again.")
    adapter = erp_binding.adapter_of(room, under_test.kind)
    field = company_field(adapter)
    if company not in {one.id for one in under_test.companies}:
        raise BindingRefused(
            "settings_refused", "Choose one of the companies.", [Fault("company", "Choose a company.")]
        )
    settings = _opened(room, connection_id, sealed, adapter) | ({field.name: company} if field else {})
    bound = await erp_binding.bind(
        room, connection_id, adapter.kind, settings, actor, confirm_company_change=confirm_company_change
    )
    await forget(room, connection_id, actor, finished=True)
    return bound


async def forget(room: Connections, connection_id: uuid.UUID, actor: str, *, finished: bool = False) -> None:
    """Forget the access under test; what is bound stays. Raises `ConnectionUnknown`."""
    async with change(room, connection_id, actor) as draft:
        draft.body = {name: kept for name, kept in draft.body.items() if name != Step.ERP.value}
        draft.settings_sealed = None
        if finished:
            draft.step = Step.ERP.value


def company_field(adapter: Adapter) -> SettingField | None:
    """The setting that names the company; None where an access belongs to one company alone."""
    return next((one for one in adapter.form() if one.kind is SettingKind.COMPANY), None)


def _asked_for(adapter: Adapter, given: Mapping[str, str]) -> dict[str, Any]:
    """What was entered of the settings there are."""
    return {one.name: given[one.name] for one in adapter.form() if given.get(one.name)}


def _without_company(adapter: Adapter, settings: Mapping[str, Any]) -> dict[str, Any]:
    field = company_field(adapter)
    return {name: value for name, value in settings.items() if field is None or name != field.name}


def _secrets(adapter: Adapter, settings: Mapping[str, Any], stored: Mapping[str, Any]) -> dict[str, Any]:
    """Stored secrets that were left out now. Raises `SettingsError` where they belong to another place."""
    kept = {name: stored[name] for name in adapter.secret_fields() - settings.keys() if name in stored}
    labels = {one.name: one.label for one in adapter.form()}
    moved = [one.label for one in adapter.form() if one.place and stored.get(one.name) != settings.get(one.name)]
    if kept and moved:
        because = f"because this changed: {', '.join(moved)}."
        raise SettingsError({name: f"Enter “{labels[name]}” again, {because}" for name in sorted(kept)})
    return kept


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


def _with_secret(adapter: Adapter, settings: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Settings worth keeping sealed: those with a secret in them."""
    return settings if adapter.secret_fields() & settings.keys() else None


async def _keep(
    room: Connections,
    connection_id: uuid.UUID,
    shown: Mapping[str, str],
    found: Sequence[ErpCompany] | None,
    settings: Mapping[str, Any] | None,
    actor: str,
) -> None:
    answers = {COMPANIES: [asdict(one) for one in found]} if found is not None else None
    kept = Kept(dict(shown), answers, room.now())
    async with change(room, connection_id, actor) as draft:
        draft.body = draft.body | {Step.ERP.value: kept.stored()}
        if settings is not None:
            draft.settings_sealed = room.vault.seal(
                json.dumps({_KIND: shown[_KIND], "settings": dict(settings)}),
                table="setup_drafts",
                column="settings_sealed",
                row=connection_id,
            )
