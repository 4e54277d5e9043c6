"""Configuration versions: checked against the live chart, stored for ever, nothing changed on refusal."""

from __future__ import annotations

import asyncio
import copy
import uuid
from dataclasses import replace
from typing import Any

import pytest

from ledgerbridge.connections import access, erp_binding
from ledgerbridge.connections.activation import activate
from ledgerbridge.connections.configuration import current, put, versions
from ledgerbridge.connections.errors import ConfigurationRefused, ConnectionUnknown, ErpNotBound, Refused
from ledgerbridge.erp.port import ErpCompany
from ledgerbridge.store.tables import ErpBinding
from tests.integration.connections.conftest import CONFIG, ERP_SETTINGS, House
from tests.support.double_master import vendor
from tests.support.erp_double import PAYABLES, DoubleErp, down


async def bound(house: House) -> uuid.UUID:
    outcome = await house.connect()
    await erp_binding.bind(house.room, outcome.connection_id, "double", ERP_SETTINGS, "admin:test")
    return outcome.connection_id


def changed(**changes: Any) -> dict[str, Any]:
    body = copy.deepcopy(CONFIG)
    for path, value in changes.items():
        place: Any = body
        *parents, last = path.split("__")
        for parent in parents:
            place = place.setdefault(parent, {})
        place[last] = value
    return body


async def test_every_put_is_a_new_version_and_the_old_ones_stay(house: House) -> None:
    connection_id = await bound(house)
    assert await current(house.room, connection_id) is None

    first = await put(house.room, connection_id, CONFIG, "admin:one")
    second = await put(house.room, connection_id, changed(posting_mode="final"), "admin:two")
    third = await put(house.room, connection_id, changed(posting_mode="final"), "admin:two")

    assert [one.version for one in (first, second, third)] == [1, 2, 3]
    assert await current(house.room, connection_id) == third
    stored = await versions(house.room, connection_id)
    assert [(one.version, one.body.posting_mode, one.created_by) for one in stored] == [
        (3, "final", "admin:two"),
        (2, "final", "admin:two"),
        (1, "draft", "admin:one"),
    ]
    assert [one.version for one in await versions(house.room, connection_id, before=3, limit=1)] == [2]


async def test_an_exported_configuration_can_be_put_back_as_it_is(house: House) -> None:
    connection_id = await bound(house)
    stored = await put(house.room, connection_id, CONFIG, "admin:test")
    again = await put(house.room, connection_id, stored.body.model_dump(mode="json"), "admin:test")
    assert again.body == stored.body


async def test_versions_put_at_the_same_time_follow_each_other(house: House) -> None:
    connection_id = await bound(house)
    stored = await asyncio.gather(*(put(house.room, connection_id, CONFIG, "admin:test") for _ in range(4)))
    assert sorted(one.version for one in stored) == [1, 2, 3, 4]


@pytest.mark.rule("EXP-ACCT-03", "EXP-ACCT-14")
@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"journal": "NOPE"}, "journal"),
        ({"accounts__wallet": {"DKK": "4711"}}, "accounts.wallet.DKK"),
        ({"accounts__out_of_pocket": "5820"}, "accounts.out_of_pocket"),
        ({"accounts__external_reimbursement": "5820"}, "accounts.external_reimbursement"),
        ({"accounts__payable": "4711"}, "accounts.payable"),
        ({"tax__codes": {"I25": "999"}}, "tax.codes.I25"),
        ({"dimensions": ["CC", "XX"]}, "dimensions.1"),
        ({"dimensions": ["A", "B", "C", "D", "E", "F"]}, "dimensions"),
        ({"time_zone": "Mars/Olympus"}, "time_zone"),
        ({"posting_mode": "maybe"}, "posting_mode"),
        ({"surprise": 1}, "surprise"),
        ({"syncs__tags": {"enabled": True, "every_minutes": 0}}, "syncs.tags.every_minutes"),
    ],
)
async def test_a_fault_is_named_by_its_path_and_nothing_changes(
    house: House, change: dict[str, Any], path: str
) -> None:
    connection_id = await bound(house)
    before = await put(house.room, connection_id, CONFIG, "admin:test")

    with pytest.raises(ConfigurationRefused) as caught:
        await put(house.room, connection_id, changed(**change), "admin:test")

    assert path in [fault.path for fault in caught.value.faults]
    assert all(fault.text for fault in caught.value.faults)
    assert await current(house.room, connection_id) == before


async def test_all_faults_of_one_put_are_told_at_once(house: House) -> None:
    connection_id = await bound(house)
    with pytest.raises(ConfigurationRefused) as caught:
        await put(house.room, connection_id, changed(journal="NOPE", accounts__contra="4711"), "admin:test")
    assert {fault.path for fault in caught.value.faults} >= {"journal", "accounts.contra"}


async def test_the_chart_is_read_live_every_time(house: House) -> None:
    connection_id = await bound(house)
    house.books.chart = replace(house.books.chart, journals=())
    with pytest.raises(ConfigurationRefused, match="EXP"):
        await put(house.room, connection_id, CONFIG, "admin:test")


@pytest.mark.rule("EXP-VENDOR-09")
@pytest.mark.parametrize(
    ("named", "fits"),
    [("GEN9", True), ("9", True), ("GONE", False), ("OLD7", False)],
    ids=["number", "erp_id", "unknown", "blocked"],
)
async def test_the_default_vendor_must_be_one_the_erp_can_book_on(house: House, named: str, fits: bool) -> None:
    house.books.capabilities = PAYABLES
    house.books.master.vendors += [vendor(9, code="GEN9"), vendor(7, code="OLD7", active=False)]
    connection_id = await bound(house)
    if fits:
        assert (await put(house.room, connection_id, changed(default_vendor=named), "admin:test")).version == 1
        return
    with pytest.raises(ConfigurationRefused) as caught:
        await put(house.room, connection_id, changed(default_vendor=named), "admin:test")
    assert [fault.path for fault in caught.value.faults] == ["default_vendor"]
    assert await current(house.room, connection_id) is None


async def test_a_default_vendor_that_cannot_be_looked_up_is_not_accepted(house: House) -> None:
    house.books.capabilities = PAYABLES
    connection_id = await bound(house)
    house.books.before["find_vendors"] = [down()]
    with pytest.raises(Refused):
        await put(house.room, connection_id, changed(default_vendor="GEN9"), "admin:test")


@pytest.mark.rule("EXP-AP-04")
async def test_what_the_set_up_of_the_erp_keeps_us_from_is_told_and_refuses_nothing(house: House) -> None:
    house.books.capabilities = PAYABLES
    house.books.matching_limits = "match bills"
    outcome = await house.connect()
    told = await erp_binding.bind(house.room, outcome.connection_id, "double", ERP_SETTINGS, "admin:test")
    assert told.limits == "In the accounting system the integration user may not match bills."

    house.books.matching_limits = "match credit notes"
    await put(house.room, outcome.connection_id, CONFIG, "admin:test")
    assert "credit notes" in str(await limits_of(house, outcome.connection_id))

    house.books.before["matching_limits"] = [down()]
    await activate(house.room, outcome.connection_id, "admin:test")
    house.books.matching_limits = None
    await activate(house.room, outcome.connection_id, "admin:test")
    assert await limits_of(house, outcome.connection_id) is None


async def limits_of(house: House, connection_id: uuid.UUID) -> str | None:
    async with house.room.db.reading() as session:
        return (await session.get_one(ErpBinding, connection_id)).limits


async def test_without_an_erp_nothing_can_be_configured(house: House) -> None:
    outcome = await house.connect()
    with pytest.raises(ErpNotBound):
        await put(house.room, outcome.connection_id, CONFIG, "admin:test")
    with pytest.raises(ConnectionUnknown):
        await put(house.room, uuid.uuid4(), CONFIG, "admin:test")


@pytest.mark.parametrize("call", ["company", "chart"])
async def test_an_unreachable_erp_is_said_and_nothing_changes(house: House, call: str) -> None:
    connection_id = await bound(house)
    house.books.before[call] = [down()]
    with pytest.raises(Refused) as caught:
        await put(house.room, connection_id, CONFIG, "admin:test")
    assert caught.value.code == "erp_unreachable"
    assert await current(house.room, connection_id) is None


async def test_an_erp_that_became_another_company_is_not_configured(house: House) -> None:
    connection_id = await bound(house)
    house.books.company = ErpCompany("1", "Other ApS", "99", "DKK")
    with pytest.raises(Refused) as caught:
        await put(house.room, connection_id, CONFIG, "admin:test")
    assert caught.value.code == "erp_company_changed"


async def test_a_chart_that_belongs_to_a_binding_replaced_meanwhile_does_not_count(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection_id = await bound(house)
    read = DoubleErp.chart

    async def chart(erp: DoubleErp) -> Any:
        await erp_binding.bind(house.room, connection_id, "double", ERP_SETTINGS, "admin:other")
        return await read(erp)

    monkeypatch.setattr(DoubleErp, "chart", chart)
    with pytest.raises(Refused) as caught:
        await put(house.room, connection_id, CONFIG, "admin:test")
    assert caught.value.code == "erp_rebound"
    assert await current(house.room, connection_id) is None


async def test_exports_see_the_newest_version_as_bookkeepings_record(house: House) -> None:
    connection_id = await bound(house)
    await put(house.room, connection_id, CONFIG, "admin:test")
    await put(house.room, connection_id, changed(closed_period="next_open"), "admin:test")

    configuration = (await access.load(house.room, connection_id)).configuration

    assert configuration is not None
    assert (configuration.version, configuration.closed_period.value) == (2, "next_open")
    assert (configuration.journal, configuration.accounts.wallet) == ("EXP", {"*": "5820"})
    assert configuration.dimensions == ("CC",)


async def test_what_the_erp_cannot_do_at_all_is_refused_when_it_is_configured(house: House) -> None:
    connection_id = await bound(house)
    house.books.capabilities = replace(house.books.capabilities, drafts=False, dimensions=False)
    with pytest.raises(ConfigurationRefused) as refused:
        await put(house.room, connection_id, changed(posting_mode="draft", dimensions=["CC"]), "admin:test")
    told = {fault.path: fault.text for fault in refused.value.faults}
    assert "keeps no drafts" in told["posting_mode"]
    assert "takes no dimensions" in told["dimensions"]
    assert await current(house.room, connection_id) is None

    stored = await put(house.room, connection_id, changed(posting_mode="final", dimensions=[]), "admin:test")
    assert stored.version == 1
