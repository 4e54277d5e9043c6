"""What the sandbox's ERP tells of vendors, bills and what settles them, for other tests and the demo's count."""

from __future__ import annotations

import base64
import datetime as dt
import json
import urllib.request
from decimal import Decimal
from typing import Any

from tryton_sandbox import TrytonServer, bills, count_documents, parties, payments, reconciliations
from tryton_sandbox.books import read


def test_the_vendors_are_as_planned(tryton_server: TrytonServer) -> None:
    told = tryton_server.facts["vendors"]
    everybody = {party["code"]: party for party in parties(tryton_server)}
    vendors = [party for code, party in everybody.items() if code not in ("1", "2")]
    assert len(vendors) == told["total"] == 200
    assert sum(not party["active"] for party in vendors) == told["inactive"] == 9
    assert len({party["name"] for party in vendors}) == 200
    assert all(party["countries"] for party in vendors)
    assert set(told["employees"]) == {"1001", "1002", "1003", "EMP-001"} <= set(everybody)
    assert not everybody[told["inactive_code"]]["active"]
    assert everybody[told["own_payable_code"]]["payable"] == "2.1.4"
    in_belgium = {party["code"]: party["payable"] for party in parties(tryton_server, "BE")}
    assert in_belgium[told["own_payable_code"]] == "444"
    assert everybody[told["plain_code"]]["payable"] is None
    assert everybody[told["without_vat_id_code"]]["identifiers"] == []
    assert sum(bool(party["identifiers"]) for party in vendors) == 164


def test_a_bill_is_read_back_and_counts_once(tryton: TrytonServer) -> None:
    assert (bills(tryton), payments(tryton), reconciliations(tryton), count_documents(tryton)) == ([], [], [], 0)
    today = dt.date.today()  # noqa: DTZ011 - as the sandbox opens and closes months
    bill = send(
        tryton,
        "account.invoice",
        {
            "type": "in",
            "party": 3,
            "invoice_address": one(tryton, "party.address", ["party", "=", 3]),
            "journal": one(tryton, "account.journal", ["code", "=", "EXP"]),
            "currency": one(tryton, "currency.currency", ["code", "=", "DKK"]),
            "account": account(tryton, "2.1.1"),
            "invoice_date": {"__class__": "date", "year": today.year, "month": today.month, "day": today.day},
            "description": "hosting [PLEO:entry-1]",
            "reference": "INV-7",
            "lines": [
                [
                    "create",
                    [
                        {
                            "type": "line",
                            "account": account(tryton, "5.1.7"),
                            "quantity": 1,
                            "unit_price": {"__class__": "Decimal", "decimal": "100.00"},
                            "currency": one(tryton, "currency.currency", ["code", "=", "DKK"]),
                            "taxes": [["add", [tryton.facts["companies"]["DK"]["taxes"]["I25"]]]],
                        }
                    ],
                ]
            ],
        },
    )["id"]
    send(tryton, f"account.invoice/{bill}/post", {})
    (told,) = bills(tryton)
    assert (told["state"], told["reference"], told["party"], told["account"]) == ("posted", "INV-7", "3", "2.1.1")
    assert (told["untaxed"], told["tax"], told["total"]) == (Decimal("100.00"), Decimal("25.00"), Decimal("125.00"))
    assert (told["open"], told["currency"]) == (Decimal("125.00"), "DKK")
    assert [(line["account"], line["amount"]) for line in told["lines"]] == [("5.1.7", Decimal("100.00"))]
    assert [(tax["account"], tax["amount"]) for tax in told["taxes"]] == [("1.4.4", Decimal("25.00"))]
    assert count_documents(tryton) == 1
    assert bills(tryton, "BE") == []
    assert payments(tryton) == []


def one(server: TrytonServer, model: str, *domain: Any) -> int:
    return int(read(server, model, list(domain), ["id"])[0]["id"])


def account(server: TrytonServer, code: str) -> int:
    return one(server, "account.account", ["code", "=", code], ["company", "=", server.company_id()])


def send(server: TrytonServer, path: str, body: dict[str, Any]) -> Any:
    context = base64.urlsafe_b64encode(json.dumps({"company": server.company_id()}).encode()).decode()
    headers = {
        "Authorization": f"bearer {server.api_key}",
        "Content-Type": "application/json",
        "X-Tryton-Context": context,
    }
    address = f"{server.base_url}/{server.database}/rest/model/{path}"
    request = urllib.request.Request(address, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)
