"""Payments noted on their bills: what stock Tryton offers a key where it may not match lines (EXP-AP-04).

A bill of Tryton knows the lines that pay it (`payment_lines`), and they lower what it shows as due. The lines stay
unmatched in the ledger. A line is noted on one bill at most and never exceeds it, so one payment cannot serve several.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from ledgerbridge.erp.tryton import access, bills
from ledgerbridge.erp.tryton.chart import shaped
from ledgerbridge.erp.tryton.client import Client
from ledgerbridge.erp.tryton.errors import CallFailed, Outcome
from ledgerbridge.erp.tryton.moves import OpenLine
from ledgerbridge.erp.tryton.wire import Record

_NOTED = "payment_lines.reconciliation"
_NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True)
class Claim:
    """What one document leaves open on a vendor's account."""

    lines: tuple[OpenLine, ...]
    bill: int | None = None
    """Tryton's id of the bill or credit note; None for a journal entry."""
    noted: frozenset[int] = frozenset()
    """Lines noted on the bill already."""

    @property
    def amount(self) -> Decimal:
        return sum((line.amount for line in self.lines), _NOTHING)

    @property
    def numbers(self) -> frozenset[int]:
        return frozenset(line.id for line in self.lines)


def wanted(claims: Sequence[Claim]) -> Mapping[int, frozenset[int]] | None:
    """Which lines to note on which bill so that nothing of these documents is due; None where it does not add up.

    Payments go on their one bill; a bill and a credit note on each other. Entries alone owe nothing that a bill shows.
    """
    lines = [line for claim in claims for line in claim.lines]
    if (
        any(line.reconciliation is not None for line in lines)
        or len({(line.account, line.party) for line in lines}) > 1
    ):
        return None
    if sum((claim.amount for claim in claims), _NOTHING):
        return None
    owed = [claim for claim in claims if claim.bill is not None]
    if len(owed) > 1 and (len(owed), len(claims)) != (2, 2):
        return None
    found: dict[int, frozenset[int]] = {}
    for claim in owed:
        against = [line for other in claims if other is not claim for line in other.lines]
        numbers = frozenset(line.id for line in against)
        if claim.bill is None or not _opposed(claim, against) or claim.noted - numbers:
            return None
        found[claim.bill] = numbers
    return found


def _opposed(claim: Claim, against: Sequence[OpenLine]) -> bool:
    """Whether every line lowers what is due; Tryton takes no others."""
    return all((line.amount > 0) != (claim.amount > 0) for line in against)


async def note(client: Client, claims: Sequence[Claim]) -> bool:
    """Note payments on bills so that nothing is due. False, and nothing changed, where that is not possible."""
    found = wanted(claims)
    if found is None or (not found and await _of_use(client, claims)):
        return False
    standing = {claim.bill: claim.noted for claim in claims}
    done: dict[int, frozenset[int]] = {}
    for bill, lines in found.items():
        missing = lines - standing[bill]
        if missing and not (await _write(client, bill, "add", missing) or await _meanwhile(client, bill, lines)):
            for other, added in done.items():
                await _write(client, other, "remove", added)
            return False
        done[bill] = missing
    return True


async def _of_use(client: Client, claims: Sequence[Claim]) -> bool:
    """Whether a line of these documents is noted on a bill, so that it is of use there and nowhere else."""
    return bool(await _bills_with(client, [line.id for claim in claims for line in claim.lines]))


async def _meanwhile(client: Client, bill: int, lines: Collection[int]) -> bool:
    """Whether somebody else noted just these lines on the bill since it was read."""
    rows = await client.search(bills.MODEL, [["id", "=", bill]], (_NOTED,))
    return bool(rows) and shaped(lambda: bills.noted_lines(rows[0]) == frozenset(lines))


async def take_off(client: Client, claims: Sequence[Claim]) -> bool:
    """Take every payment off the bills among these documents, and these documents off any other bill.

    False where Tryton refuses it.
    """
    ours = frozenset(number for claim in claims for number in claim.numbers)
    named = {claim.bill for claim in claims if claim.bill is not None}
    rows = {row["id"]: row for row in await _bills_with(client, sorted(ours))}
    if named:
        found = await client.search(bills.MODEL, [["id", "in", sorted(named)]], (_NOTED,))
        rows |= {row["id"]: row for row in found}
    standing_on = shaped(lambda: {bill: bills.noted_lines(row) for bill, row in rows.items()})
    for bill, standing in standing_on.items():
        away = standing if bill in named else standing & ours
        if away and not await _write(client, bill, "remove", away):
            return False
    return True


async def standing_on(client: Client, lines: Sequence[int]) -> frozenset[int]:
    """The bills on which any of these lines is noted."""
    return frozenset(row["id"] for row in await _bills_with(client, lines))


async def _bills_with(client: Client, lines: Sequence[int]) -> list[Record]:
    # A Tryton without bills does not know their model.
    if not lines or not await access.active_modules(client, [bills.MODULE]):
        return []
    return await client.search(bills.MODEL, [["payment_lines", "in", list(lines)]], (_NOTED,))


async def _write(client: Client, bill: int, command: str, lines: Collection[int]) -> bool:
    """One write of the lines noted on a bill; False when Tryton refuses it."""
    try:
        await client.update(bills.MODEL, bill, {"payment_lines": [[command, sorted(lines)]]}, ("id",))
    except CallFailed as failure:
        if failure.outcome in (Outcome.REFUSED, Outcome.FORBIDDEN):
            return False
        raise
    return True
