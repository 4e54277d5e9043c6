"""The rows of a journal file: one for each line of a voucher, or one for each pair of accounts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from ledgerbridge.erp.csv_journal.template import Rows
from ledgerbridge.erp.files.chart import AccountType
from ledgerbridge.erp.files.filed import Filed, FiledLine


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the file."""

    voucher: Filed
    line: FiledLine
    position: int
    """Of the row within its voucher, from 1."""
    counter: FiledLine | None = None
    """What it is booked against, where rows are pairs."""


def rows_of(voucher: Filed, kind: Rows, *, debit_leads: bool = False) -> Iterator[Row]:
    """The rows of one voucher; their amounts add up to it. With `debit_leads` the account of each pair is debited."""
    if kind is Rows.LINE:
        yield from (Row(voucher, line, at) for at, line in enumerate(voucher.lines, 1))
        return
    for at, (line, counter) in enumerate(_pairs(voucher.lines), 1):
        if debit_leads and line.credit:
            # What people read stays that of the side with more lines.
            told = replace(counter, text=line.text, dimensions=line.dimensions, taxes=line.taxes)
            yield Row(voucher, told, at, line)
        else:
            yield Row(voucher, line, at, counter)


Pair = tuple[FiledLine, FiledLine]
_SORTED = frozenset({AccountType.COST.value, AccountType.INCOME.value})
"""Types of accounts that are sorted by dimensions."""


def _pairs(lines: Sequence[FiledLine]) -> Sequence[Pair]:
    """Each amount with what it is booked against, in the order of the lines.

    A row has one place for dimensions, which holds for both of its accounts. Where two lines that meet in one would
    contradict each other there, all lines are booked against the largest one that has no dimension.
    """
    met = list(_met(lines))
    plain = [line for line in lines if not _carries(line)]
    if not plain or not any(_contradict(*pair) for pair in met):
        return [(_told(line, counter), counter) for line, counter in met]
    through = max(plain, key=lambda line: line.debit + line.credit)
    against = [replace(through, debit=line.credit, credit=line.debit) for line in lines]
    return [(line, counter) for line, counter in zip(lines, against, strict=True) if line is not through]


def _carries(line: FiledLine) -> bool:
    return bool(line.dimensions) or line.account_type in _SORTED


def _contradict(line: FiledLine, counter: FiledLine) -> bool:
    return _carries(line) and _carries(counter) and line.dimensions != counter.dimensions


def _told(line: FiledLine, counter: FiledLine) -> FiledLine:
    return replace(line, dimensions=line.dimensions or counter.dimensions, taxes=line.taxes or counter.taxes)


def _met(lines: Sequence[FiledLine]) -> Iterator[Pair]:
    """Debits with credits.

    The side with more lines leads, because that is where texts and dimensions differ. Where several lines stand on both
    sides, each is taken in turn, and divided where the other side ends first.
    """
    debits = [line for line in lines if line.debit]
    credits_ = [line for line in lines if line.credit]
    leading, other = (debits, credits_) if len(debits) >= len(credits_) else (credits_, debits)
    rest = iter(other)
    against, left = None, Decimal(0)
    for line in leading:
        open_ = line.debit + line.credit
        while open_:
            if not left:
                against = next(rest)
                left = against.debit + against.credit
            assert against is not None  # noqa: S101 - taken above
            amount = min(open_, left)
            open_, left = open_ - amount, left - amount
            yield _of(line, amount), _of(against, amount)


def _of(line: FiledLine, amount: Decimal) -> FiledLine:
    return replace(line, debit=amount if line.debit else Decimal(0), credit=amount if line.credit else Decimal(0))
