"""What the conformance suite needs of a real ERP: a company set up for tests, and hands and eyes beside the adapter.

A bench looks into the books and changes them by a way of its own, so that a test never asks the adapter whether the
adapter was right.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any, Protocol
from uuid import uuid4

import pytest

from ledgerbridge.bookkeeping.problem import Failure
from ledgerbridge.bookkeeping.words import Account, Chart, EntryLine, JournalEntry, PostingKey, TaxPosting
from ledgerbridge.erp.adapter import Adapter
from ledgerbridge.erp.port import Attachment, Capabilities, Erp, ErpError
from ledgerbridge.outgoing.files import HeldFile

PLEO_COMPANY = "3f0c2f6e-0c43-4a39-9d5e-0a3f8f3f1c11"


class Step(StrEnum):
    """The writes an adapter makes."""

    CREATE = "create"
    CREATE_MANY = "create_many"
    """The creation of several entries at once."""
    ATTACH = "attach"
    POST = "post"
    VENDOR = "vendor"
    """The creation of a vendor; the others are those of a booking."""
    CREATE_BILL = "create_bill"
    POST_BILL = "post_bill"
    CANCEL_BILL = "cancel_bill"
    """The taking back of a final bill."""
    MATCH = "match"
    """The matching of a bill with its payment."""


SLOWLY = 0.5
"""Seconds an answer takes with `Fate.SLOW`."""
BOOKING_STEPS = (Step.CREATE, Step.ATTACH, Step.POST)
BILL_STEPS = (Step.CREATE_BILL, Step.ATTACH, Step.CREATE, Step.POST_BILL, Step.POST, Step.MATCH)
"""Those of a bill with a file and a payment from the same item, in an order of the adapter's choice."""


class Fate(StrEnum):
    """What befalls the first call of a step."""

    REPLY_LOST = "reply_lost"
    """It is carried out, the answer does not arrive."""
    TIMED_OUT = "timed_out"
    """It is carried out, the answer comes too late."""
    KILLED = "killed"
    """It is carried out and our process dies: `Killed` is raised out of the adapter."""
    NEVER_ARRIVED = "never_arrived"
    """The connection breaks before anything is carried out, which the adapter cannot tell from a lost reply."""
    BUSY = "busy"
    """The ERP says that it is busy and carries nothing out."""
    SLOW = "slow"
    """It is carried out after half a second, and the answer comes: late, but within our patience."""
    TWICE = "twice"
    """It arrives twice, one right after the other, as from a proxy that repeats it; we see the second answer."""


class Record(StrEnum):
    """Kinds of master data that a bench can change by hand."""

    ACCOUNT = "account"
    VALUE = "value"
    """A value of a dimension."""
    VENDOR = "vendor"


class Lack(StrEnum):
    """What an ERP may lack that no capability tells of, because the service need not know. Told by `Bench.lacks`, and
    reported beside the capabilities it does not claim: a test that needs it does not apply."""

    DOUBT = "replies that can be lost"
    """Whoever books knows at once and for certain whether it is done: a book of our own."""
    UPLOADS = "files sent by calls of their own"
    """Files go with the entry, in the same call."""
    UPLOADS_IN_DOUBT = "uploads that can be in doubt"
    """A file is sent under its hash before the entry, as often as needed, and counts for nothing alone."""
    POSTING = "entries made final by a call of their own"
    """Whether an entry is to be final is said in the call that makes it."""
    BILL_STEPS = "bills booked by several calls"
    """A bill is made final, paid and matched in the call that makes it, or not at all."""
    PARTIES = "accounts that want a party"
    SIZE_LIMIT = "a largest file"
    """It takes files of any size that the service hands on."""
    HANDS = "entries changed by hand"
    """Nobody can reverse, copy or change in it what we booked: it is our own book."""
    UNNUMBERED = "accounts without a number"
    RENUMBERING = "accounts whose number changes"
    """The number is the account's id."""
    CLOSED_ACCOUNTS = "accounts that are closed and still told of"
    DEFAULT_TAXES = "default taxes of accounts"
    ODD_VALUES = "values without a code, or two of one code"
    CLOSED_VALUES = "values that are switched off and still told of"
    REVERSE_CHARGE = "reverse charge"
    OFFLINE = "a place that can be out of reach"
    """It is not elsewhere: what is read lies with the service."""
    VENDOR_TAX_NUMBERS = "checks of vendors' tax numbers"
    SECRETS = "access by a secret"


class Killed(BaseException):
    """Stands for the end of our process."""


@dataclass(frozen=True, slots=True)
class Fault:
    step: Step
    fate: Fate
    times: int = 1
    spared: int = 0
    """Calls of the step that go well before."""


@dataclass(frozen=True, slots=True)
class Standing:
    """An entry in the books, drafts and reversing entries included."""

    id: str
    final: bool
    number: str | None
    text: str
    total: Decimal
    """Sum of the debits."""
    lines: int


@dataclass(frozen=True, slots=True)
class StandingBill:
    """A bill or credit note in the books, cancelled ones left out."""

    id: str
    final: bool
    paid: bool
    """Final, and the ERP itself shows nothing of it as due."""
    matched: bool
    """Its payable lines stand in a match, too; stays False where the ERP only notes payments on bills."""
    number: str | None
    supplier_number: str | None
    text: str
    owed: Decimal
    """VAT included; negative on a credit note."""
    booked: Mapping[str, Decimal]
    """Debit less credit for every account, as in the journal entry of a final bill; empty for a draft."""
    taxes: Sequence[tuple[str, str, Decimal]]
    """What the VAT return is told: tax id, `base` or `tax`, amount as debit less credit; without zeros."""
    date: dt.date | None
    """Of the journal entry."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of the test company."""

    name: str
    registration_number: str | None
    currency: str
    journal: str
    expense: str
    """Account of the income statement."""
    vat: str
    """Account of the balance sheet that takes VAT."""
    wallet: str
    """Account of the balance sheet, without a party."""
    wants_party: str | None
    """An account that demands a party on every line; None with `Lack.PARTIES`."""
    tax: str
    """Name of a plain purchase tax; empty where the ERP claims no tax codes."""
    reverse_charge: str
    """Name of a reverse charge; empty with `Lack.REVERSE_CHARGE`."""
    dimensions: Sequence[tuple[str, str]]
    """One value of every dimension, at least two; empty where the ERP claims none."""
    open_date: dt.date
    closed_date: dt.date
    closable_date: dt.date
    """In an open period that a test may close and open again."""
    oversize: int | None
    """Bytes of a file that the ERP is sure to refuse; None with `Lack.SIZE_LIMIT`."""
    tax_numbers: Sequence[str]
    """Tax numbers with country prefix that pass the ERP's check and no vendor has; each is used once."""
    bad_tax_number: str | None = None
    """One the ERP is sure to refuse."""
    payable: str | None = None
    """The accounts payable account of vendors that have none of their own."""
    reconciles: bool = True
    """The set-up lets the integration user match lines; else a payment is only noted on the one bill it pays."""


class Bench(Protocol):
    adapter: Adapter
    capabilities: Capabilities
    settings: dict[str, Any]
    facts: Facts
    lacks: frozenset[Lack]
    """What the ERP has nothing of; may be left out when it has all."""
    refused: Mapping[str, tuple[dict[str, Any], Failure]]
    """Settings that must not work, by what is wrong with them, and the failure each must show before any item."""

    refused_access: Mapping[str, tuple[dict[str, Any], str]]
    """Settings that show no company to choose, by what is wrong with them, and the field at fault."""

    def opened(self, fault: Fault | None = None) -> AbstractAsyncContextManager[Erp]:
        """The company, opened with little patience."""
        ...

    async def chart(self) -> Chart:
        """The company's chart as the adapter reads it, read once."""
        ...

    async def entries(self, accounting_entry_id: str) -> Sequence[Standing]:
        """Everything in the books whose text names the entry."""
        ...

    async def files(self, erp_id: str) -> Sequence[tuple[str, bytes]]: ...

    async def bills(self, accounting_entry_id: str) -> Sequence[StandingBill]:
        """Every bill whose text names the entry."""
        ...

    async def bill_files(self, erp_id: str) -> Sequence[tuple[str, bytes]]: ...

    async def cancel_bill(self, erp_id: str) -> None:
        """Take a final bill back as a bookkeeper would."""
        ...

    async def reverse(self, erp_id: str) -> None:
        """Take a final entry back as a bookkeeper would."""
        ...

    async def change_amounts(self, erp_id: str) -> None:
        """Change a draft as a bookkeeper would, so that its total differs."""
        ...

    async def net_of(self, accounting_entry_id: str) -> Mapping[str, Decimal]:
        """Debit less credit for every account, over all that is final in the books for the entry: its documents of any
        revision and what took them back."""
        ...

    async def copy(self, erp_id: str) -> str:
        """Copy an entry by hand, text and all, as a draft of another user; answers its id."""
        ...

    async def counted(self) -> Mapping[str, int]:
        """How many records the ERP itself counts: `accounts` that accept lines or are closed, `tax_codes`,
        `dimensions`, `vendors`; inactive ones included."""
        ...

    async def add(self, record: Record, code: str | None, name: str, *, below: Sequence[str] = ()) -> str:
        """Make one by hand and answer its id; a value below a dimension and, where the ERP nests values, one above."""
        ...

    async def change(self, record: Record, erp_id: str, **values: str) -> None:
        """Change `name` or `code` by hand."""
        ...

    async def switch_off(self, record: Record, erp_id: str) -> None:
        """Close or deactivate one by hand."""
        ...

    async def set_default_taxes(self, account: str, tax_codes: Sequence[str]) -> None:
        """Give an account these default taxes, and no others."""
        ...

    async def vendors_called(self, name: str) -> Sequence[str]:
        """Ids of all vendors of this name, inactive ones included."""
        ...

    async def set_period(self, date: dt.date, *, open_: bool) -> None:
        """Close the period of a date, or open it again; raises when the ERP refuses."""
        ...


NOT_CAPABLE = "not capable: "
"""How a skip begins that is an answer: what the ERP does not claim or has nothing of."""
CAPABLE = "capable: "
"""And of a test of what an ERP without a capability must refuse, where it has it. Any other skip is a failure."""


def needs(bench: Bench, *capabilities: str) -> None:
    """Skip a test of something this ERP does not claim."""
    for capability in capabilities:
        claimed = getattr(bench.capabilities, capability)
        if not claimed or (capability in ("batch", "parallel_writers") and claimed < 2):
            pytest.skip(f"{NOT_CAPABLE}{capability}")


def without(bench: Bench, *things: Lack) -> None:
    """Skip a test of something this ERP has nothing of."""
    for thing in things:
        if thing in lacks(bench):
            pytest.skip(f"{NOT_CAPABLE}{thing.value}")


def files_for(bench: Bench, *sizes: int) -> list[Attachment]:
    """As many files of these sizes as an entry of this ERP can have."""
    if not bench.capabilities.attachments:
        return []
    return receipts(*sizes)[: None if bench.capabilities.several_attachments else 1]


def lacks(bench: Bench) -> frozenset[Lack]:
    """What the ERP of a bench has nothing of."""
    return getattr(bench, "lacks", frozenset())


def meets(bench: Bench, fault: Fault) -> None:
    """Skip a test of a fault that cannot befall this ERP."""
    if fault.step in (Step.POST, Step.POST_BILL):
        needs(bench, "drafts")
        without(bench, Lack.POSTING)
    if fault.step is Step.ATTACH:
        needs(bench, "attachments")
        without(bench, Lack.UPLOADS)
        if fault.fate is Fate.NEVER_ARRIVED:
            without(bench, Lack.UPLOADS_IN_DOUBT)
    if fault.fate is not Fate.KILLED:
        without(bench, Lack.DOUBT)


async def failure_of(
    erp: Erp, wanted: JournalEntry, files: Sequence[Attachment] = (), *, final: bool = True
) -> ErpError:
    """The error that booking ends in."""
    with pytest.raises(ErpError) as caught:
        await erp.book(wanted, files, final=final)
    return caught.value


def account(chart: Chart, code: str) -> Account:
    return next(account for account in chart.accounts if account.code == code)


def entry(
    chart: Chart,
    facts: Facts,
    *,
    id_: str | None = None,
    revision: int = 1,
    net: str = "100.00",
    vat: str = "25.00",
    date: dt.date | None = None,
    text: str = "AWS, Ada Lovelace, hosting in November",
    dimensions: Sequence[tuple[str, str]] | None = None,
    expense: Account | None = None,
) -> JournalEntry:
    """A purchase with VAT of its own line: expense and VAT against the wallet."""
    taxes = [tax.components[0].tax_id for tax in chart.taxes if tax.name == facts.tax]
    base = tuple(TaxPosting(tax, "base", Decimal(net)) for tax in taxes)
    on_top = tuple(TaxPosting(tax, "tax", Decimal(vat)) for tax in taxes)
    nothing = Decimal(0)
    lines = (
        EntryLine(
            expense or account(chart, facts.expense),
            Decimal(net),
            nothing,
            text,
            base,
            tuple(facts.dimensions if dimensions is None else dimensions),
        ),
        EntryLine(account(chart, facts.vat), Decimal(vat), nothing, text, on_top),
        EntryLine(account(chart, facts.wallet), nothing, Decimal(net) + Decimal(vat), text),
    )
    when = date or facts.open_date
    return JournalEntry(
        key=PostingKey(PLEO_COMPANY, id_ or str(uuid4()), revision),
        journal=next(journal for journal in chart.journals if journal.code == facts.journal),
        date=when,
        original_date=when,
        currency=chart.currency,
        description=text,
        lines=lines,
    )


def receipts(*sizes: int) -> list[Attachment]:
    """Files of these sizes whose bytes differ and are not text."""
    return [
        Attachment(
            f"R-2026-{size}-{position}.pdf",
            "application/pdf",
            HeldFile.of(bytes((size + position + at) % 256 for at in range(size))),
        )
        for position, size in enumerate(sizes, start=1)
    ]
