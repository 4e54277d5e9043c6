"""Tags to dimensions: a tag group of Pleo is a dimension of the ERP, a tag one of its values (EXP-MAP-09).

Only dimensions the customer selected are carried. A tag of any other group is information for Pleo and is left out; a
tag of a selected dimension that the ERP does not know is a problem.
"""

from __future__ import annotations

from collections import defaultdict

from ledgerbridge.bookkeeping.chart_index import ChartIndex
from ledgerbridge.bookkeeping.problem import Failed, Failure, Findings, Problem, failed, problem
from ledgerbridge.bookkeeping.words import Account, Configuration, ItemLine

Values = tuple[tuple[str, str], ...]
"""Pairs of dimension code and value code, spelled and ordered as in the chart."""


def of_line(line: ItemLine, config: Configuration, chart: ChartIndex) -> Values | Failed:
    """The dimension values of a line; codes match whatever their case."""
    tags: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for tag in line.tags:
        tags[tag.group_code.casefold()].setdefault(tag.code.casefold(), tag.code)
    findings = Findings()
    found: dict[str, str] = {}
    for selected in config.dimensions:
        codes = tuple(tags.get(selected.casefold(), {}).values())
        pair = findings.take(_value(selected, codes, chart)) if codes else None
        if pair is not None:
            found[pair[0]] = pair[1]
    if findings.problems:
        return Failed(findings.problems)
    return tuple((dimension.code, found[dimension.code]) for dimension in chart.dimensions if dimension.code in found)


def missing(account: Account, values: Values, config: Configuration, chart: ChartIndex) -> tuple[Problem, ...]:
    """A problem for each selected dimension the ERP demands on this account beside those the line has.

    A line without any is booked as it is: not every expense has a project, and the ERP keeps such lines for a person
    to complete. So is the part of dimensions the customer did not select. But some of the selected ones on a line
    would leave it incomplete without anybody being told.
    """
    if not account.needs_dimensions or not values:
        return ()
    selected = {code.casefold() for code in config.dimensions}
    carried = {code for code, _ in values}
    return tuple(
        problem(Failure.DIMENSION_MISSING, dimension=dimension.name or dimension.code, account=account.code)
        for dimension in chart.dimensions
        if dimension.required and dimension.code.casefold() in selected and dimension.code not in carried
    )


def _value(selected: str, codes: tuple[str, ...], chart: ChartIndex) -> tuple[str, str] | Failed:
    if len(codes) > 1:
        return failed(Failure.TAG_REPEATED, group=selected, codes=", ".join(codes))
    dimension = chart.dimension(selected)
    value = chart.dimension_value(dimension, codes[0]) if dimension is not None else None
    if dimension is None or value is None:
        return failed(Failure.TAG_UNKNOWN, code=codes[0], group=selected)
    return dimension.code, value
