"""Settings that every target for files has: what a customer is asked, and how it is checked and read."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from typing import Any

from ledgerbridge.erp.adapter import SettingField, SettingKind
from ledgerbridge.erp.files import taxes
from ledgerbridge.erp.files.chart import FileChart
from ledgerbridge.erp.files.target import FileEvery, FileSettings

SERIES = SettingField(
    "series",
    "Voucher series",
    "One letter that nothing else is booked under, so that our numbers and those of your accounting program never mix. "
    "It is also the journal you choose later.",
    SettingKind.TEXT,
    default="P",
    placeholder="P",
)
TAXES = SettingField(
    "taxes",
    "Tax codes",
    "One a line: name; rate; account. A second account makes it a reverse charge: VAT is deducted on the first and "
    "owed on the second.",
    SettingKind.LONG_TEXT,
    required=False,
    placeholder="Moms 25 %; 25; 2641",
)
LOCKED_UNTIL = SettingField(
    "locked_until",
    "Booked up to and including",
    "The last day that is closed in your accounting program, such as 2025-12-31. Nothing is booked up to that day. "
    "Leave it empty when all is open.",
    SettingKind.TEXT,
    required=False,
    placeholder="2025-12-31",
)
FILE_EVERY = SettingField(
    "file_every",
    "A new file",
    "",
    SettingKind.CHOICE,
    choices=((FileEvery.JOB.value, "After every export"), (FileEvery.DAY.value, "Once a day")),
    default=FileEvery.JOB.value,
)
FIELDS = (SERIES, TAXES, LOCKED_UNTIL, FILE_EVERY)
"""For an adapter's form, in this order."""
NAMES = frozenset(one.name for one in FIELDS)


def check(raw: Mapping[str, Any], chart: FileChart | None) -> tuple[dict[str, Any], dict[str, str]]:
    """These settings as they are stored, and what is wrong with them by field; tax codes only where the chart is known.

    What is empty is left out; names that are not ours are left alone.
    """
    good: dict[str, Any] = {}
    errors: dict[str, str] = {}
    for name, checker in _CHECKERS.items():
        try:
            found = checker(raw.get(name))
        except ValueError as error:
            errors[name] = str(error)
        else:
            good |= {name: found} if found else {}
    if chart is not None and "taxes" in good:
        try:
            taxes.read(good["taxes"], _open_accounts(chart))
        except taxes.TaxLineError as error:
            errors["taxes"] = str(error)
    return good, errors


def read(stored: Mapping[str, Any], chart: FileChart, default_taxes: str = "") -> FileSettings:
    """Stored settings; `default_taxes` stand in for tax codes nobody entered, as far as their accounts are there."""
    entered = stored.get("taxes")
    locked, accounts = stored.get("locked_until"), _open_accounts(chart)
    return FileSettings(
        series=(stored.get("series", SERIES.default),),
        taxes=taxes.read(entered, accounts) if entered else taxes.fitting(default_taxes, accounts),
        locked_until=dt.date.fromisoformat(locked) if locked else None,
        every=FileEvery(stored.get("file_every", FileEvery.JOB)),
    )


def _open_accounts(chart: FileChart) -> frozenset[str]:
    return frozenset(account.code for account in chart.accounts if account.active)


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""


def _series(value: object) -> str:
    text = _text(value).upper() or SERIES.default
    if not re.fullmatch("[A-Z]", text):
        raise ValueError("Enter one letter from A to Z.")
    return text


def _taxes(value: object) -> str:
    if value is not None and not isinstance(value, str):
        raise ValueError("Enter one tax code a line.")
    text = _text(value)
    if len(text) > 20_000:
        raise ValueError("This is too long. Enter only the tax codes that purchases need.")
    return text


def _locked_until(value: object) -> str:
    text = _text(value)
    if not text:
        return ""
    try:
        return dt.date.fromisoformat(text).isoformat()
    except ValueError:
        raise ValueError("Enter a day as 2025-12-31.") from None


def _file_every(value: object) -> str:
    if (text := _text(value) or FileEvery.JOB.value) not in {one.value for one in FileEvery}:
        raise ValueError("Choose one of the two.")
    return text


_CHECKERS = {"series": _series, "taxes": _taxes, "locked_until": _locked_until, "file_every": _file_every}
