"""The lists of master data that an uploaded chart and the settings give; codes are the only ids there are."""

from __future__ import annotations

from collections.abc import Sequence

from ledgerbridge.bookkeeping.master_data import (
    MasterAccount,
    MasterDimension,
    MasterTaxCode,
    MasterValue,
    TaxKind,
)
from ledgerbridge.bookkeeping.problem import Failure, problem
from ledgerbridge.bookkeeping.words import ErpTax
from ledgerbridge.erp.files.chart import FileChart
from ledgerbridge.erp.port import ErpError


def accounts(chart: FileChart) -> Sequence[MasterAccount]:
    return [MasterAccount(one.code, one.code, one.name, None, one.active) for one in chart.accounts]


def tax_codes(taxes: Sequence[ErpTax]) -> Sequence[MasterTaxCode]:
    return [_tax_code(tax) for tax in taxes]


def dimensions(chart: FileChart) -> Sequence[MasterDimension]:
    return [MasterDimension(one.code, one.code, one.name, True) for one in chart.dimensions]


def dimension_values(chart: FileChart, dimension_id: str) -> Sequence[MasterValue]:
    """Raises `ErpError` for a dimension that is not in the chart: an empty list would archive all its tags."""
    dimension = chart.dimension.get(dimension_id)
    if dimension is None:
        raise ErpError(problem(Failure.ERP_FAULT, f"no dimension {dimension_id} in the uploaded chart"))
    return [MasterValue(code, code, name, True) for code, name in dimension.values.items()]


def _tax_code(tax: ErpTax) -> MasterTaxCode:
    deducted = next(part for part in tax.components if part.rate >= 0)
    owed = next((part for part in tax.components if part.rate < 0), None)
    return MasterTaxCode(
        code=tax.id,
        name=tax.name,
        rate=deducted.rate,
        kind=TaxKind.REVERSE if owed else TaxKind.INCLUSIVE,
        ingoing_account=deducted.account,
        outgoing_account=owed.account if owed else None,
        active=tax.active,
    )
