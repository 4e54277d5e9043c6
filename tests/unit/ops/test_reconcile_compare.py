"""What is said of one accounting entry, by everything known of it on both sides."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from decimal import Decimal

import pytest

from ledgerbridge.erp.port import DocumentKind, DocumentRef
from ledgerbridge.ops.reconcile_compare import (
    Difference,
    Kind,
    LedgerRow,
    Pair,
    Recorded,
    Standing,
    Well,
    compare,
    doubtful,
    judge,
    paired,
)
from ledgerbridge.ops.reconcile_words import ADVICE, sentence

ENTRY = DocumentRef(DocumentKind.JOURNAL_ENTRY, "7")
BOOKED = LedgerRow("e1", Recorded.BOOKED, Decimal("125.00"), "DKK", True, False, None, ENTRY, "EXP/7", "job-1")
DRAFT = replace(BOOKED, final=False, number=None)
UNKNOWN = replace(BOOKED, recorded=Recorded.UNKNOWN, document=None, number=None)
BY_HAND = replace(BOOKED, by_hand=True, document=None, number="BANK/3")
MOVED = replace(BOOKED, moved_from="Old ApS")
ABSENT = replace(UNKNOWN, recorded=Recorded.NOT_LIVE)
TAKING_BACK = replace(BOOKED, recorded=Recorded.TAKING_BACK)
REVERSED = replace(BOOKED, recorded=Recorded.REVERSED)
UNDER_WAY = replace(UNKNOWN, recorded=Recorded.UNDER_WAY)
STANDS = Standing(ENTRY, "EXP/7", True, Decimal("125.00"), dt.date(2026, 11, 5))
COPY = replace(STANDS, ref=DocumentRef(DocumentKind.JOURNAL_ENTRY, "8"), number=None, final=False)
PAYMENT = replace(COPY, ref=DocumentRef(DocumentKind.JOURNAL_ENTRY, "9"), own_payment=True)
PAYMENT_COPY = replace(PAYMENT, ref=DocumentRef(DocumentKind.JOURNAL_ENTRY, "10"))

CASES: list[tuple[str, LedgerRow | None, tuple[Standing, ...], tuple[Kind | Well, ...]]] = [
    ("as booked", BOOKED, (STANDS,), (Well.AGREES,)),
    ("a bill with its payment", BOOKED, (STANDS, PAYMENT), (Well.AGREES,)),
    ("a draft as booked", DRAFT, (replace(STANDS, final=False),), (Well.AGREES,)),
    ("a draft made final", DRAFT, (STANDS,), (Well.MADE_FINAL,)),
    ("adopted without its amount", replace(BOOKED, total=None), (STANDS,), (Well.AGREES,)),
    ("gone", BOOKED, (), (Kind.MISSING_IN_ERP,)),
    ("gone but for its payment", BOOKED, (PAYMENT,), (Kind.MISSING_IN_ERP,)),
    ("copied by hand", BOOKED, (STANDS, COPY), (Kind.TWICE_IN_ERP,)),
    ("copied by hand without a posting", None, (STANDS, COPY), (Kind.TWICE_IN_ERP,)),
    ("replaced by a copy", BOOKED, (replace(COPY, final=True),), (Kind.OTHER_DOCUMENT,)),
    ("another amount", BOOKED, (replace(STANDS, total=Decimal("125.01")),), (Kind.AMOUNT_DIFFERS,)),
    ("a draft again", BOOKED, (replace(STANDS, final=False),), (Kind.NO_LONGER_FINAL,)),
    ("payment copied", BOOKED, (STANDS, PAYMENT, PAYMENT_COPY), (Kind.PAID_TWICE,)),
    ("gone, payment copied", BOOKED, (PAYMENT, PAYMENT_COPY), (Kind.MISSING_IN_ERP, Kind.PAID_TWICE)),
    ("no posting", None, (STANDS,), (Kind.MISSING_IN_LEDGER,)),
    ("no posting, only a payment", None, (PAYMENT,), (Kind.MISSING_IN_LEDGER,)),
    ("held for not booked", ABSENT, (STANDS,), (Kind.MISSING_IN_LEDGER,)),
    ("held for not booked and absent", ABSENT, (), (Well.NOT_BOOKED,)),
    ("to be taken back and there", TAKING_BACK, (STANDS,), (Kind.REVERSAL_UNSETTLED,)),
    ("to be taken back and gone", TAKING_BACK, (), (Kind.REVERSAL_UNSETTLED,)),
    ("taken back", REVERSED, (), (Well.NOT_BOOKED,)),
    ("taken back and in force again", REVERSED, (STANDS,), (Kind.REVERSED_STANDS,)),
    ("taken back, booked twice since", REVERSED, (STANDS, COPY), (Kind.TWICE_IN_ERP,)),
    ("unknown and there", UNKNOWN, (STANDS,), (Kind.UNKNOWN_SETTLED,)),
    ("unknown and absent", UNKNOWN, (), (Kind.UNKNOWN_ABSENT,)),
    ("unknown and twice there", UNKNOWN, (STANDS, COPY), (Kind.TWICE_IN_ERP,)),
    ("under way", UNDER_WAY, (), (Well.UNDER_WAY,)),
    ("under way and there already", UNDER_WAY, (STANDS,), (Well.UNDER_WAY,)),
    ("under way and twice there", UNDER_WAY, (STANDS, COPY), (Kind.TWICE_IN_ERP,)),
    ("by hand", BY_HAND, (), (Well.BY_HAND,)),
    ("by hand, of ours after all", BY_HAND, (replace(STANDS, number="BANK/3"),), (Well.BY_HAND,)),
    ("by hand and by us", BY_HAND, (STANDS,), (Kind.BESIDE_BY_HAND,)),
    ("in the former ERP", MOVED, (), (Well.ELSEWHERE,)),
    ("in both ERPs", MOVED, (STANDS,), (Kind.BOOKED_IN_BOTH,)),
]


@pytest.mark.parametrize(("row", "erp", "said"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_each_sort_of_entry_is_told_for_what_it_is(
    row: LedgerRow | None, erp: tuple[Standing, ...], said: tuple[Kind | Well, ...]
) -> None:
    found = judge(Pair("e1", row, erp))
    assert tuple(one.kind if isinstance(one, Difference) else one for one in found) == said
    for one in found:
        if isinstance(one, Difference):
            told = sentence(one)
            assert told.endswith(".")
            assert all((standing.number or standing.ref.id) in told for standing in erp)


def test_every_kind_has_a_case_and_advice() -> None:
    assert {kind for *_, said in CASES for kind in said} == {*Kind, *Well}
    assert set(ADVICE) == set(Kind)


@pytest.mark.parametrize(
    ("row", "erp", "asked"),
    [
        (BOOKED, (STANDS,), False),
        (BOOKED, (), True),
        (BOOKED, (COPY,), True),
        (BOOKED, (STANDS, COPY), True),
        (UNKNOWN, (), True),
        (MOVED, (), False),
        (BY_HAND, (), False),
        (UNDER_WAY, (), False),
        (None, (STANDS,), False),
        (None, (PAYMENT,), True),
    ],
)
def test_the_erp_is_searched_by_key_where_a_list_of_a_period_does_not_settle_it(
    row: LedgerRow | None, erp: tuple[Standing, ...], asked: bool
) -> None:
    assert doubtful(Pair("e1", row, erp)) is asked


def test_both_sides_meet_by_accounting_entry_and_each_is_counted_once() -> None:
    other = replace(BOOKED, accounting_entry_id="e2")
    pairs = paired([BOOKED, other], [("e1", STANDS), ("e3", COPY)])
    outcome = compare(pairs)
    assert [(one.kind, one.pair.accounting_entry_id) for one in outcome.differences] == [
        (Kind.MISSING_IN_ERP, "e2"),
        (Kind.MISSING_IN_LEDGER, "e3"),
    ]
    assert sum(outcome.well.values()) == outcome.well[Well.AGREES] == 1
