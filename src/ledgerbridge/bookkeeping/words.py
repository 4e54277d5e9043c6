"""The nouns of the house. Frozen records with a sentence per field; no behaviour beyond arithmetic on themselves.

Pleo's words describe what comes in (`ExportItem`), accountants' words what goes out (`JournalEntry`).
Money at the border is integer minor units (hundredths, EXP-DATA-09); inside an entry it is `Decimal`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Literal


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in one currency."""

    minor: int
    """Hundredths of the currency unit, whatever ISO says of its decimals (EXP-DATA-09)."""
    currency: str
    """ISO 4217 code as Pleo sent it; may be `UNDEFINED`."""

    @property
    def decimal(self) -> Decimal:
        """The amount in currency units with two decimals."""
        return Decimal(self.minor).scaleb(-2)


@dataclass(frozen=True, slots=True)
class Amount:
    """One amount in both currencies Pleo sends."""

    wallet: Money
    """In the currency of the Pleo wallet: what is posted (EXP-FX-01)."""
    supplier: Money
    """In the supplier's currency: information, except on `invoice` (EXP-FX-02, -03)."""


@dataclass(frozen=True, slots=True)
class PleoAccount:
    """An account as Pleo names it, on a line or as `contraAccount`."""

    id: str
    name: str
    code: str | None
    """The ERP's account code."""
    identifier: str | None
    """The ERP's own id of the account."""


@dataclass(frozen=True, slots=True)
class PleoTax:
    """The tax of one line, taken as sent and never recomputed (EXP-TAX-08)."""

    id: str
    code: str | None
    rate: Decimal
    """A fraction: 25 % is 0.25 (EXP-DATA-10)."""
    type: str
    """`inclusive`, `exclusive` or `reverse`; anything else is a problem."""
    amount: Amount
    ingoing_account: str | None
    outgoing_account: str | None


@dataclass(frozen=True, slots=True)
class PleoTag:
    id: str
    code: str
    group_code: str
    """Code of the tag group, which is a dimension of the ERP."""


@dataclass(frozen=True, slots=True)
class ItemLine:
    """One line of an export item; more than one makes a split (EXP-SPLIT-01)."""

    id: str
    """`accountingEntryLineId`, the line's stable id (EXP-SPLIT-03)."""
    amount: Amount
    net: Amount
    """With or without tax, by the tax type (EXP-TAX-03)."""
    account: PleoAccount | None
    tax: PleoTax | None
    tags: tuple[PleoTag, ...] = ()


@dataclass(frozen=True, slots=True)
class Person:
    id: str
    name: str
    code: str | None


@dataclass(frozen=True, slots=True)
class Supplier:
    """Who was paid, as Pleo knows it (legacy route)."""

    name: str | None = None
    code: str | None = None
    account: str | None = None
    tax_identifier: str | None = None
    country: str | None = None
    category_code: str | None = None


@dataclass(frozen=True, slots=True)
class Vendor:
    """The vendor chosen on the item, a record synchronised with the ERP."""

    id: str
    name: str
    code: str | None
    external_id: str | None
    registration_number: str | None
    tax_registration_number: str | None
    default_currency: str | None
    country: str | None = None
    """ISO 3166-1 alpha-2 of registration; a number without a country in front is one of this country."""


@dataclass(frozen=True, slots=True)
class InvoiceInformation:
    number: str
    invoice_date: dt.date
    status: str
    due_date: dt.date | None
    payment_date: dt.date | None


@dataclass(frozen=True, slots=True)
class ItemFile:
    """A receipt. Pleo sends no name and no id; the URL lives 24 hours (EXP-ATT-02)."""

    url: str
    type: str | None
    """MIME type; may be absent."""
    size: int | None
    """Bytes."""


@dataclass(frozen=True, slots=True)
class ExportItem:
    """The data layer's payload of one accounting entry, typed."""

    accounting_entry_id: str
    """Keys everything (EXP-CTRL-05)."""
    company_id: str
    type: str
    """One of the 17 known types, or something new that must become a problem (EXP-DATA-12)."""
    sub_type: str | None
    date: dt.datetime
    """Aware; becomes the source date in the company's time zone (EXP-PERIOD-01)."""
    amount: Amount
    lines: tuple[ItemLine, ...]
    reconciliation_id: str
    method: str | None = None
    """`bookkeeping.method`: `journal`, `accounts_payable`, `none`; None when the block is absent (EXP-BOOK-03)."""
    contra_account: PleoAccount | None = None
    supplier: Supplier | None = None
    vendor: Vendor | None = None
    user: Person | None = None
    team: Person | None = None
    note: str | None = None
    attendees: tuple[str, ...] = ()
    reconciled_entries: tuple[str, ...] = ()
    invoice: InvoiceInformation | None = None
    service_period: tuple[dt.date, dt.date] | None = None
    """From and to; never moves the posting date (EXP-PERIOD-08)."""
    files: tuple[ItemFile, ...] = ()
    web_link: str | None = None
    """Link to the expense in Pleo's web application."""


# ------------------------------------------------------------------ configuration


class PostingMode(StrEnum):
    DRAFT = "draft"
    FINAL = "final"


class ClosedPeriod(StrEnum):
    """What to do when the period of an item's own date is closed (EXP-PERIOD-05)."""

    FAIL = "fail"
    NEXT_OPEN = "next_open"
    TODAY = "today"


class TaxMode(StrEnum):
    EXPLICIT = "explicit"
    """VAT is booked by us on lines of its own, exactly as Pleo sent it."""
    ERP = "erp"
    """The ERP computes VAT from the code where it can for that document; elsewhere as `explicit`. Never both."""


class ChangedReexport(StrEnum):
    """What to do with an entry that comes again with other content (EXP-IDEM-07)."""

    FAIL = "fail"
    REVERSE_AND_REBOOK = "reverse_and_rebook"


@dataclass(frozen=True, slots=True)
class Accounts:
    """The customer's counter accounts, by ERP account code."""

    wallet: Mapping[str, str]
    """Per wallet currency; `*` is the default. Used where an item brings no `contraAccount`."""
    out_of_pocket: str
    contra: str
    external_reimbursement: str | None
    """None means the contra account (EXP-ACCT-16)."""
    payable: str | None


@dataclass(frozen=True, slots=True)
class Configuration:
    """One version of a connection's bookkeeping configuration."""

    version: int
    journal: str
    accounts: Accounts
    posting_mode: PostingMode = PostingMode.DRAFT
    closed_period: ClosedPeriod = ClosedPeriod.FAIL
    time_zone: str = "UTC"
    tax_mode: TaxMode = TaxMode.EXPLICIT
    tax_codes: Mapping[str, str] = field(default_factory=dict)
    """Pleo tax code to ERP tax id; a code not listed is looked up in the chart by code, id, then name."""
    dimensions: tuple[str, ...] = ()
    """Codes of the ERP dimensions that tags may carry; at most five."""
    default_vendor: str | None = None
    changed_reexport: ChangedReexport = ChangedReexport.FAIL


# ------------------------------------------------------------------ the ERP's chart


@dataclass(frozen=True, slots=True)
class Account:
    """An account of the ERP that accepts lines."""

    id: str
    code: str
    name: str
    party_required: bool = False
    """Whether a line on it must name a party (then a journal entry without one is refused by the ERP)."""
    needs_dimensions: bool = False
    """Whether lines on it must carry every dimension the ERP demands (income-statement accounts, often)."""
    active: bool = True
    type: str = ""
    """The sort of account in the ERP's own words, for people; empty where it has none."""
    income: bool = False
    """Whether it is one of the income statement, as far as the ERP tells."""


@dataclass(frozen=True, slots=True)
class TaxComponent:
    """One leaf of an ERP tax: what is posted where for one rate."""

    tax_id: str
    rate: Decimal
    """A fraction; negative on the output side of a reverse charge."""
    account: str | None
    """Code of the account the tax amount is posted to."""


@dataclass(frozen=True, slots=True)
class ErpTax:
    id: str
    code: str | None
    name: str
    components: tuple[TaxComponent, ...]
    """One for a plain tax; two of opposite sign for a reverse charge."""
    active: bool = True

    @property
    def is_reverse_charge(self) -> bool:
        return any(component.rate < 0 for component in self.components)


@dataclass(frozen=True, slots=True)
class Dimension:
    """A dimension of the ERP: one Pleo tag group."""

    id: str
    code: str
    name: str
    values: Mapping[str, str]
    """Code of each usable value to its ERP id."""
    required: bool = False
    """Whether every income-statement line must carry a value of it."""
    names: Mapping[str, str] = field(default_factory=dict)
    """Code of a value to the name people know it by, as far as the ERP has one."""


@dataclass(frozen=True, slots=True)
class Journal:
    id: str
    code: str
    name: str


@dataclass(frozen=True, slots=True)
class Period:
    id: str
    name: str
    start: dt.date
    end: dt.date
    """Inclusive."""
    open: bool


@dataclass(frozen=True, slots=True)
class Chart:
    """What the ERP company offers to book on, read live before a job."""

    currency: str
    accounts: tuple[Account, ...]
    journals: tuple[Journal, ...]
    taxes: tuple[ErpTax, ...] = ()
    dimensions: tuple[Dimension, ...] = ()
    periods: tuple[Period, ...] = ()
    opened_by: str | None = None
    """What opens a closed period, as a sentence; None where that is done in the ERP."""
    renewed_by: str | None = None
    """What makes known here what the ERP has by now, as a sentence; None where it is read live."""


# ------------------------------------------------------------------ what goes into the books


@dataclass(frozen=True, slots=True)
class PostingKey:
    """Names one wanted posting for ever: at most one live posting carries it."""

    company_id: str
    """Pleo's company."""
    accounting_entry_id: str
    revision: int = 1
    """Rises when a changed entry is reversed and booked again (EXP-IDEM-07)."""


@dataclass(frozen=True, slots=True)
class TaxPosting:
    """Ties a line to the ERP's tax reporting."""

    tax_id: str
    """ERP id of the tax component."""
    kind: Literal["base", "tax"]
    amount: Decimal
    """Base: positive for a purchase, negative when it is undone. Tax: debit minus credit of the VAT line, so the
    outgoing side of a reverse charge has the opposite sign."""


@dataclass(frozen=True, slots=True)
class EntryLine:
    """One line of a journal entry. Exactly one of debit and credit is positive, the other is zero."""

    account: Account
    debit: Decimal
    credit: Decimal
    description: str
    taxes: tuple[TaxPosting, ...] = ()
    dimensions: tuple[tuple[str, str], ...] = ()
    """Pairs of dimension code and value code, in the order of the chart."""
    foreign: Money | None = None
    """Supplier-currency amount where the document is kept in it (EXP-FX-02); signed debit minus credit."""
    vendor: str | None = None
    """ERP id of the vendor, on an accounts payable line (EXP-AP-03)."""


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """A balanced entry, ready for an ERP adapter. Amounts are in `currency`, two decimals."""

    key: PostingKey
    journal: Journal
    date: dt.date
    """The posting date after the closed-period rule."""
    original_date: dt.date
    """The item's own date, kept on the entry when the posting date was moved (EXP-PERIOD-09)."""
    currency: str
    description: str
    """What a bookkeeper reads: supplier, employee, note, references."""
    lines: tuple[EntryLine, ...]

    @property
    def total(self) -> Decimal:
        """Sum of the debits, which equals the sum of the credits."""
        return sum((line.debit for line in self.lines), Decimal(0))


@dataclass(frozen=True, slots=True)
class NothingToPost:
    """An item that needs no entry and counts as successful (EXP-TYPE-18)."""

    key: PostingKey
    reason: str
