"""What a run saw of the ERP, kept for the questions that come after its work, so that nothing is read twice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from ledgerbridge.bookkeeping.master_data import ErpVendor, MasterAccount, MasterDimension, MasterTaxCode
from ledgerbridge.erp.port import Erp


class Seen:
    """The whole lists a run has read; None for one it did not read."""

    accounts: Sequence[MasterAccount] | None = None
    tax_codes: Sequence[MasterTaxCode] | None = None
    dimensions: Sequence[MasterDimension] | None = None
    vendors: Sequence[ErpVendor] | None = None


class _Watched:
    """An ERP company whose whole lists are remembered; everything else is the company's own."""

    def __init__(self, erp: Erp, seen: Seen) -> None:
        self._erp = erp
        self._seen = seen

    def __getattr__(self, name: str) -> Any:
        return getattr(self._erp, name)

    async def accounts(self) -> Sequence[MasterAccount]:
        self._seen.accounts = await self._erp.accounts()
        return self._seen.accounts

    async def tax_codes(self) -> Sequence[MasterTaxCode]:
        self._seen.tax_codes = await self._erp.tax_codes()
        return self._seen.tax_codes

    async def dimensions(self) -> Sequence[MasterDimension]:
        self._seen.dimensions = await self._erp.dimensions()
        return self._seen.dimensions

    async def vendors(self) -> Sequence[ErpVendor]:
        self._seen.vendors = await self._erp.vendors()
        return self._seen.vendors


def watched(erp: Erp, seen: Seen) -> Erp:
    """The same ERP company, whose whole lists are noted in `seen`."""
    return cast("Erp", _Watched(erp, seen))
