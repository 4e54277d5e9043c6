"""VAT of one line: the base, the VAT lines and what the ERP's VAT return is told.

VAT is booked exactly as Pleo sent it, on lines of its own, and never worked out from a rate (EXP-TAX-04, -08). What
Pleo sent must add up first: net and VAT make the line amount in the way the tax type says (O-31).

Amounts here are minor units with the sign of the line, for an ordinary purchase; the caller turns them round.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from operator import attrgetter

from ledgerbridge.bookkeeping.accounts import accept
from ledgerbridge.bookkeeping.amounts import spelled
from ledgerbridge.bookkeeping.chart_index import ChartIndex
from ledgerbridge.bookkeeping.problem import Failed, Failure, Findings, failed
from ledgerbridge.bookkeeping.words import (
    Account,
    Amount,
    Configuration,
    ErpTax,
    ItemLine,
    Money,
    PleoTax,
    TaxComponent,
)


@dataclass(frozen=True, slots=True)
class Size:
    """An amount in both currencies, minor units."""

    wallet: int
    supplier: int

    def times(self, direction: int) -> Size:
        """The same size, turned round by -1."""
        return Size(direction * self.wallet, direction * self.supplier)


@dataclass(frozen=True, slots=True)
class Vat:
    """One VAT line."""

    account: Account
    tax_id: str | None
    """ERP id of the tax component; None where Pleo named the account but no tax code."""
    size: Size


@dataclass(frozen=True, slots=True)
class Treatment:
    """How one line is booked: its base on the expense account, its VAT on lines of their own."""

    base: Size
    base_tax_ids: tuple[str, ...] = ()
    """ERP ids of the tax components whose base this is."""
    vat: tuple[Vat, ...] = ()


def untaxed(line: ItemLine) -> Treatment:
    """The whole line on its account, for postings in which VAT has no place (EXP-TYPE-20)."""
    return Treatment(_size(line.amount))


def treat(line: ItemLine, where: str, config: Configuration, chart: ChartIndex, *, foreign: bool) -> Treatment | Failed:
    """The treatment of a taxed line; with `foreign`, the amounts in the supplier's currency must add up as well."""
    tax = line.tax
    if tax is not None and tax.type not in ("inclusive", "exclusive", "reverse"):
        return failed(Failure.TAX_TYPE_UNKNOWN, type=tax.type or "(none)")
    findings = Findings()
    wallet = findings.take(_base(line, tax, attrgetter("wallet")))
    supplier = findings.take(_base(line, tax, attrgetter("supplier"))) if foreign else 0
    posted = findings.take(_posted(tax, where, config, chart))
    if wallet is None or supplier is None or posted is None:
        return Failed(findings.problems)
    tax_ids, vat = posted
    return Treatment(Size(wallet, supplier), tax_ids, vat)


def _base(line: ItemLine, tax: PleoTax | None, pick: Callable[[Amount], Money]) -> int | Failed:
    """The part of the line that belongs on its own account, if the three amounts of the line agree (EXP-TAX-03)."""
    gross, net = pick(line.amount), pick(line.net)
    vat = pick(tax.amount) if tax is not None else Money(0, gross.currency)
    base = net.minor - vat.minor if tax is not None and tax.type == "inclusive" else net.minor
    paid_vat = 0 if tax is not None and tax.type == "reverse" else vat.minor
    same_way = vat.minor * gross.minor >= 0 and abs(vat.minor) <= abs(gross.minor)
    if base + paid_vat == gross.minor and same_way:
        return base
    return failed(
        Failure.TAX_AMOUNTS_DISAGREE,
        net=spelled(net),
        tax=spelled(vat),
        line_amount=spelled(gross),
        tax_type=tax.type if tax is not None else "no",
    )


_Posted = tuple[tuple[str, ...], tuple[Vat, ...]]


def _posted(tax: PleoTax | None, where: str, config: Configuration, chart: ChartIndex) -> _Posted | Failed:
    """The tax components that get a base, and the VAT lines."""
    if tax is None:
        return (), ()
    if not tax.code:
        return _on_named_accounts(tax, where, chart) if tax.amount.wallet.minor else ((), ())
    erp_tax = _erp_tax(tax.code, config, chart)
    if isinstance(erp_tax, Failed):
        return erp_tax
    return _on_components(tax, tax.code, erp_tax, chart)


def _on_named_accounts(tax: PleoTax, where: str, chart: ChartIndex) -> _Posted | Failed:
    """VAT without a code goes on the accounts Pleo names, outside the ERP's VAT return (EXP-TAX-05)."""
    size = _size(tax.amount)
    legs = [(tax.ingoing_account, size)]
    if tax.type == "reverse":
        legs.append((tax.outgoing_account, size.times(-1)))
    if not all(account for account, _ in legs):
        return failed(Failure.TAX_CODE_MISSING, line=where, tax=spelled(tax.amount.wallet))
    findings = Findings()
    vat = [findings.take(_vat(None, named, leg, "(no code)", chart)) for named, leg in legs]
    if findings.problems:
        return Failed(findings.problems)
    return (), tuple(line for line in vat if line is not None)


def _erp_tax(code: str, config: Configuration, chart: ChartIndex) -> ErpTax | Failed:
    """The mapped tax, else the one the chart knows by that code, id or name (EXP-TAX-06)."""
    mapped = config.tax_codes.get(code)
    if mapped is None:
        taxes = chart.taxes(code)
        found = taxes[0] if len(taxes) == 1 else None
        internal = f"{len(taxes)} taxes match" if taxes else ""
    else:
        found, internal = chart.tax_by_id(mapped), f"mapped to ERP tax {mapped}"
    return found if found is not None else failed(Failure.TAX_CODE_UNKNOWN, internal, code=code)


def _on_components(tax: PleoTax, code: str, erp_tax: ErpTax, chart: ChartIndex) -> _Posted | Failed:
    reverse = tax.type == "reverse"
    if reverse != erp_tax.is_reverse_charge:
        erp = "is a reverse charge" if erp_tax.is_reverse_charge else "is not a reverse charge"
        return failed(Failure.TAX_TYPE_CONTRADICTS, type=tax.type, code=code, erp=erp)
    ingoing = [component for component in erp_tax.components if component.rate >= 0]
    outgoing = [component for component in erp_tax.components if component.rate < 0]
    if len(ingoing) > 1 or len(outgoing) > 1:
        return failed(Failure.TAX_NOT_SPLITTABLE, code=code)
    size = _size(tax.amount)
    legs = [(component, tax.ingoing_account, size) for component in ingoing]
    legs += [(component, tax.outgoing_account, size.times(-1)) for component in outgoing]
    if not size.wallet:
        return tuple(component.tax_id for component, _, _ in legs), ()
    if len(legs) != (2 if reverse else 1):
        return failed(Failure.TAX_ACCOUNT_MISSING, code=code)
    findings = Findings()
    vat = [findings.take(_vat(component, named, leg, code, chart)) for component, named, leg in legs]
    if findings.problems:
        return Failed(findings.problems)
    return tuple(component.tax_id for component, _, _ in legs), tuple(line for line in vat if line is not None)


def _vat(component: TaxComponent | None, named: str | None, size: Size, code: str, chart: ChartIndex) -> Vat | Failed:
    """One VAT line, on the account Pleo names for the tax, else the one the ERP has for it (EXP-TAX-05)."""
    account_code = named or (component.account if component else None)
    if not account_code:
        return failed(Failure.TAX_ACCOUNT_MISSING, code=code)
    matches = chart.accounts(account_code)
    if not matches:
        return failed(Failure.TAX_ACCOUNT_UNKNOWN, account=account_code, code=code)
    account = accept(matches, account_code, Failure.ACCOUNT_UNKNOWN)
    return account if isinstance(account, Failed) else Vat(account, component.tax_id if component else None, size)


def _size(amount: Amount) -> Size:
    return Size(amount.wallet.minor, amount.supplier.minor)
