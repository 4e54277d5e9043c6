"""A receipt far beyond what a real Tryton takes is refused in words, and nothing of it is in doubt."""

from __future__ import annotations

import pytest

from ledgerbridge.bookkeeping.problem import Failure
from ledgerbridge.erp.conformance.bench import entry, failure_of
from ledgerbridge.erp.port import Attachment
from ledgerbridge.outgoing.files import HeldFile
from tests.support.tryton_bench import TrytonBench

MB = 1024 * 1024


@pytest.mark.rule("EXP-ATT-14", "EXP-ATT-07")
async def test_the_largest_receipt_of_pleo_is_refused_in_words_where_tryton_takes_less(bench: TrytonBench) -> None:
    wanted = entry(await bench.chart(), bench.facts)
    with HeldFile() as file:
        for _ in range(30):
            file.add(bytes(MB))
        async with bench.opened() as erp:
            error = await failure_of(erp, wanted, [Attachment("R-1-1.pdf", "application/pdf", file)])
            assert (error.problem.failure, error.outcome_unknown) == (Failure.RECEIPT_TOO_LARGE, False), error
            assert await erp.find(wanted.key.accounting_entry_id, wanted.key.company_id) == []
