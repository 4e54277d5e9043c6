"""`/settings/setup/posting`: draft or final, closed periods, the day of an expense, and VAT."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any
from zoneinfo import available_timezones

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from ledgerbridge.bookkeeping.chart_index import ChartIndex
from ledgerbridge.bookkeeping.period import zone_of_currency
from ledgerbridge.bookkeeping.words import Chart, ErpTax
from ledgerbridge.connections.access import open_pleo
from ledgerbridge.connections.config_body import ConfigurationBody
from ledgerbridge.connections.setup import ASKED, Setup, Step
from ledgerbridge.erp.port import Capabilities
from ledgerbridge.pleo.errors import PleoError
from ledgerbridge.pleo.tax_codes import TaxCode, TaxCodesApi
from ledgerbridge.web.console.doors import ConsoleRoute, SignedInCustomer
from ledgerbridge.web.console.page import FieldError
from ledgerbridge.web.console.setup import reading
from ledgerbridge.web.console.setup.filling import Entered, Read, Sent, StepPage, show, take
from ledgerbridge.web.console.setup.steps import path_of
from ledgerbridge.web.services import Provided, Services
from ledgerbridge.web.texts import text

router = APIRouter(route_class=ConsoleRoute, include_in_schema=False)
_HERE = path_of(Step.POSTING)
_MOST_CODES = 400
_ROW = re.compile(r"tax\.\d{1,3}\.(code|erp)")
_DEFAULTS = {
    name: field.default.model_dump(mode="json") if hasattr(field.default, "model_dump") else field.default
    for name, field in ConfigurationBody.model_fields.items()
    if name in ASKED[Step.POSTING]
}
_PLAIN = ("posting_mode", "closed_period", "time_zone", "default_vendor", "changed_reexport")
_CHOICES = {
    "posting_mode": ("draft", "final"),
    "closed_period": ("fail", "next_open", "today"),
    "tax.mode": ("explicit", "erp"),
    "changed_reexport": ("fail", "reverse_and_rebook"),
}


@dataclass(frozen=True, slots=True)
class TaxRow:
    """A tax code of Pleo and the tax of the ERP it means."""

    number: int
    code: str
    name: str
    """As Pleo calls it; empty when it is only in the configuration."""
    chosen: str
    """Id of the ERP's tax; empty where the code itself tells."""
    by_itself: str | None
    """The ERP's tax that the code means without being chosen; None when it means none, or several."""


def _entered_of(members: Mapping[str, Any]) -> Entered:
    known = _DEFAULTS | {name: value for name, value in members.items() if name in _DEFAULTS}
    entered = {name: known[name] or "" for name in _PLAIN}
    entered["tax.mode"] = known["tax"]["mode"]
    for number, (code, tax) in enumerate(known["tax"]["codes"].items()):
        entered[f"tax.{number}.code"], entered[f"tax.{number}.erp"] = code, tax
    return entered


def _codes(entered: Mapping[str, Any]) -> dict[str, str]:
    """Chosen taxes by Pleo's code, `""` for those left to themselves."""
    numbers = range(_MOST_CODES)
    return {
        str(entered[f"tax.{number}.code"]): str(entered.get(f"tax.{number}.erp", ""))
        for number in numbers
        if entered.get(f"tax.{number}.code")
    }


def _read(sent: Sent, setup: Setup) -> Read:
    wanted = (*_PLAIN, "tax.mode")
    entered = {name: value for name, value in sent.fields.items() if name in wanted or _ROW.fullmatch(name)}
    before = _DEFAULTS | {name: value for name, value in setup.answers().items() if name in _DEFAULTS}
    errors = [
        FieldError(name, text("setup.posting.choose"))
        for name, known in _CHOICES.items()
        if name in sent.fields and sent.get(name) not in known
    ]
    errors += [FieldError(name, text("setup.posting.choose")) for name in ("posting_mode", "closed_period", "tax.mode")
               if name not in sent.fields]  # fmt: skip
    if not sent.get("time_zone"):
        errors.append(FieldError("time_zone", text("setup.posting.choose_zone")))
    answers = {name: sent.get(name) if name in sent.fields else before[name] for name in _PLAIN}
    answers["default_vendor"] = answers["default_vendor"] or None
    # Codes of Pleo that could not be read just now are not in the form; what was chosen for them stays.
    codes = before["tax"]["codes"] | _codes(entered)
    answers["tax"] = {"mode": sent.get("tax.mode"), "codes": {code: tax for code, tax in codes.items() if tax}}
    return Read(entered, answers, errors)


def _field_of(path: str, entered: Entered) -> str:
    if not path.startswith("tax.codes."):
        return path
    position = list(_codes(entered)).index(code) if (code := path.removeprefix("tax.codes.")) in _codes(entered) else 0
    return f"tax.{position}.erp"


async def _live(services: Services, setup: Setup, entered: Entered, fresh: bool) -> Mapping[str, Any]:
    read, pleo = await asyncio.gather(reading.chart(services, setup), _pleo_codes(services, setup))
    capabilities = read.capabilities
    if fresh and read.found is not None and (zone := zone_of_currency(read.found.currency)):
        entered = {**entered, "time_zone": zone}
    return {
        "away": read.away,
        "entered": {**dict.fromkeys((*_PLAIN, "tax.mode"), ""), **entered},
        "zones": zones(),
        "guess_zone": fresh and entered.get("time_zone") == _DEFAULTS["time_zone"],
        "currency": read.found.currency if fresh and read.found and entered.get("time_zone") != "UTC" else None,
        "pleo_away": pleo is None,
        "rows": _rows(entered, pleo or (), read.found),
        "taxes": [(tax.id, tax.name) for tax in _taxes(read.found)],
        "bills": capabilities is not None and capabilities.vendor_bills,
        "can_reverse": capabilities is not None and capabilities.can_reverse,
        "drafts": capabilities is None or capabilities.drafts,
        "tax_by_erp": _works_out_tax(capabilities) or entered.get("tax.mode") == "erp",
    }


def _works_out_tax(able: Capabilities | None) -> bool:
    """Whether there is anything on which the ERP may work VAT out: its bills, or journal entries as well."""
    return able is None or able.vendor_bills or able.computes_tax_on_journal_entries


async def _pleo_codes(services: Services, setup: Setup) -> Sequence[TaxCode] | None:
    """Active tax codes of the company in Pleo; None when they cannot be read, which nobody has to wait for."""
    try:
        async with asyncio.timeout(reading.READ_SECONDS):
            client = await open_pleo(services.connections, setup.connection.id)
            found = await TaxCodesApi(client).all(setup.connection.company_id)
    except (PleoError, TimeoutError):
        return None
    return [one for one in found if not one.archived and one.code]


def _rows(entered: Entered, pleo: Sequence[TaxCode], chart: Chart | None) -> list[TaxRow]:
    chosen = _codes(entered)
    names = {str(one.code): one.name for one in pleo}
    index = ChartIndex(chart) if chart else None

    def by_itself(code: str) -> str | None:
        found = index.taxes(code) if index else ()
        return found[0].name if len(found) == 1 else None

    codes = [*chosen, *sorted(names.keys() - chosen.keys())][:_MOST_CODES]
    return [
        TaxRow(number, code, names.get(code, ""), chosen.get(code, ""), by_itself(code))
        for number, code in enumerate(codes)
    ]


def _taxes(chart: Chart | None) -> list[ErpTax]:
    return sorted((tax for tax in chart.taxes if tax.active), key=lambda tax: tax.name) if chart else []


@cache
def zones() -> list[tuple[str, str]]:
    """Every time zone by its name, the places before the technical ones."""
    places = {
        name for name in available_timezones() if "/" in name and not name.startswith(("Etc/", "posix/", "right/"))
    }
    return [("UTC", "UTC"), *((name, name.replace("_", " ")) for name in sorted(places))]


PAGE = StepPage(Step.POSTING, "setup/posting.html", _entered_of, _read, _field_of, _live)


@router.get(_HERE)
async def posting(request: Request, services: Provided, customer: SignedInCustomer) -> HTMLResponse:
    """How entries are made."""
    return await show(request, services, customer, PAGE)


@router.post(_HERE)
async def choose_posting(request: Request, services: Provided, customer: SignedInCustomer) -> Response:
    """Keeps what was chosen."""
    return await take(request, services, customer, PAGE)
