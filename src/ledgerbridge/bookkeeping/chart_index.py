"""The ERP's chart, arranged for constant-time look-ups. Built once a job, asked for every line.

Only what can be booked on is found: closed accounts and retired taxes are as good as absent.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import TypeVar

from ledgerbridge.bookkeeping.words import Account, Chart, Dimension, ErpTax, Journal, Period

T = TypeVar("T")


class ChartIndex:
    """Look-ups over one `Chart`; never changes after it is made.

    Codes need not be unique in an ERP, so look-ups by code return every match and the caller refuses to choose.
    """

    def __init__(self, chart: Chart) -> None:
        open_accounts = [account for account in chart.accounts if account.active]
        live_taxes = [tax for tax in chart.taxes if tax.active]
        self.currency: str = chart.currency
        """Currency the books are kept in."""
        self.periods: tuple[Period, ...] = tuple(sorted(chart.periods, key=lambda period: (period.start, period.end)))
        """By start date."""
        self.opened_by: str | None = chart.opened_by
        """As the chart says."""
        self.renewed_by: str | None = chart.renewed_by
        """As the chart says."""
        self.dimensions: tuple[Dimension, ...] = chart.dimensions
        """In the order of the chart."""
        self._accounts_by_code = _grouped(open_accounts, lambda account: account.code)
        self._accounts_by_id = {account.id: account for account in open_accounts}
        self._journals = _grouped(chart.journals, lambda journal: journal.code)
        self._taxes_by_id = {tax.id: tax for tax in live_taxes}
        self._taxes_by_code = _grouped(live_taxes, lambda tax: tax.code or "")
        self._taxes_by_name = _grouped(live_taxes, lambda tax: tax.name)
        self._tax_names = {
            part: tax.name for tax in chart.taxes for part in (tax.id, *(one.tax_id for one in tax.components))
        }
        self._dimensions = {dimension.code.casefold(): dimension for dimension in chart.dimensions}
        self._values = {
            dimension.code: _grouped(dimension.values, lambda code: code.casefold()) for dimension in chart.dimensions
        }

    def accounts(self, code: str) -> tuple[Account, ...]:
        """Open accounts with this code; more than one is an ambiguity of the ERP."""
        return self._accounts_by_code.get(code, ())

    def account_by_id(self, erp_id: str) -> Account | None:
        return self._accounts_by_id.get(erp_id)

    def journals(self, code: str) -> tuple[Journal, ...]:
        return self._journals.get(code, ())

    def taxes(self, code: str) -> tuple[ErpTax, ...]:
        """Live taxes that a Pleo tax code means: by code, else by id, else by name."""
        by_id = self._taxes_by_id.get(code)
        return self._taxes_by_code.get(code) or ((by_id,) if by_id else self._taxes_by_name.get(code, ()))

    def tax_by_id(self, erp_id: str) -> ErpTax | None:
        return self._taxes_by_id.get(erp_id)

    def tax_name(self, erp_id: str) -> str | None:
        """What people call a tax, given its id or that of one of its components."""
        return self._tax_names.get(erp_id)

    def dimension(self, code: str) -> Dimension | None:
        """A dimension by its code, whatever the case."""
        return self._dimensions.get(code.casefold())

    def dimension_value(self, dimension: Dimension, code: str) -> str | None:
        """The value's code as the ERP spells it, or None when there is none or the case alone cannot tell two apart."""
        if code in dimension.values:
            return code
        alike = self._values[dimension.code].get(code.casefold(), ())
        return alike[0] if len(alike) == 1 else None


def _grouped(things: Iterable[T], key: Callable[[T], str]) -> dict[str, tuple[T, ...]]:
    groups: defaultdict[str, list[T]] = defaultdict(list)
    for thing in things:
        groups[key(thing)].append(thing)
    groups.pop("", None)
    return {code: tuple(members) for code, members in groups.items()}
