"""A package as `new-adapter` makes it serves a company: bound like any other, a job exported once."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import pytest

from ledgerbridge.connections import erp_binding
from ledgerbridge.erp.kit.making import make
from ledgerbridge.outgoing.addresses import PUBLIC
from tests.support.rig import CONFIGURATION, Pleo, Rig

ACCOUNTS = {
    **dict.fromkeys(("expense", "software", "office", "equipment", "rent", "meals", "fees", "interest"), "5420"),
    **dict.fromkeys(("travel", "mileage", "per_diem", "cashback"), "5800"),
    "wallet": "1910",
    "contra": "1940",
    "out_of_pocket": "2890",
    "payable": "2890",
    "input_tax": "2641",
    "output_tax": "2614",
}


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    folder = make("toy_books", tmp_path)
    monkeypatch.syspath_prepend(str(folder / "src"))
    yield importlib.import_module("ledgerbridge_toy_books.adapter")
    for name in [name for name in sys.modules if name.startswith("ledgerbridge_toy_books")]:
        del sys.modules[name]


@pytest.mark.rule("EXP-REC-04")
async def test_a_company_bound_to_a_new_adapter_has_its_expenses_booked_once(
    rig: Rig, package: ModuleType, tmp_path: Path, sandbox_url: str
) -> None:
    ledger = sys.modules["ledgerbridge_toy_books.ledger"]
    key = ledger.make("books", tmp_path)
    with ledger.opened(tmp_path / "books.db") as books:
        books.execute("update companies set currency = 'DKK'")
    room = rig.context.connections
    cast("dict[str, Any]", room.erps)["toy_books"] = package.ToyBooksAdapter(reach=PUBLIC, home=tmp_path)
    settings = {"database": "books", "api_key": key, "company": "1"}
    bound = await erp_binding.bind(room, rig.connection_id, "toy_books", settings, "test", confirm_company_change=True)
    assert (bound.company.name, "api_key" in bound.settings) == ("Toy Company", False)
    accounts = {"wallet": {"*": "1910"}, "out_of_pocket": "2890", "contra": "1940", "payable": "2890"}
    await rig.configure_exactly(
        {
            **CONFIGURATION,
            "journal": "GEN",
            "accounts": accounts | {"external_reimbursement": None},
            "dimensions": [],
        }
    )
    pleo = Pleo(sandbox_url, chart={"accounts": ACCOUNTS})
    try:
        ids = pleo.queue("fee", copies=3)
        job_id = pleo.export(ids)
        await rig.look()
        job = pleo.job(job_id)
        assert (job["status"], {item["status"] for item in job["items"]}) == ("completed", {"successful"})

        await rig.look()
    finally:
        pleo.close()
    with ledger.opened(tmp_path / "books.db") as books:
        references = [row["reference"] for row in books.execute("select reference from entries")]
    assert sorted(references) == sorted(f"{pleo.company_id}/{id_}/1" for id_ in ids)
