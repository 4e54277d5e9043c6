"""What an uploaded file tells of a company: its name, accounts, dimensions and fiscal years.

The reader of a format makes it, the settings keep it as plain JSON, and the port's chart and lists are made of it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any

from ledgerbridge.bookkeeping.failures import CONFIG_PAGE
from ledgerbridge.bookkeeping.words import Account, Chart, Dimension, ErpTax, Journal, Period
from ledgerbridge.erp.port import ErpCompany

OPENED_BY = (
    "Choose a newer chart of accounts with that fiscal year, change the day up to which all is booked, or allow moving "
    f"entries to an open period in {CONFIG_PAGE}, then export again."
)
"""What a bookkeeper does about a day that cannot be booked on."""
RENEWED_BY = (
    "We know of your accounting program only what was uploaded: if it is there already, choose a newer file in "
    f"{CONFIG_PAGE} first."
)
"""What a bookkeeper does about something that was made after the upload."""


class AccountType(StrEnum):
    """What an account is for."""

    ASSET = "asset"
    DEBT = "debt"
    """Debts and equity."""
    COST = "cost"
    INCOME = "income"
    UNKNOWN = ""


@dataclass(frozen=True, slots=True)
class FileAccount:
    """An account of the chart."""

    code: str
    name: str
    type: AccountType = AccountType.UNKNOWN
    active: bool = True


@dataclass(frozen=True, slots=True)
class FileDimension:
    """A dimension with all its values."""

    code: str
    name: str
    values: Mapping[str, str]
    """Code of each value to its name."""
    parent: str | None = None
    """Code of the dimension it divides further: who names a value here names one there as well."""


@dataclass(frozen=True, slots=True, order=True)
class FiscalYear:
    start: dt.date
    end: dt.date
    """Inclusive."""

    @property
    def name(self) -> str:
        """As vouchers are numbered in it: its first day."""
        return self.start.isoformat()


@dataclass(frozen=True)
class FileChart:
    """A company as its file tells of it. Codes are unique; years follow each other and do not overlap."""

    company: str
    registration_number: str | None
    currency: str
    accounts: tuple[FileAccount, ...]
    dimensions: tuple[FileDimension, ...] = ()
    years: tuple[FiscalYear, ...] = ()

    @property
    def company_id(self) -> str:
        """Names the company: by its number, whatever its spelling, else by its name."""
        digits = "".join(filter(str.isalnum, self.registration_number or "")).upper()
        return digits or " ".join(self.company.split()).casefold()

    @property
    def summary(self) -> str:
        """A sentence for the person who uploaded it."""
        number = f" ({self.registration_number})" if self.registration_number else ""
        years = f"{self.years[0].start} to {self.years[-1].end}" if self.years else "no fiscal year"
        open_ = sum(account.active for account in self.accounts)
        values = sum(len(one.values) for one in self.dimensions)
        kept = f", {len(self.dimensions)} dimensions with {values} values" if self.dimensions else ""
        return f"{self.company}{number}: {open_} accounts{kept}, {years}, {self.currency}."

    @cached_property
    def account(self) -> Mapping[str, FileAccount]:
        """By code."""
        return {account.code: account for account in self.accounts}

    @cached_property
    def dimension(self) -> Mapping[str, FileDimension]:
        """By code."""
        return {dimension.code: dimension for dimension in self.dimensions}

    def year_of(self, date: dt.date) -> FiscalYear | None:
        return next((year for year in self.years if year.start <= date <= year.end), None)

    def as_company(self) -> ErpCompany:
        return ErpCompany(self.company_id, self.company, self.registration_number, self.currency)

    def as_chart(self, series: Sequence[str], taxes: Sequence[ErpTax], locked_until: dt.date | None) -> Chart:
        """As bookkeeping sees it: a series is a journal, everything up to `locked_until` is closed."""
        return Chart(
            currency=self.currency,
            accounts=tuple(_account(one) for one in self.accounts if one.active),
            journals=tuple(Journal(one, one, f"Voucher series {one}") for one in series),
            taxes=tuple(taxes),
            dimensions=tuple(_dimension(one) for one in self.dimensions),
            periods=tuple(periods(self.years, locked_until)),
            opened_by=OPENED_BY,
            renewed_by=RENEWED_BY,
        )

    def as_json(self) -> dict[str, Any]:
        """What the settings keep, with the `summary` that is shown of it."""
        return {
            "summary": self.summary,
            "company": self.company,
            "registration_number": self.registration_number,
            "currency": self.currency,
            "accounts": [[one.code, one.name, one.type.value, one.active] for one in self.accounts],
            "dimensions": [[one.code, one.name, one.parent, dict(one.values)] for one in self.dimensions],
            "years": [[one.start.isoformat(), one.end.isoformat()] for one in self.years],
        }

    @classmethod
    def of_json(cls, raw: Mapping[str, Any]) -> FileChart:
        """What `as_json` made. Raises ValueError for anything else."""
        try:
            number = raw["registration_number"]
            return cls(
                str(raw["company"]),
                None if number is None else str(number),
                str(raw["currency"]),
                tuple(
                    FileAccount(str(code), str(name), AccountType(kind), bool(active))
                    for code, name, kind, active in raw["accounts"]
                ),
                tuple(
                    FileDimension(str(code), str(name), {str(key): str(value) for key, value in values.items()}, parent)
                    for code, name, parent, values in raw["dimensions"]
                ),
                tuple(
                    FiscalYear(dt.date.fromisoformat(start), dt.date.fromisoformat(end)) for start, end in raw["years"]
                ),
            )
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise ValueError(f"not a stored chart: {error!r}") from None


_TYPES = {
    AccountType.ASSET: "Asset",
    AccountType.DEBT: "Debt or equity",
    AccountType.COST: "Cost",
    AccountType.INCOME: "Income",
    AccountType.UNKNOWN: "",
}


def _account(one: FileAccount) -> Account:
    income = one.type in (AccountType.COST, AccountType.INCOME)
    return Account(one.code, one.code, one.name, type=_TYPES[one.type], income=income)


def _dimension(one: FileDimension) -> Dimension:
    return Dimension(one.code, one.code, one.name, {code: code for code in one.values}, names=dict(one.values))


def periods(years: Iterable[FiscalYear], locked_until: dt.date | None) -> Iterable[Period]:
    """The months of fiscal years; one that is locked in part is two periods."""
    for year in years:
        start = year.start
        while start <= year.end:
            end = min(_end_of_month(start), year.end)
            if locked_until and start <= locked_until < end:
                end = locked_until
            is_open = locked_until is None or start > locked_until
            yield Period(start.isoformat(), f"{start:%Y-%m}", start, end, open=is_open)
            start = end + dt.timedelta(days=1)


def _end_of_month(day: dt.date) -> dt.date:
    return (day.replace(day=28) + dt.timedelta(days=4)).replace(day=1) - dt.timedelta(days=1)
