"""What a bill must know of the company beside its entry, read when first needed and kept while the company is open."""

from __future__ import annotations

from dataclasses import dataclass

from ledgerbridge.bookkeeping.master_data import ErpVendor
from ledgerbridge.bookkeeping.problem import Failure, problem
from ledgerbridge.bookkeeping.words import Journal
from ledgerbridge.erp.port import ErpError
from ledgerbridge.erp.tryton import bill_parts, chart
from ledgerbridge.erp.tryton.bill_parts import TaxTree
from ledgerbridge.erp.tryton.chart import shaped
from ledgerbridge.erp.tryton.client import ANY, Client
from ledgerbridge.erp.tryton.reference import Reference

_EXPENSE = "expense"
"""The one type of journal that Tryton lets bills into."""


@dataclass(frozen=True, slots=True)
class Party:
    name: str
    active: bool
    address: int | None
    """The address for invoices, else the first."""


class BillReference:
    def __init__(self, client: Client, reference: Reference) -> None:
        self._client = client
        self.company = reference
        self._currency: int | None = None
        self._taxes: TaxTree | None = None
        self._with_lines: frozenset[int] | None = None
        self._journals: frozenset[int] | None = None
        self._parties: dict[int, Party] = {}

    async def currency(self) -> int:
        """Of the company; bills are made in no other."""
        if self._currency is None:
            rows = await self._client.search("company.company", [["id", "=", self.company.number]], ("currency",))
            self._currency = shaped(lambda: int(rows[0]["currency"]))
        return self._currency

    async def taxes(self) -> TaxTree:
        if self._taxes is None:
            domain = [["company", "=", self.company.number], ANY]
            rows = await self._client.search("account.tax", domain, bill_parts.TAX_FIELDS)
            self._taxes = TaxTree({row["id"]: row for row in rows})
        return self._taxes

    async def with_lines(self) -> frozenset[int]:
        """Accounts that Tryton accepts lines of a bill on."""
        if self._with_lines is None:
            kinds = ["OR", ["type.expense", "=", True], ["type.debt", "=", True]]
            domain = [*chart.account_domain(self.company.number), kinds]
            rows = await self._client.search("account.account", domain, ("id",))
            self._with_lines = frozenset(row["id"] for row in rows)
        return self._with_lines

    async def check_journal(self, journal: Journal) -> None:
        """Raises `ErpError` for a journal that takes no bills."""
        if self._journals is None:
            rows = await self._client.search("account.journal", [["type", "=", _EXPENSE]], ("id",))
            self._journals = frozenset(row["id"] for row in rows)
        if int(journal.id) not in self._journals:
            raise ErpError(problem(Failure.JOURNAL_TAKES_NO_BILLS, code=journal.code))

    async def party(self, vendor: ErpVendor) -> tuple[int, int]:
        """Party and address of the vendor. Raises `ErpError` when no bill can be made out to it.

        Tryton itself would accept a bill of an inactive party.
        """
        number = int(vendor.id)
        party = self._parties.get(number) or await self._read_party(number)
        named = vendor.name or vendor.code or vendor.id
        if party is None:
            raise ErpError(problem(Failure.VENDOR_UNKNOWN, f"Tryton: no party {number}", vendor=named))
        if not party.active:
            raise ErpError(problem(Failure.VENDOR_BLOCKED, vendor=named, erp=f"{party.name} ({vendor.code or number})"))
        if party.address is None:
            raise ErpError(problem(Failure.VENDOR_WITHOUT_ADDRESS, vendor=named))
        self._parties[number] = party
        return number, party.address

    async def _read_party(self, number: int) -> Party | None:
        fields = ("name", "active", "addresses.invoice")
        rows = await self._client.search("party.party", [["id", "=", number], ANY], fields)
        if not rows:
            return None
        addresses = shaped(lambda: sorted(rows[0]["addresses"], key=lambda each: not each["invoice"]))
        return Party(rows[0]["name"] or "", bool(rows[0]["active"]), addresses[0]["id"] if addresses else None)

    def forget(self) -> None:
        """Read again what may be out of date, since Tryton refused something."""
        self._taxes = self._with_lines = self._journals = None
        self._parties.clear()
