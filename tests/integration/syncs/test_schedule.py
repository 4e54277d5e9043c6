"""Due times in the database, swept with a clock that is moved."""

from __future__ import annotations

import datetime as dt
import uuid
from collections import Counter
from itertools import pairwise

import pytest

from ledgerbridge.store.tables import ConfigVersion, Connection, ConnectionStatus
from ledgerbridge.syncs import tasks
from tests.integration.syncs.planned import Planned, planned
from tests.integration.syncs.stage import Stage
from tests.support.rig import CONFIGURATION

ALL = ["tax_codes", "accounts", "tags", "vendors", "vendors:drafts"]


@pytest.fixture
def plan(stage: Stage, database_url: str) -> Planned:
    return planned(stage, database_url)


async def settled(plan: Planned) -> None:
    """Everything has run once, so that only the rhythm is left."""
    await plan.sweep()
    assert sorted(await plan.sweep_at(minutes=31)) == sorted(ALL)


@pytest.mark.rule("ACC-100", "VEN-120", "TAX-052", "TAX-050")
async def test_a_company_without_a_plan_gets_one_and_runs_within_the_half_hour_in_the_order_of_work(
    plan: Planned,
) -> None:
    await plan.sweep()
    assert {kind: (await plan.row(kind)).next_due_at is not None for kind in ALL[:4]} == dict.fromkeys(ALL[:4], True)
    await plan.taken()
    assert await plan.sweep_at(minutes=31) == ALL
    assert await plan.sweep_at(seconds=20) == []


@pytest.mark.rule("TAG-121", "ACC-102", "VEN-121", "TAX-052")
async def test_tags_come_every_hour_the_rest_once_a_day(plan: Planned) -> None:
    await settled(plan)
    sweeps = [await plan.sweep_at(minutes=30) for _ in range(48 * 3)]
    seen = {kind: [number for number, found in enumerate(sweeps) if kind in found] for kind in ALL[:4]}
    gaps = {kind: {later - one for one, later in pairwise(numbers)} for kind, numbers in seen.items()}
    assert gaps.pop("tags") <= {1, 2, 3}, "sweeps are half an hour apart, and a little more"
    assert len(seen["tags"]) in (71, 72, 73)
    for kind, found in gaps.items():
        assert found <= {47, 48, 49}, kind
        assert len(seen[kind]) in (2, 3, 4), kind


async def test_pleo_is_asked_for_drafts_as_often_as_the_setting_says(plan: Planned) -> None:
    await settled(plan)
    seen = [one for _ in range(24) for one in await plan.sweep_at(minutes=5)]
    assert seen.count("vendors:drafts") in (7, 8, 9)


@pytest.mark.rule("VEN-074")
async def test_no_draft_waits_longer_than_the_setting_after_going_live_or_when_it_gets_shorter(plan: Planned) -> None:
    await plan.sweep()
    await plan.set_row("vendors", drafts_due_at=plan.clock() + dt.timedelta(minutes=29))
    assert "vendors:drafts" in [*await plan.sweep_at(seconds=20), *await plan.sweep_at(minutes=16)]


async def test_a_changed_interval_takes_effect_with_the_next_sweep(plan: Planned) -> None:
    await settled(plan)
    await plan.stage.rig.configure(syncs={"accounts": {"every_minutes": 30}, "tags": {"enabled": False}})
    seen = [one for _ in range(12) for one in await plan.sweep_at(minutes=15)]
    assert 5 <= seen.count("accounts") <= 6
    assert seen.count("tags") == 0
    assert (await plan.row("tags")).next_due_at is None


async def test_a_kind_that_is_switched_on_again_comes_soon(plan: Planned) -> None:
    await plan.stage.rig.configure(syncs={"vendors": {"enabled": False}})
    await plan.sweep()
    assert await plan.sweep_at(minutes=40) == ["tax_codes", "accounts", "tags"]
    await plan.stage.rig.configure()
    await plan.sweep()
    await plan.taken()
    seen = [one for _ in range(2) for one in await plan.sweep_at(minutes=16)]
    assert {"vendors", "vendors:drafts"} <= set(seen)


async def test_an_outage_of_three_days_is_made_up_for_once(plan: Planned) -> None:
    await settled(plan)
    assert sorted(await plan.sweep_at(days=3)) == sorted(ALL)
    assert await plan.sweep_at(minutes=1) == []


async def test_another_try_that_is_due_sooner_survives_a_change_of_the_configuration(plan: Planned) -> None:
    await settled(plan)
    soon = plan.clock() + dt.timedelta(minutes=2)
    await plan.set_row("accounts", next_due_at=soon)
    await plan.stage.rig.configure(posting_mode="draft")
    await plan.sweep()
    assert (await plan.row("accounts")).next_due_at == soon


@pytest.mark.parametrize("status", [one for one in ConnectionStatus if one is not ConnectionStatus.ACTIVE])
async def test_nothing_runs_for_a_company_that_is_not_active(plan: Planned, status: ConnectionStatus) -> None:
    await settled(plan)
    await plan.connection(status=status)
    assert await plan.sweep_at(days=2) == []


async def test_what_is_switched_off_after_long_failure_is_left_in_peace(plan: Planned) -> None:
    await settled(plan)
    await plan.set_row("vendors", switched_off_at=plan.clock(), switched_off_reason="No access.")
    assert await plan.sweep_at(days=2) == ["tax_codes", "accounts", "tags"]


async def test_after_an_outage_the_companies_come_one_after_the_other(
    plan: Planned, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "AT_ONCE", 6)
    others = [uuid.uuid4() for _ in range(4)]
    async with plan.syncs.db.transaction() as session:
        for other in others:
            session.add(
                Connection(
                    id=other,
                    environment=plan.syncs.connections.environment,
                    company_id=str(other),
                    status=ConnectionStatus.ACTIVE,
                    auth_method="api_key",
                    subject_urn="urn:pleo:company:x",
                )
            )
            await session.flush()
            session.add(ConfigVersion(connection_id=other, version=1, body=CONFIGURATION, created_by="test"))
    await plan.sweep()
    await plan.taken()
    plan.clock.move(hours=2)
    came: Counter[str] = Counter()
    sweeps = []
    while len(came) < 5 * 4:
        plan.clock.move(seconds=20)
        sweeps.append(await plan.sweep())
        came.update(one["connection_id"] + one["kind"] for one in await plan.queued() if not one["only"])
        await plan.taken()
        assert len(sweeps) < 20, came
    assert len(sweeps) >= 4
    assert max(sweeps) <= 6 * 2, "of a row that is due, its drafts may be due too"
