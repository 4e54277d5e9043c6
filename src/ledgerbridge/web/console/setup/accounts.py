"""`/settings/setup/accounts`: journal and accounts, chosen from the live chart."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from ledgerbridge.bookkeeping import suggestions
from ledgerbridge.bookkeeping.accounts import ANY_CURRENCY
from ledgerbridge.bookkeeping.posting_table import Role
from ledgerbridge.bookkeeping.words import Account, Chart
from ledgerbridge.connections.setup import Setup, Step
from ledgerbridge.web.console.doors import ConsoleRoute, SignedInCustomer
from ledgerbridge.web.console.page import FieldError
from ledgerbridge.web.console.setup import reading
from ledgerbridge.web.console.setup.filling import Entered, Read, Sent, StepPage, show, take
from ledgerbridge.web.console.setup.steps import path_of
from ledgerbridge.web.services import Provided, Services
from ledgerbridge.web.texts import text

router = APIRouter(route_class=ConsoleRoute, include_in_schema=False)
_HERE = path_of(Step.ACCOUNTS)

WALLET = "accounts.wallet"
"""Field of the wallet account for every currency without one of its own."""
_FIELDS: Mapping[Role, str] = {
    Role.WALLET: WALLET,
    Role.OUT_OF_POCKET: "accounts.out_of_pocket",
    Role.CONTRA: "accounts.contra",
    Role.EXTERNAL: "accounts.external_reimbursement",
    Role.PAYABLE: "accounts.payable",
}
_NAMES = frozenset({"journal", *_FIELDS.values()})
_ROW = re.compile(r"wallet\.\d{1,2}\.(currency|account)")
_NEEDED = (Role.OUT_OF_POCKET, Role.CONTRA)
_BLANK_ROWS = 2
_MOST_ROWS = 40

Options = list[tuple[str, str]]


def _entered_of(members: Mapping[str, Any]) -> Entered:
    chosen = members.get("accounts") or {}
    wallet = dict(chosen.get("wallet") or {})
    entered = {"journal": members.get("journal") or "", WALLET: wallet.pop(ANY_CURRENCY, "")}
    for number, (currency, code) in enumerate(sorted(wallet.items())):
        entered[f"wallet.{number}.currency"], entered[f"wallet.{number}.account"] = currency, code
    for role, field in _FIELDS.items():
        if role is not Role.WALLET:
            entered[field] = chosen.get(field.rpartition(".")[2]) or ""
    return entered


def _rows(entered: Mapping[str, Any]) -> Iterator[tuple[int, str, str]]:
    """The wallets in other currencies: number of the row, currency, account."""
    for number in range(_MOST_ROWS):
        if f"wallet.{number}.currency" in entered:
            account = str(entered.get(f"wallet.{number}.account", ""))
            yield number, str(entered[f"wallet.{number}.currency"]), account


def _read(sent: Sent, setup: Setup) -> Read:
    entered = {name: value for name, value in sent.fields.items() if name in _NAMES or _ROW.fullmatch(name)}
    errors = [] if sent.get("journal") else [FieldError("journal", text("setup.accounts.choose_journal"))]
    wallet, wrong = _wallet(entered)
    errors += wrong
    home = setup.binding.currency if setup.binding else ""
    if not wallet.keys() & {ANY_CURRENCY, home}:
        errors.append(FieldError(WALLET, text("setup.accounts.choose_wallet", currency=home)))
    errors += [
        FieldError(_FIELDS[role], text("setup.accounts.choose")) for role in _NEEDED if not sent.get(_FIELDS[role])
    ]
    chosen: dict[str, Any] = {"wallet": wallet}
    before = setup.answers().get("accounts") or {}
    for role, field in _FIELDS.items():
        name = field.rpartition(".")[2]
        if role is not Role.WALLET:
            chosen[name] = (sent.get(field) or None) if field in sent.fields else before.get(name)
    return Read(entered, {"journal": sent.get("journal"), "accounts": chosen}, errors)


def _wallet(entered: Mapping[str, str]) -> tuple[dict[str, str], list[FieldError]]:
    wallet = {ANY_CURRENCY: entered[WALLET]} if entered.get(WALLET) else {}
    errors = []
    for number, written, code in _rows(entered):
        currency = written.upper()
        if not currency and not code:
            continue
        if not re.fullmatch("[A-Z]{3}", currency):
            errors.append(FieldError(f"wallet.{number}.currency", text("setup.accounts.currency_wrong")))
        elif currency in wallet:
            told = text("setup.accounts.currency_twice", currency=currency)
            errors.append(FieldError(f"wallet.{number}.currency", told))
        elif not code:
            errors.append(FieldError(f"wallet.{number}.account", text("setup.accounts.choose")))
        else:
            wallet[currency] = code
    return wallet, errors


def _field_of(path: str, entered: Entered) -> str:
    if not path.startswith(f"{WALLET}."):
        return path
    currency = path.removeprefix(f"{WALLET}.")
    row = next((number for number, own, _ in _rows(entered) if own.upper() == currency), None)
    return WALLET if row is None else f"wallet.{row}.account"


async def _live(services: Services, setup: Setup, entered: Entered, fresh: bool) -> Mapping[str, Any]:
    read = await reading.chart(services, setup)
    if read.found is None or read.capabilities is None:
        return {"away": read.away, "rows": list(_rows(entered))}
    chart, payable = read.found, read.capabilities.vendor_bills
    reasons: dict[str, str] = {}
    if fresh:
        entered, reasons = _suggested(entered, chart, payable=payable)
    rows = [row for row in _rows(entered) if row[1] or row[2]]
    used = {number for number, _, _ in rows}
    blank = [number for number in range(_MOST_ROWS) if number not in used][:_BLANK_ROWS]
    general, bills = _options(Role.WALLET, chart), _options(Role.PAYABLE, chart)
    chosen = {str(value) for name, value in entered.items() if name != "journal" and not name.endswith(".currency")}
    journals = [(one.code, f"{one.code} {one.name}") for one in suggestions.journals(chart)]
    return {
        "away": None,
        "entered": {**dict.fromkeys(_NAMES, ""), **entered},
        "journals": _with_lost(journals, {str(entered.get("journal", ""))}),
        "accounts": _with_lost(general, chosen - {str(entered.get(_FIELDS[Role.PAYABLE], ""))}),
        "payables": _with_lost(bills, {str(entered.get(_FIELDS[Role.PAYABLE], ""))}) if payable else None,
        "currency": chart.currency,
        "reasons": {**dict.fromkeys(_NAMES, ""), **reasons},
        "rows": [*rows, *((number, "", "") for number in blank)],
        "more_wallets": bool(rows),
    }


def _suggested(entered: Entered, chart: Chart, *, payable: bool) -> tuple[Entered, dict[str, str]]:
    """What the chart makes obvious, filled in, and by field why."""
    found = {_FIELDS[role]: one for role, one in suggestions.accounts(chart, payable=payable).items()}
    if journal := suggestions.journal(chart):
        found["journal"] = journal
    filled = {field: one.code for field, one in found.items()}
    return {**entered, **filled}, {field: one.because for field, one in found.items()}


def _options(role: Role, chart: Chart) -> Options:
    return [(one.code, _named(one)) for one in suggestions.fitting(role, chart)]


def _named(account: Account) -> str:
    return f"{account.code} {account.name} ({account.type})" if account.type else f"{account.code} {account.name}"


def _with_lost(options: Options, chosen: set[str]) -> Options:
    """With what is chosen and cannot be any more, so that it shows as what it is instead of vanishing."""
    lost = sorted(chosen - {code for code, _ in options} - {""})
    return [*options, *((code, text("setup.accounts.lost", code=code)) for code in lost)]


PAGE = StepPage(Step.ACCOUNTS, "setup/accounts.html", _entered_of, _read, _field_of, _live)


@router.get(_HERE)
async def accounts(request: Request, services: Provided, customer: SignedInCustomer) -> HTMLResponse:
    """The journal and the accounts to choose from."""
    return await show(request, services, customer, PAGE)


@router.post(_HERE)
async def choose_accounts(request: Request, services: Provided, customer: SignedInCustomer) -> Response:
    """Keeps what was chosen."""
    return await take(request, services, customer, PAGE)
