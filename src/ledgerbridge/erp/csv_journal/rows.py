"""The rows of a journal file: one for each line of a voucher, or one for each pair of accounts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from ledgerbridge.erp.csv_journal.template import Rows
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


def _pairs(lines: Sequence[FiledLine]) -> Iterator[tuple[FiledLine, FiledLine]]:
    """Each amount with what it is booked against, in the order of the lines.

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
            dimensions, taxes = line.dimensions or against.dimensions, line.taxes or against.taxes
            yield replace(_of(line, amount), dimensions=dimensions, taxes=taxes), _of(against, amount)


def _of(line: FiledLine, amount: Decimal) -> FiledLine:
    return replace(line, debit=amount if line.debit else Decimal(0), credit=amount if line.credit else Decimal(0))
