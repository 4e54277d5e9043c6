"""What a real Tryton company lists for its mirror in Pleo, and how its vendors are told apart."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal
from uuid import uuid4

import psycopg
import pytest

from ledgerbridge.bookkeeping.master_data import NewVendor, TaxKind, VendorLookup
from ledgerbridge.bookkeeping.problem import Failure
from ledgerbridge.clock import utcnow
from ledgerbridge.erp.conformance.bench import Record
from ledgerbridge.erp.port import Erp, ErpError
from ledgerbridge.store.embedded import EmbeddedPostgres
from tests.support.tryton_bench import TrytonBench


@pytest.fixture
async def erp(bench: TrytonBench) -> AsyncIterator[Erp]:
    async with bench.opened() as opened:
        yield opened


async def party(bench: TrytonBench, **values: object) -> str:
    """A party made by hand; answers its id."""
    made = await bench.send("POST", "model/party.party", {"name": f"Party {uuid4().hex}", **values})
    return str(made["id"])


def identified(*identifiers: tuple[str | None, str]) -> dict[str, object]:
    return {"identifiers": [["create", [{"type": kind, "code": code} for kind, code in identifiers]]]}


@pytest.mark.rule("ACC-020", "TAX-024", "VEN-040")
async def test_the_belgian_company_lists_what_the_issue_names(bench: TrytonBench) -> None:
    belgian = bench.settings | {"company": bench.at.other_company}
    async with bench.adapter.open(belgian) as erp:
        accounts, taxes, dimensions = await erp.accounts(), await erp.tax_codes(), await erp.dimensions()
        values = {dimension.code: len(await erp.dimension_values(dimension.id)) for dimension in dimensions}
    # Of the 565 accounts of the chart 36 only group others; 105 more are headings that take no lines.
    assert (len(accounts), sum(account.active for account in accounts)) == (529, 424)
    assert all(account.code for account in accounts if account.active)
    assert (len(taxes), sum(tax.kind is TaxKind.REVERSE for tax in taxes)) == (31, 18)
    assert values == {"CC": 4, "PRJ": 3}


async def test_a_tax_is_told_by_whether_it_is_in_force(bench: TrytonBench, erp: Erp) -> None:
    reverse = next(tax for tax in await erp.tax_codes() if tax.name == bench.facts.reverse_charge)
    (account,) = await bench.search(
        "account.account", [["company", "=", bench.at.company], ["code", "=", reverse.ingoing_account]], "code"
    )
    yesterday, tomorrow = (utcnow().date() + dt.timedelta(days=days) for days in (-1, 1))

    async def tax(**values: object) -> int:
        named = {"name": "Former", "description": "Former", "company": bench.at.company, **values}
        return int((await bench.send("POST", "model/account.tax", named))["id"])

    computing = {"type": "percentage", "invoice_account": account["id"], "credit_note_account": account["id"]}
    plain = await tax(**computing, rate=Decimal("0.22"), end_date=yesterday)
    group = await tax(type="none", end_date=yesterday)
    for rate in ("0.22", "-0.22"):
        await tax(**computing, rate=Decimal(rate), parent=group, end_date=yesterday)
    fixed = await tax(**computing | {"type": "fixed"}, amount=Decimal("2.00"))

    async def told(number: int) -> tuple[TaxKind, Decimal, bool]:
        (found,) = [each for each in await erp.tax_codes() if each.code == str(number)]
        return found.kind, found.rate, found.active

    assert await told(plain) == (TaxKind.INCLUSIVE, Decimal("0.22"), False)
    assert await told(group) == (TaxKind.REVERSE, Decimal("0.22"), False)
    await bench.send("PUT", f"model/account.tax/{plain}", {"end_date": tomorrow})
    assert await told(plain) == (TaxKind.INCLUSIVE, Decimal("0.22"), True)
    await bench.send("PUT", f"model/account.tax/{plain}", {"active": False})
    assert await told(plain) == (TaxKind.INCLUSIVE, Decimal("0.22"), False)
    assert str(fixed) not in [each.code for each in await erp.tax_codes()]


@pytest.mark.rule("VEN-037")
async def test_numbers_of_persons_and_banks_never_leave(bench: TrytonBench, erp: Erp) -> None:
    personal = identified(("eu_at_02", "DE98ZZZ09999999999"), ("be_nn", "85.07.30-033 28"), ("us_ssn", "536-90-4399"))
    number = await party(bench, **personal)
    (vendor,) = await erp.find_vendors(VendorLookup(ids=(number,)))
    assert vendor.registration_number is None
    assert "85" not in (vendor.tax_registration_number or "")


@pytest.mark.rule("VEN-063")
@pytest.mark.parametrize(
    ("held", "country", "asked"),
    [
        (("eu_vat", "DK13585628"), None, "DK13585628"),
        (("eu_vat", "DK13585628"), None, "13585628"),
        (("dk_vat", "13585628"), None, "DK13585628"),
        (("dk_vat", "13585628"), None, "DK 13 58 56 28"),
        (("gb_vat", "GB980780684"), None, "gb 980 7806 84"),
        (("eu_vat", "EL094259216"), None, "GR094259216"),
        ((None, "VAT:AE100000000000003"), None, "AE100000000000003"),
    ],
    ids=lambda value: str(value).replace(" ", "_"),
)
async def test_a_tax_number_is_found_however_it_is_written(
    bench: TrytonBench, erp: Erp, held: tuple[str | None, str], country: str | None, asked: str
) -> None:
    number = await party(bench, **identified(held))
    found = await erp.find_vendors(VendorLookup(tax_registration_number=asked))
    assert number in [vendor.id for vendor in found]
    assert not await erp.find_vendors(VendorLookup(tax_registration_number=f"SE{asked[2:]}01"))
    await bench.switch_off(Record.VENDOR, number)
    found = await erp.find_vendors(VendorLookup(tax_registration_number=asked))
    assert number in [vendor.id for vendor in found if not vendor.active]


async def test_digits_of_another_country_are_another_number(bench: TrytonBench, erp: Erp) -> None:
    number = await party(bench, **identified(("dk_vat", "13585628")))
    found = await erp.find_vendors(VendorLookup(tax_registration_number="DE13585628"))
    assert number not in [vendor.id for vendor in found]


@pytest.mark.rule("VEN-066")
async def test_a_copy_made_by_hand_is_not_the_vendor_from_pleo(bench: TrytonBench, erp: Erp) -> None:
    wanted = NewVendor(str(uuid4()), f"Copied {uuid4().hex}")
    made = await erp.create_vendor(wanted)
    # As "Duplicate" in Tryton does: identifiers and all, under a new number.
    copy = await party(bench, **identified((None, f"PLEO:{wanted.pleo_id}")))
    assert (await erp.create_vendor(wanted)).id == made.id
    assert [each.id for each in await erp.find_vendors(VendorLookup(pleo_id=wanted.pleo_id))] == [made.id]
    carriers = {vendor.id: vendor.pleo_id for vendor in await erp.vendors() if vendor.id in (made.id, copy)}
    assert carriers == {made.id: wanted.pleo_id, copy: None}
    (alone,) = await erp.find_vendors(VendorLookup(ids=(copy,)))
    assert alone.pleo_id is None


@pytest.mark.rule("VEN-066")
async def test_a_vendor_whose_reference_somebody_took_off_is_not_made_again(bench: TrytonBench, erp: Erp) -> None:
    wanted = NewVendor(str(uuid4()), f"Stripped {uuid4().hex}")
    made = await erp.create_vendor(wanted)
    for row in await bench.search("party.identifier", [["party", "=", int(made.id)]], "code"):
        await bench.send("DELETE", f"model/party.identifier/{row['id']}")
    assert await erp.create_vendor(wanted) == made
    assert list(await bench.vendors_called(wanted.name)) == [made.id]


async def test_a_vendor_merged_into_another_tells_which(
    bench: TrytonBench, erp: Erp, postgres: EmbeddedPostgres
) -> None:
    kept, merged = await party(bench), await party(bench)
    with psycopg.connect(postgres.url(bench.at.database), autocommit=True) as connection:
        # As the wizard does that puts one party in the place of another; it has no REST address.
        connection.execute("UPDATE party_party SET active = false, replaced_by = %s WHERE id = %s", [kept, merged])
    (told,) = await erp.find_vendors(VendorLookup(ids=(merged,)))
    assert (told.active, told.merged_into) == (False, kept)


async def test_a_number_of_a_country_without_a_type_survives_the_way_there_and_back(erp: Erp) -> None:
    wanted = NewVendor(str(uuid4()), f"Far away {uuid4().hex}", "AED", "AE", "CN-1234567", "100000000000003")
    made = await erp.create_vendor(wanted)
    assert (made.tax_registration_number, made.registration_number) == ("100000000000003", "CN-1234567")
    assert [each.id for each in await erp.find_vendors(VendorLookup(tax_registration_number="100000000000003"))] == [
        made.id
    ]


@pytest.mark.rule("VEN-058")
async def test_vendors_may_be_limited_to_a_category(bench: TrytonBench) -> None:
    name = f"Suppliers {uuid4().hex}"
    category = (await bench.send("POST", "model/party.category", {"name": name}))["id"]
    inside = await party(bench, categories=[["add", [category]]])
    outside = await party(bench)
    async with bench.adapter.open(bench.settings | {"vendor_category": name}) as erp:
        assert [vendor.id for vendor in await erp.vendors()] == [inside]
        made = await erp.create_vendor(NewVendor(str(uuid4()), f"Limited {uuid4().hex}"))
        assert {vendor.id for vendor in await erp.vendors()} == {inside, made.id}
        (left,) = await erp.find_vendors(VendorLookup(ids=(outside,)))
        assert not left.active
    async with bench.adapter.open(bench.settings | {"vendor_category": f"{name} "[:-2]}) as erp:
        with pytest.raises(ErpError) as caught:
            await erp.vendors()
    assert caught.value.problem.failure is Failure.VENDOR_SELECTION_UNKNOWN
    assert name[:-1] in caught.value.problem.text


@pytest.mark.long  # pages of Tryton: `test_long_lists_are_read_page_by_page_to_the_end`
@pytest.mark.rule("VEN-040")
async def test_ten_thousand_vendors_are_listed_whole(bench: TrytonBench, erp: Erp, postgres: EmbeddedPostgres) -> None:
    before = len(await erp.vendors())
    with psycopg.connect(postgres.url(bench.at.database), autocommit=True) as connection:
        connection.execute(
            "INSERT INTO party_party (name, code, active) SELECT 'Mass ' || n, 'MASS' || n, n %% 10 <> 0"
            " FROM generate_series(1, %s) AS n",
            [10_000],
        )
    began = time.monotonic()
    listed = await erp.vendors()
    print(f"10,000 vendors listed in {time.monotonic() - began:.1f} s")
    assert len(listed) == before + 10_000
    assert sum(not vendor.active for vendor in listed if vendor.name.startswith("Mass ")) == 1_000
    codes = tuple(f"MASS{number}" for number in range(1, 1_001))
    assert {vendor.code for vendor in await erp.find_vendors(VendorLookup(codes=codes))} == set(codes)
    assert replace(listed[-1], active=True).code == "MASS10000"
