"""Eyes and hands of the Tryton bench for bills and what settles them."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from ledgerbridge.erp.conformance.bench import StandingBill

_FIELDS = (
    "state number reference description total_amount move.date "
    "move.lines.account.code move.lines.debit move.lines.credit "
    "move.lines.tax_lines.tax move.lines.tax_lines.type move.lines.tax_lines.amount"
)


class PayableHands:
    """What `TrytonBench` can do with bills."""

    at: Any

    async def search(self, model: str, domain: list[Any], fields: str) -> list[dict[str, Any]]:
        raise NotImplementedError

    async def send(
        self, method: str, path: str, body: Any = None, parameters: Any = (), *, user: str = "erp_admin"
    ) -> Any:
        raise NotImplementedError

    async def bills(self, accounting_entry_id: str) -> Sequence[StandingBill]:
        pattern = accounting_entry_id.replace("_", r"\_")
        domain = [
            ["company", "=", self.at.company],
            ["state", "!=", "cancelled"],
            ["description", "like", f"%{pattern}%"],
        ]
        return [_standing(row) for row in await self.search("account.invoice", domain, _FIELDS)]

    async def bill_files(self, erp_id: str) -> Sequence[tuple[str, bytes]]:
        rows = await self.search("ir.attachment", [["resource", "=", f"account.invoice,{erp_id}"]], "name data")
        return [(row["name"], row["data"]) for row in rows]

    async def cancel_bill(self, erp_id: str) -> None:
        await self.send("POST", f"model/account.invoice/{erp_id}/cancel", {})

    async def matches(self, erp_ids: Sequence[str]) -> list[set[str]]:
        """The journal entries that are matched with each other, of those that touch any of these."""
        domain = [["lines.move", "in", [int(number) for number in erp_ids]]]
        rows = await self.search("account.move.reconciliation", domain, "lines.move")
        return [{str(line["move"]) for line in row["lines"]} for row in rows]


def _standing(row: dict[str, Any]) -> StandingBill:
    lines = row["move"]["lines"] if row["move"] else []
    booked: dict[str, Decimal] = {}
    for line in lines:
        code = line["account"]["code"]
        booked[code] = booked.get(code, Decimal(0)) + line["debit"] - line["credit"]
    return StandingBill(
        id=str(row["id"]),
        final=row["state"] in ("posted", "paid"),
        paid=row["state"] == "paid",
        number=row["number"],
        supplier_number=row["reference"],
        text=row["description"],
        owed=row["total_amount"],
        booked={code: amount for code, amount in booked.items() if amount},
        taxes=sorted(
            (str(tax["tax"]), tax["type"], tax["amount"])
            for line in lines
            for tax in line["tax_lines"]
            if tax["amount"]
        ),
        date=row["move"]["date"] if row["move"] else None,
    )
