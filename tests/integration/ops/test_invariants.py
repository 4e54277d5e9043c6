"""Every check sees what it is there for, planted in a real database, and nothing in what is well."""

from __future__ import annotations

import logging
import math

import pytest
import structlog
from sqlalchemy import text

from ledgerbridge.ops import gauges
from ledgerbridge.ops.invariants import ALL, Invariant, check, check_all, run
from ledgerbridge.ops.invariants.standing import Standing, standings
from ledgerbridge.ops.metrics import Metrics
from ledgerbridge.store.engine import Database
from ledgerbridge.store.tables import PostingState
from ledgerbridge.store.vault import Vault
from ledgerbridge.work.queue import Queue
from tests.integration.ops.planting import Garden, ago
from tests.integration.ops.plants import PLANTS, WELL, Plant

BY_NAME = {invariant.name: invariant for invariant in ALL}


def _ids(cases: list[tuple[str, str, Plant]]) -> list[str]:
    return [f"{name}: {how}" for name, how, _ in cases]


async def result(db: Database, name: str) -> Standing:
    async with db.reading() as session:
        return next(one for one in await standings(session) if one.invariant.name == name)


@pytest.mark.parametrize(("name", "_how", "plant"), PLANTS, ids=_ids(PLANTS))
async def test_a_planted_violation_is_seen(db: Database, name: str, _how: str, plant: Plant) -> None:
    garden = Garden(db)
    await plant(garden)
    await garden.planted()
    await check(db, BY_NAME[name])
    found = await result(db, name)
    assert found.row is not None
    assert (found.row.failure, found.known) == (None, 1)
    assert len(found.row.samples) == 1
    assert found.row.since is not None


async def test_what_only_looks_like_a_violation_is_none(db: Database) -> None:
    """All of it at once, before every check: none takes offence at what another has to look at."""
    garden = Garden(db)
    for _, _, plant in WELL:
        await plant(garden)
    await garden.planted()
    for deep in (False, True):
        await check_all(db, deep=deep)
    async with db.reading() as session:
        found = {
            one.invariant.name: (one.row and one.row.samples, one.row and one.row.failure, one.known)
            for one in await standings(session)
        }
    assert found == {invariant.name: ([], None, 0) for invariant in ALL}


def test_every_check_has_its_violation() -> None:
    elsewhere = {"no-open-transaction"}
    assert {name for name, _, _ in PLANTS} | elsewhere == set(BY_NAME)
    assert {one.number for one in ALL} == set(range(1, 11))
    assert len(BY_NAME) == len(ALL)


async def test_a_transaction_left_open_is_seen(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    invariant = BY_NAME["no-open-transaction"]
    quick = Invariant(
        **{name: getattr(invariant, name) for name in invariant.__slots__} | {"values": {"idle": 0.0, "long": 300.0}}
    )
    async with db.engine.connect() as held:
        await held.execute(text("select 1"))
        await check(db, quick)
        found = await result(db, quick.name)
        assert found.known == 1
        assert found.row is not None
        assert found.row.samples[0].startswith("ledgerbridge pid ")
        await check(db, invariant)
        assert (await result(db, quick.name)).known == 0, "it has not been idle for long"


async def test_a_sealed_value_is_never_shorter_than_the_check_thinks(db: Database) -> None:
    sealed = Vault([bytes(32)]).seal("", table="credentials", column="api_key_sealed", row="x")
    assert len(sealed) == BY_NAME["secrets-sealed"].values["shortest"]


# ------------------------------------------------------------------ what is written down and shown


async def test_a_new_violation_is_told_once_with_its_ids_and_shown_by_every_replica(
    db: Database, database_url: str
) -> None:
    name = "intent-settled"
    garden = Garden(db)
    posting = garden.posting(garden.company(), "e1", PostingState.INTENDED, intended_at=ago(minutes=20))
    await garden.planted()
    with structlog.testing.capture_logs() as told:
        await check(db, BY_NAME[name])
        await check(db, BY_NAME[name])
    (line,) = [line for line in told if line["log_level"] == "error"]
    assert (line["invariant"], line["violations"]) == (name, 1)
    assert str(posting) in line["samples"][0]
    first = await result(db, name)

    metrics = Metrics()
    await gauges.read(metrics, db, Queue(database_url))
    assert metrics.registry.get_sample_value("ledgerbridge_invariant_violations", {"invariant": name}) == 1
    age = metrics.registry.get_sample_value("ledgerbridge_invariant_checked_seconds", {"invariant": name})
    assert age is not None
    assert 0 <= age < 600

    garden.posting(garden.company(), "e2", PostingState.INTENDED, intended_at=ago(minutes=20))
    await garden.planted()
    with structlog.testing.capture_logs() as told:
        await check(db, BY_NAME[name])
    assert [line["violations"] for line in told if line["log_level"] == "error"] == [2]
    assert (await result(db, name)).row.since == first.row.since  # type: ignore[union-attr]

    async with db.transaction() as session:
        await session.execute(text("update postings set state = 'not_booked'"))
    await check(db, BY_NAME[name])
    healed = await result(db, name)
    assert (healed.known, healed.row and healed.row.since) == (0, None)


async def test_a_check_that_never_ran_is_not_one_that_found_nothing(db: Database, database_url: str) -> None:
    metrics = Metrics()
    await gauges.read(metrics, db, Queue(database_url))
    for invariant in ALL:
        labels = {"invariant": invariant.name}
        violations = metrics.registry.get_sample_value("ledgerbridge_invariant_violations", labels)
        assert violations is not None
        assert math.isnan(violations)
        assert metrics.registry.get_sample_value("ledgerbridge_invariant_checked_seconds", labels) == math.inf


async def test_a_check_that_cannot_run_shows_and_keeps_no_other_from_running(
    db: Database, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await Garden(db).sql("alter table leases rename to hidden")
    with structlog.testing.capture_logs() as told:
        await check_all(db, deep=False)
    await Garden(db).sql("alter table hidden rename to leases")
    async with db.reading() as session:
        found = {one.invariant.name: one for one in await standings(session)}
    failed = {name for name, one in found.items() if one.row is not None and one.row.failure}
    assert failed == {"intent-settled", "reversal-settled", "webhook-settled"}
    assert {line["invariant"] for line in told if line["event"] == "invariant could not be checked"} == failed
    assert found["intent-settled"].known is None
    assert found["unknown-told"].known == 0
    metrics = Metrics()
    await gauges.read(metrics, db, Queue(database_url))
    labels = {"invariant": "intent-settled"}
    assert metrics.registry.get_sample_value("ledgerbridge_invariant_check_failed", labels) == 1
    assert math.isnan(metrics.registry.get_sample_value("ledgerbridge_invariant_violations", labels) or 0)
    await check_all(db, deep=False)
    assert (await result(db, "intent-settled")).known == 0


async def test_a_check_that_takes_too_long_has_failed(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(run._STATEMENT_SECONDS, False, 1)
    slow = Invariant("slow", 1, "", "", "select pg_sleep(20)::text as sample")
    await check(db, slow)
    async with db.reading() as session:
        why = await session.scalar(text("select failure from invariant_checks where name = 'slow'"))
    assert "timeout" in str(why)


async def test_what_a_check_broke_last_stays_known_while_it_cannot_run(db: Database) -> None:
    name = "intent-settled"
    garden = Garden(db)
    garden.posting(garden.company(), "e1", PostingState.INTENDED, intended_at=ago(minutes=20))
    await garden.planted()
    await check(db, BY_NAME[name])
    await garden.sql("alter table leases rename to hidden")
    await check(db, BY_NAME[name])
    await garden.sql("alter table hidden rename to leases")
    found = await result(db, name)
    assert found.known == 1
    assert found.row is not None
    assert found.row.failure is not None


async def test_rows_hidden_by_a_policy_would_make_a_check_fail_and_not_pass(db: Database) -> None:
    """With `row_security` off Postgres refuses a query whose rows it would filter."""
    setting = Invariant("setting", 1, "", "", "select current_setting('row_security') as sample")
    assert (await run.look(db, setting)).samples == ["off"]


async def test_a_check_can_write_nothing(db: Database) -> None:
    writer = Invariant("writer", 1, "", "", "select nextval('audit_log_id_seq')::text as sample")
    with structlog.testing.capture_logs() as told:
        await check(db, writer)
    assert "read-only" in told[0]["reason"]


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)
