"""The same expenses exported to a real Tryton and into SIE files: the files say what Tryton's books say."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any, cast

import httpx
import psycopg
import pytest
from sqlalchemy import select, update

from ledgerbridge.bookkeeping.words import Chart, ErpTax
from ledgerbridge.clock import utcnow
from ledgerbridge.connections.access import open_erp
from ledgerbridge.demo.books import bookkeeping, seed_chart
from ledgerbridge.erp.sie import SieAdapter
from ledgerbridge.store.tables import ErpBinding, VoucherFile
from tests.integration.exports.tryton_company import tryton_company
from tests.support import sie_company, sie_reader
from tests.support.clones import TrytonServers
from tests.support.rig import Pleo, Rig, company_rig
from tryton_sandbox import TrytonServer
from tryton_sandbox.books import moves

SEEDS = ("type", "sub_type", "tax_reverse", "split_odd_cents")
"""All types and sub types, VAT booked both ways, and a split."""
DIMENSIONS = {"CC": "1", "PRJ": "6"}

Line = tuple[str, Decimal, tuple[str, ...]]
"""Account as SIE numbers it, debit less credit, values of dimensions."""


@pytest.fixture(scope="module")
def tryton(tryton_servers: TrytonServers) -> Iterator[TrytonServer]:
    server = tryton_servers.fresh()
    yield server
    tryton_servers.template.drop(server.database)


@pytest.mark.rule("EXP-BOOK-06", "EXP-TYPE-01", "EXP-MAP-09", "EXP-TAX-04")
async def test_a_job_with_every_type_of_item_stands_in_the_files_as_in_trytons_books(
    database_url: str, sandbox_url: str, tryton: TrytonServer
) -> None:
    httpx.post(f"{sandbox_url}/sandbox/reset").raise_for_status()
    async with tryton_company(database_url, sandbox_url, tryton) as rig:
        ids = rig.pleo.queue(*SEEDS)
        told = await _exported(rig, ids)
        async with open_erp(rig.context.connections, rig.connection_id) as erp:
            chart = await erp.chart()
    booked = _in_tryton(tryton)
    wanted = [(told[one], booked.get(one, Counter())) for one in ids]
    with psycopg.connect(database_url) as line:
        line.execute("truncate connections cascade")

    httpx.post(f"{sandbox_url}/sandbox/reset").raise_for_status()
    async with sie_like(database_url, sandbox_url, tryton, chart) as rig:
        ids = rig.pleo.queue(*SEEDS)
        told = await _exported(rig, ids)
        in_files = await _in_files(rig)
    found = [(told[one], in_files.get(one, Counter())) for one in ids]
    assert found == wanted
    assert [status for status, _ in found] == ["successful"] * len(ids)
    assert all(len(lines) >= 2 and not sum(amount for _, amount, _ in lines.elements()) for _, lines in found)
    assert any(values for _, lines in found for *_, values in lines), "no line of any item has a dimension"


def _in_tryton(tryton: TrytonServer) -> dict[str, Counter[Line]]:
    found = {}
    for move in moves(tryton, "%[PLEO:%"):
        assert move["state"] == "posted"
        found[move["description"].rpartition("[PLEO:")[2].rstrip("]")] = Counter(
            (
                _numeric(line["account"]),
                line["debit"] - line["credit"],
                tuple(sorted(one["account"] for one in line["analytic"])),
            )
            for line in move["lines"]
        )
    return found


async def _in_files(rig: Rig) -> dict[str, Counter[Line]]:
    async with rig.db.reading() as session:
        contents = (await session.scalars(select(VoucherFile.content))).all()
    found = {}
    for content in contents:
        for voucher in sie_reader.read(content or b"").vouchers:
            found[voucher.text.rpartition("[PLEO:")[2].rstrip("]")] = Counter(
                (row.account, row.amount, tuple(sorted(row.objects.values()))) for row in voucher.rows
            )
    return found


async def _exported(rig: Rig, ids: list[str]) -> Mapping[str, str]:
    """What Pleo is told of each item."""
    job_id = rig.pleo.export(ids)
    await rig.look()
    return {one: item["status"] for one, item in rig.pleo.items(job_id).items()}


@asynccontextmanager
async def sie_like(database_url: str, sandbox_url: str, tryton: TrytonServer, chart: Chart) -> AsyncIterator[Rig]:
    """A connected company that books into SIE files, with the chart, taxes and dimensions of a Tryton's company."""
    adapter = SieAdapter()
    year = utcnow().date().replace(month=1, day=1)
    years = [(day, day.replace(month=12, day=31)) for day in (year, year.replace(year=year.year - 1))]
    upload = sie_company.chart_file(
        "utf-8",
        currency=chart.currency,
        accounts={_numeric(one.code): one.name for one in chart.accounts},
        dimensions={DIMENSIONS[one.code]: one.name for one in chart.dimensions},
        objects={(DIMENSIONS[one.code], value): value for one in chart.dimensions for value in one.values},
        years=years,
    )
    taxes = [tax for tax in chart.taxes if tax.name[:2] in ("I2", "I0", "RC")]
    raw = {"chart": sie_company.uploaded(upload), "taxes": "\n".join(map(_told, taxes))}
    settings = adapter.check_settings(raw)
    async with company_rig(database_url, sandbox_url) as rig:
        cast("dict[str, Any]", rig.context.connections.erps)["sie"] = adapter
        (company,) = await adapter.companies(settings)
        sealed = rig.context.connections.vault.seal(
            json.dumps(settings), table="erp_bindings", column="settings_sealed", row=rig.connection_id
        )
        async with rig.db.transaction() as session:
            await session.execute(
                update(ErpBinding)
                .where(ErpBinding.connection_id == rig.connection_id)
                .values(
                    kind="sie",
                    settings_sealed=sealed,
                    company_key=f"sie:{rig.connection_id}",
                    company_ref=company.id,
                    company_name=company.name,
                    registration_number=company.registration_number,
                    currency=company.currency,
                )
            )
        await rig.configure_exactly(_renumbered(bookkeeping(tryton.facts)))
        pleo, rig.pleo = rig.pleo, Pleo(sandbox_url, chart=_seeds(tryton.facts, taxes))
        wallet = _numeric(tryton.facts["companies"]["DK"]["accounts"]["wallet"])
        contra = {"contra_accounts": {"DKK": wallet}}
        rig.pleo.control("PUT", f"/companies/{rig.pleo.company_id}/contra-accounts", contra)
        try:
            yield rig
        finally:
            rig.pleo.close()
            rig.pleo = pleo


def _numeric(code: str) -> str:
    """SIE knows digits alone."""
    return code.replace(".", "")


def _told(tax: ErpTax) -> str:
    """A tax of Tryton as a line of the settings."""
    parts = [str(abs(tax.components[0].rate) * 100)]
    parts += [_numeric(part.account or "") for part in sorted(tax.components, key=lambda one: -one.rate)]
    return "; ".join([tax.name, *parts])


def _renumbered(configuration: dict[str, Any]) -> dict[str, Any]:
    def one(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: one(inner) for name, inner in value.items()}
        return _numeric(value) if isinstance(value, str) else value

    return configuration | {
        "journal": "P",
        "accounts": one(configuration["accounts"]),
        "dimensions": [DIMENSIONS[code] for code in configuration["dimensions"]],
        "tax": {"mode": "explicit", "codes": {}},
    }


def _seeds(facts: Mapping[str, Any], taxes: list[ErpTax]) -> dict[str, Any]:
    chart = seed_chart(facts)
    names = {tax.id: tax.name for tax in taxes}
    return chart | {
        "accounts": {name: _numeric(code) for name, code in chart["accounts"].items()},
        "tax_codes": {name: names[code] for name, code in chart["tax_codes"].items()},
        "dimensions": {
            name: {"group": DIMENSIONS[one["group"]], "values": one["values"]}
            for name, one in chart["dimensions"].items()
        },
    }
