"""The chart of a Tryton company: what it offers to book on, read whole.

Tryton calls a dimension an analytic root and its values the analytic accounts below it. It never refuses a line for
want of a value; it marks the line incomplete unless every root has one (`analytic_state`), or fills the values in
itself by its analytic rules. We count roots as required, and lines a rule may fill as not in need.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeVar

from ledgerbridge.bookkeeping.problem import Failure, problem
from ledgerbridge.bookkeeping.words import Account, Chart, Dimension, ErpTax, Journal, Period, TaxComponent
from ledgerbridge.clock import utcnow
from ledgerbridge.erp.port import ErpError
from ledgerbridge.erp.tryton import taxes
from ledgerbridge.erp.tryton.client import Client
from ledgerbridge.erp.tryton.errors import CallFailed, Outcome
from ledgerbridge.erp.tryton.wire import Record

T = TypeVar("T")

_ACCOUNT = ("code", "name", "party_required", "type.statement", "type.name")
_ANALYTIC = ("code", "name", "type", "root", "state")
_PERIOD = ("name", "start_date", "end_date", "state")
_RULE = ("account", "journal", "party")


@dataclass(frozen=True, slots=True)
class Rule:
    """An analytic rule of Tryton: fills in the dimensions of lines that bring none."""

    account: int | None
    journal: int | None
    party: int | None

    def may_fill(self, account: int) -> bool:
        """Whether some journal entry of ours on this account could match; ours never name a party."""
        return self.party is None and self.account in (None, account)


@dataclass(frozen=True, slots=True)
class Analytic:
    """How the company keeps dimensions; empty when it keeps none."""

    dimensions: tuple[Dimension, ...] = ()
    rules: tuple[Rule, ...] = ()

    def needed_on(self, account: Record) -> bool:
        return (
            account["type"]["statement"] == "income"
            and any(dimension.required for dimension in self.dimensions)
            and not any(rule.may_fill(account["id"]) for rule in self.rules)
        )


def account_domain(company: int) -> list[object]:
    """Accounts that accept lines: only those with a type do."""
    return [["company", "=", company], ["type", "!=", None], ["closed", "!=", True]]


async def read_chart(client: Client, company: int, currency: str, *, analytic: bool) -> Chart:
    """Accounts, journals, taxes, dimensions and periods; a failure of one part is a failure of all."""
    accounts = await client.search("account.account", account_domain(company), _ACCOUNT)
    journals = await client.search("account.journal", [], ("code", "name"))
    tax_rows = await client.search("account.tax", [["company", "=", company]], taxes.FIELDS)
    periods = await client.search("account.period", period_domain(company), _PERIOD)
    dimensions = await read_analytic(client, company) if analytic else Analytic()
    return shaped(
        lambda: Chart(
            currency=currency,
            accounts=tuple(_account(row, dimensions) for row in accounts),
            journals=tuple(Journal(str(row["id"]), row["code"] or row["name"], row["name"]) for row in journals),
            taxes=_taxes(tax_rows, utcnow().date()),
            dimensions=dimensions.dimensions,
            periods=tuple(sorted((_period(row) for row in periods), key=lambda period: period.start)),
        )
    )


async def read_analytic(client: Client, company: int) -> Analytic:
    """Dimensions and rules of the company."""
    rows = await client.search("analytic_account.account", [["company", "=", company]], _ANALYTIC)
    rules = await client.search("analytic_account.rule", [["company", "=", company]], _RULE)
    return shaped(
        lambda: Analytic(
            tuple(_dimension(root, rows) for root in rows if root["type"] == "root"),
            tuple(Rule(row["account"], row["journal"], row["party"]) for row in rules),
        )
    )


async def income_accounts(client: Client, company: int) -> frozenset[int]:
    """Ids of the accounts of the income statement: the only ones that carry dimensions."""
    rows = await client.search(
        "account.account", [*account_domain(company), ["type.statement", "=", "income"]], ("id",)
    )
    return frozenset(row["id"] for row in rows)


def period_domain(company: int) -> list[object]:
    """Periods of the calendar; adjustment periods overlap them and are never booked into by us."""
    return [["company", "=", company], ["type", "=", "standard"]]


async def period_of(client: Client, company: int, date: dt.date) -> Period | None:
    """The period a date falls into, open or not (EXP-PERIOD-07)."""
    domain = [*period_domain(company), ["start_date", "<=", date], ["end_date", ">=", date]]
    rows = await client.search("account.period", domain, _PERIOD)
    return shaped(lambda: _period(rows[0])) if rows else None


async def periods_between(client: Client, company: int, first: dt.date, last: dt.date) -> list[Period]:
    """All periods that these days fall into, open or not."""
    domain = [*period_domain(company), ["start_date", "<=", last], ["end_date", ">=", first]]
    rows = await client.search("account.period", domain, _PERIOD)
    return shaped(lambda: [_period(row) for row in rows])


async def open_period(client: Client, company: int, date: dt.date) -> Period:
    """The open period of a date. Raises `ErpError` when it is closed or none was made (EXP-PERIOD-07)."""
    return must_be_open(await period_of(client, company, date), date)


def must_be_open(period: Period | None, date: dt.date) -> Period:
    """The period of the date. Raises as `open_period`."""
    if period is None or not period.open:
        said = "no such period" if period is None else f"period {period.name} is not open"
        raise ErpError(problem(Failure.PERIOD_CLOSED, f"Tryton: {said}", date=date))
    return period


def shaped(build: Callable[[], T]) -> T:
    """Build records from answers; an answer without what we asked for is a fault, not a crash."""
    try:
        return build()
    except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        raise CallFailed(Outcome.FAULT, "read of records", said=f"missing or odd field: {error!r}") from None


def _account(row: Record, analytic: Analytic) -> Account:
    return Account(
        id=str(row["id"]),
        code=row["code"] or "",
        name=row["name"],
        party_required=bool(row["party_required"]),
        needs_dimensions=analytic.needed_on(row),
        type=row["type"].get("name") or "",
        income=row["type"]["statement"] == "income",
    )


def _period(row: Record) -> Period:
    return Period(str(row["id"]), row["name"], row["start_date"], row["end_date"], open=row["state"] == "open")


def _dimension(root: Record, rows: Sequence[Record]) -> Dimension:
    usable = [row for row in rows if row["root"] == root["id"] and row["type"] == "normal" and row["state"] != "closed"]
    names = Counter(_name(row) for row in usable)
    # Tryton lets two values share a code; booking on either would be a guess, so neither can be chosen.
    values = {_name(row): str(row["id"]) for row in usable if names[_name(row)] == 1}
    shown = {_name(row): str(row["name"]) for row in usable if _name(row) in values}
    return Dimension(str(root["id"]), _name(root), root["name"], values, required=bool(values), names=shown)


def _name(row: Record) -> str:
    return str(row["code"] or row["name"])


def _taxes(rows: Iterable[Record], today: dt.date) -> tuple[ErpTax, ...]:
    return tuple(
        ErpTax(str(tax.row["id"]), None, tax.row["name"], tuple(map(_component, tax.parts)), tax.active)
        for tax in taxes.purchase(rows, today)
    )


def _component(row: Record) -> TaxComponent:
    account = row["invoice_account"]
    return TaxComponent(str(row["id"]), Decimal(row["rate"] or 0), account["code"] if account else None)
