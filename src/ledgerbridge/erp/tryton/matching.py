"""Matching of bills and payments: Tryton's reconciliation of lines on one account of one party (EXP-AP-04).

Everything is decided by what the lines say: a line knows the match it stands in, so asking twice changes nothing. To
match is to call a method that stock Tryton offers in a wizard only; a module makes it reachable for our key. Without
it a payment is noted on its bill (`noting`). To take apart is to delete the match, for which the user needs a right
of its own, and to take the note away.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from enum import Enum, auto

from ledgerbridge.erp.port import DocumentKind, DocumentRef
from ledgerbridge.erp.tryton import access, bills, key, moves, noting
from ledgerbridge.erp.tryton.chart import shaped
from ledgerbridge.erp.tryton.client import Client
from ledgerbridge.erp.tryton.errors import CallFailed, Outcome
from ledgerbridge.erp.tryton.key import Mark
from ledgerbridge.erp.tryton.moves import OpenLine
from ledgerbridge.erp.tryton.noting import Claim
from ledgerbridge.erp.tryton.wire import Record

_MODEL = "account.move.reconciliation"
_TEXT = ("description",)
_LINES = ("account", "account.reconcile", "account.type.payable", "party", "debit", "credit", "reconciliation")
_OF_BILLS = (
    "state",
    *(f"lines_to_pay.{name}" for name in ("account", "party", "debit", "credit", "reconciliation")),
    "payment_lines.reconciliation",
)


class _Answer(Enum):
    """What came of an attempt to match."""

    DONE = auto()
    NOT_NOW = auto()
    """It does not balance, or Tryton does not match these lines."""
    NOT_ALLOWED = auto()
    """The module is missing, or the right."""


async def settled(client: Client, claims: Sequence[Claim]) -> bool:
    """Match what is open of these documents, or note payments on bills where we may not match.

    False, and nothing changed, when it does not balance or must not be done.
    """
    answer = await _match(client, [line for claim in claims for line in claim.lines])
    if answer is _Answer.NOT_ALLOWED:
        return await noting.note(client, claims)
    return answer is _Answer.DONE


async def _match(client: Client, lines: Sequence[OpenLine]) -> _Answer:
    groups: dict[tuple[int, int | None], list[OpenLine]] = {}
    for line in lines:
        if line.reconciliation is None:
            groups.setdefault((line.account, line.party), []).append(line)
    if any(sum((line.amount for line in group), Decimal(0)) for group in groups.values()):
        return _Answer.NOT_NOW
    for group in groups.values():
        try:
            await client.call("account.move.line", "match", {"lines": [line.id for line in group]})
        except CallFailed as failure:
            if failure.outcome is Outcome.FORBIDDEN:
                return _Answer.NOT_ALLOWED
            if failure.outcome is Outcome.REFUSED:
                return _Answer.NOT_NOW
            raise
    return _Answer.DONE


async def may_match(client: Client) -> bool:
    """Whether the module is there and the user may use it; asked by matching nothing."""
    try:
        await client.call("account.move.line", "match", {"lines": []})
    except CallFailed as failure:
        if failure.outcome in (Outcome.REFUSED, Outcome.FORBIDDEN):
            return False
        raise
    return True


async def settle(client: Client, company: int, documents: Sequence[DocumentRef]) -> bool:
    """One try of `Payables.settle`; safe to repeat after any failure."""
    claims, whole = await _claims(client, company, [*documents, *await _own_payment(client, company, documents)])
    lines = [line for claim in claims for line in claim.lines]
    return whole and (_all_matched(lines) or await settled(client, claims) or await _since(client, lines))


async def reopen(client: Client, company: int, documents: Sequence[DocumentRef]) -> bool:
    """One try of `Payables.reopen`; safe to repeat after any failure."""
    claims, _ = await _claims(client, company, documents)
    lines = [line for claim in claims for line in claim.lines]
    numbers = sorted({line.reconciliation for line in lines if line.reconciliation is not None})
    if numbers and not (await access.may_unmatch(client) and await _plain(client, numbers)):
        return False
    for number in numbers:
        try:
            await client.delete(_MODEL, number)
        except CallFailed as failure:
            if failure.outcome is not Outcome.NOT_FOUND:
                raise
    # Only now: what stands in a match lowers nothing that is due, and would do so again without it.
    return await noting.take_off(client, claims)


async def _own_payment(client: Client, company: int, documents: Sequence[DocumentRef]) -> list[DocumentRef]:
    """The payment from the same item, where a bill is all there is to match: a person made both drafts final."""
    if len(documents) != 1 or documents[0].kind is not DocumentKind.BILL:
        return []
    rows = await client.search(bills.MODEL, [["company", "=", company], ["id", "=", int(documents[0].id)]], _TEXT)
    named = shaped(lambda: key.read(rows[0]["description"], "")) if rows else None
    if named is None:
        return []
    domain = [["company", "=", company], ["description", "like", key.patterns(named.accounting_entry_id)[1]]]
    found = await client.search(moves.MODEL, domain, _TEXT)
    own = shaped(lambda: [row["id"] for row in found if key.read(row["description"], "", Mark.PAYMENT) == named])
    return [DocumentRef(DocumentKind.JOURNAL_ENTRY, str(number)) for number in own]


def _all_matched(lines: Iterable[OpenLine]) -> bool:
    return all(line.reconciliation is not None for line in lines)


async def _since(client: Client, lines: Sequence[OpenLine]) -> bool:
    """Whether somebody else matched the lines since they were read."""
    rows = await client.search("account.move.line", [["id", "in", [line.id for line in lines]]], ("reconciliation",))
    return len(rows) == len(lines) and shaped(lambda: all(row["reconciliation"] is not None for row in rows))


async def _plain(client: Client, numbers: Sequence[int]) -> bool:
    """Whether these matches hold nothing that Tryton would warn a person of before it takes them apart."""
    fields = ("delegate_to", "lines.move.journal.type")
    rows = await client.search(_MODEL, [["id", "in", list(numbers)]], fields)
    return shaped(
        lambda: (
            not any(
                row["delegate_to"] or any(line["move"]["journal"]["type"] == "write-off" for line in row["lines"])
                for row in rows
            )
        )
    )


async def _claims(client: Client, company: int, documents: Sequence[DocumentRef]) -> tuple[list[Claim], bool]:
    """What the documents leave open, and whether each leaves something: a draft does not, nor what is cancelled or
    gone."""
    whole = bool(documents)
    found: list[Claim] = []
    for kind, read in ((DocumentKind.BILL, _of_bills), (DocumentKind.JOURNAL_ENTRY, _of_entries)):
        wanted = {int(ref.id) for ref in documents if ref.kind is kind}
        if wanted:
            claims = await read(client, [["company", "=", company], ["id", "in", sorted(wanted)]])
            whole = whole and len(claims) == len(wanted) and all(claim.lines for claim in claims)
            found += [claim for claim in claims if claim.lines]
    return found, whole


async def _of_bills(client: Client, domain: Sequence[object]) -> list[Claim]:
    rows = await client.search(bills.MODEL, domain, _OF_BILLS)
    return shaped(
        lambda: [
            Claim(
                tuple(map(moves.open_line, row["lines_to_pay"])) if row["state"] in ("posted", "paid") else (),
                row["id"],
                bills.noted_lines(row),
            )
            for row in rows
        ]
    )


async def _of_entries(client: Client, domain: Sequence[object]) -> list[Claim]:
    rows = await client.search(moves.MODEL, domain, ("state", *(f"lines.{name}" for name in _LINES)))
    return shaped(lambda: [Claim(tuple(_owing(row["lines"])) if row["state"] == "posted" else ()) for row in rows])


def _owing(lines: Iterable[Record]) -> Iterable[OpenLine]:
    return (
        moves.open_line(line | {"account": line["account"]["id"]})
        for line in lines
        if line["account"]["reconcile"] and line["account"]["type"]["payable"]
    )
