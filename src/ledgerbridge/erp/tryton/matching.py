"""Matching of bills and payments: Tryton's reconciliation of lines on one account of one party (EXP-AP-04).

Everything is decided by what the lines say: a line knows the match it stands in, so asking twice changes nothing. To
match is to call a method that stock Tryton offers in a wizard only; a module makes it reachable for our key. To take
apart is to delete the match, for which the user needs a right of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal

from ledgerbridge.erp.port import DocumentKind, DocumentRef
from ledgerbridge.erp.tryton import access, bills, moves
from ledgerbridge.erp.tryton.chart import shaped
from ledgerbridge.erp.tryton.client import Client
from ledgerbridge.erp.tryton.errors import CallFailed, Outcome
from ledgerbridge.erp.tryton.moves import OpenLine

_MODEL = "account.move.reconciliation"
_LINES = ("account", "account.reconcile", "account.type.payable", "party", "debit", "credit", "reconciliation")


async def match(client: Client, lines: Sequence[OpenLine]) -> bool:
    """Match what is open of these lines. False, and nothing changed, when it does not balance or must not be done."""
    groups: dict[tuple[int, int | None], list[OpenLine]] = {}
    for line in lines:
        if line.reconciliation is None:
            groups.setdefault((line.account, line.party), []).append(line)
    if any(sum((line.amount for line in group), Decimal(0)) for group in groups.values()):
        return False
    for group in groups.values():
        try:
            await client.call("account.move.line", "match", {"lines": [line.id for line in group]})
        except CallFailed as failure:
            if failure.outcome in (Outcome.REFUSED, Outcome.FORBIDDEN):
                return False
            raise
    return True


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
    lines, whole = await _payable_lines(client, company, documents)
    return whole and (_all_matched(lines) or await match(client, lines) or await _since(client, lines))


async def reopen(client: Client, company: int, documents: Sequence[DocumentRef]) -> bool:
    """One try of `Payables.reopen`; safe to repeat after any failure."""
    lines, _ = await _payable_lines(client, company, documents)
    numbers = sorted({line.reconciliation for line in lines if line.reconciliation is not None})
    if not numbers:
        return True
    if not await access.may_unmatch(client) or not await _plain(client, numbers):
        return False
    for number in numbers:
        try:
            await client.delete(_MODEL, number)
        except CallFailed as failure:
            if failure.outcome is not Outcome.NOT_FOUND:
                raise
    return True


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


async def _payable_lines(client: Client, company: int, documents: Sequence[DocumentRef]) -> tuple[list[OpenLine], bool]:
    """The payable lines of the documents, and whether each has some: none has a draft, or what is cancelled or gone."""
    whole = bool(documents)
    found: list[OpenLine] = []
    for kind, read in ((DocumentKind.BILL, _of_bills), (DocumentKind.JOURNAL_ENTRY, _of_entries)):
        wanted = {int(ref.id) for ref in documents if ref.kind is kind}
        if wanted:
            lines = await read(client, [["company", "=", company], ["id", "in", sorted(wanted)]])
            whole = whole and len(lines) == len(wanted) and all(lines)
            found += [line for each in lines for line in each]
    return found, whole


async def _of_bills(client: Client, domain: Sequence[object]) -> list[list[OpenLine]]:
    fields = [f"lines_to_pay.{name}" for name in ("account", "party", "debit", "credit", "reconciliation")]
    rows = await client.search(bills.MODEL, domain, ("state", *fields))
    return shaped(
        lambda: [
            [moves.open_line(line) for line in row["lines_to_pay"]] if row["state"] in ("posted", "paid") else []
            for row in rows
        ]
    )


async def _of_entries(client: Client, domain: Sequence[object]) -> list[list[OpenLine]]:
    rows = await client.search(moves.MODEL, domain, ("state", *(f"lines.{name}" for name in _LINES)))

    def lines() -> list[list[OpenLine]]:
        return [
            [
                moves.open_line(line | {"account": line["account"]["id"]})
                for line in row["lines"]
                if line["account"]["reconcile"] and line["account"]["type"]["payable"]
            ]
            if row["state"] == "posted"
            else []
            for row in rows
        ]

    return shaped(lines)
