"""Accounts payable told in few words: items of one company whose ERP keeps vendors, and what came of them."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import select, update

from ledgerbridge.clock import utcnow
from ledgerbridge.exports import queries
from ledgerbridge.exports.later import settle_later
from ledgerbridge.store.tables import JobEvent, Posting, Settlement
from tests.support.double_master import vendor
from tests.support.erp_double import CODES
from tests.support.rig import Rig

Json = dict[str, Any]

ACME = vendor(1, name="Acme Tools ApS", tax_registration_number="DK12345674")
PENS = vendor(2, name="Pens & Co", payable=CODES["contra"])
BLOCKED = vendor(3, name="Gone & Forgotten ApS", active=False)
EMPLOYEE = vendor(4, code="E100", name="Ida Ek")
VENDORS = [ACME, PENS, BLOCKED, EMPLOYEE]
OWN = {"CC": "CC01", "PRJ": "PRJ01"}


def chosen(code: str | None = "V0001", name: str = "Acme Tools ApS", **more: Any) -> Json:
    """A vendor as an item names it."""
    return {"id": f"pleo-{code}", "name": name, "defaultCurrency": "DKK", "code": code, **more}


def line(net: int, account: str = CODES["expense"], tax: int = 0) -> Json:
    """A line of `net` minor units, and VAT on top of it."""
    taxed = {"tax": {"type": "exclusive", "amount": tax, "code": "I25"}} if tax else {}
    return {"net": net, "account": account, "tags": OWN, **taxed}


def purchase(net: int = 80_000, tax: int = 20_000, **more: Any) -> Json:
    return {"type": "card_purchase", "lines": [line(net, tax=tax)], "vendor": chosen(), **more}


def invoice(number: str = "INV-1", net: int = 80_000, tax: int = 20_000, **more: Any) -> Json:
    return {"type": "invoice", "lines": [line(net, tax=tax)], "vendor": chosen(), "invoice": _about(number), **more}


def payment(number: str = "INV-1", amount: int = 100_000, sub_type: str = "invoice_payment_sent", **more: Any) -> Json:
    told = {"type": "invoice_payment", "sub_type": sub_type, "lines": [line(amount, CODES["payable"])]}
    return {**told, "vendor": chosen(), "invoice": _about(number), **more}


def returned(number: str = "INV-1", amount: int = 100_000, **more: Any) -> Json:
    return payment(number, amount, "invoice_payment_returned", **more)


def spent(name: str, net: int, kind: str = "out_of_pocket", **more: Any) -> Json:
    """What an employee laid out; `name` is its reconciliation id."""
    ida = {"name": "Ida Ek", "code": "E100"}
    return {"type": kind, "lines": [line(net)], "user": ida, "reconciliation_id": name, **more}


def paid_back(amount: int, *names: str, **more: Any) -> Json:
    """A reimbursement of what is named."""
    told = {"type": "direct_reimbursement", "sub_type": "reimbursement_to_employee", "reconciled": list(names)}
    return {**told, "lines": [line(amount, CODES["out_of_pocket"])], "user": {"name": "Ida Ek", "code": "E100"}, **more}


def _about(number: str) -> Json:
    return {"number": number, "date": utcnow().date().replace(day=1).isoformat()}


@dataclass
class Payables:
    """A company whose ERP books vendor bills, told what to export."""

    rig: Rig

    def press(self, *items: Json, **options: Any) -> str:
        """Press Export; the job's id."""
        body = {"company_id": self.rig.pleo.company_id, "items": list(items), "vendor_based": True, **options}
        return str(self.rig.pleo.control("POST", "/exports", body)["id"])

    async def export(self, *items: Json, **options: Any) -> list[Json]:
        """Press Export and look; the items as the bookkeeper sees them, in order."""
        job = self.press(*items, **options)
        await self.rig.look()
        return self.seen(job)

    def seen(self, job: str) -> list[Json]:
        return list(self.rig.pleo.job(job)["items"])

    async def round(self, *, days: int = 0) -> None:
        """The round of open claims, `days` later."""
        if days:
            async with self.rig.db.transaction() as session:
                await session.execute(update(Settlement).values(tried_at=Settlement.tried_at - dt.timedelta(days=days)))
        await settle_later(self.rig.context, self.rig.connection_id)

    def owed(self, vendor_id: str = ACME.id) -> Decimal:
        return self.rig.books.owed(vendor_id)

    async def open_claims(self) -> int:
        async with self.rig.db.reading() as session:
            return await queries.open_claims(session, self.rig.connection_id)

    async def states(self) -> list[tuple[str, str]]:
        """Side and state of every claim, in the order they were booked."""
        wanted = select(Settlement.side, Settlement.state).join(Posting, Posting.id == Settlement.posting_id)
        async with self.rig.db.reading() as session:
            rows = await session.execute(wanted.order_by(Posting.intended_at))
            return [(side, state) for side, state in rows]

    async def timeline(self, name: str) -> list[Json]:
        """Details of the steps of this name."""
        async with self.rig.db.reading() as session:
            wanted = select(JobEvent.detail).where(JobEvent.name == name).order_by(JobEvent.id)
            return list(await session.scalars(wanted))
