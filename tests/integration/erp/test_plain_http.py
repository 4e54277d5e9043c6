"""A partner that can do next to nothing is refused what it does not claim, and never half served."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ledgerbridge.bookkeeping.problem import Failure
from ledgerbridge.erp import conformance
from ledgerbridge.erp.http_target import HttpAdapter
from ledgerbridge.erp.port import ErpError
from tests.support.http_target import HttpBench, running

NOTHING = dict.fromkeys(
    (
        *("vendors", "vendor_bills", "drafts", "attachments", "several_attachments", "dimensions", "tax_codes"),
        *("can_probe", "can_reverse", "lists_entries"),
    ),
    False,
)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HttpBench]:
    with running(tmp_path_factory.mktemp("books"), **NOTHING, batch=1, parallel_writers=1) as (books, base_url):
        yield HttpBench(books, base_url)


async def test_an_address_that_leads_to_this_machine_is_not_called_without_leave(bench: HttpBench) -> None:
    adapter = HttpAdapter()
    with pytest.raises(ErpError) as shown:
        await adapter.companies(bench.settings)
    async with adapter.open(bench.settings) as erp:
        with pytest.raises(ErpError) as opened:
            await erp.company()
    assert {one.value.problem.failure for one in (shown, opened)} == {Failure.ERP_ADDRESS_REFUSED}


class TestHonesty(conformance.Honesty):
    pass
