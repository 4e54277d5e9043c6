"""What the ERP's own books say, read over its REST API with the administrator's key, for assertions and the demo."""

import base64
import json
import urllib.parse
import urllib.request
from decimal import Decimal
from typing import Any

from tryton_sandbox.server import TrytonServer

_MOVE_FIELDS = [
    "number",
    "state",
    "date",
    "description",
    "company",
    "journal.code",
    "period.name",
    "lines.account.code",
    "lines.debit",
    "lines.credit",
    "lines.description",
    "lines.party",
    "lines.second_currency.code",
    "lines.amount_second_currency",
    "lines.tax_lines.tax.id",
    "lines.tax_lines.type",
    "lines.tax_lines.amount",
    "lines.analytic_lines.account.code",
    "lines.analytic_lines.debit",
    "lines.analytic_lines.credit",
    "lines.analytic_state",
]


def moves(server: TrytonServer, like: str = "PLEO:%", company: str = "DK") -> list[dict[str, Any]]:
    """The journal entries of a company whose description is like this pattern, oldest first, as plain values.

    Amounts are `Decimal`, dates `YYYY-MM-DD`. Lines carry `account` (code), `debit`, `credit`, `party` (id or None),
    `currency` and `currency_amount` of a foreign amount, `tax_lines` (`tax` id, `type`, `amount`) and `analytic`
    (`account` code, `debit`, `credit`). `attachments` are the names of the files on the entry.
    """
    found = read(server, "account.move", _domain(server, like, company), _MOVE_FIELDS)
    return [_move(server, each) for each in found]


def count_moves(server: TrytonServer, like: str = "PLEO:%", company: str = "DK") -> int:
    """How many journal entries `moves` would return."""
    return len(read(server, "account.move", _domain(server, like, company), ["id"]))


def read(server: TrytonServer, model: str, domain: list[Any], fields: list[str]) -> list[dict[str, Any]]:
    """Search any model of the ERP; Tryton's tagged values become plain ones."""
    query = [("d", _encode(domain)), ("o", _encode([["id", "ASC"]])), *[("f", name) for name in fields]]
    address = f"{server.base_url}/{server.database}/rest/model/{model}?{urllib.parse.urlencode(query)}"
    headers = {"Authorization": f"bearer {server.keys['erp_admin']}", "Accept-Language": "en"}
    with urllib.request.urlopen(urllib.request.Request(address, headers=headers), timeout=60) as answer:  # noqa: S310
        rows: list[dict[str, Any]] = json.load(answer, object_hook=_plain)
    return rows


def _domain(server: TrytonServer, like: str, company: str) -> list[Any]:
    return [["description", "like", like], ["company", "=", server.company_id(company)]]


def _move(server: TrytonServer, row: dict[str, Any]) -> dict[str, Any]:
    files = read(server, "ir.attachment", [["resource", "=", f"account.move,{row['id']}"]], ["name"])
    return {
        "id": row["id"],
        "number": row["number"],
        "state": row["state"],
        "date": row["date"],
        "description": row["description"],
        "journal": row["journal"]["code"],
        "period": row["period"]["name"],
        "lines": [_line(line) for line in row["lines"]],
        "attachments": [file["name"] for file in files],
    }


def _line(line: dict[str, Any]) -> dict[str, Any]:
    currency = line["second_currency"]
    return {
        "account": line["account"]["code"],
        "debit": line["debit"],
        "credit": line["credit"],
        "description": line["description"],
        "party": line["party"],
        "currency": currency["code"] if currency else None,
        "currency_amount": line["amount_second_currency"],
        "tax_lines": [
            {"tax": each["tax"]["id"], "type": each["type"], "amount": each["amount"]} for each in line["tax_lines"]
        ],
        "analytic": [
            {"account": each["account"]["code"], "debit": each["debit"], "credit": each["credit"]}
            for each in line["analytic_lines"]
        ],
        "analytic_state": line["analytic_state"],
    }


def _encode(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value, separators=(",", ":")).encode()).decode()


def _plain(value: dict[str, Any]) -> Any:
    match value.get("__class__"):
        case "Decimal":
            return Decimal(value["decimal"])
        case "date":
            return f"{value['year']:04}-{value['month']:02}-{value['day']:02}"
        case _:
            return value
