"""Where the service writes SQL as text, and where it looks at all companies: short lists, kept by hand.

The guard in `store.scope` judges what SQLAlchemy builds; of text it knows only names. So text stays in these places,
and whoever adds one, or opens the door to all companies once more, writes it here and lets it be read.
"""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

import ledgerbridge
from tests.support.trees import tree_of

ROOT = Path(ledgerbridge.__file__).parent

RAW = {
    "exports/spool.py": "a page of payloads joined to the items of one job",
    "exports/vendors.py": "what the items of one job need",
    "ops/doctor_database.py": "the server's version, clock and limits",
    "ops/invariants/run.py": "the questions of ops/invariants, read-only and for all companies on purpose",
    "store/budget.py": "the request budget, which is no company's",
    "store/alone.py": "statements of `Database.alone`, each judged",
    "store/embedded.py": "databases of the embedded server",
    "store/engine.py": "select 1",
    "store/leases.py": "leases, each by its connection",
    "store/queue_schema.py": "the queue library's own scripts, for migrations",
    "store/schema.py": "migrations",
    "web/gathering.py": "deliveries and their work, each by its subscription's connection",
    "work/crier.py": "a NOTIFY",
    "work/desk.py": "the queue's own tables",
    "work/jobs.py": "the queue's own tables",
    "work/line.py": "listening for notifications",
    "work/queue.py": "the queue's own tables",
    "work/stats.py": "the queue's own tables",
    "work/worker.py": "the queue's own tables",
}
"""Modules that run SQL of their own writing, and what it is about."""

DOORS = {
    "connections/handover.py": {"sweep"},
    "connections/watch.py": {"watched"},
    "exports/claims.py": {"companies_due"},
    "exports/polls.py": {"_settle", "_take", "_until_next"},
    "exports/queries.py": {"job", "jobs"},
    "exports/filing.py": {"companies_waiting"},
    "exports/reverse.py": {"companies_with_pending"},
    "ops/audit.py": {"newest"},
    "ops/doubts.py": {"in_doubt"},
    "ops/deliveries.py": {"jobs_told_of", "lost", "newest", "one", "waiting"},
    "ops/doctor_database.py": {"_environment", "_try_some", "_unserved", "other_environments"},
    "ops/figures.py": {"_asked"},
    "ops/gauges.py": {"read"},
    "ops/invariants/run.py": {"_well", "look"},
    "ops/overview.py": {"connections"},
    "ops/replay.py": {"_mark", "_owners", "_rows"},
    "ops/retention.py": {"_batch", "_disconnected", "_left_alone"},
    "ops/roster.py": {"listed", "names_of", "totals", "troubles_of"},
    "ops/rounds.py": {"queue_recovery"},
    "store/rekey.py": {"census", "_next"},
    "syncs/queries.py": {"runs"},
    "syncs/schedule.py": {"_drafts_in_time", "plan", "take_due"},
    "syncs/tasks.py": {"_revive_activations"},
    "web/gathering.py": {"_store"},
}
"""Functions that look at all companies; each says why where it does."""

_MAKERS = {"text", "literal_column", "exec_driver_sql"}
_DRIVERS = {"psycopg", "psycopg_pool"}


@cache
def modules() -> tuple[tuple[str, ast.Module], ...]:
    return tuple((path.relative_to(ROOT).as_posix(), tree_of(path)) for path in ROOT.rglob("*.py"))


def raw_in(tree: ast.Module) -> bool:
    """Whether a module writes SQL as text: for SQLAlchemy, or for the driver or the queue library."""
    imported = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "sqlalchemy":
            imported |= {name.asname or name.name for name in node.names if name.name in _MAKERS}
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [name.name for name in node.names]
            if any(name.split(".")[0] in _DRIVERS for name in names) and not _only_errors(node):
                return True
    return any(
        isinstance(node, ast.Call)
        and (
            (isinstance(node.func, ast.Name) and node.func.id in imported)
            or (isinstance(node.func, ast.Attribute) and node.func.attr in _MAKERS and _is_sqlalchemy(node.func.value))
            or (isinstance(node.func, ast.Attribute) and node.func.attr == "alone")
        )
        for node in ast.walk(tree)
    )


def _only_errors(node: ast.Import | ast.ImportFrom) -> bool:
    return isinstance(node, ast.ImportFrom) and all(name.name.endswith("Error") for name in node.names)


def _is_sqlalchemy(value: ast.expr) -> bool:
    return not isinstance(value, ast.Name) or value.id in {"sa", "sqlalchemy", "connection", "conn"}


def doors_in(tree: ast.Module) -> set[str]:
    """The functions of a module that call `across_companies`, or say why a statement of theirs goes across."""
    found = set()
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            for node in ast.walk(function):
                if isinstance(node, ast.Call) and _opens_a_door(node):
                    found.add(function.name)
    return found


def _opens_a_door(call: ast.Call) -> bool:
    if isinstance(call.func, ast.Name) and call.func.id == "across_companies":
        return True
    said = next((word.value for word in call.keywords if word.arg == "across"), None)
    return isinstance(said, ast.Constant)


def test_sql_is_written_as_text_in_few_places() -> None:
    found = {name for name, tree in modules() if raw_in(tree) and not name.startswith("store/tables/")}
    assert found == set(RAW)


def test_few_functions_look_at_all_companies() -> None:
    found = {name: doors for name, tree in modules() if (doors := doors_in(tree)) and name != "store/scope.py"}
    assert found == DOORS


def test_a_door_is_recognised() -> None:
    across = "async def f(db):\n    await db.alone('select 1', {}, across='on purpose')"
    assert doors_in(ast.parse(across)) == {"f"}
    assert doors_in(ast.parse(across.replace(", across='on purpose'", ""))) == set()


@pytest.mark.parametrize(
    "source",
    [
        "from sqlalchemy import text\ntext('select 1')",
        "from sqlalchemy import text as t\nt('select 1')",
        "import sqlalchemy as sa\nsa.text('select 1')",
        "async def f(connection):\n    await connection.exec_driver_sql('select 1')",
        "from sqlalchemy.sql import literal_column\nliteral_column('x')",
        "import psycopg",
        "async def f(db):\n    await db.alone('select 1', {})",
    ],
)
def test_text_is_recognised(source: str) -> None:
    assert raw_in(ast.parse(source))
