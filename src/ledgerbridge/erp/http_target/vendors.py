"""Vendors of a partner: found by any key, created once whatever happens on the way (VEN-063 to -066)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ledgerbridge.bookkeeping.master_data import ErpVendor, NewVendor, VendorLookup
from ledgerbridge.bookkeeping.problem import Failure, problem
from ledgerbridge.erp.http_target import master, problems, wire_master
from ledgerbridge.erp.http_target.client import Client, a_write
from ledgerbridge.erp.http_target.errors import CallFailed, Outcome
from ledgerbridge.erp.http_target.lookout import Lookout
from ledgerbridge.erp.http_target.problems import About
from ledgerbridge.erp.port import ErpError

_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Vendors:
    client: Client
    company: str
    lookout: Lookout

    async def find(self, wanted: VendorLookup, *, once: bool = False) -> list[ErpVendor]:
        """Each once, by id and code in the partner's order. Raises `CallFailed`."""
        ids, codes = _given(wanted.ids), _given(wanted.codes)
        pleo_id = wanted.pleo_id if wanted.pleo_id and wanted.pleo_id.strip() else None
        numbers = plain(wanted.tax_registration_number), plain(wanted.registration_number)
        found: dict[str, ErpVendor] = {}
        rest = pleo_id is not None or any(numbers)
        for start in range(0, max(len(ids), len(codes), int(rest)), _AT_ONCE):
            some = slice(start, start + _AT_ONCE)
            asked = wire_master.FindVendorsRequest(
                operation="find_vendors",
                company=self.company,
                ids=ids[some],
                codes=codes[some],
                pleo_id=None if start else pleo_id,
                tax_registration_number=None if start else numbers[0],
                registration_number=None if start else numbers[1],
            )
            ask = self.client.once if once else self.client.read
            answer = await ask(asked, wire_master.VendorsAnswer)
            found |= {one.id: master.vendor(one) for one in answer.vendors}
        return list(found.values())

    async def create(self, new: NewVendor) -> ErpVendor:
        """Raises `ErpError`."""
        if not new.name.strip():
            raise ErpError(problem(Failure.VENDOR_REFUSED, vendor="without a name", message="It has no name."))
        about = About(vendor=new.name, number=new.tax_registration_number or "")
        try:
            if standing := await self._standing(new.pleo_id, once=False):
                return standing
        except CallFailed as failure:
            raise ErpError(problems.failed(failure, about, "read vendors")) from None
        asked = wire_master.CreateVendorRequest(
            operation="create_vendor",
            company=self.company,
            vendor=wire_master.NewVendor(
                pleo_id=new.pleo_id,
                name=new.name,
                currency=new.currency,
                country=new.country,
                registration_number=new.registration_number,
                tax_registration_number=new.tax_registration_number,
            ),
        )
        write = a_write("create_vendor", self.company, new.pleo_id)
        try:
            made = (await self.client.write(asked, wire_master.VendorAnswer, write)).vendor
            if made.pleo_id != new.pleo_id:
                said = "create_vendor answered what the document does not allow: /vendor/pleo_id: another one"
                raise CallFailed(Outcome.UNFIT, "create_vendor", said=said)
            return master.vendor(made)
        except CallFailed as failure:
            if not failure.perhaps_done:
                raise ErpError(problems.failed(failure, about, "create vendors")) from None
            return await self._after_lost(new, failure)

    async def _after_lost(self, new: NewVendor, lost: CallFailed) -> ErpVendor:
        async def see() -> ErpVendor | None:
            return await self._standing(new.pleo_id, once=True)

        if seen := await self.lookout.until(lost, see):
            return seen
        found = problem(Failure.VENDOR_UNCONFIRMED, lost.internal, vendor=new.name, reference=new.pleo_id)
        raise ErpError(found, outcome_unknown=True)

    async def _standing(self, pleo_id: str, *, once: bool) -> ErpVendor | None:
        found = await self.find(VendorLookup(pleo_id=pleo_id), once=once)
        return next((one for one in found if one.pleo_id == pleo_id), None)


def _given(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text for text in texts if text.strip()))


def plain(number: str | None) -> str | None:
    """A number as letters and digits alone, upper case; None where nothing is left."""
    return "".join(letter for letter in (number or "").upper() if letter.isalnum()) or None
