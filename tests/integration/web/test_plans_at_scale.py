"""What comes round by itself reads a few rows, however long the tables have grown: asked of the plans, not of a clock.

Fates of tables: docs/decisions/0169. The pages have a test of their own (`web/console/test_plans.py`).
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import psycopg
import pytest
from sqlalchemy import event

from ledgerbridge.clock import utcnow
from ledgerbridge.exports import polls
from ledgerbridge.ops import rounds
from ledgerbridge.ops.retention import RULES, _batch
from ledgerbridge.syncs import tasks
from ledgerbridge.work import statements
from tests.integration.web.conftest import Face
from tests.support.rig import CONFIGURATION

MANY = 30_000
COMPANIES = 2_000
MOST = 600
"""Rows one step may read: a batch of companies, with what belongs to them."""
GROWN = {
    "audit_log", "export_items", "export_job_events", "export_jobs", "postings", "procrastinate_events",
    "procrastinate_jobs", "sync_runs", "webhook_deliveries",
}  # fmt: skip
"""Tables that grow with the work done, and not only with the companies."""
ROWS = ("Actual Rows", "Rows Removed by Filter", "Rows Removed by Index Recheck", "Rows Removed by Join Filter")

FILL = f"""
    set session_replication_role = replica;
    insert into connections (id, environment, company_id, status, auth_method, subject_urn, scopes, activated_at)
    select md5('c' || n)::uuid, 'custom', 'c' || n, 'active', 'oauth', 'u', '', now() - interval '9 days'
    from generate_series(1, {COMPANIES}) n;
    insert into subscriptions (connection_id, path_token_hash, path_token_sealed, event_types, checked_at)
    select id, decode(md5(id::text), 'hex'), '', '[]', now() from connections;
    insert into config_versions (connection_id, version, body, created_by)
    select id, 1, $${json.dumps(CONFIGURATION)}$$, 't' from connections;
    insert into sync_schedules (connection_id, kind, next_due_at, config_version, drafts_due_at)
    select id, kind, now() + random() * interval '50 minutes' - interval '1 second', 1,
        case kind when 'vendors' then now() + random() * interval '14 minutes' end
    from connections, unnest(array['tags', 'accounts', 'tax_codes', 'vendors']) kind;
    insert into look_schedules (connection_id, due_at, looked_at)
    select id, now() + random() * interval '30 minutes' - interval '20 seconds', now() - random() * interval '1 hour'
    from connections;
    insert into export_jobs (id, connection_id, pleo_job_id, pleo_created_at, pleo_status, phase, found_by,
        number_of_items, vendor_based, interactive, expires_in, closed_at, counted)
    select md5('j' || n)::uuid, md5('c' || n % {COMPANIES} + 1)::uuid, 'j' || n, now() - interval '300 days' * random(),
        'completed', 'closed', 'webhook', 5, false, false, 3600, now() - interval '200 days' * random(), true
    from generate_series(1, {MANY} / 5) n;
    insert into export_items (job_id, accounting_entry_id, connection_id, position, state, attempts, reported_at)
    select id, pleo_job_id || '/' || n, connection_id, n, 'booked', 1, closed_at
    from export_jobs, generate_series(1, 5) n;
    insert into export_job_events (connection_id, job_id, name, detail, at)
    select connection_id, id, 'started', '{{}}', closed_at from export_jobs, generate_series(1, 5);
    insert into postings (id, connection_id, accounting_entry_id, revision, final, state, total, currency,
        config_version, job_id, fence, erp_kind, intended_at)
    select md5(accounting_entry_id)::uuid, connection_id, accounting_entry_id, 1, true, 'booked', '1.00', 'DKK', 1,
        job_id, 1, 'double', now() from export_items;
    insert into webhook_deliveries (id, connection_id, webhook_id, event_type, status, received_at, repeats)
    select md5('w' || n)::uuid, md5('c' || n % {COMPANIES} + 1)::uuid, 'w' || n, 'vendor', 'done',
        now() - interval '29 days' * random(), 0 from generate_series(1, {MANY}) n;
    insert into sync_runs (id, connection_id, kind, trigger, status, started_at, ended_at)
    select md5('s' || n)::uuid, md5('c' || n % {COMPANIES} + 1)::uuid, 'tags', 'schedule', 'succeeded',
        now() - interval '89 days' * random(), now() from generate_series(1, {MANY}) n;
    insert into audit_log (at, actor, connection_id, action, detail)
    select now() - interval '300 days' * random(), 'system', md5('c' || n % {COMPANIES} + 1)::uuid, 'x', '{{}}'
    from generate_series(1, {MANY}) n;
    insert into procrastinate_jobs (queue_name, task_name, lock, queueing_lock, args, status, scheduled_at)
    select 'default', 'exports.look', 'l' || n % {COMPANIES}, 'l' || n % {COMPANIES}, '{{}}',
        case when n <= {MANY} then 'succeeded' else 'todo' end::procrastinate_job_status,
        now() + interval '1 minute' * (n - {MANY})
    from generate_series(1, {MANY} + {COMPANIES} - 1) n;
    insert into procrastinate_events (job_id, type, at)
    select id, 'succeeded', now() - interval '6 days' * random() from procrastinate_jobs where status = 'succeeded';
    reset session_replication_role;
"""


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from nodes(part)


def wrong_with(database: psycopg.Connection[Any], statement: str, values: Any, most: int = MOST) -> list[str]:
    """What is wrong with how a statement is carried out; nothing of it stays."""
    with database.transaction(force_rollback=True):
        (row,) = database.execute(f"explain (analyze, format json) {statement}".encode(), values).fetchall()
    wrong = []
    for node in nodes(row[0][0]["Plan"]):
        table, read = node.get("Relation Name"), sum(node.get(name, 0) for name in ROWS) * node["Actual Loops"]
        if table in GROWN and (node["Node Type"] == "Seq Scan" or read > most):
            wrong.append(f"{node['Node Type']} of {table}: {read:g} rows")
    return wrong


@pytest.fixture
async def grown(face: Face, database_url: str) -> AsyncIterator[psycopg.Connection[Any]]:
    """The database of a large installation, after years."""
    with psycopg.connect(database_url, autocommit=True) as database:
        database.execute(FILL)
        database.execute("vacuum analyze")
        yield database


async def test_what_comes_round_reads_what_is_due_and_not_what_there_is(
    grown: psycopg.Connection[Any], face: Face
) -> None:
    told: dict[str, list[str]] = {}

    def judge(name: str, statement: str, values: Any) -> None:
        if wrong := wrong_with(grown, statement, values):
            told[f"{name}: {' '.join(statement.split())[:150]}"] = wrong

    worker = {"worker_id": 1, "keys": ["every:x"], "stalled_after": 30.0}
    judge("take", statements.TAKE, worker)
    judge("take any", statements.TAKE_ANY, worker)
    judge("sign of life", statements.BEAT, worker)
    forget = {"seconds": 604800.0, "failed_seconds": 9e6, "newest": 300}
    judge("forget", statements.FORGET, forget)
    judge("forget", statements.MADE_BEFORE, {"id": MANY // 2, "seconds": 604800.0})

    asked: list[tuple[str, Any]] = []

    def hear(_connection: Any, _cursor: Any, text: str, values: Any, _context: Any, _many: bool) -> None:
        asked.append((text, values[0] if isinstance(values, list) else values))

    async def nobody(*_: object) -> bool:
        return False

    async def at_once(_: float) -> None: ...

    engine = face.services.db.engine.sync_engine
    exports = face.services.exports
    monkey = pytest.MonkeyPatch()
    monkey.setattr(polls, "AT_ONCE", 1)
    event.listen(engine, "before_cursor_execute", hear)
    try:
        await polls.poll(exports, polls.Rhythm(180, 1800, 60_000), nobody)
        await tasks.sweep(face.services.syncs, dt.timedelta(minutes=15))
        await rounds.queue_recovery(face.services.queue, face.services.connections)
        await rounds.queue_settling(face.services.queue, face.services.connections)
        for rule in RULES:
            if rule.name not in READS_MORE:
                await _batch(face.services.connections, rule, utcnow())
    finally:
        event.remove(engine, "before_cursor_execute", hear)
        monkey.undo()
    assert len(asked) > 10
    for text, values in asked:
        judge("round", text, values)
    assert not told, "\n".join(f"{wrong}: {name}" for name, wrong in told.items())


READS_MORE = {"payloads_of_closed_jobs", "export_items"}
"""Rules that go from job to job of a month, or of the years before, and find nothing by an index of items."""
