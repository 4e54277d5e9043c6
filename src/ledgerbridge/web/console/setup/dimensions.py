"""`/settings/setup/dimensions`: which dimensions become tag groups in Pleo, at most five (TAG-020 to -036)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from ledgerbridge.bookkeeping.configuration import MOST_DIMENSIONS
from ledgerbridge.bookkeeping.master_data import MasterDimension
from ledgerbridge.bookkeeping.words import Chart
from ledgerbridge.connections.access import open_pleo
from ledgerbridge.connections.setup import Setup, Step
from ledgerbridge.erp.port import Erp
from ledgerbridge.pleo.errors import PleoError
from ledgerbridge.pleo.tags import TagGroup, TagsApi
from ledgerbridge.syncs.preselect import preselect
from ledgerbridge.web.console.doors import ConsoleRoute, SignedInCustomer
from ledgerbridge.web.console.page import FieldError
from ledgerbridge.web.console.setup import reading
from ledgerbridge.web.console.setup.filling import Entered, Read, Sent, StepPage, show, take
from ledgerbridge.web.console.setup.steps import path_of
from ledgerbridge.web.services import Provided, Services
from ledgerbridge.web.texts import text

router = APIRouter(route_class=ConsoleRoute, include_in_schema=False)
_HERE = path_of(Step.DIMENSIONS)
FIELD = "dimensions"
_ONE = "dimension.{}"
"""Name of one of the lists to choose from, where there are too many dimensions for switches."""


@dataclass(frozen=True, slots=True)
class Offered:
    """A dimension that may be selected."""

    code: str
    name: str
    values: int | None
    """How many values a person can choose; None when the chart does not tell."""


def _entered_of(members: Mapping[str, Any]) -> Entered:
    return {FIELD: list(members.get("dimensions") or [])}


def _read(sent: Sent, setup: Setup) -> Read:
    ticked = sent.lists.get(FIELD, [])
    listed = [sent.get(_ONE.format(number)) for number in range(MOST_DIMENSIONS)]
    chosen = list(dict.fromkeys(code for code in (*ticked, *listed) if code))
    errors = []
    if len(chosen) > MOST_DIMENSIONS:
        errors.append(FieldError(FIELD, text("setup.dimensions.too_many", count=len(chosen), most=MOST_DIMENSIONS)))
    return Read({FIELD: chosen}, {"dimensions": chosen}, errors)


def _field_of(path: str, entered: Entered) -> str:
    return FIELD


async def _live(services: Services, setup: Setup, entered: Entered, fresh: bool) -> Mapping[str, Any]:
    able = await reading.capabilities(services, setup)
    if able is not None and not able.dimensions:
        return {"not_kept": True, "selected": entered[FIELD], "most": MOST_DIMENSIONS}
    read = await reading.read(services, setup, _ask)
    if read.found is None:
        return {"away": read.away, "not_kept": False, "selected": entered[FIELD], "most": MOST_DIMENSIONS}
    master, chart = read.found
    selection, pleo_away = preselect(master, ()), False
    open_still = Step.DIMENSIONS not in setup.draft and setup.answers().get("dimensions") is None
    if open_still:
        groups = await _groups(services, setup)
        selection, pleo_away = preselect(master, groups or ()), groups is None
        if not entered[FIELD]:
            entered = {FIELD: list(selection.selected)}
    offered = [_offered(one, chart) for one in selection.available]
    codes = {one.code.casefold() for one in offered}
    return {
        "away": None,
        "not_kept": False,
        "entered": entered,
        "offered": offered,
        "as_lists": len(offered) > MOST_DIMENSIONS,
        "selected": [one for one in entered[FIELD] if one.casefold() in codes],
        "folded": {one.casefold() for one in entered[FIELD]},
        "gone": [one for one in entered[FIELD] if one.casefold() not in codes],
        "preselected": open_still and bool(selection.selected),
        "beyond": selection.beyond,
        "pleo_away": pleo_away,
        "most": MOST_DIMENSIONS,
    }


async def _ask(erp: Erp) -> tuple[Sequence[MasterDimension], Chart]:
    return await erp.dimensions(), await erp.chart()


async def _groups(services: Services, setup: Setup) -> Sequence[TagGroup] | None:
    """Tag groups of the company in Pleo; None when they cannot be read, which nobody has to wait for."""
    try:
        async with asyncio.timeout(reading.READ_SECONDS):
            client = await open_pleo(services.connections, setup.connection.id)
            return await TagsApi(client).groups(setup.connection.company_id)
    except (PleoError, TimeoutError):
        return None


def _offered(one: MasterDimension, chart: Chart) -> Offered:
    charted = next((each for each in chart.dimensions if each.code.casefold() == one.code.casefold()), None)
    return Offered(one.code, one.name, len(charted.values) if charted else None)


PAGE = StepPage(Step.DIMENSIONS, "setup/dimensions.html", _entered_of, _read, _field_of, _live)


@router.get(_HERE)
async def dimensions(request: Request, services: Provided, customer: SignedInCustomer) -> HTMLResponse:
    """The dimensions to choose from; loading the page again reads the ERP again (TAG-027)."""
    return await show(request, services, customer, PAGE)


@router.post(_HERE)
async def choose_dimensions(request: Request, services: Provided, customer: SignedInCustomer) -> Response:
    """Keeps what was chosen."""
    return await take(request, services, customer, PAGE)
