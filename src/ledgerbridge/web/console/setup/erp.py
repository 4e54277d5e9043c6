"""`/settings/setup/erp`: the access to the ERP, tried; one of the companies it shows, chosen and bound."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from ledgerbridge.connections import setup, setup_erp
from ledgerbridge.connections.context import Connections
from ledgerbridge.connections.errors import BindingRefused
from ledgerbridge.connections.setup import Setup, Step
from ledgerbridge.connections.setup_erp import Tried
from ledgerbridge.erp.adapter import Adapter, SettingField, SettingKind
from ledgerbridge.web.console import forms
from ledgerbridge.web.console.doors import ConsoleRoute, Customer, SignedInCustomer
from ledgerbridge.web.console.page import FieldError, page
from ledgerbridge.web.console.setup.steps import company_of, lives, next_path, path_of, walk
from ledgerbridge.web.limiting import Limit
from ledgerbridge.web.services import Provided, Services
from ledgerbridge.web.texts import text

router = APIRouter(route_class=ConsoleRoute, include_in_schema=False)
HERE = path_of(Step.ERP)
_COMPANY = f"{HERE}/company"
_PREFIX = "settings."
_INPUT = {SettingKind.URL: "url", SettingKind.SECRET: "password"}


@dataclass(frozen=True, slots=True)
class Asked:
    """A setting as the form asks for it."""

    name: str
    field: SettingField
    kind: str
    """Of the input."""
    value: str
    stored: bool
    """A secret that is kept, and may be left empty."""


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
    given = {name.removeprefix(_PREFIX): value for name, value in sent.items() if name.startswith(_PREFIX)}
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
        return await _shown(request, services, customer, errors=_errors(refused))
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
    tried = tried if tried is not None and tried.kind == adapter.kind else None
    companies = tried.companies if tried else ()
    bound = found.binding.company_ref if found.binding else ""
    return page(
        request,
        customer,
        "setup/erp.html",
        status=422 if errors else 200,
        errors=errors,
        company=company_of(found),
        steps=walk(found, Step.ERP.value),
        here=HERE,
        choose=_COMPANY,
        binding=found.binding,
        bound_kind=_name_of(room, found),
        bound_place=_place(room, found),
        adapter=adapter,
        kinds=[(one.kind, one.name) for one in room.erps.values()],
        asked=_asked(adapter, found, tried),
        tried=tried,
        companies=companies,
        chosen=chosen or (companies[0].id if len(companies) == 1 else bound),
        company_field=setup_erp.company_field(adapter),
        moving=moving,
        lives=lives(found),
        onward=next_path(found) if found.binding and not lives(found) else None,
    )


def _adapter(room: Connections, found: Setup, tried: Tried | None, wanted: str | None) -> Adapter:
    """The kind whose form is shown: the one asked for, under test, bound, or the first."""
    kinds = (wanted, tried.kind if tried else None, found.binding.kind if found.binding else None)
    return next((room.erps[kind] for kind in kinds if kind and kind in room.erps), next(iter(room.erps.values())))


def _asked(adapter: Adapter, found: Setup, tried: Tried | None) -> list[Asked]:
    bound = found.binding if found.binding is not None and found.binding.kind == adapter.kind else None
    shown: Mapping[str, object] = tried.entered if tried else bound.settings_shown if bound else {}
    kept = (tried is not None and tried.has_secret) or bound is not None
    return [
        Asked(
            f"{_PREFIX}{one.name}",
            one,
            _INPUT.get(one.kind, "text"),
            "" if one.kind is SettingKind.SECRET else str(shown.get(one.name, "")),
            kept and one.kind is SettingKind.SECRET,
        )
        for one in adapter.form()
        if one.kind is not SettingKind.COMPANY
    ]


def _place(room: Connections, found: Setup) -> list[tuple[str, str]]:
    """Where the bound ERP is, by the labels of its form."""
    binding = found.binding
    if binding is None or binding.kind not in room.erps:
        return []
    shown = binding.settings_shown
    return [
        (one.label, str(shown[one.name]))
        for one in room.erps[binding.kind].form()
        if one.kind not in (SettingKind.SECRET, SettingKind.COMPANY) and shown.get(one.name)
    ]


def _name_of(room: Connections, found: Setup) -> str:
    if found.binding is None:
        return ""
    return room.erps[found.binding.kind].name if found.binding.kind in room.erps else found.binding.kind


def _errors(refused: BindingRefused, *, moving: bool = False) -> list[FieldError]:
    """Faults beside their fields; a refusal as a whole on its own."""
    if moving:
        return [FieldError("confirm", refused.text)]
    if not refused.faults:
        return [FieldError("", refused.text), FieldError("", text("setup.erp.kept"))]
    return [FieldError(fault.path, fault.text) for fault in refused.faults]
