"""Master data of the reference server: what can be booked on, kept as JSON records, with a small company to begin."""

from __future__ import annotations

import calendar
import datetime as dt
import json
import sqlite3
from typing import Any

Record = dict[str, Any]
COMPANY: Record = {"id": "1", "name": "Reference ApS", "registration_number": "41414141", "currency": "DKK"}
LISTS = ("accounts", "tax_codes", "dimensions", "journals", "periods", "vendors")

_ACCOUNTS = {
    "1300": "Input VAT", "2300": "Output VAT", "5820": "Pleo wallet", "5840": "Clearing", "5850": "Reimbursements",
    "6000": "Expense", "6100": "Travel", "6800": "Payables", "6810": "Out of pocket",
}  # fmt: skip
_VALUES = {"CC": ("Cost centre", 4), "PRJ": ("Project", 3)}


class Refused(Exception):
    """Why something is not done: a code of the document, a sentence, and the members that go with the code."""

    def __init__(self, code: str, detail: str, status: int = 422, **members: object) -> None:
        super().__init__(code)
        self.problem: Record = {"type": "about:blank", "code": code, "detail": detail, **members}
        self.status = status


class Records:
    """Records of a list, by id."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self.db = db
        db.execute("CREATE TABLE IF NOT EXISTS records (list TEXT, id TEXT, body TEXT, PRIMARY KEY (list, id))")
        if not self.all("accounts"):
            with db:
                self._seed(dt.datetime.now(dt.UTC).date())

    def all(self, of: str) -> list[Record]:
        rows = self.db.execute("SELECT body FROM records WHERE list = ? ORDER BY rowid", (of,))
        return [json.loads(row[0]) for row in rows]

    def get(self, of: str, number: str) -> Record | None:
        row = self.db.execute("SELECT body FROM records WHERE list = ? AND id = ?", (of, number)).fetchone()
        return json.loads(row[0]) if row else None

    def put(self, of: str, record: Record) -> None:
        """Write one; the list `values:7` holds the values of dimension 7."""
        known = "INSERT INTO records VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET body = excluded.body"
        self.db.execute(known, (of, record.get("id") or record["code"], json.dumps(record)))

    def new_id(self) -> str:
        (count,) = self.db.execute("SELECT count(*) FROM records").fetchone()
        return str(count + 1000)

    # ------------------------------------------------------------------ checks

    def check_line(self, line: Record) -> None:
        account = self.get("accounts", line["account"]["id"])
        code = line["account"]["code"]
        if account is None or not account["active"]:
            raise Refused("unknown_account", "There is no such account.", account=code)
        if account["needs_vendor"] and not line["vendor"]:
            raise Refused("account_needs_vendor", "It wants a vendor.", account=code)
        vendor = line["vendor"] and self.get("vendors", line["vendor"])
        if line["vendor"] and vendor is None:
            raise Refused("unknown_vendor", "There is no such vendor.")
        if vendor and not vendor["active"]:
            raise Refused("blocked_vendor", "The vendor is blocked.")
        for each in line["dimensions"]:
            self._check_value(each["dimension"], each["value"])
        for tax in line["taxes"]:
            if tax["tax"] not in {part["id"] for one in self.all("tax_codes") for part in one["components"]}:
                raise Refused("unknown_tax", "There is no such tax.", tax=tax["tax"])

    def _check_value(self, dimension: str, value: str) -> None:
        for one in self.all("dimensions"):
            if one["code"] == dimension and any(
                each["code"] == value and each["active"] for each in self.all(f"values:{one['id']}")
            ):
                return
        raise Refused("unknown_dimension_value", "There is no such value.", dimension=dimension, value=value)

    def check_journal(self, number: str) -> None:
        if self.get("journals", number) is None:
            raise Refused("unknown_journal", "There is no such journal.")

    def check_period(self, day: str) -> None:
        if not any(one["open"] and one["start"] <= day <= one["end"] for one in self.all("periods")):
            raise Refused("closed_period", "The period is closed.", date=day)

    # ------------------------------------------------------------------ vendors

    def find_vendors(self, asked: Record) -> list[Record]:
        wanted = {name: asked[name] for name in ("pleo_id", "tax_registration_number", "registration_number")}
        return [
            one
            for one in self.all("vendors")
            if one["id"] in asked["ids"]
            or one["code"] in asked["codes"]
            or any(value and _plain(one[name], name) == value for name, value in wanted.items())
        ]

    def create_vendor(self, new: Record) -> Record:
        """The vendor with this Pleo id, made unless it is there."""
        with self.db:
            for one in self.all("vendors"):
                if one["pleo_id"] == new["pleo_id"]:
                    return one
            digits = [letter for letter in new["tax_registration_number"] or "" if letter.isdigit()]
            if digits and len(set(digits)) == 1:
                raise Refused("vendor_tax_number", "The tax number is none.")
            number = self.new_id()
            made = {**new, "id": number, "code": f"V{number}", "payable": None, "active": True, "merged_into": None}
            self.put("vendors", made)
            return made

    # ------------------------------------------------------------------ the small company

    def _seed(self, today: dt.date) -> None:
        for code, name in _ACCOUNTS.items():
            self.put(
                "accounts", account(code, code, name, needs_vendor=code == "6800", income=code in ("6000", "6100"))
            )
        self.put("journals", {"id": "1", "code": "EXP", "name": "Expenses"})
        self.put("tax_codes", _tax("I25", "Purchase VAT 25 %", "inclusive", ("0.25", "1300")))
        self.put("tax_codes", _tax("I0", "Without VAT", "inclusive", ("0.00", "1300")))
        self.put("tax_codes", _tax("RC25", "Reverse charge 25 %", "reverse", ("0.25", "1300"), ("-0.25", "2300")))
        for number, (code, (name, values)) in enumerate(_VALUES.items(), 1):
            self.put("dimensions", {"id": str(number), "code": code, "name": name, "required": False, "active": True})
            for at in range(1, values + 1):
                value = {"id": f"{code}{at:02}", "code": f"{code}{at:02}", "name": f"{name} {at}", "active": True}
                self.put(f"values:{number}", value)
        for year in (today.year - 1, today.year, today.year + 1):
            for month in range(1, 13):
                self.put("periods", _period(year, month, open_=(year, month) >= (today.year, today.month)))


def account(number: str, code: str | None, name: str, *, needs_vendor: bool = False, income: bool = False) -> Record:
    return {
        "id": number, "code": code, "name": name, "active": True, "tax_code": None, "needs_vendor": needs_vendor,
        "needs_dimensions": False, "income": income, "type": "Expense" if income else "Balance",
    }  # fmt: skip


def vendor(number: str, code: str | None, name: str) -> Record:
    return {
        "id": number, "code": code, "name": name, "currency": None, "country": None, "registration_number": None,
        "tax_registration_number": None, "payable": None, "active": True, "pleo_id": None, "merged_into": None,
    }  # fmt: skip


def _tax(code: str, name: str, kind: str, *parts: tuple[str, str]) -> Record:
    components = [
        {"id": f"{code}-{at}", "rate": rate, "account": account} for at, (rate, account) in enumerate(parts, 1)
    ]
    return {"code": code, "name": f"{code} {name}", "kind": kind, "components": components, "active": True}


def _period(year: int, month: int, *, open_: bool) -> Record:
    name, last = f"{year}-{month:02}", calendar.monthrange(year, month)[1]
    return {"id": name, "name": name, "start": f"{name}-01", "end": f"{name}-{last}", "open": open_}


def _plain(number: str | None, name: str) -> str | None:
    if number is None or name == "pleo_id":
        return number
    return "".join(letter for letter in number.upper() if letter.isalnum())
