"""A partner that can do next to nothing is refused what it does not claim, and never half served."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ledgerbridge.erp import conformance
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


class TestHonesty(conformance.Honesty):
    pass
