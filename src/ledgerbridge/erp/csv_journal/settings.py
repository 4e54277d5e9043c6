"""What a company is asked for a CSV journal, and how it is checked and read."""

from __future__ import annotations

import base64
import datetime as dt
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any

from ledgerbridge.clock import utcnow
from ledgerbridge.erp.adapter import SettingsError
from ledgerbridge.erp.csv_journal import lists, pattern
from ledgerbridge.erp.csv_journal.fitting import unwritable
from ledgerbridge.erp.csv_journal.form import OWN, field_of, form
from ledgerbridge.erp.csv_journal.reading import read as read_template
from ledgerbridge.erp.csv_journal.ready import ready
from ledgerbridge.erp.csv_journal.template import Setting, Template
from ledgerbridge.erp.files import destination
from ledgerbridge.erp.files import settings as common
from ledgerbridge.erp.files.chart import AccountType, FileAccount, FileChart, FileDimension, FiscalYear
from ledgerbridge.erp.files.target import FileSettings

FIRST_YEAR = 2015
"""Of the fiscal years there are; expenses are not older."""
YEARS_AHEAD = 2


@dataclass(frozen=True, slots=True)
class Chosen:
    """Stored settings, read."""

    chart: FileChart
    template: Template
    entered: Mapping[str, str]
    """What the company entered for the template, by name."""
    files: FileSettings


def check(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Settings as they are stored. Raises `SettingsError` naming every field at fault."""
    good: dict[str, Any] = {}
    errors = {name: "There is no such setting." for name in raw if name not in {one.name for one in form()}}
    for name, checker in _CHECKERS.items():
        _try(name, partial(checker, raw.get(name)), good, errors)
    if good.get("template") == OWN:
        _try("own_template", partial(_own_template, raw.get("own_template")), good, errors)
        if "own_template" in good:
            _try("own_values", partial(_own_values, raw.get("own_values"), _template(good)), good, errors)
    elif "template" in good:
        for one in _template(good).settings:
            field = field_of(good["template"], one.name)
            _try(field, partial(_value, one, raw.get(field)), good, errors)
    chart = _chart(good) if {"company_name", "currency", "year_begins", "accounts"} <= good.keys() else None
    if chart is not None and not errors:
        errors |= unwritable(chart, _template(good)) | _unnamed(chart, good)
    more, faults = common.check(raw, chart)
    try:
        more |= destination.check(raw)
    except SettingsError as error:
        faults |= error.errors
    if errors | faults:
        raise SettingsError(errors | faults)
    return good | more


def read(stored: Mapping[str, Any]) -> Chosen:
    """What `check` made. Raises ValueError for anything else."""
    chart, template = _chart(stored), _template(stored)
    if stored["template"] == OWN:
        entered = _lines(stored.get("own_values", ""))
    else:
        entered = {one.name: stored.get(field_of(stored["template"], one.name), "") for one in template.settings}
    values = {one.name: entered.get(one.name) or one.default for one in template.settings}
    return Chosen(chart, template, values, common.read(stored, chart))


def _try(name: str, step: Callable[[], Any], good: dict[str, Any], errors: dict[str, str]) -> None:
    try:
        found = step()
    except ValueError as error:
        errors[name] = str(error)
    else:
        if found:
            good[name] = found


def _chart(stored: Mapping[str, Any]) -> FileChart:
    dimensions = stored.get("dimensions", {"dimensions": []})["dimensions"]
    return FileChart(
        stored["company_name"],
        stored.get("registration_number"),
        stored["currency"],
        tuple(FileAccount(code, name, AccountType(kind), active) for code, name, kind, active in
              stored["accounts"]["accounts"]),
        tuple(FileDimension(code, name, dict(values)) for code, name, values in dimensions),
        years(stored["year_begins"], utcnow().year),
    )  # fmt: skip


def years(begins: str, now: int) -> tuple[FiscalYear, ...]:
    """The fiscal years from `FIRST_YEAR` until after the year `now`, each beginning on the day `MM-DD`."""
    month, day = int(begins[:2]), int(begins[3:])
    starts = [dt.date(year, month, day) for year in range(FIRST_YEAR, now + YEARS_AHEAD + 2)]
    return tuple(FiscalYear(start, after - dt.timedelta(days=1)) for start, after in pairwise(starts))


def _template(stored: Mapping[str, Any]) -> Template:
    if stored["template"] == OWN:
        return read_template(stored["own_template"]["text"].encode())
    return ready()[stored["template"]]


def _name(value: object) -> str:
    text = _text(value)
    if not text or len(text) > 200 or not text.isprintable():
        raise ValueError("Enter the name of the company.")
    return text


def _number(value: object) -> str:
    text = _text(value)
    if len(text) > 40 or not text.isprintable():
        raise ValueError("Enter the number as it is registered, at most 40 letters and digits.")
    return text


def _currency(value: object) -> str:
    text = _text(value).upper()
    if not re.fullmatch("[A-Z]{3}", text):
        raise ValueError("Enter the three letters of the currency, such as EUR.")
    return text


def _begins(value: object) -> str:
    text = _text(value) or "01-01"
    try:
        if not re.fullmatch(r"\d\d-\d\d", text) or text == "02-29":
            raise ValueError
        dt.date.fromisoformat(f"2001-{text}")
    except ValueError:
        raise ValueError("Enter month and day of the first day, such as 01-01 or 07-01.") from None
    return text


def _accounts(value: object) -> dict[str, Any]:
    if isinstance(value, Mapping):
        found = lists.kept_accounts(value.get("accounts"))
    else:
        found = lists.accounts(_bytes(value, "Upload the chart of accounts."))
    active = sum(one.active for one in found)
    return {
        "summary": f"{active} accounts.",
        "accounts": [[one.code, one.name, one.type.value, one.active] for one in found],
    }


def _dimensions(value: object) -> dict[str, Any] | None:
    if not value:
        return None
    if isinstance(value, Mapping):
        found = lists.kept_dimensions(value.get("dimensions"))
    else:
        found = lists.dimensions(_bytes(value, "Upload the dimensions."))
    values = sum(len(one.values) for one in found)
    return {
        "summary": f"{', '.join(one.name for one in found)}: {values} values.",
        "dimensions": [[one.code, one.name, dict(one.values)] for one in found],
    }


def _own_template(value: object) -> dict[str, Any]:
    kept = _text(value.get("text")).encode(errors="replace") if isinstance(value, Mapping) else None
    data = _bytes(value, "Upload the template.") if kept is None else kept
    template = read_template(data)
    return {
        "summary": f"{template.name or 'Template'}: {len(template.columns)} columns.",
        "text": data.decode("utf-8-sig"),
    }


def _own_values(value: object, template: Template) -> str:
    entered = _lines(_text(value))
    known = {one.name: one for one in template.settings}
    if strange := sorted(entered.keys() - known.keys()):
        raise ValueError(f"The template has no setting {strange[0]}.")
    for name, one in known.items():
        try:
            _value(one, entered.get(name))
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
    return "\n".join(f"{name} = {text}" for name, text in entered.items())


def _lines(text: str) -> dict[str, str]:
    found = {}
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            name, mark, value = line.partition("=")
            if not mark:
                raise ValueError(f"Line {number}: write name = value.")
            found[name.strip()] = value.strip()
    return found


def _value(one: Setting, value: object) -> str:
    text = _text(value) or one.default
    if len(text) > 200 or not text.isprintable():
        raise ValueError("At most 200 letters on one line.")
    if one.pattern and not pattern.fits(one.pattern, text):
        raise ValueError(f"“{text}” does not fit; enter {one.hint or one.pattern}." if text else "Enter it.")
    return text


def _unnamed(chart: FileChart, good: Mapping[str, Any]) -> dict[str, str]:
    """Settings that the company's dimensions need, and that were left empty."""
    own = good["template"] == OWN
    entered = _lines(good.get("own_values", "")) if own else {}
    found = {}
    for one in _template(good).settings:
        field = field_of(good["template"], one.name)
        given = entered.get(one.name) if own else good.get(field)
        if 0 < one.dimension <= len(chart.dimensions) and not (given or one.default):
            named = chart.dimensions[one.dimension - 1].name
            found["own_values" if own else field] = f"{one.label}: enter it, because {named} is not imported without."
    return found


def _chosen_template(value: object) -> str:
    text = _text(value) or "generic"
    if text != OWN and text not in ready():
        raise ValueError("Choose one of the templates.")
    return text


def _bytes(value: object, missing: str) -> bytes:
    if not isinstance(value, str) or not value:
        raise ValueError(missing)
    return base64.b64decode(value)


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""


_CHECKERS: Mapping[str, Callable[[object], Any]] = {
    "company_name": _name,
    "registration_number": _number,
    "currency": _currency,
    "year_begins": _begins,
    "accounts": _accounts,
    "dimensions": _dimensions,
    "template": _chosen_template,
}
