"""A company connected to the sandbox whose ERP is a real Tryton, and what both sides and our database hold."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import psycopg
from psycopg import sql
from sqlalchemy import update

from ledgerbridge.demo.books import bookkeeping, seed_chart
from ledgerbridge.erp.tryton import TrytonAdapter
from ledgerbridge.outgoing.addresses import Reach
from ledgerbridge.store.tables import ErpBinding
from tests.support.rig import Pleo, Rig, company_rig
from tests.support.tryton_bench import IMPATIENT
from tryton_sandbox import TrytonServer

PASSING = ("rate_budgets", "call_minutes", "ir_session", "res_user_application", "res_user_login_attempt")
"""Tables that tell of calls made, not of anything booked."""


@asynccontextmanager
async def tryton_company(database_url: str, sandbox_url: str, tryton: TrytonServer) -> AsyncIterator[Rig]:
    """The rig of the other tests, bound to the Danish company of a Tryton."""
    async with company_rig(database_url, sandbox_url) as rig:
        room = rig.context.connections
        adapter = TrytonAdapter(reach=Reach(local=True), patience=IMPATIENT)
        cast("dict[str, Any]", room.erps)["tryton"] = adapter
        async with adapter.open(tryton.binding()) as erp:
            company = await erp.company()
        sealed = room.vault.seal(
            json.dumps(tryton.binding()), table="erp_bindings", column="settings_sealed", row=rig.connection_id
        )
        async with rig.db.transaction() as session:
            await session.execute(
                update(ErpBinding)
                .where(ErpBinding.connection_id == rig.connection_id)
                .values(
                    kind="tryton",
                    settings_sealed=sealed,
                    company_key=f"tryton:{rig.connection_id}",
                    company_ref=company.id,
                    company_name=company.name,
                    registration_number=company.registration_number,
                    currency=company.currency,
                )
            )
        await rig.configure_exactly(bookkeeping(tryton.facts))
        pleo, rig.pleo = rig.pleo, Pleo(sandbox_url, chart=seed_chart(tryton.facts))
        wallet = tryton.facts["companies"]["DK"]["accounts"]["wallet"]
        contra = {"contra_accounts": {"DKK": wallet}}
        rig.pleo.control("PUT", f"/companies/{rig.pleo.company_id}/contra-accounts", contra)
        try:
            yield rig
        finally:
            rig.pleo.close()
            rig.pleo = pleo


def rows_of(url: str) -> dict[str, tuple[int, int]]:
    """Of every table how many rows it has and the newest transaction that wrote one that stands."""
    with psycopg.connect(url) as connection:
        tables = connection.execute(
            "select schemaname, tablename from pg_tables where schemaname not in ('pg_catalog', 'information_schema')"
        ).fetchall()
        seen = {}
        for schema, name in tables:
            if name in PASSING:
                continue
            query = sql.SQL("select count(*), coalesce(max(xmin::text::bigint), 0) from {}.{}")
            found = connection.execute(query.format(sql.Identifier(schema), sql.Identifier(name))).fetchone()
            assert found is not None
            seen[name] = (int(found[0]), int(found[1]))
    return seen
