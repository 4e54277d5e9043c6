"""A comparison with the ERP told to a person, and to a machine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from ledgerbridge.erp.port import DocumentKind
from ledgerbridge.ops.reconcile import Reconciled
from ledgerbridge.ops.reconcile_compare import Difference, Kind, LedgerRow, Standing, Well


@dataclass(frozen=True, slots=True)
class Advice:
    """What a kind of difference is called, and what to do about each."""

    title: str
    todo: str


ADVICE: dict[Kind, Advice] = {
    Kind.MISSING_IN_ERP: Advice(
        "In our ledger, not in the accounting system",
        "If somebody took it back there on purpose, leave it: exported again, it is booked again, once. If nobody did, "
        "export the expense again in Pleo.",
    ),
    Kind.MISSING_IN_LEDGER: Advice(
        "In the accounting system, not in our ledger",
        "Look the expense up in Pleo. If it is there, export it again: the document is found by its key and taken "
        "over, not booked twice. If it is not, a bookkeeper decides whether the document stays.",
    ),
    Kind.TWICE_IN_ERP: Advice(
        "Twice in the accounting system",
        "Keep the one our ledger names, have a bookkeeper reverse or delete the other, then compare again.",
    ),
    Kind.PAID_TWICE: Advice(
        "Paid twice in the accounting system",
        "One payment of the bill is a copy: have a bookkeeper reverse or delete it, then compare again.",
    ),
    Kind.BESIDE_BY_HAND: Advice(
        "Booked by hand, and by us",
        "A person said that it is booked under a number, but a document with our key stands, too: have a bookkeeper "
        "take one of both back.",
    ),
    Kind.BOOKED_IN_BOTH: Advice(
        "Booked in the former accounting system, and in this one",
        "Have a bookkeeper decide in which of both it belongs, and take the other back.",
    ),
    Kind.AMOUNT_DIFFERS: Advice(
        "Another amount in the accounting system",
        "Somebody changed it there. Compare it with the receipt in Pleo, and correct the side that is wrong.",
    ),
    Kind.NO_LONGER_FINAL: Advice(
        "Booked as final, a draft in the accounting system",
        "Make it final there, or ask who reopened it.",
    ),
    Kind.OTHER_DOCUMENT: Advice(
        "On another document in the accounting system",
        "What we made is gone and a copy stands in its place. If the copy is right, nothing is lost; if not, a "
        "bookkeeper takes it back and the expense is exported again.",
    ),
    Kind.REVERSAL_UNSETTLED: Advice(
        "To be taken back, and not known whether it is",
        'Ask for it again with {"action": "reverse"}: we look in the accounting system first, and never take anything '
        "back twice.",
    ),
    Kind.REVERSED_STANDS: Advice(
        "Taken back by us, in force in the accounting system",
        "Somebody reversed our counter-entry there. If that was wrong, have a bookkeeper reverse the document again. "
        'If it was right, export the expense again, which fails, and settle its item with {"action": "probe"}.',
    ),
    Kind.UNKNOWN_SETTLED: Advice(
        "Unknown to us, booked in the accounting system",
        'Settle its item with {"action": "probe"}, or export the expense again: it is found, not booked twice.',
    ),
    Kind.UNKNOWN_ABSENT: Advice(
        "Unknown to us, not in the accounting system",
        'Settle its item with {"action": "probe"}, then export the expense again in Pleo.',
    ),
}
_WELL = {
    Well.AGREES: "agree",
    Well.MADE_FINAL: "agree and were made final since",
    Well.BY_HAND: "were booked by hand, not compared",
    Well.ELSEWHERE: "are in the former accounting system, not compared",
    Well.UNDER_WAY: "are being booked just now, not compared",
    Well.NOT_BOOKED: "are booked nowhere",
}


def as_text(found: Reconciled) -> str:
    """For a terminal."""
    return "\n".join(_lines(found))


def _lines(found: Reconciled) -> Iterator[str]:
    yield f"{found.company} in {found.erp_company}, {found.first} to {found.last}"
    yield f"{found.ledger} accounting entries in our ledger, {found.erp} documents in the accounting system"
    for why, count in found.outcome.well.items():
        if count:
            yield f"  {count} {_WELL[why]}"
    if not found.outcome.differences:
        yield "No differences."
        return
    for kind, group in groupby(found.outcome.differences, key=lambda one: one.kind):
        differences = list(group)
        yield ""
        yield f"{ADVICE[kind].title}: {len(differences)}"
        yield f"  {ADVICE[kind].todo}"
        for one in differences:
            yield f"  - {one.pair.accounting_entry_id}: {sentence(one)}"
            for standing in one.pair.erp:
                if url := found.urls.get(standing.ref):
                    yield f"      {url}"


def sentence(one: Difference) -> str:
    """What was found of one accounting entry."""
    row = one.pair.ledger
    ours = _ours(row) if row is not None else "our ledger has nothing"
    theirs = " and ".join(_theirs(each, row.currency if row else "") for each in one.pair.erp)
    return f"{ours}; the accounting system has {theirs or 'nothing'}."


def _ours(row: LedgerRow) -> str:
    amount = "an amount we were not told" if row.total is None else f"{row.total:.2f} {row.currency}".strip()
    name = row.number or (f"{_noun(row.document.kind)} {row.document.id}" if row.document else "no document")
    by_hand = " by hand" if row.by_hand else ""
    where = f" in {row.moved_from}" if row.moved_from else ""
    job = f" (job {row.job_id})" if row.job_id else ""
    return f"our ledger has it {row.recorded.replace('_', ' ')}{by_hand}{where}, {name}, {amount}{job}"


def _theirs(one: Standing, currency: str) -> str:
    state = "" if one.final else "draft "
    what = "payment" if one.own_payment else _noun(one.ref.kind)
    name = one.number or one.ref.id
    on = f" on {one.date}" if one.date else ""
    return f"{state}{what} {name}{on}, {one.total:.2f} {currency}".strip()


def _noun(kind: DocumentKind) -> str:
    return "bill" if kind is DocumentKind.BILL else "journal entry"


def as_json(found: Reconciled) -> dict[str, Any]:
    """For a machine; amounts are text."""
    return {
        "connection": str(found.connection_id),
        "company": found.company,
        "erp_company": found.erp_company,
        "from": found.first.isoformat(),
        "to": found.last.isoformat(),
        "ledger": found.ledger,
        "erp": found.erp,
        "well": {why.value: count for why, count in found.outcome.well.items()},
        "differences": [_difference(found, one) for one in found.outcome.differences],
    }


def _difference(found: Reconciled, one: Difference) -> dict[str, Any]:
    row = one.pair.ledger
    return {
        "kind": one.kind.value,
        "accounting_entry_id": one.pair.accounting_entry_id,
        "text": sentence(one),
        "todo": ADVICE[one.kind].todo,
        "ledger": None
        if row is None
        else {
            "recorded": row.recorded.value,
            "document": row.document and row.document.kind.value,
            "id": row.document and row.document.id,
            "number": row.number,
            "total": None if row.total is None else f"{row.total:.2f}",
            "currency": row.currency,
            "final": row.final,
            "by_hand": row.by_hand,
            "moved_from": row.moved_from,
            "job_id": row.job_id,
        },
        "erp": [
            {
                "document": each.ref.kind.value,
                "id": each.ref.id,
                "number": each.number,
                "total": f"{each.total:.2f}",
                "date": each.date and each.date.isoformat(),
                "final": each.final,
                "own_payment": each.own_payment,
                "url": found.urls.get(each.ref),
            }
            for each in one.pair.erp
        ],
    }
