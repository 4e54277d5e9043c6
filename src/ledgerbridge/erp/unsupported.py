"""What an ERP answers to calls it does not claim: a refusal, never an empty list. For adapters to inherit."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import NoReturn

from ledgerbridge.bookkeeping.master_data import ErpVendor, NewVendor, VendorLookup
from ledgerbridge.bookkeeping.problem import Failure, problem
from ledgerbridge.bookkeeping.words import PostingKey
from ledgerbridge.erp.port import Booked, DocumentRef, ErpError, Keyed, Reversed, Wanted


def unsupported(capability: str, method: str) -> ErpError:
    """The refusal of a call that belongs to a capability this ERP does not claim."""
    return ErpError(problem(Failure.METHOD_NOT_SUPPORTED, f"{capability} is not claimed", method=method))


class Unsupported:
    """The calls of the port that hang on a capability, refused. `hand_over` has nothing to do."""

    async def vendors(self) -> Sequence[ErpVendor]:
        _refuse("vendors", "a bill of a vendor")

    async def find_vendors(self, wanted: VendorLookup) -> Sequence[ErpVendor]:
        _refuse("vendors", "a bill of a vendor")

    async def create_vendor(self, vendor: NewVendor) -> ErpVendor:
        _refuse("vendors", "a bill of a vendor")

    async def settle(self, documents: Sequence[DocumentRef]) -> bool:
        _refuse("vendor_bills", "a vendor bill")

    async def reopen(self, documents: Sequence[DocumentRef]) -> bool:
        _refuse("vendor_bills", "a vendor bill")

    async def matching_limits(self) -> str | None:
        return None

    async def entries(self, first: date, last: date, company_id: str) -> Sequence[Keyed]:
        _refuse("lists_entries", "part of a list")

    async def book_many(self, wanted: Sequence[Wanted], *, final: bool) -> Sequence[Booked | ErpError]:
        _refuse("batch", "one of several at once")

    async def reverse(self, document: DocumentRef, key: PostingKey, *, reason: str, day: date | None) -> Reversed:
        _refuse("can_reverse", "a reversal")

    async def hand_over(self, *, now: bool = False) -> None:
        """Nothing to do."""


def _refuse(capability: str, method: str) -> NoReturn:
    raise unsupported(capability, method)
