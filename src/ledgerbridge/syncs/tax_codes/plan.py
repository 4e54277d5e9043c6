"""Table T1 to T10 of accounts-and-tax-codes.md: what becomes of each tax code. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from ledgerbridge.bookkeeping.master_data import MasterTaxCode, TaxKind
from ledgerbridge.pleo.tax_codes import TaxCode, TaxCodeDetails
from ledgerbridge.syncs.record import Trouble


@dataclass(frozen=True, slots=True)
class TaxChange:
    """A tax code that is to read `details` and be active (T3, T4)."""

    tax_code: TaxCode
    details: TaxCodeDetails


@dataclass(frozen=True, slots=True)
class TaxPlan:
    """What one run does with tax codes."""

    create: tuple[TaxCodeDetails, ...] = ()
    change: tuple[TaxChange, ...] = ()
    archive: tuple[TaxCode, ...] = ()
    unchanged: int = 0
    active: int = 0
    """Active tax codes at Pleo before the run, for the guard."""
    troubles: tuple[Trouble, ...] = ()


def plan_tax_codes(taxes: Sequence[MasterTaxCode], there: Sequence[TaxCode]) -> TaxPlan:
    """Compare by `code` alone (TAX-021)."""
    plan = _Draft()
    by_code: dict[str, list[TaxCode]] = defaultdict(list)
    for one in there:
        if one.code is not None and one.code.strip():
            by_code[one.code].append(one)
        elif not one.archived:
            plan.tell(one.name, "code_missing", _WITHOUT_CODE)
    active: dict[str, list[MasterTaxCode]] = defaultdict(list)
    for tax in taxes:
        if tax.active:
            active[tax.code].append(tax)
    for code, found in active.items():
        plan.match(code, found, by_code.get(code, []))
    plan.archive = [one for code, some in by_code.items() if code not in active for one in some if not one.archived]
    return TaxPlan(
        create=tuple(plan.create),
        change=tuple(plan.change),
        archive=tuple(plan.archive),
        unchanged=plan.unchanged,
        active=sum(not one.archived for one in there),
        troubles=tuple(plan.troubles),
    )


class _Draft:
    def __init__(self) -> None:
        self.create: list[TaxCodeDetails] = []
        self.change: list[TaxChange] = []
        self.archive: list[TaxCode] = []
        self.unchanged = 0
        self.troubles: list[Trouble] = []

    def match(self, code: str, found: Sequence[MasterTaxCode], there: Sequence[TaxCode]) -> None:
        tax = found[0]
        alive = [one for one in there if not one.archived]
        if not code.strip():
            self.tell(tax.name, "code_missing", "It has no code in the accounting system, so it cannot be matched.")
        elif len(found) > 1:
            self.tell(code, "code_collision", "Several taxes of the accounting system have this code. None is sent.")
        elif tax.kind is TaxKind.EXCLUSIVE:
            self.tell(f"{code} {tax.name}", "exclusive", _EXCLUSIVE)
        elif len(alive) > 1:
            self.tell(code, "duplicate", _DUPLICATE.format(count=len(alive)))
        else:
            self._single(details_of(tax), alive or sorted(there, key=lambda one: one.id)[:1])

    def _single(self, wanted: TaxCodeDetails, there: Sequence[TaxCode]) -> None:
        if not there:
            self.create.append(wanted)
        elif there[0].archived or not same(there[0].details, wanted):
            self.change.append(TaxChange(there[0], wanted))
        else:
            self.unchanged += 1

    def tell(self, record: str, code: str, text: str) -> None:
        self.troubles.append(Trouble(f"tax code {record}", "none", code, text))


def details_of(tax: MasterTaxCode) -> TaxCodeDetails:
    """How an ERP tax reads in Pleo; without a name it shows its code."""
    return TaxCodeDetails(
        code=tax.code,
        name=tax.name.strip() or tax.code,
        rate=tax.rate,
        type=tax.kind.value,
        ingoing_account=tax.ingoing_account or None,
        outgoing_account=tax.outgoing_account or None,
    )


def same(there: TaxCodeDetails, wanted: TaxCodeDetails) -> bool:
    """Whether all that we send stands there already; rates are compared as numbers (TAX-025)."""
    return (
        there.name.strip() == wanted.name
        and there.rate == wanted.rate
        and there.type == wanted.type
        and (there.ingoing_account or None) == wanted.ingoing_account
        and (there.outgoing_account or None) == wanted.outgoing_account
    )


_WITHOUT_CODE = (
    "This tax code of Pleo has no code, so it belongs to no tax of the accounting system and is left alone. "
    "Archive it in Pleo if nobody uses it."
)
_EXCLUSIVE = "Pleo does not support taxes that are added on top of the amount. It is not sent."
_DUPLICATE = (
    "Pleo has {count} active tax codes with this code, and expenses may use any of them. Nothing was changed. "
    "Archive all but one in Pleo."
)
