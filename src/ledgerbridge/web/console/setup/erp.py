"""`/settings/setup/erp`: the access to the ERP, tried; one of the companies it shows, chosen and bound."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from ledgerbridge.connections import erp_settings, setup, setup_erp
from ledgerbridge.connections.context import Connections
from ledgerbridge.connections.errors import BindingRefused
from ledgerbridge.connections.setup import Setup, Step
from ledgerbridge.connections.setup_entry import Given, Upload
from ledgerbridge.connections.setup_erp import Tried
from ledgerbridge.erp.adapter import MAX_FILE_BYTES, Adapter, SettingField, SettingKind
from ledgerbridge.web import actions
from ledgerbridge.web.console import abilities, forms
from ledgerbridge.web.console.doors import ConsoleRoute, Customer, SignedInCustomer
from ledgerbridge.web.console.page import FieldError, page
from ledgerbridge.web.console.setup import reading
from ledgerbridge.web.console.setup.steps import company_of, lives, next_path, path_of, system_name, walk
from ledgerbridge.web.limiting import Limit
from ledgerbridge.web.services import Provided, Services
from ledgerbridge.web.texts import text

router = APIRouter(route_class=ConsoleRoute, include_in_schema=False)
HERE = path_of(Step.ERP)
_COMPANY = f"{HERE}/company"
_PREFIX = "settings."
_FORGET = "forget."
_INPUT = {SettingKind.URL: "url", SettingKind.SECRET: "password"}


@dataclass(frozen=True, slots=True)
class Asked:
    """A setting as the form asks for it."""

    name: str
    field: SettingField
    kind: str
    """Of the input; of a setting that is no line of text its own kind."""
    value: str
    secret: bool
    stored: str | None
    """A secret or file that is kept, and may be left out: what is shown of it, nothing of a secret. None of others."""


@dataclass(frozen=True, slots=True)
class Group:
    """Settings that are asked for together."""

    when: tuple[str, str] | None
    """The field and the value with which alone they are asked for; None for always."""
    words: str
    """The same for a person."""
    asked: list[Asked]


@router.get(HERE)
async def erp(
    request: Request, services: Provided, customer: SignedInCustomer, kind: str | None = None
) -> HTMLResponse:
    """What is bound, the access under test with its companies, and the form."""
    return await _shown(request, services, customer, kind=kind)


@router.post(HERE)
async def enter(request: Request, services: Provided, customer: SignedInCustomer) -> Response:
    """Tries an access, keeps it for later, or forgets it."""
    room, own = services.connections, customer.connection_id
    sent = await forms.fields(request)
    given = await _given(request, sent)
    kind, pressed = sent.get("kind", ""), sent.get("press")
    if pressed == "discard":
        await setup_erp.forget(room, own, customer.actor)
        return forms.go(HERE, done="setup.flash.discarded")
    try:
        if pressed == "later":
            await setup_erp.note(room, own, kind, given, customer.actor)
            return forms.go("/settings", done="setup.flash.kept")
        await services.limiter.count(Limit.TRY, str(own))
        await setup_erp.enter(room, own, kind, given, customer.actor)
    except BindingRefused as refused:
        return await _shown(request, services, customer, kind=kind, errors=_errors(refused))
    return forms.go(HERE)


@router.post(_COMPANY)
async def choose(request: Request, services: Provided, customer: SignedInCustomer) -> Response:
    """Binds the chosen company."""
    room, own = services.connections, customer.connection_id
    sent = await forms.fields(request)
    company, confirmed = sent.get("company", ""), sent.get("confirm") == "yes"
    before = (await setup.read(room, own)).binding
    try:
        bound = await setup_erp.choose(
            room, own, company, customer.actor, shown_at=sent.get("shown_at", ""), confirm_company_change=confirmed
        )
    except BindingRefused as refused:
        moving = refused.code == "erp_company_change"
        return await _shown(
            request, services, customer, errors=_errors(refused, moving=moving), chosen=company, moving=moving
        )
    found = await setup.read(room, own)
    if await actions.bound_anew(services, own, bound, customer.actor):
        return forms.go(HERE, done="setup.flash.read_anew")
    if before is not None and before.company_ref != bound.company.id:
        return forms.go(path_of(Step.ACCOUNTS), done="setup.flash.moved")
    return forms.go(HERE if lives(found) else next_path(found), done="setup.flash.bound")


async def _shown(
    request: Request,
    services: Services,
    customer: Customer,
    *,
    kind: str | None = None,
    errors: Sequence[FieldError] = (),
    chosen: str = "",
    moving: bool = False,
) -> HTMLResponse:
    room = services.connections
    found = await setup.read(room, customer.connection_id)
    tried = await setup_erp.tried(room, customer.connection_id)
    adapter = _adapter(room, found, tried, kind)
    tried = tried if tried is not None and adapter is not None and tried.kind == adapter.kind else None
    held = await setup_erp.held(room, customer.connection_id, adapter) if adapter else {}
    able = await reading.capabilities(services, found)
    companies = tried.companies if tried else ()
    bound = found.binding.company_ref if found.binding else ""
    return page(
        request,
        customer,
        "setup/erp.html",
        status=422 if errors else 200,
        errors=errors,
        company=company_of(found),
        steps=walk(found, Step.ERP.value, able),
        here=HERE,
        choose=_COMPANY,
        binding=found.binding,
        bound_kind=system_name(services, found),
        bound_place=_place(room, found),
        of_files=able is not None and able.files,
        notes=abilities.notes(able) if able else [],
        adapter=adapter,
        kinds=sorted(room.erps.values(), key=lambda one: one.name.casefold()),
        groups=_groups(adapter, _asked(adapter, found, tried, held)) if adapter else [],
        has_files=any(one.kind is SettingKind.FILE for one in adapter.form()) if adapter else False,
        most=MAX_FILE_BYTES,
        megabytes=MAX_FILE_BYTES // (1024 * 1024),
        forget=_FORGET,
        tried=tried,
        companies=companies,
        chosen=chosen or (companies[0].id if len(companies) == 1 else bound),
        company_field=erp_settings.company_field(adapter) if adapter else None,
        moving=moving,
        opened=kind is not None,
        lives=lives(found),
        onward=next_path(found) if found.binding and not lives(found) else None,
    )


def _adapter(room: Connections, found: Setup, tried: Tried | None, wanted: str | None) -> Adapter | None:
    """The kind whose form is shown: the one asked for, under test, bound, or the only one; None where one is to be
    chosen first."""
    kinds = (wanted, tried.kind if tried else None, found.binding.kind if found.binding else None)
    only = next(iter(room.erps.values())) if len(room.erps) == 1 else None
    return next((room.erps[kind] for kind in kinds if kind and kind in room.erps), only)


async def _given(request: Request, sent: Mapping[str, str]) -> Given:
    """What was entered by setting, with files, and with None for what is to be forgotten."""
    given: dict[str, str | Upload | None] = {
        name.removeprefix(_FORGET): None for name, value in sent.items() if name.startswith(_FORGET) and value == "yes"
    }
    texts = {name.removeprefix(_PREFIX): value for name, value in sent.items() if name.startswith(_PREFIX) and value}
    files = {
        name.removeprefix(_PREFIX): Upload(one.name, one.content)
        for name, one in (await forms.files(request, MAX_FILE_BYTES)).items()
        if name.startswith(_PREFIX)
    }
    return given | texts | files


def _asked(adapter: Adapter, found: Setup, tried: Tried | None, held: Mapping[str, str]) -> list[Asked]:
    bound = found.binding if found.binding is not None and found.binding.kind == adapter.kind else None
    shown: Mapping[str, object] = tried.entered if tried else bound.settings_shown if bound else {}
    hidden = erp_settings.held(adapter)
    return [
        Asked(
            f"{_PREFIX}{one.name}",
            one,
            _INPUT.get(one.kind, one.kind.value),
            "" if one.name in hidden else str(shown.get(one.name, "" if shown else one.default)),
            one.name in adapter.secret_fields(),
            held.get(one.name),
        )
        for one in adapter.form()
        if one.kind is not SettingKind.COMPANY
    ]


def _groups(adapter: Adapter, asked: list[Asked]) -> list[Group]:
    """Neighbours that are asked for with the same choice, together."""
    choices = {one.name: one for one in adapter.form() if one.kind is SettingKind.CHOICE}
    groups: list[Group] = []
    for when, members in itertools.groupby(asked, lambda one: one.field.when):
        words, field = "", choices.get(when[0]) if when else None
        if when and field:
            words = f"{field.label}: {dict(field.choices).get(when[1], when[1])}"
        groups.append(Group((f"{_PREFIX}{when[0]}", when[1]) if when else None, words, list(members)))
    return groups


def _place(room: Connections, found: Setup) -> list[tuple[str, str]]:
    """Where the bound ERP is, by the labels of its form."""
    binding = found.binding
    if binding is None or binding.kind not in room.erps:
        return []
    adapter, shown = room.erps[binding.kind], binding.settings_shown
    return [
        (one.label, _told(one, shown[one.name]))
        for one in erp_settings.asked(adapter, shown)
        if one.kind is not SettingKind.COMPANY and shown.get(one.name)
    ]


def _told(field: SettingField, value: object) -> str:
    """A bound setting in words."""
    if isinstance(value, Mapping):
        return str(value.get(erp_settings.SUMMARY, ""))
    return dict(field.choices).get(str(value), str(value))


def _errors(refused: BindingRefused, *, moving: bool = False) -> list[FieldError]:
    """Faults beside their fields; a refusal as a whole on its own."""
    if moving:
        return [FieldError("confirm", refused.text)]
    if not refused.faults:
        return [FieldError("", refused.text), FieldError("", text("setup.erp.kept"))]
    return [FieldError(fault.path, fault.text) for fault in refused.faults]
