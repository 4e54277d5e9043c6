# ruff: noqa: S101
"""Vendors of the ERP: listed whole, found by every key, created once whatever happens on the way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from uuid import uuid4

import pytest

from ledgerbridge.bookkeeping.master_data import ErpVendor, NewVendor, VendorLookup
from ledgerbridge.bookkeeping.problem import Failure
from ledgerbridge.erp.conformance.bench import Bench, Fate, Fault, Killed, Lack, Record, Step, needs, without
from ledgerbridge.erp.port import Erp, ErpError


class Vendors:
    """Vendors that are there."""

    @pytest.mark.rule("VEN-020", "VEN-021", "VEN-049", "VEN-052")
    async def test_a_vendor_keeps_its_id_and_is_told_when_inactive(self, bench: Bench) -> None:
        needs(bench, "vendors")
        code, name = uuid4().hex[:8], f"Vendor {uuid4().hex}"
        async with bench.opened() as erp:
            number = await bench.add(Record.VENDOR, code, name)
            listed = await _listed(erp, number)
            assert (listed.code, listed.name, listed.active, listed.pleo_id) == (code, name, True, None)
            assert list(await erp.find_vendors(VendorLookup(ids=(number,)))) == [listed]
            await bench.change(Record.VENDOR, number, name=f"{name} A/S")
            assert (await _listed(erp, number)).name == f"{name} A/S"
            await bench.switch_off(Record.VENDOR, number)
            gone = await _listed(erp, number)
            assert not gone.active
            assert list(await erp.find_vendors(VendorLookup(ids=(number,)))) == [gone]

    @pytest.mark.rule("VEN-026")
    async def test_numbers_of_vendors_are_texts(self, bench: Bench) -> None:
        needs(bench, "vendors")
        digits = str(uuid4().int)[:9]
        async with bench.opened() as erp:
            number = await bench.add(Record.VENDOR, f"00{digits}", "Leading zeros")
            assert [each.id for each in await erp.find_vendors(VendorLookup(codes=(f"00{digits}",)))] == [number]
            assert not await erp.find_vendors(VendorLookup(codes=(digits, f"0{digits}", f"00{digits}.0", "%", "_")))

    async def test_nothing_is_found_by_nothing(self, bench: Bench) -> None:
        needs(bench, "vendors")
        unknown = VendorLookup(("999999999", "", "x", "-1", "1.0"), ("", "nobody"), "nobody", "nobody", "nobody")
        async with bench.opened() as erp:
            assert not await erp.find_vendors(VendorLookup())
            assert not await erp.find_vendors(unknown)
            assert not await erp.find_vendors(
                VendorLookup(pleo_id="", tax_registration_number=" ", registration_number="-")
            )

    async def test_many_are_found_at_once_each_once(self, bench: Bench) -> None:
        needs(bench, "vendors")
        async with bench.opened() as erp:
            everybody = await erp.vendors()
            ids = tuple(vendor.id for vendor in everybody)
            codes = tuple(vendor.code for vendor in everybody if vendor.code)
            found = await erp.find_vendors(VendorLookup(ids=ids * 2, codes=codes))
        assert sorted(vendor.id for vendor in found) == sorted(ids)


class NewVendors:
    """Vendors created from Pleo."""

    @pytest.fixture
    async def wanted(self, bench: Bench) -> AsyncIterator[NewVendor]:
        """A vendor nobody has yet; afterwards at most one is there."""
        needs(bench, "vendors")
        new = NewVendor(str(uuid4()), f"Wanted {uuid4().hex}")
        yield new
        assert len(await bench.vendors_called(new.name)) <= 1

    @pytest.mark.rule("VEN-037", "VEN-063", "VEN-065", "VEN-066", "VEN-067")
    async def test_it_carries_what_pleo_knows_and_is_found_by_each_key(self, bench: Bench) -> None:
        needs(bench, "vendors")
        tax, registration = bench.facts.tax_numbers[0], str(uuid4().int)[:8]
        new = NewVendor(str(uuid4()), f"Smørrebrød & Søn 🧾 {uuid4().hex}", "EUR", tax[:2], registration, tax)
        async with bench.opened() as erp:
            made = await erp.create_vendor(new)
            assert (made.name, made.country, made.active) == (new.name, tax[:2], True)
            assert (made.tax_registration_number, made.registration_number) == (tax, registration)
            assert (made.pleo_id, made.payable, made.merged_into) == (new.pleo_id, None, None)
            assert made.code
            assert await _listed(erp, made.id) == made
            keys = {
                "id": VendorLookup(ids=(made.id,)),
                "code": VendorLookup(codes=(made.code,)),
                "Pleo id": VendorLookup(pleo_id=new.pleo_id),
                "tax number": VendorLookup(tax_registration_number=tax),
                "spaced tax number": VendorLookup(tax_registration_number=f"{tax[:2]} {tax[2:5]} {tax[5:].lower()}"),
                "registration number": VendorLookup(registration_number=registration),
                "all": VendorLookup((made.id,), (made.code,), new.pleo_id, tax, registration),
            }
            found = {name: await erp.find_vendors(key) for name, key in keys.items()}
        assert found == {name: [made] for name in keys}

    @pytest.mark.rule("VEN-064")
    async def test_it_is_found_by_each_key_when_inactive(self, bench: Bench, wanted: NewVendor) -> None:
        """Else a vendor somebody blocked in the ERP comes back under a new number."""
        registration = str(uuid4().int)[:8]
        async with bench.opened() as erp:
            made = await erp.create_vendor(replace(wanted, registration_number=registration))
            await bench.switch_off(Record.VENDOR, made.id)
            keys = (
                VendorLookup(codes=(made.code or "",)),
                VendorLookup(pleo_id=wanted.pleo_id),
                VendorLookup(registration_number=registration),
            )
            found = [await erp.find_vendors(key) for key in keys]
        assert found == [[replace(made, active=False)]] * len(keys)

    @pytest.mark.rule("VEN-066")
    async def test_it_is_created_once_however_often_it_is_asked_for(self, bench: Bench, wanted: NewVendor) -> None:
        async with bench.opened() as erp:
            first = await erp.create_vendor(wanted)
            again = await erp.create_vendor(wanted)
            await bench.change(Record.VENDOR, first.id, name=f"{wanted.name} A/S")
            renamed = await erp.create_vendor(wanted)
        assert again == first
        assert (renamed.id, renamed.name) == (first.id, f"{wanted.name} A/S")
        assert not await bench.vendors_called(wanted.name)

    @pytest.mark.rule("VEN-066")
    @pytest.mark.parametrize("fate", [Fate.REPLY_LOST, Fate.TIMED_OUT, Fate.BUSY, Fate.TWICE])
    async def test_a_bad_fate_is_made_good_in_the_same_call(self, bench: Bench, wanted: NewVendor, fate: Fate) -> None:
        async with bench.opened(Fault(Step.VENDOR, fate)) as erp:
            made = await erp.create_vendor(wanted)
        assert list(await bench.vendors_called(wanted.name)) == [made.id]

    @pytest.mark.rule("VEN-066")
    async def test_after_our_death_a_second_call_finds_it(self, bench: Bench, wanted: NewVendor) -> None:
        async with bench.opened(Fault(Step.VENDOR, Fate.KILLED)) as erp:
            with pytest.raises(Killed):
                await erp.create_vendor(wanted)
        async with bench.opened() as erp:
            made = await erp.create_vendor(wanted)
        assert list(await bench.vendors_called(wanted.name)) == [made.id]

    @pytest.mark.rule("VEN-066")
    async def test_a_create_that_may_have_arrived_is_in_doubt_and_then_made_once(
        self, bench: Bench, wanted: NewVendor
    ) -> None:
        async with bench.opened(Fault(Step.VENDOR, Fate.NEVER_ARRIVED, 1_000)) as erp:
            with pytest.raises(ErpError) as caught:
                await erp.create_vendor(wanted)
        assert caught.value.outcome_unknown
        assert caught.value.problem.failure is Failure.VENDOR_UNCONFIRMED
        assert wanted.name in caught.value.problem.text
        async with bench.opened() as erp:
            made = await erp.create_vendor(wanted)
        assert list(await bench.vendors_called(wanted.name)) == [made.id]

    @pytest.mark.rule("VEN-066")
    async def test_two_at_once_make_one(self, bench: Bench, wanted: NewVendor) -> None:
        async with bench.opened() as one, bench.opened() as other, bench.opened() as third:
            made = await asyncio.gather(*(erp.create_vendor(wanted) for erp in (one, other, third)))
        assert {vendor.id for vendor in made} == set(await bench.vendors_called(wanted.name))
        assert len({vendor.id for vendor in made}) == 1

    async def test_a_busy_erp_creates_nothing(self, bench: Bench, wanted: NewVendor) -> None:
        async with bench.opened(Fault(Step.VENDOR, Fate.BUSY, 1_000)) as erp:
            with pytest.raises(ErpError) as caught:
                await erp.create_vendor(wanted)
        assert caught.value.problem.failure is Failure.ERP_BUSY
        assert not caught.value.outcome_unknown
        assert not await bench.vendors_called(wanted.name)

    async def test_a_bad_tax_number_is_named_with_its_vendor(self, bench: Bench) -> None:
        needs(bench, "vendors")
        number = bench.facts.bad_tax_number
        without(bench, Lack.VENDOR_TAX_NUMBERS)
        assert number, "the bench names no tax number that is sure to be refused"
        new = NewVendor(str(uuid4()), f"Mistyped {uuid4().hex}", None, number[:2], None, number)
        async with bench.opened() as erp:
            with pytest.raises(ErpError) as caught:
                await erp.create_vendor(new)
        assert caught.value.problem.failure is Failure.VENDOR_TAX_NUMBER_REFUSED
        assert new.name in caught.value.problem.text
        assert number in caught.value.problem.text
        assert not caught.value.outcome_unknown
        assert not await bench.vendors_called(new.name)

    async def test_a_vendor_without_a_name_is_refused(self, bench: Bench) -> None:
        needs(bench, "vendors")
        async with bench.opened() as erp:
            for name in ("", " \t\n"):
                with pytest.raises(ErpError) as caught:
                    await erp.create_vendor(NewVendor(str(uuid4()), name))
                assert caught.value.problem.failure is Failure.VENDOR_REFUSED


async def _listed(erp: Erp, number: str) -> ErpVendor:
    (found,) = [vendor for vendor in await erp.vendors() if vendor.id == number]
    return found
