# ruff: noqa: S101
"""Accounts, tax codes and dimensions as Pleo is to mirror them: whole, told apart, by names that last."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from ledgerbridge.bookkeeping.master_data import MasterAccount, TaxKind
from ledgerbridge.bookkeeping.problem import Failure
from ledgerbridge.erp.conformance.bench import Bench, Lack, Record, needs, without
from ledgerbridge.erp.port import Erp, ErpError

LISTS = ("accounts", "tax_codes", "dimensions", "vendors")


class Mirror:
    """Lists of master data."""

    @pytest.mark.rule("ACC-020")
    async def test_every_list_is_as_long_as_the_erp_counts(self, bench: Bench) -> None:
        async with bench.opened() as erp:
            lists = {name: await _list(erp, name) for name in _claimed(bench)}
        counted = await bench.counted()
        assert {name: len(records) for name, records in lists.items()} == {name: counted[name] for name in lists}
        for name, records in lists.items():
            ids = [record.code if name == "tax_codes" else record.id for record in records]
            assert len(set(ids)) == len(ids), name

    async def test_a_second_read_tells_the_same_in_the_same_order(self, bench: Bench) -> None:
        async with bench.opened() as one, bench.opened() as other:
            for name in _claimed(bench):
                assert list(await _list(one, name)) == list(await _list(other, name))

    @pytest.mark.rule("ACC-090", "TAG-148", "VEN-053")
    async def test_a_list_that_cannot_be_read_is_an_error_and_never_empty(self, bench: Bench) -> None:
        without(bench, Lack.OFFLINE)
        settings, failure = bench.refused["nobody there"]
        async with bench.adapter.open(settings) as erp:
            for name in _claimed(bench):
                with pytest.raises(ErpError) as caught:
                    await _list(erp, name)
                assert caught.value.problem.failure is failure is Failure.ERP_UNREACHABLE

    @pytest.mark.rule("ACC-021", "ACC-032", "ACC-033")
    async def test_an_account_keeps_its_id_and_is_told_when_closed(self, bench: Bench) -> None:
        without(bench, Lack.RENUMBERING, Lack.CLOSED_ACCOUNTS)
        code, name = uuid4().hex[:8], "Conference fees"
        async with bench.opened() as erp:
            number = await bench.add(Record.ACCOUNT, code, name)
            assert await _account(erp, number) == MasterAccount(number, code, name, None, True)
            await bench.change(Record.ACCOUNT, number, name="Fairs", code=f"{code}x")
            assert await _account(erp, number) == MasterAccount(number, f"{code}x", "Fairs", None, True)
            await bench.switch_off(Record.ACCOUNT, number)
            assert await _account(erp, number) == MasterAccount(number, f"{code}x", "Fairs", None, False)

    @pytest.mark.rule("ACC-036")
    async def test_an_account_without_a_number_is_told_without_one(self, bench: Bench) -> None:
        without(bench, Lack.UNNUMBERED)
        async with bench.opened() as erp:
            number = await bench.add(Record.ACCOUNT, None, "Never numbered")
            assert (await _account(erp, number)).code is None
        await bench.switch_off(Record.ACCOUNT, number)

    async def test_the_open_accounts_are_those_that_can_be_booked_on(self, bench: Bench) -> None:
        async with bench.opened() as erp:
            accounts, chart = await erp.accounts(), await erp.chart()
        assert {account.id for account in accounts if account.active} == {account.id for account in chart.accounts}

    @pytest.mark.rule("ACC-039", "ACC-040")
    async def test_the_default_tax_of_an_account_is_told_by_the_code_of_the_tax(self, bench: Bench) -> None:
        needs(bench, "tax_codes")
        without(bench, Lack.DEFAULT_TAXES)
        async with bench.opened() as erp:
            codes = {tax.name: tax.code for tax in await erp.tax_codes()}
            plain, reverse = codes[bench.facts.tax], codes[bench.facts.reverse_charge]
            number = await bench.add(Record.ACCOUNT, uuid4().hex[:8], "With a tax")
            told = []
            for taxes in ([plain], [plain, reverse], []):
                await bench.set_default_taxes(number, taxes)
                told.append((await _account(erp, number)).tax_code)
        assert told == [plain, None, None]
        await bench.switch_off(Record.ACCOUNT, number)

    @pytest.mark.rule("TAX-024", "TAX-025", "TAX-026", "TAX-028")
    async def test_taxes_tell_rate_kind_and_accounts(self, bench: Bench) -> None:
        needs(bench, "tax_codes")
        async with bench.opened() as erp:
            taxes = {tax.name: tax for tax in await erp.tax_codes()}
        plain = taxes[bench.facts.tax]
        assert (plain.kind, plain.outgoing_account, plain.active) == (TaxKind.INCLUSIVE, None, True)
        assert plain.ingoing_account == bench.facts.vat
        assert all(isinstance(tax.rate, Decimal) and 0 <= tax.rate < 1 for tax in taxes.values())
        assert plain.rate > 0

    @pytest.mark.rule("TAX-026", "TAX-028")
    async def test_a_reverse_charge_tells_both_accounts(self, bench: Bench) -> None:
        without(bench, Lack.REVERSE_CHARGE)
        async with bench.opened() as erp:
            (reverse,) = [tax for tax in await erp.tax_codes() if tax.name == bench.facts.reverse_charge]
        assert (reverse.kind, reverse.active) == (TaxKind.REVERSE, True)
        assert None not in (reverse.ingoing_account, reverse.outgoing_account)
        assert 0 < reverse.rate < 1

    @pytest.mark.rule("TAG-022")
    async def test_dimensions_have_a_code_of_their_own_and_a_name(self, bench: Bench) -> None:
        needs(bench, "dimensions")
        async with bench.opened() as erp:
            dimensions = await erp.dimensions()
        codes = [dimension.code for dimension in dimensions]
        assert codes == [code for code, _ in bench.facts.dimensions]
        assert all(dimension.name for dimension in dimensions)

    @pytest.mark.rule("TAG-046", "TAG-071", "TAG-088")
    async def test_values_are_told_flat_with_what_is_missing_or_switched_off(self, bench: Bench) -> None:
        needs(bench, "dimensions")
        without(bench, Lack.ODD_VALUES, Lack.CLOSED_VALUES)
        async with bench.opened() as erp:
            dimension = (await erp.dimensions())[0].id
            before = {value.id for value in await erp.dimension_values(dimension)}
            code = uuid4().hex[:8]
            shallow = await bench.add(Record.VALUE, code, "Shallow", below=[dimension])
            deep = await bench.add(Record.VALUE, code, "Deep, and of the same code", below=[dimension, "Region"])
            nameless = await bench.add(Record.VALUE, None, "Without a code", below=[dimension])
            over = await bench.add(Record.VALUE, f"{code}-over", "Over", below=[dimension])
            await bench.switch_off(Record.VALUE, over)
            found = {value.id: value for value in await erp.dimension_values(dimension) if value.id not in before}
        told = {number: (value.code, value.name, value.active) for number, value in found.items()}
        assert told == {
            shallow: (code, "Shallow", True),
            deep: (code, "Deep, and of the same code", True),
            nameless: (None, "Without a code", True),
            over: (f"{code}-over", "Over", False),
        }
        for number in (shallow, deep, nameless):
            await bench.switch_off(Record.VALUE, number)


def _claimed(bench: Bench) -> Sequence[str]:
    return LISTS if bench.capabilities.vendors else LISTS[:-1]


async def _list(erp: Erp, name: str) -> Sequence[Any]:
    records: Sequence[Any] = await getattr(erp, name)()
    return records


async def _account(erp: Erp, number: str) -> MasterAccount:
    (found,) = [account for account in await erp.accounts() if account.id == number]
    return found
