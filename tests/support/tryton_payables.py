"""Eyes and hands of the Tryton bench for bills and what settles them."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from ledgerbridge.erp.conformance.bench import StandingBill

_FIELDS = (
    "state number reference description total_amount amount_to_pay reconciled move.date "
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

    async def credit_bill(
        self, erp_id: str, *, refund: bool = False, factor: Decimal = Decimal(1), post: bool = True
    ) -> str:
        """As Tryton's own wizard does it: description and key are copied, each line names the one it takes back."""
        header = "party invoice_address currency journal account description move.date"
        line = "lines.account lines.quantity lines.unit_price lines.currency lines.description lines.taxes"
        tax = "taxes.account taxes.tax taxes.base taxes.amount taxes.description taxes.manual"
        (row,) = await self.search("account.invoice", [["id", "=", int(erp_id)]], f"{header} {line} {tax}")
        values = {name: row[name] for name in header.split()[:-1]}
        values |= {"company": self.at.company, "type": "in", "invoice_date": row["move"]["date"]}
        values |= {"lines": [["create", [_credited(each, factor) for each in row["lines"]]]]}
        values |= {"taxes": [["create", [_credited_tax(each, factor) for each in row["taxes"] if each["manual"]]]]}
        made = str((await self.send("POST", "model/account.invoice", values))["id"])
        if post or refund:
            await self.send("POST", f"model/account.invoice/{made}/post", {})
        if refund:
            # The wizard takes the credit note's entry for the one that cancels; to us both look alike.
            await self.cancel_bill(erp_id)
        return made

    async def take_payments_off(self, erp_id: str) -> None:
        """Take every payment noted on a bill off it by hand."""
        (row,) = await self.search("account.invoice", [["id", "=", int(erp_id)]], "payment_lines")
        assert row["payment_lines"]
        await self.send("PUT", f"model/account.invoice/{erp_id}", {"payment_lines": [["remove", row["payment_lines"]]]})

    async def note_payment(self, bill: str, entry: str) -> None:
        """Note a payment on a bill by hand."""
        domain = [["move", "=", int(entry)], ["account.type.payable", "=", True]]
        lines = [row["id"] for row in await self.search("account.move.line", domain, "id")]
        await self.send("PUT", f"model/account.invoice/{bill}", {"payment_lines": [["add", lines]]})

    async def matches(self, erp_ids: Sequence[str]) -> list[set[str]]:
        """The journal entries that are matched with each other, of those that touch any of these."""
        domain = [["lines.move", "in", [int(number) for number in erp_ids]]]
        rows = await self.search("account.move.reconciliation", domain, "lines.move")
        return [{str(line["move"]) for line in row["lines"]} for row in rows]


def _credited(line: dict[str, Any], factor: Decimal) -> dict[str, Any]:
    copied = {name: line[name] for name in ("account", "currency", "description")}
    return copied | {
        "type": "line",
        "quantity": -line["quantity"],
        "unit_price": line["unit_price"] * factor,
        "taxes": [["add", line["taxes"]]],
        "origin": f"account.invoice.line,{line['id']}",
    }


def _credited_tax(tax: dict[str, Any], factor: Decimal) -> dict[str, Any]:
    copied = {name: tax[name] for name in ("account", "tax", "description", "manual")}
    return copied | {"base": -tax["base"] * factor, "amount": -tax["amount"] * factor}


def _standing(row: dict[str, Any]) -> StandingBill:
    lines = row["move"]["lines"] if row["move"] else []
    booked: dict[str, Decimal] = {}
    for line in lines:
        code = line["account"]["code"]
        booked[code] = booked.get(code, Decimal(0)) + line["debit"] - line["credit"]
    return StandingBill(
        id=str(row["id"]),
        final=row["state"] in ("posted", "paid"),
        paid=row["state"] == "paid" or (row["state"] == "posted" and not row["amount_to_pay"]),
        matched=row["reconciled"] is not None,
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
