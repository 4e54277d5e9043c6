"""An SIE 4E file as a Swedish accounting program exports it, written here by hand for tests to upload."""

from __future__ import annotations

import base64
import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

ACCOUNTS: Mapping[str, str] = {
    "1930": "Företagskonto / checkkonto",
    "1940": "Övriga bankkonton (Pleo)",
    "2440": "Leverantörsskulder",
    "2614": "Utgående moms omvänd skattskyldighet, 25 %",
    "2641": "Debiterad ingående moms",
    "2645": "Beräknad ingående moms på förvärv från utlandet",
    "2890": "Övriga kortfristiga skulder",
    "3001": "Försäljning inom Sverige, 25 % moms",
    "5800": "Resekostnader",
    "6110": "Kontorsmateriel",
    "6250": "Postbefordran",
    "6540": "IT-tjänster",
    "8310": "Ränteintäkter",
    "8410": 'Räntekostnader, "långa" lån',
}
OBJECTS: Mapping[tuple[str, str], str] = {
    ("1", "010"): "Försäljning",
    ("1", "020"): "Utveckling",
    ("6", "P1"): "Ny webbplats",
    ("6", "P2"): "Mässa i Malmö",
}
YEARS = ((dt.date(2026, 1, 1), dt.date(2026, 12, 31)), (dt.date(2025, 1, 1), dt.date(2025, 12, 31)))
COMPANY, NUMBER = "Övningsbolaget AB", "556334-3689"
DIMENSIONS: Mapping[str, str] = {"1": "Kostnadsställe", "6": "Projekt"}


def lines(
    *,
    company: str = COMPANY,
    number: str | None = NUMBER,
    currency: str | None = None,
    accounts: Mapping[str, str] = ACCOUNTS,
    dimensions: Mapping[str, str] = DIMENSIONS,
    objects: Mapping[tuple[str, str], str] = OBJECTS,
    years: Sequence[tuple[dt.date, dt.date]] = YEARS,
) -> list[str]:
    """The file's lines; vouchers and balances are among them, as they are in a real one."""
    found = [
        "#FLAGGA 0",
        "#FORMAT PC8",
        "#SIETYP 4",
        '#PROGRAM "Bokföring & Co" 2026.2',
        "#GEN 20261101 EB",
        '#FNR "7"',
    ]
    found += [f"#FNAMN {_quoted(company)}", '#ADRESS "Eva Bok" "Storgatan 1" "111 22 STOCKHOLM" "08-123 45"']
    found += [f"#ORGNR {number}"] if number else []
    found += [f"#RAR {-at} {start:%Y%m%d} {end:%Y%m%d}" for at, (start, end) in enumerate(years)]
    found += [f"#VALUTA {currency}"] if currency else []
    found += ["#KPTYP EUBAS97", ""]
    for code, name in accounts.items():
        found += [f"#KONTO {code} {_quoted(name)}", f"#SRU {code} 7281"]
    found += [f"#KTYP {code} T" for code in accounts if code == "1940"]
    found += [f"#DIM {code} {_quoted(name)}" for code, name in dimensions.items()]
    found += [f"#OBJEKT {code} {_quoted(one)} {_quoted(name)}" for (code, one), name in objects.items()]
    found += ["#IB 0 1930 125000.00", "#UB 0 1930 118250.50", "#RES 0 6540 12000"]
    found += ['#VER A 1 20260115 "Öppning {av} #kassa" 20260116 EB', "{", '#TRANS 1930 {} -100.00 "" "Uttag" 0']
    found += ['\t#TRANS 6110 {"1" "010" 6 "P1"} 100.00', "}"]
    return found


def chart_file(encoding: str = "cp437", **told: Any) -> bytes:
    """The file in some character set; the other arguments as of `lines`."""
    return "".join(f"{line}\r\n" for line in lines(**told)).encode(encoding)


def uploaded(content: bytes) -> str:
    """As a form sends it."""
    return base64.b64encode(content).decode()


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '\\"') + '"'
