"""Binding one ERP company to one Pleo company: checked live, pinned, never shared, its secret never shown."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from ledgerbridge.connections import access, uninstall
from ledgerbridge.connections.erp_binding import bind
from ledgerbridge.connections.errors import BindingRefused, ConnectionUnknown, ErpNotBound
from ledgerbridge.erp.port import ErpCompany
from ledgerbridge.store.tables import AuditRecord, ErpBinding, Posting, PostingState
from pleo_sandbox.config import SECOND_COMPANY_ID
from tests.integration.connections.conftest import ERP_SETTINGS, House
from tests.support.erp_double import Books, down


async def refused(
    house: House, connection_id: uuid.UUID, settings: object, kind: object = "double", **more: Any
) -> BindingRefused:
    with pytest.raises(BindingRefused) as caught:
        await bind(house.room, connection_id, kind, settings, "admin:test", **more)
    return caught.value


async def booked_something(house: House, connection_id: uuid.UUID) -> None:
    async with house.room.db.transaction() as session:
        session.add(
            Posting(
                connection_id=connection_id, accounting_entry_id=str(uuid.uuid4()), state=PostingState.BOOKED,
                total="10.00", currency="DKK", config_version=1, fence=1, erp_kind="double",
                intended_at=house.room.now(),
            )
        )  # fmt: skip


@pytest.mark.rule("EXP-ENT-02", "AUTH-063")
async def test_the_answer_names_the_company_that_was_bound_and_no_secret(house: House) -> None:
    outcome = await house.connect()

    bound = await bind(house.room, outcome.connection_id, "double", ERP_SETTINGS, "admin:test")

    assert (bound.company.name, bound.company.registration_number) == ("Demo ApS", "41414141")
    assert bound.settings == {"base_url": "https://erp.example", "database": "books", "company": 1}
    state = await access.load(house.room, outcome.connection_id)
    assert state.binding is not None
    assert (state.binding.company_name, state.binding.registration_number) == ("Demo ApS", "41414141")
    assert b"erp-secret" not in (state.binding.settings_sealed or b"")
    async with house.room.db.transaction() as session:
        record = await session.scalar(select(AuditRecord).where(AuditRecord.action == "erp_bound"))
    assert record is not None
    assert record.actor == "admin:test"
    assert "erp-secret" not in str(record.detail)


@pytest.mark.rule("VEN-011")
async def test_a_second_erp_company_takes_the_place_of_the_first(house: House) -> None:
    outcome = await house.connect()
    await bind(house.room, outcome.connection_id, "double", ERP_SETTINGS, "admin:test")
    await bind(house.room, outcome.connection_id, "double", {**ERP_SETTINGS, "database": "other"}, "admin:test")

    async with house.room.db.transaction() as session:
        (kept,) = await session.scalars(select(ErpBinding).where(ErpBinding.connection_id == outcome.connection_id))
    assert '"other"' in (kept.company_key or "")


@pytest.mark.rule("EXP-ENT-01")
async def test_an_erp_company_belongs_to_one_pleo_company(house: House) -> None:
    one, other = await house.connect(), await house.connect(SECOND_COMPANY_ID)
    await bind(house.room, one.connection_id, "double", ERP_SETTINGS, "admin:test")

    same = {**ERP_SETTINGS, "base_url": "HTTPS://ERP.example/", "api_key": "another key"}
    assert (await refused(house, other.connection_id, same)).code == "erp_company_taken"

    assert (await access.load(house.room, other.connection_id)).binding is None
    await bind(house.room, other.connection_id, "double", {**ERP_SETTINGS, "database": "other"}, "admin:test")


@pytest.mark.rule("EXP-ENT-01")
async def test_of_two_that_bind_one_company_at_once_one_wins(house: House) -> None:
    connections = [await house.connect(), await house.connect(SECOND_COMPANY_ID)]

    results = await asyncio.gather(
        *(bind(house.room, one.connection_id, "double", ERP_SETTINGS, "admin:test") for one in connections),
        return_exceptions=True,
    )

    assert sorted(type(one).__name__ for one in results) == ["BindingRefused", "Bound"]


async def test_a_company_is_free_again_once_its_connection_is_removed(house: House) -> None:
    one, other = await house.active(), await house.connect(SECOND_COMPANY_ID)
    await uninstall.disconnect(house.room, one.connection_id, "admin:test")
    assert (await bind(house.room, other.connection_id, "double", ERP_SETTINGS, "admin:test")).company.name


async def test_settings_that_are_wrong_are_named_one_by_one(house: House) -> None:
    outcome = await house.connect()
    said = await refused(house, outcome.connection_id, {"base_url": "https://erp.example", "colour": "blue"})
    assert {fault.path for fault in said.faults} == {
        "settings.api_key", "settings.company", "settings.database", "settings.colour",
    }  # fmt: skip


@pytest.mark.parametrize(("kind", "settings"), [("sap", ERP_SETTINGS), (None, ERP_SETTINGS), ("double", "text")])
async def test_nonsense_is_refused_and_changes_nothing(house: House, kind: object, settings: object) -> None:
    outcome = await house.connect()
    assert (await refused(house, outcome.connection_id, settings, kind)).faults
    with pytest.raises(ErpNotBound):
        async with access.open_erp(house.room, outcome.connection_id):
            raise AssertionError("opened")


async def test_an_erp_that_cannot_be_read_is_not_bound(house: House) -> None:
    outcome = await house.connect()
    house.books.before["company"] = [down()]
    said = await refused(house, outcome.connection_id, ERP_SETTINGS)
    assert said.code == "erp_unreachable"
    assert "Nothing was changed" in said.text
    assert (await access.load(house.room, outcome.connection_id)).binding is None


async def test_an_unknown_connection_cannot_be_bound(house: House) -> None:
    with pytest.raises(ConnectionUnknown):
        await bind(house.room, uuid.uuid4(), "double", ERP_SETTINGS, "admin:test")


async def test_a_secret_that_is_left_out_stays(house: House) -> None:
    outcome = await house.connect()
    await bind(house.room, outcome.connection_id, "double", ERP_SETTINGS, "admin:test")
    again = {name: value for name, value in ERP_SETTINGS.items() if name != "api_key"}

    await bind(house.room, outcome.connection_id, "double", again, "admin:test")

    binding = (await access.load(house.room, outcome.connection_id)).binding
    assert binding is not None
    stored = house.room.vault.open(
        binding.settings_sealed or b"", table="erp_bindings", column="settings_sealed", row=outcome.connection_id
    )
    assert "erp-secret" in stored


@pytest.mark.parametrize("moved", [{"base_url": "https://thief.example"}, {"database": "other"}])
async def test_a_stored_secret_is_never_sent_to_another_address(house: House, moved: dict[str, str]) -> None:
    outcome = await house.connect()
    await bind(house.room, outcome.connection_id, "double", ERP_SETTINGS, "admin:test")
    calls = house.books.calls["company"]
    again = {name: value for name, value in ERP_SETTINGS.items() if name != "api_key"}

    said = await refused(house, outcome.connection_id, {**again, **moved})

    assert [fault.path for fault in said.faults] == ["settings.api_key"]
    assert house.books.calls["company"] == calls


async def test_moving_to_another_company_after_booking_needs_a_word(house: House) -> None:
    outcome = await house.active()
    await booked_something(house, outcome.connection_id)
    house.books.company = ErpCompany("1", "Other ApS", "99999999", "DKK")

    said = await refused(house, outcome.connection_id, ERP_SETTINGS)

    assert said.code == "erp_company_change"
    assert "Demo ApS (41414141)" in said.text
    assert "Other ApS (99999999)" in said.text
    bound = await bind(
        house.room, outcome.connection_id, "double", ERP_SETTINGS, "admin:test", confirm_company_change=True
    )
    assert bound.company.name == "Other ApS"


async def test_moving_before_anything_is_booked_and_renaming_need_no_word(house: House) -> None:
    outcome = await house.active()
    house.books.company = replace(house.books.company, registration_number="99999999")
    await bind(house.room, outcome.connection_id, "double", ERP_SETTINGS, "admin:test")

    await booked_something(house, outcome.connection_id)
    house.books.company = replace(house.books.company, name="Demo Holding ApS")
    await bind(house.room, outcome.connection_id, "double", ERP_SETTINGS, "admin:test")

    async with house.room.db.transaction() as session:
        assert (await session.get_one(ErpBinding, outcome.connection_id)).company_name == "Demo Holding ApS"


@pytest.mark.rule("EXP-VALID-06")
@pytest.mark.parametrize("change", [{"name": "Other ApS"}, {"registration_number": "99"}, {"id": "2"}])
async def test_an_erp_that_answers_as_another_company_is_noticed(house: House, change: dict[str, str]) -> None:
    outcome = await house.active()
    binding = (await access.load(house.room, outcome.connection_id)).binding
    assert binding is not None
    async with access.open_erp(house.room, outcome.connection_id) as erp:
        assert await access.verify_erp_company(erp, binding) is None
        house.books.company = replace(house.books.company, **change)
        wrong = await access.verify_erp_company(erp, binding)

    assert wrong is not None
    assert wrong.failure.value == "erp_company_changed"
    assert "Demo ApS (41414141)" in wrong.text


async def test_a_disconnected_company_must_connect_first(house: House) -> None:
    outcome = await house.active()
    await uninstall.disconnect(house.room, outcome.connection_id, "admin:test")
    assert (await refused(house, outcome.connection_id, ERP_SETTINGS)).code == "disconnected"


async def test_after_a_disconnect_other_books_without_a_registration_number_are_told_from_the_old_by_their_name(
    house: House,
) -> None:
    house.books.company = ErpCompany("1", "Old ApS", None, "DKK")
    outcome = await house.active()
    await booked_something(house, outcome.connection_id)
    await uninstall.disconnect(house.room, outcome.connection_id, "admin:test")
    assert (await house.connect()).connection_id == outcome.connection_id

    house.books.company = ErpCompany("1", "New ApS", None, "DKK")
    assert (await refused(house, outcome.connection_id, ERP_SETTINGS)).code == "erp_company_change"
    await bind(house.room, outcome.connection_id, "double", ERP_SETTINGS, "admin:test", confirm_company_change=True)

    async with house.room.db.transaction() as session:
        mine = Posting.connection_id == outcome.connection_id
        assert await session.scalar(select(Posting.moved_from).where(mine)) == "Old ApS"


async def test_after_a_disconnect_the_same_books_are_bound_without_a_word(house: House) -> None:
    outcome = await house.active()
    await booked_something(house, outcome.connection_id)
    await uninstall.disconnect(house.room, outcome.connection_id, "admin:test")
    await house.connect()

    await bind(house.room, outcome.connection_id, "double", ERP_SETTINGS, "admin:test")

    async with house.room.db.transaction() as session:
        mine = Posting.connection_id == outcome.connection_id
        assert await session.scalar(select(Posting.moved_from).where(mine)) is None


async def test_books_of_two_companies_are_two_doubles(make_house: Any) -> None:
    other = Books(company=ErpCompany("7", "Seven ApS", None, "DKK"))
    async with make_house(books=other) as house:
        outcome = await house.connect()
        bound = await bind(house.room, outcome.connection_id, "double", ERP_SETTINGS, "admin:test")
        assert bound.company.id == "7"
