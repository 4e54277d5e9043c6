"""`/settings/setup/syncs`: what is kept in step with Pleo, and how often."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from ledgerbridge.connections.config_body import MAX_EVERY_MINUTES, SyncsBody
from ledgerbridge.connections.setup import Setup, Step
from ledgerbridge.store.tables import SyncKind
from ledgerbridge.syncs.schedule import ORDER
from ledgerbridge.web.console import abilities
from ledgerbridge.web.console.doors import ConsoleRoute, SignedInCustomer
from ledgerbridge.web.console.page import FieldError
from ledgerbridge.web.console.setup import reading
from ledgerbridge.web.console.setup.filling import Entered, Read, Sent, StepPage, show, take
from ledgerbridge.web.console.setup.steps import interval, path_of
from ledgerbridge.web.services import Provided, Services
from ledgerbridge.web.texts import text

router = APIRouter(route_class=ConsoleRoute, include_in_schema=False)
_HERE = path_of(Step.SYNCS)
INTERVALS = (60, 360, 1440, 10080)
"""Minutes between two runs that have a name: hourly, every six hours, daily, weekly."""
_DIGITS = 10


def _names(kind: SyncKind) -> tuple[str, str, str]:
    """Fields of a kind: whether, how often, and minutes that go before that when they are filled in."""
    return f"syncs.{kind}.enabled", f"syncs.{kind}.every", f"syncs.{kind}.every_minutes"


def _entered_of(members: Mapping[str, Any]) -> Entered:
    known = members.get("syncs") or SyncsBody().model_dump(mode="json")
    entered: dict[str, str] = {}
    for kind in ORDER:
        enabled, every, minutes = _names(kind)
        entered[enabled] = "yes" if known[kind]["enabled"] else ""
        entered[every], entered[minutes] = str(known[kind]["every_minutes"]), ""
    return entered


def _read(sent: Sent, setup: Setup) -> Read:
    before = setup.answers().get("syncs") or SyncsBody().model_dump(mode="json")
    entered: dict[str, str] = {}
    answers: dict[str, Any] = {}
    errors: list[FieldError] = []
    for kind in ORDER:
        enabled, every, minutes = _names(kind)
        if every not in sent.fields:  # the ERP has none of these
            answers[kind.value] = before[kind]
            continue
        entered |= {name: sent.get(name) for name in (enabled, every, minutes)}
        chosen = sent.get(minutes) or sent.get(every)
        wanted = int(chosen) if chosen.isascii() and chosen.isdecimal() and len(chosen) < _DIGITS else 0
        if not 1 <= wanted <= MAX_EVERY_MINUTES:
            errors.append(FieldError(minutes, text("setup.syncs.interval_wrong", most=f"{MAX_EVERY_MINUTES:,}")))
        answers[kind.value] = {"enabled": sent.get(enabled) == "yes", "every_minutes": wanted}
    return Read(entered, {"syncs": answers}, errors)


def _field_of(path: str, entered: Entered) -> str:
    return path


async def _live(services: Services, setup: Setup, entered: Entered, fresh: bool) -> Mapping[str, Any]:
    lacking = abilities.nothing_of(await reading.capabilities(services, setup))
    shown = {**_entered_of({}), **entered}
    return {
        "kinds": [(kind.value, _names(kind)) for kind in ORDER if kind not in lacking],
        "lacking": [kind.value for kind in lacking],
        "entered": shown,
        "intervals": {kind.value: _intervals(shown[_names(kind)[1]]) for kind in ORDER},
        "most": f"{MAX_EVERY_MINUTES:,}",
    }


def _intervals(chosen: str) -> list[tuple[str, str]]:
    """The intervals to choose from, with the one in force among them."""
    own = {int(chosen)} if chosen.isdecimal() and len(chosen) < _DIGITS else set()
    return [(str(minutes), interval(minutes)) for minutes in sorted({*INTERVALS, *own})]


PAGE = StepPage(Step.SYNCS, "setup/syncs.html", _entered_of, _read, _field_of, _live)


@router.get(_HERE)
async def kinds(request: Request, services: Provided, customer: SignedInCustomer) -> HTMLResponse:
    """What to synchronise."""
    return await show(request, services, customer, PAGE)


@router.post(_HERE)
async def choose_kinds(request: Request, services: Provided, customer: SignedInCustomer) -> Response:
    """Keeps what was chosen."""
    return await take(request, services, customer, PAGE)
