"""An employee who needs a supplier that is in no list yet, and makes it in Pleo."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from ledgerbridge.demo.calls import Calls, StoryError
from tryton_sandbox import TrytonServer, parties

VENDOR_SECONDS = 60
NEW_VENDOR = {"name": "Kafferisteriet Aroma ApS", "country": "DK", "taxRegistrationNumber": "DK13585628"}


@dataclass(frozen=True)
class Arrived:
    """A vendor made in Pleo, once it stands on both sides."""

    id: str
    """Pleo's."""
    in_pleo: dict[str, Any]
    in_tryton: dict[str, Any]
    delivered: str
    """The event Pleo sent, and how it was answered."""
    seconds: float
    """From the draft in Pleo to the active vendor there."""


def make_vendor(calls: Calls, company_id: str, tryton: TrytonServer) -> Arrived:
    """Make a draft, which Pleo announces, and wait until it is active there and a party in Tryton.

    Raises `StoryError` when it does not arrive, or not once, or under another number.
    """
    began = time.monotonic()
    rows = {"items": [NEW_VENDOR], "announce": True}
    vendor_id = str(calls.pleo("POST", f"/companies/{company_id}/vendors", rows)[0]["id"])
    in_pleo = _active(calls, company_id, vendor_id)
    seconds = time.monotonic() - began
    found = [one for one in parties(tryton) if any(vendor_id in code for _, code in one["identifiers"])]
    if len(found) != 1 or found[0]["code"] != in_pleo["code"] or str(found[0]["id"]) != in_pleo["externalId"]:
        raise StoryError(f"The vendor is number {in_pleo['code']} in Pleo, but Tryton holds {found}.")
    return Arrived(vendor_id, in_pleo, found[0], _delivered(calls, vendor_id), seconds)


def _active(calls: Calls, company_id: str, vendor_id: str) -> dict[str, Any]:
    end = time.monotonic() + VENDOR_SECONDS
    while time.monotonic() < end:
        vendors = calls.pleo("GET", f"/companies/{company_id}/master-data")["vendors"]
        (found,) = [one for one in vendors if one["id"] == vendor_id]
        if found["state"] == "ACTIVE":
            return dict(found)
        time.sleep(0.2)
    raise StoryError(f"The vendor was not activated in Pleo within {VENDOR_SECONDS} seconds.")


def _delivered(calls: Calls, vendor_id: str) -> str:
    for delivery in calls.pleo("GET", "/deliveries"):
        if vendor_id in delivery["body"] and delivery["attempts"]:
            return f"{delivery['event_type']}, answered {delivery['attempts'][-1]['status']}"
    raise StoryError("Pleo did not announce the vendor.")
