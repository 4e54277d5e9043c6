"""The reference server's company: codes that fit it, and its books, read from its database. Pure but for that."""

from __future__ import annotations

import datetime as dt
import json
import sqlite3
from decimal import Decimal
from typing import Any

from ledgerbridge.clock import utcnow
from ledgerbridge.demo.erps.base import ShownEntry, ShownLine

_OURS = "select number, body from documents where role = 'main' and taken_back_by is null order by id"


def configuration() -> dict[str, Any]:
    """As the admin API takes it."""
    return {
        "journal": "EXP",
        "accounts": {
            "wallet": {"DKK": "5820", "*": "5820"},
            "out_of_pocket": "6810",
            "contra": "5840",
            "external_reimbursement": "5850",
            "payable": "5840",
        },
        "posting_mode": "final",
        "closed_period": "fail",
        "time_zone": "Europe/Copenhagen",
        "tax": {"mode": "explicit", "codes": {}},
        "dimensions": ["CC", "PRJ"],
    }


def seed_chart() -> dict[str, Any]:
    """Codes for Pleo's expenses, as the first syncs bring them to Pleo."""
    names = (
        "expense", "rent", "software", "meals", "office", "equipment", "fees", "interest", "cashback",
    )  # fmt: skip
    travels = dict.fromkeys(("travel", "mileage", "per_diem"), "6100")
    ours = {
        "prepaid": "5840", "wallet": "5820", "contra": "5840", "out_of_pocket": "6810", "payable": "5840",
        "input_tax": "1300", "output_tax": "2300",
    }  # fmt: skip
    first = utcnow().date().replace(day=1)
    return {
        "accounts": dict.fromkeys(names, "6000") | travels | ours,
        "tax_codes": {"standard": "I25", "exempt": "I0", "reverse": "RC25"},
        "dimensions": {
            "cost_centre": {"group": "CC", "values": [f"CC{at:02}" for at in range(1, 5)]},
            "project": {"group": "PRJ", "values": [f"PRJ{at:02}" for at in range(1, 4)]},
        },
        "closed_date": (first - dt.timedelta(days=10)).isoformat(),
    }


def entries_of(books: sqlite3.Connection) -> list[ShownEntry]:
    """Every entry in force that carries a key of ours."""
    return [_entry(number, json.loads(body)) for number, body in books.execute(_OURS)]


def _entry(number: str | None, body: dict[str, Any]) -> ShownEntry:
    lines = [
        ShownLine(
            line["account"]["code"],
            Decimal(line["debit"]),
            Decimal(line["credit"]),
            " ".join(each["value"] for each in line["dimensions"]),
        )
        for line in body["lines"]
    ]
    return ShownEntry(number or "", dt.date.fromisoformat(body["date"]), lines)
