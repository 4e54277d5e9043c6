"""What booking must know of the company beside the entry itself, read when first needed and kept while it is open."""

from __future__ import annotations

from decimal import Decimal

from ledgerbridge.bookkeeping.problem import Failure, problem
from ledgerbridge.bookkeeping.words import EntryLine, JournalEntry, Money
from ledgerbridge.erp.port import ErpCompany, ErpError
from ledgerbridge.erp.tryton import access, bills, chart, moves
from ledgerbridge.erp.tryton.chart import Analytic
from ledgerbridge.erp.tryton.client import Client
from ledgerbridge.erp.tryton.moves import Placed


class Reference:
    def __init__(self, client: Client, company: int) -> None:
        self._client = client
        self.number = company
        """Tryton's id of the company."""
        self._company: ErpCompany | None = None
        self._uses_analytic: bool | None = None
        self._modules: frozenset[str] | None = None
        self._analytic: Analytic | None = None
        self._income: frozenset[int] = frozenset()
        self._currencies: dict[str, tuple[int, int]] | None = None

    async def company(self) -> ErpCompany:
        if self._company is None:
            self._company = await access.company(self._client, self.number)
        return self._company

    async def uses_analytic(self) -> bool:
        if self._uses_analytic is None:
            self._uses_analytic = await access.has_analytic(self._client)
        return self._uses_analytic

    async def move_fields(self) -> tuple[str, ...]:
        return moves.fields(analytic=await self.uses_analytic())

    async def takes_bills(self) -> bool:
        """Whether Tryton knows vendor bills at all."""
        return "account_invoice" in await self._active_modules()

    async def bill_fields(self) -> tuple[str, ...]:
        return bills.fields(analytic="analytic_invoice" in await self._active_modules())

    async def _active_modules(self) -> frozenset[str]:
        if self._modules is None:
            self._modules = await access.active_modules(self._client, ("account_invoice", "analytic_invoice"))
        return self._modules

    async def roots(self) -> dict[int, int]:
        """The dimension of every value, by Tryton's ids; empty where bills carry no dimensions."""
        if self._analytic is None or "analytic_invoice" not in await self._active_modules():
            return {}
        return {
            int(value): int(dimension.id)
            for dimension in self._analytic.dimensions
            for value in dimension.values.values()
        }

    async def place(self, entry: JournalEntry) -> list[Placed]:
        """Every line with its dimension values and second currency looked up. Raises `ErpError` for what is missing."""
        return [
            Placed(line, await self._dimensions(line), await self._foreign(line.foreign, entry.currency))
            for line in entry.lines
        ]

    async def _dimensions(self, line: EntryLine) -> tuple[int, ...]:
        """Analytic accounts of a line, one a dimension it carries.

        Tryton keeps dimensions for the income statement only; on a balance-sheet account they are left off, or the
        line would wait for completion for ever. Which dimensions a line must carry is decided by bookkeeping.
        """
        if not line.dimensions:
            return ()
        if not await self.uses_analytic():
            code, value = line.dimensions[0]
            raise ErpError(problem(Failure.TAG_UNKNOWN, "Tryton: no analytic module", code=value, group=code))
        kept = await self._kept()
        if any(not _knows(kept, code, value) for code, value in line.dimensions):
            kept = await self._kept(again=True)
        if int(line.account.id) not in self._income:
            return ()
        return _values(kept, line)

    async def _kept(self, *, again: bool = False) -> Analytic:
        if self._analytic is None or again:
            self._analytic = await chart.read_analytic(self._client, self.number)
            self._income = await chart.income_accounts(self._client, self.number)
        return self._analytic

    async def _foreign(self, money: Money | None, books: str) -> tuple[int, Decimal] | None:
        """The second currency of a line, where Tryton can show it.

        It is information beside the amount booked (EXP-FX-03): a currency Tryton does not have, or more decimals than
        it keeps, must not stop the entry.
        """
        if money is None or money.currency == books:
            return None
        if self._currencies is None:
            rows = await self._client.search("currency.currency", [], ("code", "digits"))
            self._currencies = chart.shaped(lambda: {row["code"]: (row["id"], row["digits"]) for row in rows})
        number, digits = self._currencies.get(money.currency, (None, 0))
        if number is None or money.decimal != round(money.decimal, digits):
            return None
        return number, round(money.decimal, digits)


def _knows(kept: Analytic, code: str, value: str) -> bool:
    return any(dimension.code == code and value in dimension.values for dimension in kept.dimensions)


def _values(kept: Analytic, line: EntryLine) -> tuple[int, ...]:
    chosen = dict(line.dimensions)
    for code, value in line.dimensions:
        if not _knows(kept, code, value):
            raise ErpError(problem(Failure.TAG_UNKNOWN, "Tryton: no such analytic account", code=value, group=code))
    return tuple(
        int(dimension.values[chosen[dimension.code]]) for dimension in kept.dimensions if dimension.code in chosen
    )
