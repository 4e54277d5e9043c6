"""`/settings/setup`: the walk through the steps, and all of it at a glance once the connection lives."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from ledgerbridge.connections import config_diff, setup
from ledgerbridge.connections.setup import Setup, Step
from ledgerbridge.erp.port import Capabilities
from ledgerbridge.store.tables import ConnectionStatus
from ledgerbridge.web.console import abilities, forms
from ledgerbridge.web.console.doors import ConsoleRoute, SignedInCustomer
from ledgerbridge.web.console.page import page
from ledgerbridge.web.console.setup import reading
from ledgerbridge.web.services import Provided, Services
from ledgerbridge.web.texts import known, text

router = APIRouter(route_class=ConsoleRoute, include_in_schema=False)
HERE = "/settings/setup"
PREVIEW = f"{HERE}/preview"
_GOING_LIVE = ("preview", "activate")
"""What follows the five steps until a connection lives."""

WalkStep = tuple[str | None, str, str]
"""Path, words, and one of `done`, `now`, `ahead`."""


def path_of(step: Step) -> str:
    """Where a step is."""
    return f"{HERE}/{step.value}"


def next_path(found: Setup) -> str:
    """Where the walk goes on: the first unfinished step, else the preview."""
    return path_of(found.missing[0].step) if found.missing else PREVIEW


def lives(found: Setup) -> bool:
    """Whether the connection has gone live, so that a step is changed and not walked through."""
    return found.connection.activated_at is not None and found.connection.status != ConnectionStatus.SETTING_UP


def walk(found: Setup, now: str, able: Capabilities | None) -> list[WalkStep]:
    """The steps for `ui.steps`; `now` is a step's value, `preview` or `activate`. What the ERP has nothing for is shown
    as such: `able` is what it can do, None while that cannot be told."""
    shown: list[WalkStep] = []
    for step in Step:
        state = "now" if now == step.value else "done" if found.answered(step) else "ahead"
        words = text(f"setup.step.{step.value}")
        if step is Step.DIMENSIONS and able is not None and not able.dimensions:
            words = f"{words} ({text('abilities.not_needed')})"
        shown.append((path_of(step), words, state))
    if lives(found):
        return shown
    for name in _GOING_LIVE:
        path = None if found.missing else f"{HERE}/{name}"
        shown.append((path, text(f"setup.step.{name}"), "now" if now == name else "ahead"))
    return shown


def company_of(found: Setup) -> str:
    """The company as a page names it."""
    return found.connection.company_name or text("setup.company_without_name")


@router.get(HERE)
async def start(request: Request, services: Provided, customer: SignedInCustomer) -> Response:
    """On to the first unfinished step; of a connection that has gone live, every step with what is in force."""
    found = await setup.read(services.connections, customer.connection_id)
    if not lives(found):
        return forms.go(next_path(found))
    names = await config_diff.names(services.connections, customer.connection_id)
    able = await reading.capabilities(services, found)
    return page(
        request,
        customer,
        "setup/overview.html",
        company=company_of(found),
        binding=found.binding,
        body=found.in_force.body if found.in_force else None,
        version=found.in_force,
        steps=[_summary(found, step) for step in Step],
        system=system_name(services, found),
        notes=abilities.notes(able) if able else [],
        nothing_of=[kind.value for kind in abilities.nothing_of(able)],
        every=interval,
        named=lambda path, code: _named(names, path, code),
    )


def system_name(services: Services, found: Setup) -> str:
    """The bound accounting system as people call it."""
    if found.binding is None:
        return ""
    adapter = services.connections.erps.get(found.binding.kind)
    return adapter.name if adapter else found.binding.kind


def interval(minutes: int) -> str:
    """How often in words."""
    name = f"setup.syncs.every.{minutes}"
    return text(name) if known(name) else text("setup.syncs.minutes", count=minutes)


def _named(names: config_diff.Names | None, path: config_diff.Path, code: str) -> str:
    name = names.of(path, code) if names else None
    return f"{code} {name}" if name else code


def _summary(found: Setup, step: Step) -> dict[str, Any]:
    return {
        "name": step.value,
        "path": path_of(step),
        "words": text(f"setup.step.{step.value}"),
        "missing": not found.answered(step),
        "waiting": setup.unfinished_since(found, step) if step is not Step.ERP else None,
    }
