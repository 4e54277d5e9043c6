"""Which bills, credit notes and payments of a vendor belong together (EXP-AP-04).

Pleo documents no key between an invoice and its payment (O-23). So they are matched by what they name: reconciliation
ids, else invoice number and amount together. One answer or none; a guess would pay the wrong bill.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from ledgerbridge.bookkeeping.descriptions import invoice_of
from ledgerbridge.bookkeeping.payables import Bill, Claim, Document, Side, payable
from ledgerbridge.bookkeeping.posting_table import TABLE
from ledgerbridge.bookkeeping.words import ExportItem

_PAIRS: dict[Side, frozenset[Side]] = {
    Side.BILL: frozenset({Side.PAYMENT}),
    Side.PAYMENT: frozenset({Side.BILL, Side.RETURNED}),
    Side.RETURNED: frozenset({Side.PAYMENT}),
    Side.CREDIT_NOTE: frozenset(),
}
"""What may meet by invoice number and amount."""


def payables_of(item: ExportItem, document: Document) -> Claim | None:
    """What the document of an item puts on a vendor's account; None when no line of it names a vendor."""
    entry = document.entry if isinstance(document, Bill) else document
    balance = payable(entry)
    vendor = next((line.vendor for line in entry.lines if line.vendor is not None), None)
    if vendor is None or not balance:
        return None
    invoice, own = invoice_of(item), item.reconciliation_id.strip()
    named = dict.fromkeys(one.strip() for one in item.reconciled_entries)
    row = TABLE.get((item.type, item.sub_type))
    bill, back = (Side.CREDIT_NOTE, Side.PAYMENT) if balance > 0 else (Side.BILL, Side.RETURNED)
    return Claim(
        entry=item.accounting_entry_id,
        side=bill if row is not None and row.on_lines else back,
        vendor_id=vendor,
        amount=abs(balance),
        currency=entry.currency,
        reconciliation_id=own,
        number=(invoice.number.strip() or None) if invoice else None,
        settles=tuple(one for one in named if one not in ("", own)),
        settled=isinstance(document, Bill) and document.payment is not None,
    )


def match(claim: Claim, open_claims: Iterable[Claim]) -> tuple[Claim, ...]:
    """The claims that `claim` belongs with; empty when there are none yet, or more than one answer.

    All found and `claim` itself add up to nothing, so that the ERP can match them with each other. For a payment that
    came back they are the payments it undoes: `open_claims` must hold settled payments too then, and leave out payments
    undone before together with what undid them. Whatever else is settled is not looked at.
    """
    others = [one for one in open_claims if one.entry != claim.entry and _together(one, claim)]
    if claim.settled:
        return ()
    if claim.side is Side.RETURNED:
        return _undone(claim, others)
    waiting = [one for one in others if not one.settled]
    if _names(claim, waiting):
        return _by_names(claim, waiting)
    alike = [one for one in waiting if (one.number, one.amount) == (claim.number, claim.amount)]
    return _by_number(claim, [one for one in alike if not _names(one, waiting)])


def promising(claims: Sequence[Claim]) -> list[Claim]:
    """The open ones among a vendor's claims that an id or an invoice number ties to others; `match` needs no other.

    What an employee is owed may wait in thousands for reimbursements that are never exported.
    """
    named = {name for one in claims for name in one.settles}
    numbers = Counter(one.number for one in claims)
    return [
        one
        for one in claims
        if not one.settled
        and (one.settles or one.reconciliation_id in named or (one.number and numbers[one.number] > 1))
    ]


def _together(one: Claim, other: Claim) -> bool:
    return (one.vendor_id, one.currency) == (other.vendor_id, other.currency)


def _names(claim: Claim, others: Sequence[Claim]) -> bool:
    """Whether the claim names others by reconciliation id, or is named by one."""
    own = claim.reconciliation_id
    return bool(claim.settles) or any(own and own in one.settles for one in others if one.entry != claim.entry)


def _by_names(claim: Claim, waiting: Sequence[Claim]) -> tuple[Claim, ...]:
    """All that hangs together by reconciliation ids, once every id named is there and the sum is nothing.

    A payment may name several bills, and two payments the same bill.
    """
    known = [claim, *waiting]
    group, left = [claim], [claim]
    while left:
        one = left.pop()
        for name in one.settles:
            if len([other for other in known if other.reconciliation_id == name]) != 1:
                return ()
        near = [other for other in known if _linked(one, other) and other not in group]
        group += near
        left += near
    return _balanced(claim, [one for one in known[1:] if one in group])


def _linked(one: Claim, other: Claim) -> bool:
    return other.reconciliation_id in one.settles or (
        bool(one.reconciliation_id) and one.reconciliation_id in other.settles
    )


def _by_number(claim: Claim, others: Sequence[Claim]) -> tuple[Claim, ...]:
    """The one claim of the same invoice number and amount, if the claim is the only one for it as well."""
    alike = _alike(claim, others)
    if len(alike) != 1 or _alike(alike[0], [claim, *others]) != [claim]:
        return ()
    return _balanced(claim, alike)


def _alike(claim: Claim, others: Sequence[Claim]) -> list[Claim]:
    return [
        one
        for one in others
        if claim.number
        and one.entry != claim.entry
        and one.side in _PAIRS[claim.side]
        and (one.number, one.amount) == (claim.number, claim.amount)
    ]


def _undone(claim: Claim, others: Sequence[Claim]) -> tuple[Claim, ...]:
    """The payments that came back: those it names, else the one for the same items, else for the same invoice."""
    payments = [one for one in others if one.side is Side.PAYMENT]
    rivals = [one for one in others if one.side is Side.RETURNED]
    if any(set(one.settles) & set(claim.settles) for one in rivals):
        return ()
    named = [one for one in payments if one.reconciliation_id in claim.settles]
    if named:
        complete = sorted(one.reconciliation_id for one in named) == sorted(claim.settles)
        return _balanced(claim, named) if complete else ()
    same = [one for one in payments if claim.settles and set(one.settles) == set(claim.settles)]
    same = [one for one in same if one.amount == claim.amount]
    if same:
        return tuple(same) if len(same) == 1 else ()
    return _by_number(claim, [*payments, *rivals])


def _balanced(claim: Claim, found: Sequence[Claim]) -> tuple[Claim, ...]:
    return tuple(found) if found and not claim.balance + sum(one.balance for one in found) else ()
