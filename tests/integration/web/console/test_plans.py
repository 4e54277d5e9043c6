"""A page with 100,000 items of one job answers as fast as one with 100: what the database does for both is the same.

Asked of the plans, not of a clock: every statement of the pages, explained with what it really read.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, LiteralString

import psycopg
import pytest
from sqlalchemy import event

from tests.integration.web.conftest import Face
from tests.integration.web.console.quick import live
from tests.support.html import look

FEW = 100
MOST = 250
"""Rows one step of a plan may read: a page of items, a timeline, some of everything."""
BIG = {"export_items", "export_item_counts", "export_job_events", "postings"}
"""Tables that grow with the items of a job."""
ROWS = ("Actual Rows", "Rows Removed by Filter", "Rows Removed by Index Recheck", "Rows Removed by Join Filter")
"""What a step of a plan read, whether it kept it or not, each time it was taken."""
STATES = ("booked", "booked", "booked", "failed", "abandoned")
"""Of the items, in turn: so failed ones are spread over the whole job."""


@dataclass
class Asked:
    """The statements of some pages, with their values."""

    statements: list[tuple[str, Any]] = field(default_factory=list)


@contextmanager
def listening(face: Face) -> Iterator[Asked]:
    """What is asked of the database meanwhile."""
    asked = Asked()

    def hear(_connection: Any, _cursor: Any, text: str, values: Any, _context: Any, _many: bool) -> None:
        if text.lstrip().lower().startswith("select") and any(table in text for table in BIG):
            asked.statements.append((text, values))

    engine = face.services.db.engine.sync_engine
    event.listen(engine, "before_cursor_execute", hear)
    try:
        yield asked
    finally:
        event.remove(engine, "before_cursor_execute", hear)


FILL = """
    insert into export_jobs (id, connection_id, pleo_job_id, pleo_created_at, pleo_status, phase, found_by,
        number_of_items, vendor_based, interactive, expires_in, closed_at, counted)
    values (%(job)s, %(owner)s, %(job)s, now(), 'completed_with_errors', 'closed', 'poll',
        %(items)s, false, false, 3600, now(), true);

    insert into postings (id, connection_id, accounting_entry_id, revision, final, state, total, currency,
        config_version, job_id, fence, erp_kind, intended_at)
    select md5(%(job)s || n)::uuid, %(owner)s, %(job)s || n, 1, true, 'booked', '1.00', 'DKK', 1, %(job)s, 1, 'double',
        now()
    from generate_series(1, %(items)s) n where n %% 5 < 3;

    insert into export_items (job_id, accounting_entry_id, connection_id, position, state, attempts, posting_id,
        failure_reason, reported_at)
    select %(job)s, %(job)s || n, %(owner)s, n, (%(states)s::text[])[n %% 5 + 1], 1,
        case when n %% 5 < 3 then md5(%(job)s || n)::uuid end, case when n %% 5 = 3 then 'Why' end, now()
    from generate_series(1, %(items)s) n;

    insert into export_item_counts (job_id, state, connection_id, items)
    select job_id, state, connection_id, count(*) from export_items where job_id = %(job)s group by 1, 2, 3;

    insert into export_job_events (connection_id, job_id, name, detail)
    select %(owner)s, %(job)s, 'reported', '{"items": 100}' from generate_series(1, greatest(250, %(items)s / 100));
"""
BEFORE = """
    insert into export_jobs (id, connection_id, pleo_job_id, pleo_created_at, pleo_status, phase, found_by,
        number_of_items, vendor_based, interactive, expires_in, closed_at, counted)
    select md5('job' || n)::uuid, %(owner)s, 'before' || n, now() - interval '60 days' - n * interval '1 minute',
        'completed', 'closed', 'poll', 7, false, false, 3600, now(), true
    from generate_series(1, 3000) n;

    insert into export_item_counts (job_id, state, connection_id, items)
    select md5('job' || n)::uuid, state, %(owner)s, 7
    from generate_series(1, 3000) n, unnest(array['booked', 'failed']) state;

    insert into export_job_events (connection_id, job_id, name, detail)
    select %(owner)s, md5('job' || n)::uuid, 'started', '{}' from generate_series(1, 3000) n, generate_series(1, 20);
"""
"""Years of exports before: of a table with few rows it would be right to read all."""


def fill(database: psycopg.Connection[Any], owner: str, items: int) -> str:
    """A closed job of so many items, most with a posting, reported in batches; its id."""
    job = str(uuid.uuid4())
    write(database, FILL, {"job": job, "owner": owner, "items": items, "states": list(STATES)})
    return job


def write(database: psycopg.Connection[Any], statements: LiteralString, values: dict[str, Any]) -> None:
    """Past triggers and the checks of keys, which have tests of their own and would take most of the time."""
    with psycopg.ClientCursor(database) as cursor:
        cursor.execute("set session_replication_role = replica")
        cursor.execute(statements, values)
        cursor.execute("reset session_replication_role")


async def pages(face: Face, job: str, items: int) -> list[tuple[str, Any]]:
    """Look at every page that shows something of the job, at its beginning and its end; the statements that took."""
    last = face.services.cursors.write(f"customer/items/{job}/all", (items - 60,))
    failed = face.services.cursors.write(f"customer/items/{job}/failed", (items - 300,))
    with listening(face) as asked:
        for path in (
            "/settings",
            "/settings/warnings",
            "/settings/exports",
            f"/settings/exports/{job}",
            f"/settings/exports/{job}?state=failed",
            f"/settings/exports/{job}?cursor={last}",
            f"/settings/exports/{job}?state=failed&cursor={failed}",
            f"/settings/exports/{job}?entry={job}7",
            f"/settings/exports?entry={job}7",
        ):
            await look(face.browser, path)
        for path in ("export-jobs", f"export-jobs/{job}", f"export-jobs/{job}/items?state=failed&limit=200"):
            assert (await face.admin.get(f"/admin/api/{path}")).status_code == 200, path
    return asked.statements


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from nodes(part)


def found(database: psycopg.Connection[Any], statement: str, values: Any) -> tuple[list[str], int]:
    """What is wrong with how a statement is carried out, and the most rows a step of it read."""
    (row,) = database.execute(f"explain (analyze, format json) {statement}".encode(), values).fetchall()
    wrong, most = [], 0
    for node in nodes(row[0][0]["Plan"]):
        kind, table = node["Node Type"], node.get("Relation Name")
        read = sum(node.get(name, 0) for name in ROWS) * node["Actual Loops"]
        most = max(most, int(read))
        if table in BIG and kind == "Seq Scan":
            wrong.append(f"reads {table} from end to end")
        if read > MOST:
            wrong.append(f"{kind} of {table or 'what it was given'}: {read} rows")
    return wrong, most


@pytest.mark.parametrize("items", [20_000, pytest.param(100_000, marks=pytest.mark.long)])
async def test_the_database_does_the_same_for_so_many_items_as_for_a_hundred(
    face: Face, database_url: str, items: int
) -> None:
    owner = await live(face)
    with psycopg.connect(database_url, autocommit=True) as database:
        write(database, BEFORE, {"owner": owner})
        small = fill(database, owner, FEW)
        large = fill(database, owner, items)
        database.execute("analyze")
        few = await pages(face, small, FEW)
        many = await pages(face, large, items)
        told: dict[str, list[str]] = {}
        most = 0
        for statement, values in many:
            wrong, rows = found(database, statement, values)
            most = max(most, rows)
            if wrong:
                told[" ".join(statement.split())[:200]] = wrong
    assert not told, "\n".join(f"{wrong}: {statement}" for statement, wrong in told.items())
    assert 50 < most <= MOST
    assert len(many) > 25
    assert len(many) == len(few), "more questions for more items"
