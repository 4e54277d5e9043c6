"""A person decides on a vendor that waits: link it, have it made anew, archive it."""

from __future__ import annotations

import pytest

from ledgerbridge.syncs.vendors.resolve import CannotResolve, parked, resolve
from tests.integration.syncs.stage import Stage, counts
from tests.integration.syncs.vendor_stage import TAX, VendorStage, problems, suppliers


@pytest.fixture
def at(stage: Stage) -> VendorStage:
    return VendorStage(stage)


async def resolved(at: VendorStage, key: str, action: str, **more: str) -> None:
    at.stage.rig.pleo.forget()
    await resolve(at.stage.syncs, at.stage.connection_id, key, action, "admin:ada", **more)


@pytest.mark.rule("VEN-064")
async def test_a_person_links_a_parked_draft_to_the_right_supplier(at: VendorStage) -> None:
    at.erp.extend(suppliers(2, tax_registration_number=TAX))
    key = at.draft(taxRegistrationNumber=TAX)
    await at.event(key)
    await resolved(at, key, "link", erp_id="2")
    assert (at.pleo[key]["externalId"], at.pleo[key]["state"]) == ("2", "ACTIVE")
    await at.run()
    at.in_step()
    assert (counts(await at.run()), at.writes()) == ({"unchanged": 2}, [])


@pytest.mark.rule("VEN-064")
async def test_a_person_has_a_parked_draft_made_anew(at: VendorStage) -> None:
    at.erp.extend(suppliers(1, tax_registration_number=TAX, active=False))
    key = at.draft(taxRegistrationNumber=TAX)
    await at.event(key)
    await resolved(at, key, "create")
    assert [one.pleo_id for one in at.erp] == [None, key]
    await at.run()
    at.in_step()


@pytest.mark.rule("VEN-064", "VEN-091")
async def test_a_person_archives_a_draft(at: VendorStage) -> None:
    at.erp.extend(suppliers(2, tax_registration_number=TAX))
    key = at.draft(taxRegistrationNumber=TAX)
    await at.event(key)
    await resolved(at, key, "archive")
    assert (at.pleo[key]["state"], await at.links()) == ("ARCHIVED", [])


@pytest.mark.rule("VEN-099", "VEN-048")
@pytest.mark.parametrize("action", ["link", "create"])
async def test_a_supplier_made_anew_in_the_erp_is_offered_its_archived_vendor(at: VendorStage, action: str) -> None:
    at.erp.extend(suppliers(1, tax_registration_number=TAX))
    await at.run()
    (key,) = at.pleo
    at.erp[:] = [*suppliers(1, first=5)]
    await at.run()
    at.erp.extend(suppliers(1, first=9, tax_registration_number=TAX))
    for _ in range(2):
        row = await at.run()
        assert ([code for code, _ in problems(row)], at.writes()) == (["archived_counterpart"], [])
    async with at.stage.rig.db.reading() as session:
        (offered,) = await parked(session, at.stage.connection_id)
    assert offered.pleo_id == key
    await resolved(at, key, action, **({"erp_id": "9"} if action == "link" else {}))
    await at.run()
    at.in_step()
    assert at.pleo[key]["state"] == ("ACTIVE" if action == "link" else "ARCHIVED")
    assert (counts(await at.run()), at.writes()) == ({"unchanged": 2}, [])


@pytest.mark.rule("VEN-027")
@pytest.mark.parametrize(
    ("action", "more", "words"),
    [
        pytest.param("link", {"erp_id": "1"}, "already stands for Vendor 1", id="taken"),
        pytest.param("link", {"erp_id": "99"}, "no vendor with the id 99", id="unknown"),
        pytest.param("link", {"erp_id": "2"}, "is inactive", id="inactive"),
        pytest.param("link", {}, "by its id", id="no-id"),
        pytest.param("merge", {}, "link, create, archive", id="no-action"),
    ],
)
async def test_a_decision_that_cannot_be_carried_out_is_refused_in_words(
    at: VendorStage, action: str, more: dict[str, str], words: str
) -> None:
    at.erp.extend([*suppliers(1), *suppliers(1, first=2, active=False)])
    await at.run()
    key = at.draft()
    with pytest.raises(CannotResolve, match=words):
        await resolved(at, key, action, **more)
    assert (at.writes(), at.pleo[key]["state"]) == ([], "DRAFT")


async def test_a_vendor_in_step_needs_no_decision(at: VendorStage) -> None:
    at.erp.extend(suppliers(1))
    await at.run()
    (key,) = at.pleo
    with pytest.raises(CannotResolve, match="does not wait"):
        await resolved(at, key, "archive")
