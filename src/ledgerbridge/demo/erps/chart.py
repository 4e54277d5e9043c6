"""A small company with a Swedish chart of accounts, for accounting systems that are told theirs. Pure."""

from __future__ import annotations

import base64
import datetime as dt
from collections.abc import Mapping
from typing import Any

COMPANY, NUMBER, CURRENCY = "Nordlys Handel AB", "556334-3689", "DKK"
ACCOUNTS: Mapping[str, tuple[str, str]] = {
    "1630": ("Avräkning för skatter", "Asset"),
    "1710": ("Förutbetalda kostnader", "Asset"),
    "1940": ("Pleo", "Bank"),
    "1949": ("Pleo, avräkning", "Bank"),
    "2440": ("Leverantörsskulder", "Liability"),
    "2614": ("Utgående moms omvänd skattskyldighet, 25 %", "Liability"),
    "2641": ("Debiterad ingående moms", "Liability"),
    "2645": ("Beräknad ingående moms på förvärv från utlandet", "Liability"),
    "2820": ("Skulder till anställda", "Liability"),
    "2890": ("Övriga kortfristiga skulder", "Liability"),
    "5010": ("Lokalhyra", "Expense"),
    "5420": ("Programvaror", "Expense"),
    "5800": ("Resekostnader", "Expense"),
    "6071": ("Representation", "Expense"),
    "6110": ("Kontorsmateriel", "Expense"),
    "6570": ("Bankkostnader", "Expense"),
    "6990": ("Övriga kostnader", "Expense"),
    "8410": ("Räntekostnader", "Expense"),
}
"""Code to name and type."""
DIMENSIONS: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "1": ("Kostnadsställe", {"010": "Försäljning", "020": "Utveckling", "030": "Ledning", "040": "Lager"}),
    "6": ("Projekt", {"P1": "Ny webbplats", "P2": "Mässa i Malmö", "P3": "Flytt"}),
}
TAXES = "I25; 25; 2641\nI0; 0\nRC25; 25; 2645; 2614\n"


def sie_file(today: dt.date) -> bytes:
    """The company as an accounting program exports it: SIE 4E with this year and the one before."""
    years = [f"#RAR {at} {today.year + at}0101 {today.year + at}1231" for at in (0, -1)]
    accounts = [f'#KONTO {code} "{name}"' for code, (name, _) in ACCOUNTS.items()]
    named = [f'#DIM {code} "{name}"' for code, (name, _) in DIMENSIONS.items()]
    objects = [
        f'#OBJEKT {code} "{value}" "{text}"'
        for code, (_, values) in DIMENSIONS.items()
        for value, text in values.items()
    ]
    head = ["#FLAGGA 0", "#FORMAT PC8", "#SIETYP 4", '#PROGRAM "Demo" 1', f"#GEN {today:%Y%m%d}"]
    company = [f'#FNAMN "{COMPANY}"', f"#ORGNR {NUMBER}", *years, f"#VALUTA {CURRENCY}"]
    lines = [*head, *company, *accounts, *named, *objects]
    return "".join(f"{line}\r\n" for line in lines).encode("cp437")


def accounts_list() -> bytes:
    """The accounts as a spreadsheet saves them."""
    rows = [f"{code};{name};{kind}" for code, (name, kind) in ACCOUNTS.items()]
    return "\r\n".join(["Account;Name;Type", *rows]).encode()


def dimensions_list() -> bytes:
    rows = [
        f"{code};{name};{one};{text}" for code, (name, values) in DIMENSIONS.items() for one, text in values.items()
    ]
    return "\r\n".join(["Dimension;Dimension name;Code;Name", *rows]).encode()


def uploaded(content: bytes) -> str:
    """As the admin API takes a file."""
    return base64.b64encode(content).decode()


def locked_until(today: dt.date) -> dt.date:
    """The end of a month that is closed, in this year or the one before."""
    return today.replace(day=1) - dt.timedelta(days=40)


def configuration() -> dict[str, Any]:
    """As the admin API takes it."""
    return {
        "journal": "P",
        "accounts": {
            "wallet": {CURRENCY: "1940", "*": "1940"},
            "out_of_pocket": "2820",
            "contra": "1949",
            "external_reimbursement": "2890",
            "payable": "2440",
        },
        "posting_mode": "final",
        "closed_period": "fail",
        "time_zone": "Europe/Stockholm",
        "tax": {"mode": "explicit", "codes": {}},
        "dimensions": list(DIMENSIONS),
    }


def seed_chart(today: dt.date) -> dict[str, Any]:
    """Codes for Pleo's expenses, as the first syncs bring them to Pleo."""
    expenses = {
        "expense": "6990", "rent": "5010", "software": "5420", "travel": "5800", "meals": "6071", "office": "6110",
        "equipment": "6110", "mileage": "5800", "per_diem": "5800", "fees": "6570", "interest": "8410",
        "cashback": "6990", "prepaid": "1710",
    }  # fmt: skip
    ours = {
        "wallet": "1940", "contra": "1949", "out_of_pocket": "2820", "payable": "2440", "input_tax": "2641",
        "output_tax": "2614",
    }  # fmt: skip
    names = {"cost_centre": "1", "project": "6"}
    return {
        "accounts": expenses | ours,
        "tax_codes": {"standard": "I25", "exempt": "I0", "reverse": "RC25"},
        "dimensions": {name: {"group": code, "values": sorted(DIMENSIONS[code][1])} for name, code in names.items()},
        "closed_date": (locked_until(today) - dt.timedelta(days=10)).isoformat(),
    }
