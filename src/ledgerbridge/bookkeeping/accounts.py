"""Accounts: from the roles of a posting to accounts of the ERP's chart.

What the item brings comes first, the configuration second (EXP-ACCT-06, -12). Nothing is booked on an account that is
unknown, closed, ambiguous, or that asks for a party the line does not have. Only a payable line has one, the vendor.
"""

from __future__ import annotations

from ledgerbridge.bookkeeping.chart_index import ChartIndex
from ledgerbridge.bookkeeping.master_data import ErpVendor
from ledgerbridge.bookkeeping.method import Method
from ledgerbridge.bookkeeping.posting_table import Role
from ledgerbridge.bookkeeping.problem import Failed, Failure, failed
from ledgerbridge.bookkeeping.vendors import named
from ledgerbridge.bookkeeping.words import Account, Accounts, Configuration, ExportItem, ItemLine, PleoAccount

NO_CATEGORY = "00000000-0000-0000-0000-000000000000"
"""Id of the account that stands for "no category chosen" in Pleo (EXP-ACCT-13)."""

ANY_CURRENCY = "*"
"""Key of the default wallet account."""


def expense_account(line: ItemLine, where: str, chart: ChartIndex) -> Account | Failed:
    """The account of the category chosen for a line (EXP-ACCT-05); `where` names the line to a reader."""
    category = line.account
    if category is None or category.id == NO_CATEGORY:
        return failed(Failure.CATEGORY_MISSING, line=where)
    code = category.code or category.identifier or "(no code)"
    return accept(_matches(category, chart), code, Failure.ACCOUNT_UNKNOWN, name=category.name)


def role_account(
    role: Role, item: ExportItem, config: Configuration, chart: ChartIndex, vendor: ErpVendor | None = None
) -> Account | Failed:
    """The one account of a role other than the expense, for this item; `vendor` is who the payable line names."""
    if role is Role.PAYABLE and vendor is not None:
        return _payable_account(vendor, item, config, chart)
    if role is Role.WALLET and item.contra_account is not None and item.contra_account.id != NO_CATEGORY:
        contra = item.contra_account
        code = contra.code or contra.identifier or "(no code)"
        return accept(_matches(contra, chart), code, Failure.CONTRA_ACCOUNT_UNKNOWN, name=contra.name)
    if role is Role.PAYABLE and (own := supplier_account(item, chart)) is not None:
        return own
    currency = item.amount.wallet.currency
    return configured_account(role, configured_code(role, config.accounts, currency), currency, chart)


def configured_code(role: Role, accounts: Accounts, currency: str) -> str | None:
    """The account code the customer chose for a role; None when there is none."""
    match role:
        case Role.WALLET:
            return accounts.wallet.get(currency) or accounts.wallet.get(ANY_CURRENCY)
        case Role.OUT_OF_POCKET:
            return accounts.out_of_pocket
        case Role.EXTERNAL:
            return accounts.external_reimbursement or accounts.contra
        case Role.PAYABLE:
            return accounts.payable
        case _:
            return accounts.contra


def configured_account(role: Role, code: str | None, currency: str, chart: ChartIndex) -> Account | Failed:
    """The account of the chart behind a configured code."""
    if not code:
        return failed(Failure.ACCOUNT_NOT_CONFIGURED, role=role.value, currency=currency)
    matches = chart.accounts(code)
    if len(matches) == 1 and matches[0].party_required:
        return failed(Failure.CONFIGURED_ACCOUNT_NEEDS_PARTY, role=role.value, code=code)
    return accept(matches, code, Failure.CONFIGURED_ACCOUNT_UNKNOWN, role=role.value)


def accept(matches: tuple[Account, ...], code: str, unknown: Failure, **facts: str) -> Account | Failed:
    """The one match, if a line without a party may be booked on it; `unknown` with `facts` where there is none."""
    found = _single(matches, code, unknown, **facts)
    if isinstance(found, Account) and found.party_required:
        return failed(Failure.ACCOUNT_NEEDS_PARTY, code=code)
    return found


def supplier_account(item: ExportItem, chart: ChartIndex) -> Account | None:
    """The supplier's own payable account where a journal line can use it; with a vendor, the supplier is not looked at.

    It is a hint from the supplier's record, so an account that cannot be used gives way to the configured one.
    """
    if item.vendor is not None or item.supplier is None or not item.supplier.account:
        return None
    code = item.supplier.account
    found = accept(chart.accounts(code), code, Failure.ACCOUNT_UNKNOWN)
    return None if isinstance(found, Failed) else found


def _payable_account(vendor: ErpVendor, item: ExportItem, config: Configuration, chart: ChartIndex) -> Account | Failed:
    """The vendor's own account, else the one for all vendors (EXP-ACCT-07, EXP-AP-07); either may want a party.

    A journal entry by the supplier record takes the supplier's account in between (EXP-BOOK-03).
    """
    if vendor.payable:
        matches = chart.accounts(vendor.payable)
        return _single(matches, vendor.payable, Failure.VENDOR_ACCOUNT_UNKNOWN, vendor=named(vendor))
    if item.method != Method.ACCOUNTS_PAYABLE and (hinted := supplier_account(item, chart)) is not None:
        return hinted
    code = config.accounts.payable
    if not code:
        return failed(Failure.PAYABLE_ACCOUNT_MISSING, vendor=named(vendor))
    return _single(chart.accounts(code), code, Failure.CONFIGURED_ACCOUNT_UNKNOWN, role=Role.PAYABLE.value)


def _single(matches: tuple[Account, ...], code: str, unknown: Failure, **facts: str) -> Account | Failed:
    if not matches:
        return failed(unknown, code=code, **facts)
    return matches[0] if len(matches) == 1 else failed(Failure.ACCOUNT_AMBIGUOUS, code=code)


def _matches(named: PleoAccount, chart: ChartIndex) -> tuple[Account, ...]:
    """By code; the ERP's own id stands in for a missing code and tells accounts of the same code apart."""
    by_id = chart.account_by_id(named.identifier) if named.identifier else None
    if not named.code:
        return (by_id,) if by_id is not None else ()
    by_code = chart.accounts(named.code)
    return (by_id,) if by_id in by_code and by_id is not None else by_code
