"""Amounts and signs: what must be true of the money of an item before any of it is booked.

Everything here counts in minor units, so no cent can be lost to arithmetic.
"""

from __future__ import annotations

from collections.abc import Mapping

from ledgerbridge.bookkeeping.posting_table import Posting
from ledgerbridge.bookkeeping.problem import Failure, Findings, Problem, problem
from ledgerbridge.bookkeeping.words import ExportItem, Money

LARGEST = 10**16
"""Largest amount that is booked, in minor units. Beyond it two decimals no longer fit what ERPs store."""

_UNDEFINED = frozenset({"", "UNDEFINED"})


def spelled(money: Money) -> str:
    """An amount as a person reads it: `DKK -1234.56`."""
    if abs(money.minor) > LARGEST:
        return f"{money.currency} over {LARGEST // 100}"
    units, cents = divmod(abs(money.minor), 100)
    return f"{money.currency} {'-' if money.minor < 0 else ''}{units}.{cents:02}"


def total(item: ExportItem) -> Money:
    """What the item moves, without its sign: the size of its posting before any reverse-charge VAT."""
    return Money(abs(item.amount.wallet.minor), item.amount.wallet.currency)


def sign(item: ExportItem) -> int:
    """-1 when Pleo sent the total negative, else 1. Lines are read relative to it (EXP-TYPE-15)."""
    return -1 if item.amount.wallet.minor < 0 else 1


def foreign_currency(item: ExportItem, posting: Posting) -> str | None:
    """Currency the document is kept in beside the books' own, or None (EXP-FX-02)."""
    currency = item.amount.supplier.currency
    return currency if posting.in_supplier_currency and currency != item.amount.wallet.currency else None


def is_nothing(item: ExportItem) -> bool:
    """Whether neither the item nor any line of it has an amount (EXP-TYPE-18)."""
    return not any(amount.wallet.minor for amount in (item.amount, *(line.amount for line in item.lines)))


def check(
    item: ExportItem, posting: Posting | None, books: str, known_signs: Mapping[tuple[str, str | None], int]
) -> tuple[Problem, ...]:
    """Everything wrong with currencies, sizes, sums and signs.

    `books` is the currency the ERP company keeps its books in; `known_signs` the sign (1 or -1) that this company's
    items of a type and sub type have had so far.
    """
    findings = Findings()
    foreign = posting is not None and foreign_currency(item, posting) is not None
    amounts = [item.amount, *(line.amount for line in item.lines)]
    if posting is not None and posting.taxed:
        amounts += [line.net for line in item.lines]
        amounts += [line.tax.amount for line in item.lines if line.tax is not None]
    _check_currency([amount.wallet for amount in amounts], books, findings)
    _check_sum(item.amount.wallet, [line.amount.wallet for line in item.lines], findings)
    if foreign:
        _check_currency([amount.supplier for amount in amounts], None, findings)
        _check_sum(item.amount.supplier, [line.amount.supplier for line in item.lines], findings)
    if item.amount.wallet.minor == 0 and not findings.problems and not is_nothing(item):
        findings.add([problem(Failure.LINES_WITHOUT_TOTAL)])
    _check_sign(item, posting, known_signs, findings)
    return findings.problems


def _check_currency(moneys: list[Money], books: str | None, findings: Findings) -> None:
    """One currency for one side of all amounts; the first is the item's own."""
    currencies = list(dict.fromkeys(money.currency for money in moneys))
    if _UNDEFINED.intersection(currencies):
        findings.add([problem(Failure.CURRENCY_UNDEFINED)])
    elif len(currencies) > 1:
        findings.add([problem(Failure.CURRENCIES_MIXED, currencies=" and ".join(currencies))])
    elif books is not None and currencies[0] != books:
        findings.add([problem(Failure.CURRENCY_MISMATCH, currency=currencies[0], books=books)])
    findings.add(
        problem(Failure.AMOUNT_INVALID, value=spelled(money)) for money in moneys if abs(money.minor) > LARGEST
    )


def _check_sum(whole: Money, parts: list[Money], findings: Findings) -> None:
    """The lines make the total (EXP-SPLIT-02); different currencies are a problem of their own."""
    added = Money(sum(part.minor for part in parts), whole.currency)
    if added != whole and all(part.currency == whole.currency for part in parts):
        findings.add([problem(Failure.LINES_DO_NOT_ADD_UP, lines=spelled(added), total=spelled(whole))])


def _check_sign(
    item: ExportItem,
    posting: Posting | None,
    known_signs: Mapping[tuple[str, str | None], int],
    findings: Findings,
) -> None:
    """Spend is positive; anything else keeps the sign this company has seen before (EXP-TYPE-15)."""
    expected = 1 if posting is not None and posting.spend else known_signs.get((item.type, item.sub_type), 0)
    if item.amount.wallet.minor * expected < 0:
        kind = f"{item.type} ({item.sub_type})" if item.sub_type else item.type
        findings.add([problem(Failure.SIGN_UNEXPECTED, amount=spelled(item.amount.wallet), type=kind)])
