# ruff: noqa: S101
"""What is read before anything is booked."""

from __future__ import annotations

import pytest

from ledgerbridge.erp.conformance.bench import (
    Bench,
    Lack,
    account,
    without,
)
from ledgerbridge.erp.port import ErpError


class Company:
    """What is read before anything is booked."""

    async def test_names_the_company_to_pin(self, bench: Bench) -> None:
        async with bench.opened() as erp:
            company = await erp.company()
        facts = bench.facts
        assert (company.name, company.registration_number, company.currency) == (
            facts.name,
            facts.registration_number,
            facts.currency,
        )

    @pytest.mark.rule("EXP-VALID-02", "EXP-VALID-03", "EXP-VALID-05")
    async def test_access_that_cannot_book_is_seen_before_any_item(self, bench: Bench) -> None:
        without(bench, Lack.OFFLINE)
        assert bench.refused, "the bench names no settings that must not work"
        seen = {}
        for wrong, (settings, _) in bench.refused.items():
            async with bench.adapter.open(settings) as erp:
                with pytest.raises(ErpError) as caught:
                    await erp.preflight(final=True)
                seen[wrong] = caught.value.problem.failure
        assert seen == {wrong: failure for wrong, (_, failure) in bench.refused.items()}

    async def test_good_access_passes(self, bench: Bench) -> None:
        async with bench.opened() as erp:
            await erp.preflight(final=True)

    async def test_chart_offers_what_the_company_books_on(self, bench: Bench) -> None:
        facts = bench.facts
        async with bench.opened() as erp:
            chart = await erp.chart()
        assert chart.currency == facts.currency
        assert {facts.expense, facts.vat, facts.wallet} <= {account.code for account in chart.accounts}
        assert len({account.id for account in chart.accounts}) == len(chart.accounts)
        assert facts.journal in {journal.code for journal in chart.journals}
        assert not account(chart, facts.wallet).party_required
        if facts.wants_party:
            assert account(chart, facts.wants_party).party_required
        values = {dimension.code: set(dimension.values) for dimension in chart.dimensions}
        assert all(value in values[code] for code, value in facts.dimensions)

    async def test_chart_shows_a_reverse_charge_as_two_opposite_parts(self, bench: Bench) -> None:
        without(bench, Lack.REVERSE_CHARGE)
        async with bench.opened() as erp:
            taxes = {tax.name: tax for tax in (await erp.chart()).taxes}
        assert not taxes[bench.facts.tax].is_reverse_charge
        parts = taxes[bench.facts.reverse_charge].components
        assert len(parts) == 2
        assert sum(part.rate for part in parts) == 0

    async def test_chart_tells_open_periods_from_closed_ones(self, bench: Bench) -> None:
        async with bench.opened() as erp:
            periods = (await erp.chart()).periods
        dates = (bench.facts.open_date, bench.facts.closed_date)
        assert [[period.open for period in periods if period.start <= date <= period.end] for date in dates] == [
            [True],
            [False],
        ]
