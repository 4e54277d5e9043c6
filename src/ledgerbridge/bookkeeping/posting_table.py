"""The posting table: for each type and sub type, what is debited and what is credited (export.md section 21).

The direction comes from this table and never from the sign of an amount (EXP-TYPE-15). A pair that is not here is a
problem, never a guess (EXP-DATA-12). A new item type is a new row.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType

from ledgerbridge.bookkeeping.problem import Failed, Failure, failed


class Role(StrEnum):
    """The parts accounts play in a posting (EXP-ACCT-04). The value is what a bookkeeper reads."""

    EXPENSE = "expense"
    """The accounts of the item's lines: the categories chosen in Pleo."""
    WALLET = "wallet"
    """The item's `contraAccount`, else the configured wallet account of the currency."""
    OUT_OF_POCKET = "out-of-pocket"
    """What the company owes its employees, or they owe it."""
    CONTRA = "contra"
    """Where money comes from that loads a wallet, and goes to when it is unloaded."""
    EXTERNAL = "external reimbursement"
    """Where reimbursements made outside Pleo are paid from; the contra account unless set apart (EXP-ACCT-16)."""
    PAYABLE = "accounts payable"
    """What the company owes a vendor, or an employee as vendor."""


@dataclass(frozen=True, slots=True)
class Posting:
    """One row: which role is debited and which is credited when the amount goes the ordinary way."""

    debit: Role
    credit: Role
    taxed: bool = False
    """Whether the VAT of the lines is booked."""
    spend: bool = False
    """Whether only a positive amount is believed (EXP-TYPE-15)."""
    in_supplier_currency: bool = False
    """Whether the document is kept in the supplier's currency (EXP-FX-02)."""
    always_journal: bool = False
    """Whether it is a journal entry whatever the bookkeeping method says (EXP-BOOK-04)."""
    own_debt: bool = False
    """Whether an employee comes to owe the company: a journal entry also where the ERP keeps no vendors."""

    @property
    def on_lines(self) -> bool:
        """Whether one side is booked line by line on the lines' own accounts."""
        return Role.EXPENSE in (self.debit, self.credit)

    @property
    def owed_to_employee(self) -> bool:
        """Whether an employee stands where else a vendor does (EXP-AP-08)."""
        return Role.OUT_OF_POCKET in (self.debit, self.credit)

    @property
    def as_bill(self) -> Posting | None:
        """Its liability under accounts payable: a bill, or a credit note where the expense is credited (EXP-AP-06).

        None for what only moves money.
        """
        if not self.on_lines:
            return None
        debit, credit = (role if role is Role.EXPENSE else Role.PAYABLE for role in (self.debit, self.credit))
        return replace(self, debit=debit, credit=credit)

    @property
    def as_payment(self) -> Posting | None:
        """Its settlement under accounts payable; None where the item itself pays nothing (EXP-AP-02).

        What stood for the purchase, or for the debt to an employee, is now the payable account.
        """
        owed = (Role.EXPENSE, Role.OUT_OF_POCKET)
        debit, credit = (Role.PAYABLE if role in owed else role for role in (self.debit, self.credit))
        return Posting(debit, credit) if debit is not credit else None


_CARD = Posting(Role.EXPENSE, Role.WALLET, taxed=True, spend=True)
_FEE = replace(_CARD, spend=False)
_OWED_TO_EMPLOYEE = Posting(Role.EXPENSE, Role.OUT_OF_POCKET, taxed=True, spend=True)
_OWED_BY_EMPLOYEE = Posting(Role.OUT_OF_POCKET, Role.WALLET, own_debt=True)
_PAID_FROM_WALLET = Posting(Role.OUT_OF_POCKET, Role.WALLET)
_BACK_TO_WALLET = Posting(Role.WALLET, Role.OUT_OF_POCKET)
_PAID_OUTSIDE = Posting(Role.OUT_OF_POCKET, Role.EXTERNAL)
_BACK_OUTSIDE = Posting(Role.EXTERNAL, Role.OUT_OF_POCKET)
_PURCHASE_UNDONE = Posting(Role.WALLET, Role.EXPENSE, taxed=True)
_INVOICE_PAID = Posting(Role.PAYABLE, Role.WALLET)

TABLE: Mapping[tuple[str, str | None], Posting] = MappingProxyType(
    {
        ("card_purchase", None): _CARD,
        ("card_invoice", None): _CARD,
        ("fee", None): _FEE,
        ("fee", "interest"): _FEE,
        ("overdraft", None): _FEE,
        ("out_of_pocket", None): _OWED_TO_EMPLOYEE,
        ("mileage", None): _OWED_TO_EMPLOYEE,
        ("per_diem", None): _OWED_TO_EMPLOYEE,
        ("direct_reimbursement", None): _PAID_FROM_WALLET,
        ("direct_reimbursement", "reimbursement_to_employee"): _PAID_FROM_WALLET,
        ("direct_reimbursement", "reimbursement_to_employee_refund"): _BACK_TO_WALLET,
        ("direct_reimbursement", "reimbursement_to_company"): _BACK_TO_WALLET,
        ("external_reimbursement", None): _PAID_OUTSIDE,
        ("external_reimbursement", "reimbursement_to_employee"): _PAID_OUTSIDE,
        ("external_reimbursement", "reimbursement_to_employee_refund"): _BACK_OUTSIDE,
        ("external_reimbursement", "reimbursement_to_company"): _BACK_OUTSIDE,
        ("invoice", None): Posting(Role.EXPENSE, Role.PAYABLE, taxed=True, spend=True, in_supplier_currency=True),
        ("invoice_payment", None): _INVOICE_PAID,
        ("invoice_payment", "invoice_payment_sent"): _INVOICE_PAID,
        ("invoice_payment", "invoice_payment_returned"): Posting(Role.WALLET, Role.PAYABLE),
        ("refund", None): _PURCHASE_UNDONE,
        ("chargeback", None): _PURCHASE_UNDONE,
        ("cashback", None): replace(_PURCHASE_UNDONE, taxed=False),
        ("atm_withdrawal", None): _OWED_BY_EMPLOYEE,
        ("personal_spend", None): _OWED_BY_EMPLOYEE,
        ("wallet_topup", None): Posting(Role.WALLET, Role.CONTRA, always_journal=True),
        ("wallet_unload", None): Posting(Role.CONTRA, Role.WALLET, always_journal=True),
    }
)

_TYPES = frozenset(type_ for type_, _ in TABLE)
EMPLOYEE_TYPES = frozenset(type_ for (type_, _), row in TABLE.items() if row.owed_to_employee)
"""Types whose vendor is an employee (EXP-AP-08); a vendor on such an item is not looked at."""


def posting(type_: str, sub_type: str | None) -> Posting | Failed:
    """The row for a type and sub type; an unknown one is a problem (EXP-DATA-12)."""
    if type_ not in _TYPES:
        return failed(Failure.TYPE_UNKNOWN, type=type_ or "(none)")
    row = TABLE.get((type_, sub_type))
    if row is None:
        return failed(Failure.SUB_TYPE_UNKNOWN, type=type_, sub_type=sub_type or "(none)")
    return row
