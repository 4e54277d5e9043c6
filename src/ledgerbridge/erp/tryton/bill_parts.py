"""How the entry of a bill becomes lines and taxes of a bill in Tryton, to the cent (EXP-TAX-08, EXP-SPLIT-04).

Tryton computes taxes of a bill itself and keeps amounts of ours only where account, tax and base are those it would
have computed. So a line chooses its tax where all of that holds, and VAT is stated by hand where it does not: on an
account Pleo named, or of a tax not in force. It accepts lines on accounts of expenses and debts only; what belongs on
another account, VAT without a code included, is stated as a tax without a code.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from ledgerbridge.bookkeeping.words import EntryLine
from ledgerbridge.erp.tryton import key
from ledgerbridge.erp.tryton.bills import WantedLine, WantedTax
from ledgerbridge.erp.tryton.moves import Placed
from ledgerbridge.erp.tryton.taxes import in_force
from ledgerbridge.erp.tryton.wire import Record

TAX_FIELDS = ("type", "parent", "active", "start_date", "end_date", "invoice_account", "credit_note_account")
_NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True)
class TaxTree:
    """The taxes of a company by id, switched-off ones included."""

    rows: Mapping[int, Record]

    def chosen_for(self, parts: Iterable[int]) -> frozenset[int] | None:
        """The taxes a person would choose to get exactly these parts computed; None when there are none such."""
        wanted = frozenset(parts)
        tops = frozenset(self._top(part) for part in wanted)
        if None in tops:
            return None
        return frozenset(top for top in tops if top is not None)

    def computed(self, chosen: Iterable[int], date: dt.date) -> frozenset[int]:
        """The parts that Tryton computes on a day when these taxes are chosen."""
        return frozenset(part for top in chosen for part in self._parts(top, date))

    def account(self, part: int, base: Decimal) -> int | None:
        """Where Tryton books the amount of a part."""
        row = self.rows[part]
        found = row["invoice_account"] if base >= 0 else row["credit_note_account"]
        return int(found) if found is not None else None

    def _top(self, number: int) -> int | None:
        seen = set()
        while number in self.rows and number not in seen:
            seen.add(number)
            parent = self.rows[number]["parent"]
            if parent is None:
                return number
            number = parent
        return None

    def _parts(self, number: int, date: dt.date) -> list[int]:
        row = self.rows[number]
        if not in_force(row, date):
            return []
        below = [child for child, each in self.rows.items() if each["parent"] == number]
        own = [] if row["type"] == "none" else [number]
        return own + [part for child in below for part in self._parts(child, date)]


@dataclass(slots=True)
class _Taxed:
    """A line with the VAT that followed it."""

    placed: Placed
    parts: tuple[int, ...]
    vat: dict[int, list[EntryLine]] = field(default_factory=dict)
    """By part of the tax."""

    @property
    def amount(self) -> Decimal:
        return self.placed.line.debit - self.placed.line.credit


def parts_of(
    placed: Sequence[Placed], taxes: TaxTree, with_lines: frozenset[int], roots: Mapping[int, int], date: dt.date
) -> tuple[list[WantedLine], list[WantedTax]]:
    """Lines and taxes of the bill; the accounts payable line is Tryton's to make.

    `with_lines` are the accounts Tryton accepts lines on, `roots` name the dimension of each value.
    """
    lines: list[WantedLine] = []
    stated: list[WantedTax] = []
    computed: dict[tuple[int, int, bool], WantedTax] = {}
    grouped, loose = _grouped(placed)
    for each in grouped:
        line = each.placed.line
        own_line = int(line.account.id) in with_lines
        chosen = _chosen(each, taxes, date) if own_line else None
        if own_line:
            dimensions = tuple((roots[value], value) for value in each.placed.dimensions)
            lines.append(WantedLine(int(line.account.id), each.amount, _text(line), chosen or frozenset(), dimensions))
        else:
            stated.append(_plain(line))
        if chosen:
            _add_computed(computed, each, taxes)
        else:
            stated += [_stated(vat, part, each.amount) for part, vats in each.vat.items() for vat in vats]
    stated += [_stated(line, int(line.taxes[0].tax_id), _NOTHING) for line in loose]
    return lines, [*computed.values(), *stated]


def _grouped(placed: Sequence[Placed]) -> tuple[list[_Taxed], list[EntryLine]]:
    """Each line with its VAT, which follows it; and VAT of a line that has no base of its own."""
    grouped: list[_Taxed] = []
    loose: list[EntryLine] = []
    base_of: dict[int, _Taxed] = {}
    for each in placed:
        line = each.line
        if line.vendor is not None:
            continue
        vat = [tax for tax in line.taxes if tax.kind == "tax"]
        if vat:
            part = int(vat[0].tax_id)
            if part in base_of:
                base_of[part].vat.setdefault(part, []).append(line)
            else:
                loose.append(line)
            continue
        taxed = _Taxed(each, tuple(int(tax.tax_id) for tax in line.taxes))
        grouped.append(taxed)
        base_of |= dict.fromkeys(taxed.parts, taxed)
    return grouped, loose


def _chosen(each: _Taxed, taxes: TaxTree, date: dt.date) -> frozenset[int] | None:
    """The taxes the line chooses, if Tryton will then compute exactly these parts on exactly these accounts."""
    chosen = taxes.chosen_for(each.parts) if each.parts else None
    if not chosen or taxes.computed(chosen, date) != frozenset(each.parts):
        return None
    for part in each.parts:
        own = taxes.account(part, each.amount)
        if own is None or any(int(vat.account.id) != own for vat in each.vat.get(part, ())):
            return None
    return chosen


def _add_computed(computed: dict[tuple[int, int, bool], WantedTax], each: _Taxed, taxes: TaxTree) -> None:
    """Tryton keeps one row for each account, tax and direction of the base."""
    for part in each.parts:
        account = taxes.account(part, each.amount) or 0
        vats = each.vat.get(part, [])
        amount = sum((vat.debit - vat.credit for vat in vats), _NOTHING)
        name = (account, part, each.amount >= 0)
        text = _text((vats or [each.placed.line])[0])
        before = computed.get(name) or WantedTax(account, part, _NOTHING, _NOTHING, text, chosen=True)
        computed[name] = replace(before, base=before.base + each.amount, amount=before.amount + amount)


def _stated(vat: EntryLine, part: int, base: Decimal) -> WantedTax:
    return WantedTax(int(vat.account.id), part, base, vat.debit - vat.credit, _text(vat), chosen=False)


def _plain(line: EntryLine) -> WantedTax:
    return WantedTax(int(line.account.id), None, _NOTHING, line.debit - line.credit, _text(line), chosen=False)


def _text(line: EntryLine) -> str:
    """What a person reads on the line, with what the supplier asked for in another currency (EXP-FX-03)."""
    foreign = f" ({line.foreign.currency} {abs(line.foreign.decimal):.2f})" if line.foreign else ""
    return key.plain(line.description + foreign) or key.plain(line.account.name) or "-"
