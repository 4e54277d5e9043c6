"""The lines of a journal entry: first everything an item needs is looked up, then the lines are composed.

Looking up collects every problem. Composing cannot fail: it only turns signs into debits and credits, and what it
composes balances because the counter line is the sum of the others (EXP-BOOK-06, EXP-SPLIT-02).
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from ledgerbridge.bookkeeping import accounts, dimensions, tax
from ledgerbridge.bookkeeping.amounts import foreign_currency, sign, spelled
from ledgerbridge.bookkeeping.chart_index import ChartIndex
from ledgerbridge.bookkeeping.descriptions import LINE_LENGTH, SEPARATOR, clean, headline, shortened
from ledgerbridge.bookkeeping.master_data import ErpVendor
from ledgerbridge.bookkeeping.posting_table import Posting, Role
from ledgerbridge.bookkeeping.problem import Failed, Failure, Findings, Problem, problem
from ledgerbridge.bookkeeping.tax import Size, Treatment
from ledgerbridge.bookkeeping.words import (
    Account,
    Configuration,
    EntryLine,
    ExportItem,
    ItemLine,
    Money,
    TaxPosting,
)


@dataclass(frozen=True, slots=True)
class ExpenseLine:
    """All that one line of the item needs."""

    account: Account
    treatment: Treatment
    dimensions: dimensions.Values
    tax_code: str | None


@dataclass(frozen=True, slots=True)
class Plan:
    """All that the entry of an item needs."""

    posting: Posting
    roles: dict[Role, Account]
    """The accounts of the roles that are booked in one sum."""
    expenses: tuple[ExpenseLine, ...]
    """One a line of the item, where the posting is made line by line (EXP-SPLIT-01)."""
    vendor: ErpVendor | None = None
    """Who the payable line names."""


def look_up(
    item: ExportItem, posting: Posting, config: Configuration, chart: ChartIndex, vendor: ErpVendor | None = None
) -> Plan | Failed:
    """Accounts, VAT and dimensions of an item, or all that stands in the way."""
    findings = Findings()
    roles: dict[Role, Account] = {}
    for role in (posting.debit, posting.credit):
        if role is Role.EXPENSE:
            continue
        account = findings.take(accounts.role_account(role, item, config, chart, vendor))
        if account is not None:
            roles[role] = account
    expenses: list[ExpenseLine] = []
    for number, line in enumerate(item.lines if posting.on_lines else (), start=1):
        where = "The expense" if len(item.lines) == 1 else f"Line {number}"
        expense = findings.take(_expense(item, posting, line, where, config, chart))
        if expense is not None:
            expenses.append(expense)
            findings.add(same(Role.EXPENSE, expense.account, roles))
    if len(roles) == 2:
        findings.add(same(posting.debit, roles[posting.debit], {posting.credit: roles[posting.credit]}))
    return Failed(findings.problems) if findings.problems else Plan(posting, roles, tuple(expenses), vendor)


def compose(item: ExportItem, plan: Plan) -> tuple[EntryLine, ...]:
    """The lines of the entry, debit side of the posting first."""
    toward = sign(item)
    foreign = foreign_currency(item, plan.posting)
    text = headline(item, LINE_LENGTH)
    whole = Size(
        toward * sum(line.amount.wallet.minor for line in item.lines),
        toward * sum(line.amount.supplier.minor for line in item.lines),
    )

    def side(role: Role, direction: int) -> list[EntryLine]:
        if role is Role.EXPENSE:
            return [
                line for expense in plan.expenses for line in _expense_lines(expense, direction * toward, text, foreign)
            ]
        vendor = plan.vendor.id if plan.vendor is not None and role is Role.PAYABLE else None
        return _line(plan.roles[role], whole.times(direction), text, foreign, vendor=vendor)

    return (*side(plan.posting.debit, 1), *side(plan.posting.credit, -1))


def same(role: Role, account: Account, others: dict[Role, Account]) -> tuple[Problem, ...]:
    """An entry that debits and credits one account moves nothing (EXP-ACCT-14)."""
    return tuple(
        problem(Failure.ACCOUNTS_EQUAL, one=role.value, other=other.value, code=account.code)
        for other, its_account in others.items()
        if its_account.id == account.id
    )


def _expense(
    item: ExportItem, posting: Posting, line: ItemLine, where: str, config: Configuration, chart: ChartIndex
) -> ExpenseLine | Failed:
    findings = Findings()
    foreign = foreign_currency(item, posting) is not None
    account = findings.take(accounts.expense_account(line, where, chart))
    treatment = findings.take(
        tax.treat(line, where, config, chart, foreign=foreign) if posting.taxed else tax.untaxed(line)
    )
    values = findings.take(dimensions.of_line(line, config, chart))
    if treatment is not None and foreign:
        findings.add(_contradictions(treatment, item, where))
    if treatment is not None and values is not None:
        for booked_on in (account, *(vat.account for vat in treatment.vat)):
            findings.add(dimensions.missing(booked_on, values, config, chart) if booked_on is not None else ())
    if findings.problems or account is None or treatment is None or values is None:
        return Failed(findings.problems)
    return ExpenseLine(account, treatment, values, line.tax.code if line.tax is not None else None)


def _contradictions(treatment: Treatment, item: ExportItem, where: str) -> tuple[Problem, ...]:
    """Each part of a line goes the same way in both currencies, or an ERP that keeps both could not hold it."""
    sizes = (treatment.base, *(vat.size for vat in treatment.vat))
    return tuple(
        problem(
            Failure.CURRENCIES_CONTRADICT,
            line=where,
            wallet=spelled(Money(size.wallet, item.amount.wallet.currency)),
            supplier=spelled(Money(size.supplier, item.amount.supplier.currency)),
        )
        for size in sizes
        if _direction(size.wallet) != _direction(size.supplier)
    )


def _direction(minor: int) -> int:
    return (minor > 0) - (minor < 0)


def _expense_lines(expense: ExpenseLine, direction: int, text: str, foreign: str | None) -> list[EntryLine]:
    """The base on the line's own account, then its VAT (EXP-TAX-09)."""
    treatment = expense.treatment
    base = treatment.base.times(direction)
    postings = tuple(TaxPosting(tax_id, "base", _decimal(base.wallet)) for tax_id in treatment.base_tax_ids)
    lines = _line(expense.account, base, text, foreign, postings, expense.dimensions)
    vat_text = shortened(f"VAT {clean(expense.tax_code or '')}{SEPARATOR}{text}", LINE_LENGTH)
    for vat in treatment.vat:
        size = vat.size.times(direction)
        posting = (TaxPosting(vat.tax_id, "tax", _decimal(size.wallet)),) if vat.tax_id is not None else ()
        values = expense.dimensions if vat.account.needs_dimensions else ()
        lines += _line(vat.account, size, vat_text, foreign, posting, values)
    return lines


def _line(
    account: Account,
    size: Size,
    text: str,
    foreign: str | None,
    taxes: tuple[TaxPosting, ...] = (),
    values: dimensions.Values = (),
    vendor: str | None = None,
) -> list[EntryLine]:
    """One line from a size that is debit minus credit; none for a size of 0, which would move nothing."""
    if size.wallet == 0:
        return []
    debit, credit = max(size.wallet, 0), max(-size.wallet, 0)
    in_foreign = Money(size.supplier, foreign) if foreign is not None else None
    return [EntryLine(account, _decimal(debit), _decimal(credit), text, taxes, values, in_foreign, vendor)]


def _decimal(minor: int) -> Decimal:
    return Money(minor, "").decimal
