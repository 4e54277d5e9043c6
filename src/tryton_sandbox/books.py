"""What the ERP's own books say, read over its REST API with the administrator's key, for assertions and the demo."""

import base64
import json
import re
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


_KEY = re.compile(r"\[PLEO:([^\[\]#]+)(?:#[0-9]+)?\]")
_BILL_FIELDS = [
    "number",
    "state",
    "reference",
    "description",
    "party.code",
    "party.name",
    "invoice_date",
    "accounting_date",
    "currency.code",
    "account.code",
    "untaxed_amount",
    "tax_amount",
    "total_amount",
    "amount_to_pay",
    "move",
    "lines.account.code",
    "lines.amount",
    "lines.description",
    "taxes.tax",
    "taxes.account.code",
    "taxes.base",
    "taxes.amount",
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


def count_documents(server: TrytonServer, company: str = "DK") -> int:
    """How many accounting entries of Pleo stand in the books, as journal entry or bill; a bill and its own payment or
    journal entry carry one key and count once."""
    ours = ["company", "=", server.company_id(company)]
    keyed = ["OR", ["description", "like", "%[PLEO:%"], ["reference", "like", "%[PLEO:%"]]
    texts = [row["description"] for row in read(server, "account.move", [ours, keyed[1]], ["description"])]
    for row in read(server, "account.invoice", [ours, keyed], ["description", "reference"]):
        texts += [row["description"], row["reference"]]
    return len({key for text in texts for key in _KEY.findall(text or "")})


def parties(server: TrytonServer, company: str = "DK") -> list[dict[str, Any]]:
    """Everybody the database knows, companies and the inactive included, by id: `code`, `name`, `active`,
    `replaced_by`, `identifiers` (pairs of type and code), `countries` of the addresses, `payable` (the code of an
    account of its own, or None)."""
    fields = ["code", "name", "active", "replaced_by", "account_payable.code", "identifiers.type", "identifiers.code"]
    everybody = [["active", "in", [True, False]]]
    rows = read(server, "party.party", everybody, [*fields, "addresses.country.code"], company)
    return [
        {
            **{name: row[name] for name in ("id", "code", "name", "active", "replaced_by")},
            "identifiers": [(each["type"], each["code"]) for each in row["identifiers"]],
            "countries": [each["country"]["code"] for each in row["addresses"] if each["country"]],
            "payable": row["account_payable"] and row["account_payable"]["code"],
        }
        for row in rows
    ]


def bills(server: TrytonServer, company: str = "DK") -> list[dict[str, Any]]:
    """The supplier bills of a company, oldest first; a credit note has negative amounts. `party` is its code, `move`
    the id of its journal entry, `open` what is left to pay. `lines` carry `account`, `amount`, `description`; `taxes`
    carry `tax` (id), `account`, `base`, `amount`."""
    domain = [["type", "=", "in"], ["company", "=", server.company_id(company)]]
    plain = ("id", "number", "state", "reference", "description", "invoice_date", "accounting_date", "move")
    return [
        {
            **{name: row[name] for name in plain},
            "party": row["party"]["code"],
            "currency": row["currency"]["code"],
            "account": row["account"]["code"],
            "untaxed": row["untaxed_amount"],
            "tax": row["tax_amount"],
            "total": row["total_amount"],
            "open": row["amount_to_pay"],
            "lines": [each | {"account": each["account"] and each["account"]["code"]} for each in row["lines"]],
            "taxes": [each | {"account": each["account"]["code"]} for each in row["taxes"]],
        }
        for row in read(server, "account.invoice", domain, _BILL_FIELDS)
    ]


def payments(server: TrytonServer, company: str = "DK") -> list[dict[str, Any]]:
    """The journal entries of ours that name a party and belong to no bill, as `moves` tells them."""
    of_bills = {bill["move"] for bill in bills(server, company)}
    return [
        move
        for move in moves(server, "%[PLEO:%", company)
        if move["id"] not in of_bills and any(line["party"] for line in move["lines"])
    ]


def reconciliations(server: TrytonServer, company: str = "DK") -> list[dict[str, Any]]:
    """What settles what: for each match its `lines` with `move` (id), `account`, `party` (id), `debit`, `credit`."""
    domain = [["company", "=", server.company_id(company)]]
    names = ["move", "account.code", "party", "debit", "credit"]
    rows = read(server, "account.move.reconciliation", domain, ["date", *(f"lines.{name}" for name in names)])
    return [
        {
            "id": row["id"],
            "date": row["date"],
            "lines": [each | {"account": each["account"]["code"]} for each in row["lines"]],
        }
        for row in rows
    ]


def read(
    server: TrytonServer, model: str, domain: list[Any], fields: list[str], company: str | None = None
) -> list[dict[str, Any]]:
    """Search any model of the ERP; Tryton's tagged values become plain ones. What a record holds for each company is
    that of `company`."""
    query = [("d", _encode(domain)), ("o", _encode([["id", "ASC"]])), *[("f", name) for name in fields]]
    address = f"{server.base_url}/{server.database}/rest/model/{model}?{urllib.parse.urlencode(query)}"
    headers = {"Authorization": f"bearer {server.keys['erp_admin']}", "Accept-Language": "en"}
    if company:
        headers["X-Tryton-Context"] = _encode({"company": server.company_id(company)})
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
