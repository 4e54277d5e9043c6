"""The suppliers of a real Tryton in Pleo, and drafts from Pleo in a real Tryton."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Any

import httpx
import pytest
from sqlalchemy import update

from ledgerbridge.erp.port import Erp
from ledgerbridge.erp.tryton import TrytonAdapter
from ledgerbridge.erp.tryton.company import TrytonErp
from ledgerbridge.outgoing.addresses import Reach
from ledgerbridge.store.tables import ErpBinding, LinkPhase, SyncStatus
from tests.integration.syncs.stage import Stage, counts, with_connections
from tests.integration.syncs.vendor_stage import VendorStage, problems, text_of
from tests.support.rig import Killed
from tryton_sandbox import TrytonServer, parties

GERMAN = "DE129273398"
"""A VAT number that passes Tryton's check."""


class Behind:
    """Tryton under the kind the rig binds."""

    def __init__(self, server: TrytonServer) -> None:
        self._adapter, self._settings = TrytonAdapter(reach=Reach(local=True)), server.binding()

    def open(
        self, settings: dict[str, Any], observe: Any = None, *, book: Any = None
    ) -> AbstractAsyncContextManager[Erp]:
        return self._adapter.open(self._adapter.check_settings(self._settings), observe)


class TrytonStage(VendorStage):
    """The company with its books in Tryton."""

    erp_class = TrytonErp

    def __init__(self, stage: Stage, server: TrytonServer) -> None:
        super().__init__(stage)
        self.server = server
        stage.syncs = with_connections(stage.syncs, erps={"double": Behind(server)})

    def parties(self, **wanted: Any) -> list[dict[str, Any]]:
        return [one for one in parties(self.server) if all(one[name] == value for name, value in wanted.items())]

    def made_of(self, pleo_id: str) -> list[dict[str, Any]]:
        """Parties that carry this Pleo id."""
        return [one for one in self.parties() if any(pleo_id in code for _, code in one["identifiers"])]

    def write(self, number: int, **values: Any) -> None:
        """What a bookkeeper does in Tryton."""
        address = f"{self.server.base_url}/{self.server.database}/rest/model/party.party/{number}"
        headers = {"Authorization": f"bearer {self.server.keys['erp_admin']}"}
        httpx.put(address, json=values, headers=headers, timeout=60).raise_for_status()


@pytest.fixture
async def at(stage: Stage, tryton: TrytonServer) -> TrytonStage:
    made = TrytonStage(stage, tryton)
    async with Behind(tryton).open({}) as erp:
        company = await erp.company()
    async with stage.rig.db.transaction() as session:
        await session.execute(
            update(ErpBinding).values(
                company_ref=company.id,
                company_name=company.name,
                registration_number=company.registration_number,
                currency=company.currency,
            )
        )
    return made


@pytest.mark.long  # acceptance/test_first_syncs.py brings more suppliers of a Tryton, and changes some
@pytest.mark.rule("VEN-020", "VEN-021", "VEN-043", "VEN-049", "VEN-057", "VEN-046", "VEN-045")
async def test_all_suppliers_of_tryton_arrive_and_follow_their_changes(at: TrytonStage) -> None:
    told = at.server.facts["vendors"]
    row = await at.run()
    assert (row.status, counts(row)) == (SyncStatus.SUCCEEDED, {"created": told["total"] - told["inactive"]})
    by_code = {one["code"]: one for one in at.pleo.values()}
    assert told["plain_code"] in by_code
    assert told["inactive_code"] not in by_code
    second = await at.run()
    assert (counts(second), at.writes()) == ({"unchanged": told["total"] - told["inactive"]}, [])
    first, other = (party for party in at.parties() if party["code"] in (told["plain_code"], told["own_payable_code"]))
    at.write(first["id"], name="Renamed A/S")
    at.write(other["id"], active=False)
    third = await at.run()
    assert counts(third) == {"updated": 1, "archived": 1, "unchanged": counts(second)["unchanged"] - 2}
    assert at.pleo[by_code[first["code"]]["id"]]["name"] == "Renamed A/S"
    assert at.pleo[by_code[other["code"]]["id"]]["state"] == "ARCHIVED"


@pytest.mark.rule("VEN-065", "VEN-066", "VEN-067", "VEN-068", "VEN-070", "VEN-037")
async def test_a_draft_becomes_a_party_that_bills_can_be_made_out_to(at: TrytonStage) -> None:
    key = at.draft("Neue Lieferanten GmbH", taxRegistrationNumber=GERMAN, country="DE")
    row = await at.event(key)
    assert counts(row) == {"unarchived": 1}
    (party,) = at.made_of(key)
    shown = at.pleo[key]
    assert (shown["state"], shown["externalId"], shown["code"]) == ("ACTIVE", str(party["id"]), party["code"])
    assert (party["name"], party["countries"]) == ("Neue Lieferanten GmbH", ["DE"])
    again = await at.event(key)
    assert (counts(again), at.writes()) == ({"unchanged": 1}, [])


@pytest.mark.long  # the walk "party" of tests/faults dies in a real process at each of these calls
@pytest.mark.rule("VEN-069", "VEN-066")
@pytest.mark.parametrize("effect", range(4))
async def test_a_crash_around_tryton_leaves_one_party_and_one_active_vendor(at: TrytonStage, effect: int) -> None:
    key = at.draft()
    with at.killing_after(effect, before=effect == 1), pytest.raises(BaseExceptionGroup) as died:
        await at.event(key)
    assert died.group_contains(Killed)
    await at.stage.rig.expire_lease()
    await at.poll()
    (party,) = at.made_of(key)
    assert (at.pleo[key]["state"], at.pleo[key]["externalId"]) == ("ACTIVE", str(party["id"]))
    assert (await at.link(key)).phase == LinkPhase.LINKED


@pytest.mark.rule("VEN-071", "VEN-072")
async def test_a_vat_number_tryton_refuses_parks_the_draft_in_words(at: TrytonStage) -> None:
    key = at.draft("Falsche GmbH", taxRegistrationNumber="DE111111111", country="DE")
    row = await at.event(key)
    assert [code for code, _ in problems(row)] == ["erp_refused"]
    assert "DE111111111" in text_of(row)
    assert (at.made_of(key), at.pleo[key]["state"]) == ([], "DRAFT")
    at.edit(key, taxRegistrationNumber=GERMAN)
    await at.poll()
    assert at.pleo[key]["state"] == "ACTIVE"


@pytest.mark.rule("VEN-063", "VEN-064")
async def test_a_draft_of_a_supplier_tryton_knows_is_linked_to_it(at: TrytonStage) -> None:
    known = next(
        party
        for party in at.parties(active=True)
        if party["countries"] == ["DE"] and any(kind == "eu_vat" for kind, _ in party["identifiers"])
    )
    number = next(code for kind, code in known["identifiers"] if kind == "eu_vat")
    before = len(at.parties())
    key = at.draft("Anders geschrieben", taxRegistrationNumber=number.removeprefix("DE"), country="DE")
    await at.poll()
    assert (at.pleo[key]["externalId"], at.pleo[key]["name"]) == (str(known["id"]), known["name"])
    assert len(at.parties()) == before
