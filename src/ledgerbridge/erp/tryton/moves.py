"""Journal entries as Tryton keeps them: `account.move` with its lines, read and written."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from ledgerbridge.bookkeeping.words import EntryLine, JournalEntry
from ledgerbridge.erp.tryton import key
from ledgerbridge.erp.tryton.errors import CallFailed, Outcome
from ledgerbridge.erp.tryton.key import Mark
from ledgerbridge.erp.tryton.wire import Record

MODEL = "account.move"
_FIELDS = (
    "state",
    "number",
    "description",
    "origin",
    "create_date",
    "create_uid",
    "write_date",
    "lines.account",
    "lines.debit",
    "lines.credit",
    "lines.party",
    "lines.reconciliation",
    "lines.create_date",
    "lines.write_date",
)
POSTED_FIELDS = ("state", "number")
"""What posting changes in a move."""


def fields(*, analytic: bool) -> tuple[str, ...]:
    """The fields a `Move` is read from; a Tryton without the analytic module does not know the last one."""
    return (*_FIELDS, "lines.analytic_lines.account") if analytic else _FIELDS


@dataclass(frozen=True, slots=True)
class OpenLine:
    """A line as far as matching needs it."""

    id: int
    account: int
    party: int | None
    amount: Decimal
    """Debit less credit."""
    reconciliation: int | None
    """The match it stands in."""


@dataclass(frozen=True, slots=True)
class MoveLine:
    account: int
    debit: Decimal
    credit: Decimal
    dimensions: tuple[int, ...]
    """Analytic accounts of the line; none without the analytic module."""
    to_match: OpenLine


@dataclass(frozen=True, slots=True)
class Move:
    """One `account.move`."""

    id: int
    posted: bool
    number: str | None
    description: str
    origin: str | None
    """`account.move,7` on the mirror that reverses move 7."""
    created_at: dt.datetime
    created_by: int | None
    touched: bool
    """Whether it or a line of it was written to after it was made. Posting writes; attaching files does not."""
    lines: tuple[MoveLine, ...]

    @property
    def total(self) -> Decimal:
        """Sum of the debits, in the company's currency."""
        return sum((line.debit for line in self.lines), Decimal(0))

    @property
    def reference(self) -> str:
        """What a bookkeeper finds it by."""
        return self.number or f"draft {self.id}"

    def per_account(self) -> Mapping[int, Decimal]:
        """Debit less credit for every account that moved."""
        net: dict[int, Decimal] = {}
        for line in self.lines:
            net[line.account] = net.get(line.account, Decimal(0)) + line.debit - line.credit
        return {account: amount for account, amount in net.items() if amount}

    def used_on(self, account: int, noted: Collection[int]) -> bool:
        """Whether its lines on this account all stand in a match, or are among those noted on a bill."""
        open_ = (line.to_match for line in self.lines if line.account == account)
        return all(line.reconciliation is not None or line.id in noted for line in open_)

    def mirrors(self, other: Move) -> bool:
        """Whether it takes back exactly what the other booked, whatever way Tryton reversed it."""
        return self.per_account() == {account: -amount for account, amount in other.per_account().items()}


def parse(record: Record) -> Move:
    """Raises `CallFailed` when the record is not a move as asked for."""
    try:
        return Move(
            id=record["id"],
            posted=record["state"] == "posted",
            number=record["number"],
            description=record["description"] or "",
            origin=record["origin"],
            created_at=record["create_date"],
            created_by=record["create_uid"],
            touched=any(map(touched, (record, *record["lines"]))),
            lines=tuple(_line(line) for line in record["lines"]),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise CallFailed(Outcome.FAULT, f"{MODEL} read", said=f"missing or odd field: {error!r}") from None


def after_post(draft: Move, record: Record) -> Move:
    """The move as it stands once posted, of which only `POSTED_FIELDS` were read again: reading all of it would cost
    a tenth of what the posting does. Raises as `parse`."""
    try:
        return replace(draft, posted=record["state"] == "posted", number=record["number"])
    except KeyError as error:
        raise CallFailed(Outcome.FAULT, f"{MODEL} post", said=f"missing field: {error!r}") from None


def touched(record: Record) -> bool:
    """Whether somebody wrote to it after it was made."""
    # Tryton may write a line again while creating it; both moments are then that of the one transaction.
    return record["write_date"] is not None and record["write_date"] != record["create_date"]


def _line(record: Record) -> MoveLine:
    dimensions = tuple(each["account"] for each in record.get("analytic_lines") or ())
    return MoveLine(record["account"], record["debit"], record["credit"], dimensions, open_line(record))


def open_line(record: Record) -> OpenLine:
    """Raises `KeyError` for a line without what was asked for."""
    amount = record["debit"] - record["credit"]
    return OpenLine(record["id"], record["account"], record.get("party"), amount, record.get("reconciliation"))


@dataclass(frozen=True, slots=True)
class Placed:
    """A line with everything looked up that Tryton knows by id."""

    line: EntryLine
    dimensions: Sequence[int] = ()
    """Analytic accounts, one a dimension."""
    foreign: tuple[int, Decimal] | None = None
    """Currency and amount, sign left to the line."""


def values(
    entry: JournalEntry, lines: Sequence[Placed], *, company: int, period: int, mark: Mark = Mark.DOCUMENT
) -> Record:
    """What is sent to create the entry as a draft."""
    return {
        "company": company,
        "journal": int(entry.journal.id),
        "date": entry.date,
        "period": period,
        "description": key.description(entry.description, entry.key, mark),
        "lines": [["create", [_line_values(placed, entry.date) for placed in lines]]],
    }


def _line_values(placed: Placed, date: dt.date) -> Record:
    line = placed.line
    sent: dict[str, Any] = {
        "account": int(line.account.id),
        "debit": line.debit,
        "credit": line.credit,
        "description": key.plain(line.description),
    }
    if line.vendor is not None and line.account.party_required:
        # Tryton demands a party on such an account and forbids one everywhere else.
        sent["party"] = int(line.vendor)
    if line.taxes:
        sent["tax_lines"] = [["create", [_tax_values(line, tax.tax_id, tax.kind, tax.amount) for tax in line.taxes]]]
    if placed.dimensions:
        sent["analytic_lines"] = [
            [
                "create",
                [
                    {"account": account, "debit": line.debit, "credit": line.credit, "date": date}
                    for account in placed.dimensions
                ],
            ]
        ]
    if placed.foreign:
        currency, amount = placed.foreign
        sent["second_currency"] = currency
        sent["amount_second_currency"] = _like(line, amount)
    return sent


def _tax_values(line: EntryLine, tax: str, kind: str, amount: Decimal) -> Record:
    return {"tax": int(tax), "type": kind, "amount": _like(line, amount)}


def _like(line: EntryLine, amount: Decimal) -> Decimal:
    """Signed as debit less credit: so Tryton's own vendor bills sign base, tax and second currency, credit notes and
    the output side of a reverse charge included."""
    return abs(amount) if line.debit > line.credit else -abs(amount)
