"""Whether a template can write a company's chart as it is: nothing of an account or a dimension is lost on the way."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ledgerbridge.erp.csv_journal.template import OF_DIMENSION, Column, Template
from ledgerbridge.erp.csv_journal.writer import written
from ledgerbridge.erp.files.chart import FileChart, FileDimension


def unwritable(chart: FileChart, template: Template) -> dict[str, str]:
    """What keeps this template from writing this chart, by the setting that has to change; empty when nothing does."""
    found = {"accounts": _accounts(chart, template), "dimensions": _dimensions(chart, template)}
    return {name: text for name, text in found.items() if text}


def _accounts(chart: FileChart, template: Template) -> str | None:
    if strange := _strange((one.code for one in chart.accounts if one.active), template):
        return (
            f"The account {strange} cannot be written in the letters of this template ({template.encoding}). Give it "
            "another number, or close it in the list."
        )
    seen: dict[str, str] = {}
    for one in chart.accounts:
        name = written(one.name, template.encoding).casefold()
        if template.accounts_by_name and one.active and seen.setdefault(name, one.code) != one.code:
            return (
                f"The accounts {seen[name]} and {one.code} have the same name, {one.name}, and the file names accounts "
                "by name. Write the names as your accounting program has them, each once."
            )
    return None


def _dimensions(chart: FileChart, template: Template) -> str | None:
    columns = template.dimensions([one.code for one in chart.dimensions])
    for one in chart.dimensions:
        if "dimensions" not in template.fields and one.code not in columns.values():
            return (
                f"This template has no column for {_named(one)}, so its values would be missing in every file. Leave "
                "it out of the list, or use a template that has a column for it."
            )
        if strange := _strange(one.values, template):
            return (
                f"The value {strange} of {_named(one)} cannot be written in the letters of this template "
                f"({template.encoding}). Give it another code."
            )
        for column in template.columns:
            if cut := _cut(column, one, columns):
                return (
                    f"The value {cut} of {_named(one)} is longer than the {column.longest} characters it has room for "
                    "in the file. Give it a shorter code."
                )
    return None


def _named(dimension: FileDimension) -> str:
    alone = dimension.name == dimension.code
    return f"the dimension {dimension.code}" if alone else f"the dimension {dimension.name} ({dimension.code})"


def _strange(codes: Iterable[str], template: Template) -> str | None:
    return next((code for code in codes if written(code, template.encoding) != code), None)


def _cut(column: Column, dimension: FileDimension, columns: Mapping[str, str]) -> str | None:
    """A value whose code does not fit into this column."""
    kind, _, code = (column.field or "").partition(".")
    if kind != OF_DIMENSION[0] or columns[code] != dimension.code or column.longest is None:
        return None
    longest = column.longest
    return next((one for one in dimension.values if len(one) > longest), None)
