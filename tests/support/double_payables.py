"""What is owed and what was paid in the ERP double: which payable lines are matched with each other."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from ledgerbridge.bookkeeping.payables import Bill, Document
from ledgerbridge.bookkeeping.words import EntryLine, JournalEntry
from ledgerbridge.erp.port import DocumentKind, DocumentRef


@dataclass
class Entry:
    """What stands in the double's books."""

    id: str
    document: Document
    files: tuple[str, ...]
    final: bool
    taken_back: str | None = None
    """Id of the counter-entry, which the double keeps in no other way."""
    reasons: list[str] = field(default_factory=list)
    """Why it was taken back, once a counter-entry."""

    @property
    def entry(self) -> JournalEntry:
        """The entry itself, or that of the bill."""
        return self.document.entry if isinstance(self.document, Bill) else self.document

    @property
    def bill(self) -> Bill | None:
        return self.document if isinstance(self.document, Bill) else None

    @property
    def ref(self) -> DocumentRef:
        return DocumentRef(DocumentKind.BILL if self.bill else DocumentKind.JOURNAL_ENTRY, self.id)

    def payable_lines(self) -> dict[tuple[str, int], EntryLine]:
        """Lines that name a vendor, those of a bill's own payment included, by what a match names them by."""
        payment = self.bill.payment if self.bill else None
        lines = [*self.entry.lines, *(payment.lines if payment else ())]
        return {(self.id, place): line for place, line in enumerate(lines) if line.vendor}


@dataclass
class Matches:
    """Which payable lines settle each other; each line stands in one match at most."""

    made: list[frozenset[tuple[str, int]]] = field(default_factory=list)

    def settle(self, entries: Sequence[Entry]) -> bool:
        """As the port's `settle`."""
        if not all(each.final for each in entries):
            return False
        left = self.open_lines(entries)
        if not left:
            return True
        owners = {(line.vendor, line.account.id) for line in left.values()}
        if len(owners) != 1 or _sum(left.values()):
            return False
        self.made.append(frozenset(left))
        return True

    def reopen(self, entries: Sequence[Entry]) -> bool:
        """As the port's `reopen`."""
        touched = {name for each in entries for name in each.payable_lines()}
        self.made = [match for match in self.made if not match & touched]
        return True

    def with_others(self, one: Entry) -> bool:
        """Whether it is matched with anything that is not its own."""
        own = set(one.payable_lines())
        return any(match & own and match - own for match in self.made)

    def open_lines(self, entries: Iterable[Entry]) -> dict[tuple[str, int], EntryLine]:
        """Payable lines of these entries that stand in no match."""
        matched = {name for match in self.made for name in match}
        lines = {
            name: line for each in entries if each.taken_back is None for name, line in each.payable_lines().items()
        }
        return {name: line for name, line in lines.items() if name not in matched}

    def owed(self, entries: Iterable[Entry], vendor: str) -> Decimal:
        """What these entries leave unpaid to a vendor; negative when he owes us."""
        return -_sum(line for line in self.open_lines(entries).values() if line.vendor == vendor)


def _sum(lines: Iterable[EntryLine]) -> Decimal:
    return sum((line.debit - line.credit for line in lines), Decimal(0))
