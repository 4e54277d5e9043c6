"""A company whose accounting takes SIE files: its chart as its program exports it, and what Pleo knows of it."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

NAME, NUMBER = "Nordlys Kaffe AB", "556334-3689"
WALLET, CONTRA, OUT_OF_POCKET, EXTERNAL, EXPENSE, INPUT_VAT, OUTPUT_VAT = (
    "1680", "1690", "2820", "2890", "5800", "2641", "2614",
)  # fmt: skip
_ACCOUNTS = (
    (WALLET, "Plånbok hos Pleo", "T"),
    (CONTRA, "Pengar på väg", "T"),
    (OUT_OF_POCKET, "Skulder till anställda", "S"),
    (EXTERNAL, "Övriga kortfristiga skulder", "S"),
    (INPUT_VAT, "Debiterad ingående moms", "S"),
    (OUTPUT_VAT, "Utgående moms omvänd", "S"),
    (EXPENSE, "Resekostnader", "K"),
    ("6110", "Kontorsmateriel", "K"),
)


def chart_file(folder: Path) -> Path:
    """The chart as an accounting program writes it, in the currency of the sandbox's wallet."""
    today = dt.date.today()  # noqa: DTZ011
    lines = [
        "#FLAGGA 0", "#FORMAT PC8", "#SIETYP 4", '#PROGRAM "Test" 1.0', f"#GEN {today:%Y%m%d}",
        f'#FNAMN "{NAME}"', f"#ORGNR {NUMBER}",
        f"#RAR 0 {today.year}0101 {today.year}1231",
        f"#RAR -1 {today.year - 1}0101 {today.year - 1}1231", "#VALUTA DKK",
        *(line for code, name, letter in _ACCOUNTS for line in (f'#KONTO {code} "{name}"', f"#KTYP {code} {letter}")),
        '#DIM 1 "Kostnadsställe"', '#OBJEKT 1 "10" "Rosteri"', '#OBJEKT 1 "20" "Kafé"',
        '#DIM 6 "Projekt"', '#OBJEKT 6 "P1" "Sommar"',
    ]  # fmt: skip
    path = folder / "kontoplan.se"
    path.write_bytes("\r\n".join([*lines, ""]).encode("cp437"))
    return path


def bookkeeping() -> dict[str, Any]:
    """What a person chooses in the set-up."""
    accounts = {
        "wallet": {"*": WALLET}, "out_of_pocket": OUT_OF_POCKET, "contra": CONTRA, "external_reimbursement": EXTERNAL,
        "payable": None,
    }  # fmt: skip
    return {"journal": "P", "accounts": accounts}


def known_to_pleo() -> dict[str, Any]:
    """Codes for expenses as the first syncs bring them to Pleo."""
    names = ("expense", "rent", "software", "travel", "meals", "office", "equipment")
    return {
        "accounts": {
            **dict.fromkeys(names, EXPENSE), "wallet": WALLET, "input_tax": INPUT_VAT, "output_tax": OUTPUT_VAT,
        },
        "tax_codes": dict.fromkeys(("standard", "exempt", "reverse"), "Moms 25 %"),
    }  # fmt: skip
