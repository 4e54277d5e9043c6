"""What a person enters for an SIE target, checked; the uploaded file becomes the chart it tells of."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ledgerbridge.erp.adapter import SettingField, SettingKind, SettingsError
from ledgerbridge.erp.entered import checked
from ledgerbridge.erp.files import destination, taxes
from ledgerbridge.erp.files import settings as common
from ledgerbridge.erp.files.chart import FileChart
from ledgerbridge.erp.files.target import FileSettings
from ledgerbridge.erp.sie.items import SieFault
from ledgerbridge.erp.sie.reader import must_be_sie, read_chart

SHORTEST, LONGEST = 50, 500
_CHART = SettingField(
    "chart",
    "Your chart of accounts as an SIE file",
    "Export SIE 4 (type 4E) from your accounting program, with accounts, cost centres and projects. Choose a new file "
    "whenever they change, and at the beginning of every fiscal year.",
    SettingKind.FILE,
)
_TAXES = replace(
    common.TAXES,
    help=f"{common.TAXES.help} Leave it empty for the usual Swedish ones, as far as your chart has their accounts.",
)
_TEXT_LENGTH = SettingField(
    "text_length",
    "Longest text",
    "How many letters the text of a voucher or a row may have. Fortnox takes 50; with more, the text of the voucher "
    "also tells what the expense was.",
    SettingKind.NUMBER,
    required=False,
    default=str(SHORTEST),
)
_CHECKSUM = SettingField(
    "checksum",
    "Checksum",
    "A checksum (#KSUMMA) in every file, by which your accounting program refuses one that was changed or cut short.",
    SettingKind.CHOICE,
    choices=(("yes", "Yes"), ("no", "No")),
    default="yes",
)
FORM = (
    _CHART,
    common.SERIES,
    _TAXES,
    common.LOCKED_UNTIL,
    common.FILE_EVERY,
    _TEXT_LENGTH,
    _CHECKSUM,
    *destination.FIELDS,
)


@dataclass(frozen=True, slots=True)
class Settings:
    """Stored settings, read."""

    chart: FileChart
    files: FileSettings
    text_length: int
    checksum: bool


def check(raw: Mapping[str, Any]) -> dict[str, Any]:
    """The settings as they are stored; the chart as `FileChart.as_json`. Raises `SettingsError`."""
    known = {one.name for one in FORM}
    errors = {name: "There is no such setting." for name in raw if name not in known}
    chart: FileChart | None = None
    try:
        chart = _chart(raw.get("chart"))
    except ValueError as error:
        errors["chart"] = str(error)
    good, faulty = common.check(raw, chart)
    errors |= faulty
    try:
        good |= destination.check(raw)
    except SettingsError as error:
        errors |= error.errors
    more, wrong = checked(raw, _CHECKERS)
    good |= more
    errors |= wrong
    if errors or chart is None:
        raise SettingsError(errors)
    return {"chart": chart.as_json(), **good}


def read(stored: Mapping[str, Any]) -> Settings:
    """What `check` answered."""
    chart = FileChart.of_json(stored["chart"])
    text_length, checksum = stored.get("text_length", SHORTEST), stored.get("checksum", "yes")
    return Settings(chart, common.read(stored, chart, taxes.BAS), int(text_length), checksum == "yes")


def _chart(value: object) -> FileChart:
    """The chart of base64 of a file, or of what was stored of one before."""
    if isinstance(value, Mapping):
        try:
            return must_be_sie(FileChart.of_json(value))
        except ValueError:
            raise ValueError("This is not a chart we made. Choose the SIE file itself.") from None
    if not isinstance(value, str) or not value:
        raise ValueError("Choose the SIE file with your chart of accounts.")
    try:
        content = base64.b64decode(value, validate=True)
    except binascii.Error:
        raise ValueError("The file did not arrive whole. Choose it again.") from None
    try:
        return read_chart(content)
    except SieFault as fault:
        raise ValueError(str(fault)) from None


def _text_length(value: object) -> int:
    text = str(value).strip() if value is not None else ""
    if not text:
        return SHORTEST
    if not (text.isascii() and text.isdigit() and SHORTEST <= int(text[:9]) <= LONGEST):
        raise ValueError(f"Enter a number from {SHORTEST} to {LONGEST}.")
    return int(text)


def _checksum(value: object) -> str:
    text = str(value).strip() if value is not None else ""
    if text not in ("", "no", "yes"):
        raise ValueError("Choose one of the two.")
    return text or "yes"


_CHECKERS = {"text_length": _text_length, "checksum": _checksum}
