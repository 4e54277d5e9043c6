"""A service killed between the ERP's vendor and Pleo's: afterwards there is one of each."""

from __future__ import annotations

from typing import Any

import pytest

from pleo_sandbox.config import DEMO_COMPANY_ID
from tests.acceptance.conftest import MakeSite
from tests.support.commands import until
from tests.support.site import Site
from tryton_sandbox import parties

RESCUE = 4
"""RESCUE_SECONDS of these installations."""
SECONDS = 90


def drafted(site: Site, name: str, **more: Any) -> str:
    """An employee makes a vendor in Pleo, which announces it; its id."""
    rows = [{"name": name, "country": "DK", **more}]
    made = site.pleo.control("POST", f"/companies/{DEMO_COMPANY_ID}/vendors", {"items": rows, "announce": True})
    return str(made[0]["id"])


def in_pleo(site: Site, vendor_id: str) -> dict[str, Any]:
    vendors = site.pleo.control("GET", f"/companies/{DEMO_COMPANY_ID}/master-data")["vendors"]
    (found,) = [one for one in vendors if one["id"] == vendor_id]
    return dict(found)


def in_tryton(site: Site, vendor_id: str) -> list[int]:
    """Parties that carry this Pleo id, read in Tryton itself."""
    return [one["id"] for one in parties(site.tryton) if any(vendor_id in code for _, code in one["identifiers"])]


def tried(site: Site, vendor_id: str) -> bool:
    """Whether the activation of this vendor was ever asked for."""
    path = f"/v1/vendors/{vendor_id}:activate"
    return any(call.path == path for call in list(site.sandbox.sandbox.world.recorder.requests))


def active_once(site: Site, vendor_id: str) -> None:
    until("the vendor active in Pleo", lambda: in_pleo(site, vendor_id)["state"] == "ACTIVE", SECONDS)
    (party,) = in_tryton(site, vendor_id)
    assert in_pleo(site, vendor_id)["externalId"] == str(party)
    vendors = site.pleo.control("GET", f"/companies/{DEMO_COMPANY_ID}/master-data")["vendors"]
    assert len([one for one in vendors if one["state"] == "ACTIVE" and one["externalId"] == str(party)]) == 1


@pytest.mark.long
@pytest.mark.rule("VEN-001", "VEN-060", "VEN-066", "VEN-069", "VEN-082")
def test_a_service_killed_before_the_write_back_leaves_one_vendor_on_each_side(make_site: MakeSite) -> None:
    with make_site(RESCUE_SECONDS=str(RESCUE)) as site:
        service = site.serve()
        site.live()
        # The write-back hangs, and has no effect when it ends: the moment in between is as long as we need.
        path = "/v1/vendors/*:activate"
        site.pleo.fault("slow", method="POST", path=path, seconds=30, times=None, after_effect=False)
        site.pleo.fault("status", method="POST", path=path, status=503, times=None, after_effect=False)
        vendor = drafted(site, "Killed in between ApS")
        until("the party in Tryton", lambda: in_tryton(site, vendor), SECONDS)
        until("the write-back begun", lambda: tried(site, vendor), SECONDS)
        service.kill()
        assert (in_pleo(site, vendor)["state"], len(in_tryton(site, vendor))) == ("DRAFT", 1)
        site.pleo.control("DELETE", "/faults")
        site.serve()
        active_once(site, vendor)


@pytest.mark.rule("VEN-074", "VEN-122")
def test_a_draft_whose_event_was_lost_is_found_by_the_next_run(make_site: MakeSite) -> None:
    with make_site(RESCUE_SECONDS=str(RESCUE)) as site:
        site.serve()
        connection = site.live()
        site.pleo.fault("lose_webhook", event_type="v1.vendor.created", times=None)
        vendor = drafted(site, "Never announced ApS")
        site.ask("POST", f"/connections/{connection}/syncs/vendors")
        active_once(site, vendor)
