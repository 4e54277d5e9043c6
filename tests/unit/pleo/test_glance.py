"""What stays of an expense when its payload goes: nothing that names a person, and never more than was readable."""

from __future__ import annotations

from typing import Any

import pytest

from ledgerbridge.pleo.items import glance

WHOLE = {
    "type": "card_purchase",
    "date": "2026-11-19T10:15:00Z",
    "amount": {"inWalletCurrency": {"value": -125000, "currency": "DKK"}},
    "supplier": {"name": "Nordic Supplies A/S"},
    "note": "Lunch with Astrid",
}


def test_type_day_and_amount_stay_and_no_name() -> None:
    assert glance(WHOLE) == {
        "type": "card_purchase",
        "date": "2026-11-19T10:15:00Z",
        "minor": -125000,
        "currency": "DKK",
    }


@pytest.mark.parametrize(
    "changes",
    [
        {"amount": None},
        {"amount": {"inWalletCurrency": []}},
        {"amount": {"inWalletCurrency": {"value": True, "currency": 5}}},
        {"amount": {"inWalletCurrency": {"value": 10**40, "currency": "D" * 100}}},
        {"amount": {"inWalletCurrency": {"value": "12", "currency": ""}}},
    ],
)
def test_what_cannot_be_read_is_left_out(changes: dict[str, Any]) -> None:
    assert glance(WHOLE | changes) == {"type": "card_purchase", "date": "2026-11-19T10:15:00Z"}


def test_nothing_readable_leaves_nothing() -> None:
    assert glance({"type": 7, "date": {}, "amount": "much"}) == {}
