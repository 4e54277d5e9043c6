"""Binding a connection to one ERP company: checked live, pinned, and never shared (EXP-ENT-01, EXP-ENT-02)."""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from ledgerbridge.connections import erp_settings, leaving
from ledgerbridge.connections.context import Connections
from ledgerbridge.connections.errors import BindingRefused, Fault, SecretUnreadable
from ledgerbridge.connections.limits import limits_of
from ledgerbridge.connections.rows import connection_row
from ledgerbridge.connections.sealed import BIND_AGAIN, opened
from ledgerbridge.connections.voucher_rows import bare
from ledgerbridge.erp.adapter import Adapter, SettingsError
from ledgerbridge.erp.port import Capabilities, ErpCompany, ErpError
from ledgerbridge.erp.registry import Adapters
from ledgerbridge.store import audit
from ledgerbridge.store.leases import LeaseKeeper, LeaseLost, acquire
from ledgerbridge.store.tables import ConnectionStatus, ErpBinding, Posting, PostingState, Settlement, VendorLink

_LEASE_SECONDS = 30
_LIVE = (PostingState.INTENDED, PostingState.BOOKED, PostingState.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Bound:
    """What was bound, for a person to confirm at a glance."""

    kind: str
    settings: Mapping[str, Any]
    """Without secrets, and of a file its summary."""
    company: ErpCompany
    capabilities: Capabilities
    limits: str | None = None
    """What the set-up of the ERP keeps us from, in words; no error."""
    replaced: Mapping[str, str] = field(default_factory=dict)
    """Summaries of files of the same company that took the place of others: the mirror is to be read anew."""


async def bind(
    room: Connections,
    connection_id: uuid.UUID,
    kind: object,
    settings: object,
    actor: str,
    *,
    confirm_company_change: bool = False,
) -> Bound:
    """Bind an ERP company after reading it live; its name and registration number are pinned.

    A secret that is left out keeps its stored value, unless the address it belongs to changed; a file always does. One
    that may be missing is forgotten when it is None. Moving a connection
    that has booked something to another ERP company needs `confirm_company_change`, because what was booked stays where
    it is. Raises `BindingRefused` and `ConnectionUnknown`; nothing changes then.
    """
    adapter = adapter_of(room, kind)
    async with room.db.transaction() as session:
        await _bindable(session, connection_id)
        old = await session.get(ErpBinding, connection_id)
    stored = _stored(room, old, adapter, settings)
    checked = await _checked(adapter, settings, stored)
    company, able, limits = await _read_company(room, adapter, checked)
    shown = erp_settings.shown(adapter, checked)
    key = company_key(adapter.kind, erp_settings.place(adapter, able, shown, connection_id), company.id)
    replaced = erp_settings.replaced(adapter, checked, stored)
    sealed = room.vault.seal(json.dumps(checked), table="erp_bindings", column="settings_sealed", row=connection_id)
    moving = old is not None and _moved_from(old, adapter, able, key, company) is not None
    try:
        async with AsyncExitStack() as stack:
            if moving:
                await stack.enter_async_context(_no_export(room, connection_id))
                await leaving.close_books(room, connection_id)
            elif able.files and stored and checked != stored:
                # What waits leaves as it was booked: another template or chart may have no place for all of it.
                await leaving.close_books(room, connection_id, bring=False)
            session = await stack.enter_async_context(room.db.transaction())
            await _bindable(session, connection_id, lock=True)
            binding = await session.get(ErpBinding, connection_id)
            if binding is None:
                binding = ErpBinding(connection_id=connection_id)
                session.add(binding)
            moved_from = _moved_from(binding, adapter, able, key, company)
            if moved_from is not None:
                await _refuse_silent_move(session, binding, company, confirm_company_change)
                await _leave_behind(session, connection_id, moved_from)
            binding.kind, binding.company_key = adapter.kind, key
            binding.settings_sealed, binding.settings_shown = sealed, shown
            binding.company_ref, binding.company_name = company.id, company.name
            binding.registration_number, binding.currency = company.registration_number, company.currency
            binding.limits, binding.bound_at, binding.bound_by = limits, room.now(), actor
            audit.record(
                session, actor, "erp_bound", connection_id, kind=adapter.kind, company=company.name,
                registration_number=company.registration_number, moved_from=moved_from, **_told(replaced),
            )  # fmt: skip
    except LeaseLost:
        raise _export_running() from None
    except IntegrityError as error:
        if "company_key" not in str(error.orig):
            raise
        raise BindingRefused(
            "erp_company_taken",
            f"{company.name} is already connected to another Pleo company. "
            "One ERP company belongs to one Pleo company; choose another one, or disconnect it there first.",
        ) from None
    return Bound(adapter.kind, shown, company, able, limits, {} if moved_from else replaced)


@asynccontextmanager
async def _no_export(room: Connections, connection_id: uuid.UUID) -> AsyncIterator[None]:
    """No export is worked meanwhile: what a job under way booked next would still go into the company that is left.

    Raises `BindingRefused`, and `LeaseLost` when it took too long.
    """
    lease = await acquire(room.db, connection_id, f"binding/{uuid.uuid4()}", _LEASE_SECONDS)
    if lease is None:
        raise _export_running()
    async with LeaseKeeper(room.db, lease, _LEASE_SECONDS):
        yield


def _export_running() -> BindingRefused:
    return BindingRefused(
        "export_running",
        "An export of this company is being worked right now. Nothing was changed. Try again when it has ended.",
    )


def company_key(kind: str, place: Mapping[str, Any], company_id: str) -> str:
    """Names an ERP company among all ERPs: two bindings to the same company have the same key (EXP-ENT-01)."""
    spelt = {
        name: value.lower() if isinstance(value, str) and "://" in value else value for name, value in place.items()
    }
    return json.dumps([kind, spelt, company_id], sort_keys=True)


def _told(replaced: Mapping[str, str]) -> dict[str, Any]:
    return {"replaced": dict(replaced)} if replaced else {}


def adapter_of(room: Connections, kind: object) -> Adapter:
    """The adapter of a kind. Raises `BindingRefused`."""
    if isinstance(kind, str) and isinstance(room.erps, Adapters) and kind in room.erps.left_out:
        raise BindingRefused(
            "kind_left_out",
            "This kind of accounting system does not work at the moment: what speaks to it is installed and cannot be "
            "used. `ledgerbridge doctor` tells operators why. Nothing was changed.",
            [Fault("kind", "cannot be used at the moment")],
        )
    if not isinstance(kind, str) or kind not in room.erps:
        raise BindingRefused(
            "kind_unknown", "This kind of accounting system is not supported.",
            [Fault("kind", f"must be one of {', '.join(sorted(room.erps))}")],
        )  # fmt: skip
    return room.erps[kind]


async def _bindable(session: AsyncSession, connection_id: uuid.UUID, *, lock: bool = False) -> None:
    connection = await connection_row(session, connection_id, lock=lock)
    if connection.status == ConnectionStatus.DISCONNECTED:
        raise BindingRefused("disconnected", "This company is disconnected from Pleo. Connect it there again first.")


def _stored(room: Connections, old: ErpBinding | None, adapter: Adapter, settings: object) -> dict[str, Any]:
    """The bound settings, secrets included, where something of them may stay; empty for another kind."""
    if not erp_settings.held(adapter) or old is None or old.settings_sealed is None or old.kind != adapter.kind:
        return {}
    try:
        text = opened(
            room.vault, old.settings_sealed, table="erp_bindings", column="settings_sealed", row=old.connection_id,
            remedy=BIND_AGAIN,
        )  # fmt: skip
    except SecretUnreadable:
        if isinstance(settings, dict) and erp_settings.needed(adapter, settings):
            raise
        return {}
    return dict(json.loads(text))


async def _checked(adapter: Adapter, settings: object, stored: Mapping[str, Any]) -> dict[str, Any]:
    """The settings as they will be stored, with secrets and files that were left out taken from the stored ones."""
    if not isinstance(settings, dict):
        raise BindingRefused("settings_refused", "The settings are missing.", [Fault("settings", "must be an object")])
    forgotten = erp_settings.removed(adapter, settings)
    stored = {name: value for name, value in stored.items() if name not in forgotten}
    try:
        sent = erp_settings.uploaded(adapter, erp_settings.given(adapter, settings), stored)
        left = erp_settings.left_out(adapter, sent, stored)
        checked = await erp_settings.checked(adapter, {**sent, **left})
        # A stored key must never be sent to an address it was not entered for, or an address could be used to fetch it.
        anew = {name: value for name, value in checked.items() if name not in left}
        erp_settings.completed(adapter, anew, stored)
    except SettingsError as error:
        raise _settings_refused(error.errors) from None
    return checked


def _settings_refused(errors: Mapping[str, str]) -> BindingRefused:
    return BindingRefused(
        "settings_refused",
        "The settings of the accounting system are not right. Nothing was changed.",
        [Fault(f"settings.{name}", text) for name, text in errors.items()],
    )


async def _read_company(
    room: Connections, adapter: Adapter, checked: dict[str, Any]
) -> tuple[ErpCompany, Capabilities, str | None]:
    try:
        async with adapter.open(checked, room.observe_erp) as erp:
            return await erp.company(), erp.capabilities, await limits_of(erp)
    except ErpError as error:
        raise BindingRefused(error.problem.failure.value, f"{error.problem.text} Nothing was changed.") from error


async def _refuse_silent_move(session: AsyncSession, old: ErpBinding, company: ErpCompany, confirmed: bool) -> None:
    booked = await session.scalar(
        select(Posting.id).where(Posting.connection_id == old.connection_id, Posting.state.in_(_LIVE)).limit(1)
    )
    if booked is not None and not confirmed:
        raise BindingRefused(
            "erp_company_change",
            "Expenses of this Pleo company were already booked in "
            f"{_named(old.company_name, old.registration_number)}. "
            f"To book in {_named(company.name, company.registration_number)} from now on, confirm the change; "
            "what was booked stays where it is and is not booked again.",
        )


def _moved_from(old: ErpBinding, adapter: Adapter, able: Capabilities, key: str, company: ErpCompany) -> str | None:
    """The ERP company a connection leaves by being bound to `company`; None for a new binding and for the same one."""
    if old.company_ref is None:
        return None
    if old.company_key is None:
        # A disconnect forgets where the ERP stood. Then its name must do, which it may otherwise change freely.
        there = old.company_name == company.name
    else:
        # Made anew, because other releases told companies apart by more than their place.
        stood = erp_settings.place(adapter, able, old.settings_shown, old.connection_id)
        there = company_key(old.kind, stood, old.company_ref) == key
    same = there and bare(old.registration_number) == bare(company.registration_number)
    return None if same and old.company_ref == company.id else _named(old.company_name, old.registration_number)


async def _leave_behind(session: AsyncSession, connection_id: uuid.UUID, moved_from: str) -> None:
    """Keep what was booked there from being looked for here, and forget what is known by that company's ids alone."""
    await session.execute(
        update(Posting)
        .where(Posting.connection_id == connection_id, Posting.state.in_(_LIVE), Posting.moved_from.is_(None))
        .values(moved_from=moved_from)
    )
    await session.execute(delete(Settlement).where(Settlement.connection_id == connection_id))
    await session.execute(delete(VendorLink).where(VendorLink.connection_id == connection_id))


def _named(name: str, number: str | None) -> str:
    return f"{name} ({number})" if number else name
