"""The real Tryton on one side, the sandbox on the other: the whole mirror once, then nothing, then what changed."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any, cast

import httpx
import pytest
from sqlalchemy import update

from ledgerbridge.erp.conformance.bench import Record
from ledgerbridge.erp.registry import adapters
from ledgerbridge.outgoing.addresses import Reach
from ledgerbridge.store.tables import ErpBinding
from tests.integration.syncs.stage import Stage, counts, staged, with_connections
from tests.support.tryton_bench import Tryton, TrytonBench
from tryton_sandbox import TrytonServer


@pytest.fixture
def hands(tryton: TrytonServer) -> TrytonBench:
    """A bookkeeper at work in Tryton."""
    at = Tryton(tryton.base_url, tryton.database, tryton.company_id("BE"), tryton.company_id("DK"), tryton.keys)
    return TrytonBench(at, cast("Any", None))


@pytest.fixture
async def mirror(database_url: str, sandbox_url: str, tryton: TrytonServer) -> AsyncIterator[Stage]:
    """The sandbox's company bound to the Belgian company of a Tryton, with both its dimensions selected."""
    company = tryton.facts["companies"]["BE"]
    async with staged(database_url, sandbox_url) as stage:
        settings = json.dumps(tryton.binding("BE"))
        async with stage.rig.db.transaction() as session:
            sealed = stage.syncs.connections.vault.seal(
                settings, table="erp_bindings", column="settings_sealed", row=stage.connection_id
            )
            await session.execute(
                update(ErpBinding).values(
                    kind="tryton",
                    settings_sealed=sealed,
                    company_ref=str(company["id"]),
                    company_name=company["name"],
                    registration_number=company["registration_number"],
                    currency=company["currency"],
                )
            )
        stage.syncs = with_connections(stage.syncs, erps=adapters(Reach(local=True)))
        await stage.rig.configure(dimensions=["CC", "PRJ"])
        httpx.put(f"{sandbox_url}/sandbox/choices", json={"account_tax_code_checked": "always"}).raise_for_status()
        yield stage


@pytest.mark.long  # acceptance/test_first_syncs.py: the same lists through the whole service
@pytest.mark.rule("TAG-005", "ACC-082", "TAX-053", "TAG-001", "TAG-006", "TAG-088", "ACC-010", "ACC-016")
async def test_the_whole_mirror_once_then_nothing_then_what_changed(mirror: Stage, hands: TrytonBench) -> None:
    kinds = ("tax_codes", "accounts", "tags")
    before = await hands.counted()
    first = {kind: await mirror.run(kind) for kind in kinds}
    assert {kind: (row.status, row.failed, row.skipped) for kind, row in first.items()} == dict.fromkeys(
        kinds, ("succeeded", 0, 0)
    )
    active = {what: [one for one in mirror.pleo(what) if not one["archived"]] for what in ("accounts", "tax_codes")}
    assert len(active["accounts"]) == first["accounts"].created > 400
    assert len(active["tax_codes"]) == first["tax_codes"].created > 20
    assert {group["code"] for group in mirror.pleo("tag_groups")} == {"CC", "PRJ"}

    for kind in kinds:
        assert ((await mirror.run(kind)).failed, mirror.writes()) == (0, [])

    rent, phone, *_ = active["accounts"]
    await hands.change(Record.ACCOUNT, rent["externalId"], name="Renamed in Tryton")
    await hands.switch_off(Record.ACCOUNT, phone["externalId"])
    root = [["company", "=", hands.at.company], ["code", "=", "CC"], ["type", "=", "root"]]
    (centres,) = await hands.search("analytic_account.account", root, "code")
    made = await hands.add(Record.VALUE, "CC77", "A new cost centre", below=(str(centres["id"]), "A part of it"))
    changed = await mirror.run("accounts")
    assert {name: changed.__dict__[name] for name in ("created", "updated", "archived")} == {
        "created": 0, "updated": 1, "archived": 1,
    }  # fmt: skip
    assert len(mirror.writes()) == 2
    assert counts(await mirror.run("tags"))["created"] == len(mirror.writes()) == 1
    assert mirror.tags("CC")["CC77"] == ("A new cost centre", False)

    await hands.switch_off(Record.VALUE, made)
    assert counts(await mirror.run("tags"))["archived"] == len(mirror.writes()) == 1
    assert mirror.tags("CC")["CC77"][1]
    assert await hands.counted() == before


@pytest.mark.long
@pytest.mark.rule("ACC-090")
async def test_a_tryton_that_is_gone_archives_nothing(mirror: Stage) -> None:
    await mirror.run("accounts")
    settings = dict(await _settings(mirror), base_url="http://127.0.0.1:1")
    sealed = mirror.syncs.connections.vault.seal(
        json.dumps(settings), table="erp_bindings", column="settings_sealed", row=mirror.connection_id
    )
    async with mirror.rig.db.transaction() as session:
        await session.execute(update(ErpBinding).values(settings_sealed=sealed))

    ended = await mirror.ended("accounts")

    assert ended.cause is not None
    assert (ended.status, ended.cause.failure, ended.cause.retry) == ("failed", "erp_unreachable", True)
    assert mirror.calls() == []


async def _settings(stage: Stage) -> dict[str, Any]:
    async with stage.rig.db.reading() as session:
        binding = await session.get(ErpBinding, stage.connection_id)
    assert binding is not None
    assert binding.settings_sealed is not None
    opened = stage.syncs.connections.vault.open(
        binding.settings_sealed, table="erp_bindings", column="settings_sealed", row=stage.connection_id
    )
    return dict(json.loads(opened))
