"""The test company of the ERP tests: one clone of the real Tryton a module; tests tell their entries apart by key."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import pytest

from tests.support.clones import TrytonServers

pytest.register_assert_rewrite(
    "ledgerbridge.erp.conformance",
    "tests.support.file_bench",
    "tests.support.tryton_bench",
    "tests.support.tryton_master",
    "tests.support.tryton_payables",
)

from ledgerbridge.erp.conformance.bench import Facts  # noqa: E402
from tests.support.tryton_bench import Tryton, TrytonBench  # noqa: E402

# Twenty MiB of body are less than fifteen of file.
OVERSIZE = 16 * 2**20


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A class may name, as `later`, tests of its suite that only `make test-long` asks of this ERP (decision 0174)."""
    for item in items:
        if isinstance(item, pytest.Function) and _later(item) & {item.name, item.originalname}:
            item.add_marker(pytest.mark.long)


def _later(item: pytest.Function) -> frozenset[str]:
    return getattr(item.cls, "later", frozenset())


@pytest.fixture(scope="module")
def bench(tryton_servers: TrytonServers) -> Iterator[TrytonBench]:
    yield from _bench(tryton_servers, stock=False)


@pytest.fixture(scope="module")
def stock_bench(tryton_servers: TrytonServers) -> Iterator[TrytonBench]:
    """A Tryton without our add-on, and a user with no rights but those of the groups a customer gives it."""
    yield from _bench(tryton_servers, stock=True)


def _bench(tryton_servers: TrytonServers, *, stock: bool) -> Iterator[TrytonBench]:
    server = tryton_servers.fresh(stock=stock)
    company = server.facts["companies"]["DK"]
    accounts, months = company["accounts"], server.facts["months"]
    keys = server.keys | ({"erp_integration": server.keys["erp_entries"]} if stock else {})
    tax_names = {"I25": "I25 Purchase VAT 25%", "RC25": "RC25 Reverse charge 25%"}
    first_open = _fifth_of(months["first_open"])
    yield TrytonBench(
        Tryton(server.base_url, server.database, server.company_id("DK"), server.company_id("BE"), keys),
        Facts(
            name=company["name"],
            registration_number=company["registration_number"],
            currency=company["currency"],
            journal=server.facts["journal"],
            expense=company["expenses"][0],
            vat=accounts["input_vat"],
            wallet=accounts["wallet"],
            wants_party=accounts["payable"],
            tax=tax_names["I25"],
            reverse_charge=tax_names["RC25"],
            dimensions=[("CC", "CC02"), ("PRJ", "PRJ01")],
            open_date=_fifth_of(months["open"]),
            closed_date=_fifth_of(months["closed"]),
            closable_date=first_open.replace(year=first_open.year + 1, month=12),
            oversize=OVERSIZE,
            tax_numbers=("DE129273398", "BE0428759497"),
            bad_tax_number="DE111111111",
            payable=accounts["payable"],
            reconciles=not stock,
        ),
    )
    tryton_servers.template.drop(server.database)


def _fifth_of(month: str) -> dt.date:
    return dt.date.fromisoformat(f"{month}-05")
