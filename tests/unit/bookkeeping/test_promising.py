"""Which open claims are worth a try: none that `match` could answer for is left out, and thousands cost little."""

from __future__ import annotations

import time
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from ledgerbridge.bookkeeping.payables import Claim, Side
from ledgerbridge.bookkeeping.settlement import match, promising

_ids = st.sampled_from(["", "a", "b", "c", "d"])
_claims = st.builds(
    Claim,
    entry=st.just(""),
    side=st.sampled_from(Side),
    vendor_id=st.just("7"),
    amount=st.sampled_from([Decimal(100), Decimal(200), Decimal(300)]),
    currency=st.just("DKK"),
    reconciliation_id=_ids,
    number=st.sampled_from([None, "1", "2"]),
    settles=st.lists(_ids.filter(bool), max_size=2, unique=True).map(tuple),
    settled=st.booleans(),
)


@given(st.lists(_claims, max_size=6))
def test_every_claim_with_a_counterpart_gets_its_try(drawn: list[Claim]) -> None:
    claims = [_named(claim, str(place)) for place, claim in enumerate(drawn)]
    kept = {claim.entry for claim in promising(claims)}
    assert [claim.entry for claim in claims if match(claim, claims) and claim.entry not in kept] == []
    assert all(not claim.settled for claim in claims if claim.entry in kept)


def test_what_employees_are_owed_for_years_is_passed_over_quickly() -> None:
    """As long as each is looked at by itself: ten times as many take ten times as long, not a hundred times."""

    def seconds(number: int) -> float:
        owed = [
            Claim(str(place), Side.BILL, "7", Decimal(100), "DKK", reconciliation_id=f"r{place}")
            for place in range(number)
        ]
        best = 60.0
        for _ in range(3):
            began = time.process_time()
            assert promising(owed) == []
            best = min(best, time.process_time() - began)
        return best

    assert seconds(20_000) < 40 * seconds(2_000)


def _named(claim: Claim, entry: str) -> Claim:
    return Claim(
        entry, claim.side, claim.vendor_id, claim.amount, claim.currency, claim.reconciliation_id,
        claim.number, claim.settles, claim.settled,
    )  # fmt: skip
