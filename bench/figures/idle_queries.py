"""What a service asks of its database while nothing happens.

Ours: SQL statements a minute, `begin` and `commit` included, that one process (`ledgerbridge serve`: web and worker)
sends with a thousand quiet connections, as the server's own log counts them: in a window in which nothing comes round
by itself, and one run of each kind of work that does, divided by the time to its next run. Polling Pleo for export jobs
is counted apart (`detail.polling`); nothing is due to be asked in the window, as of a quiet company whose webhooks are
relied on it is once in half an hour. Nor is any sync due: reading master data every hour is work that polls Pleo and
the ERP, and goes by the companies' settings (docs/sizing.md counts it). Bare: one statement a minute.
"""

from __future__ import annotations

import base64
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psycopg

from bench.stage import CACHE, database, postgres, size
from bench.terms import Figure, Terms
from ledgerbridge.store.vault import Vault

FIGURE = Figure(
    "SQL statements a minute of an idle service with 1,000 quiet connections", 60, 10, higher_is_better=False
)
COMPANIES = 1000
WINDOW = size(60, 12)
"""Seconds in which nothing comes round."""
AFTER = size(3, 2)
"""Seconds in which all that follows from one run has been asked."""
PORT = 18473
KEY = bytes(range(32))
POLLING = {"exports.poll"}

QUIET = f"""
    insert into connections (id, environment, company_id, status, auth_method, subject_urn, scopes, activated_at)
    select gen_random_uuid(), 'custom', gen_random_uuid(), 'active', 'api_key', 'urn', '', now() - interval '9 days'
    from generate_series(1, {COMPANIES});
    insert into config_versions (connection_id, version, body, created_by)
    select id, 1, '{{}}', 'bench' from connections;
    insert into sync_schedules (connection_id, kind, next_due_at, config_version, drafts_due_at)
    select id, kind, now() + interval '2 hours', 1, case kind when 'vendors' then now() + interval '10 minutes' end
    from connections, unnest(array['tags', 'accounts', 'tax_codes', 'vendors']) kind;
    insert into look_schedules (connection_id, due_at, looked_at)
    select id, now() + interval '20 minutes', now() from connections;
"""
PERIODIC = "select task_name, id from procrastinate_jobs where lock like 'every:%' and status in ('todo', 'doing')"
CHECKS = "delete from procrastinate_jobs where task_name = 'connections.check' and status = 'todo'"
"""The daily check of each connection asks Pleo, and is no part of idling."""
AWAY = """
    update procrastinate_jobs set scheduled_at = now() + interval '10 hours'
    where lock like 'every:%' and status = 'todo'
"""
RUN = """
    update procrastinate_jobs set scheduled_at = now() where lock = %s and status = 'todo' returning id,
        pg_notify('procrastinate_any_queue_v1', '{"type": "job_inserted", "job_id": 0}')
"""
NEXT = """
    select extract(epoch from scheduled_at - now())::float8 from procrastinate_jobs
    where lock = %s and status = 'todo' and id > %s
"""


class Log:
    """The server's log of statements, from now on."""

    def __init__(self) -> None:
        self._path = next((CACHE / "postgres").rglob("server.log"))
        self._at = self._path.stat().st_size

    def told(self) -> Counter[str]:
        """Statements since the last question, by their beginning."""
        with self._path.open("rb") as file:
            file.seek(self._at)
            found = file.read().decode(errors="replace")
        self._at += len(found.encode())
        lines = [line for line in found.splitlines() if " statement: " in line or " execute " in line]
        ours = [line.partition("statement: ")[2] or line.partition(": ")[2].partition(": ")[2] for line in lines]
        return Counter(" ".join(line.split())[:60].lower() for line in ours)


@contextmanager
def serving(url: str) -> Iterator[None]:
    """The service on this database, ready."""
    environment = {
        **os.environ,
        "DATABASE_URL": url,
        "PUBLIC_URL": f"http://127.0.0.1:{PORT}",
        "PLEO_AUTH_URL": "http://127.0.0.1:9",
        "PLEO_API_URL": "http://127.0.0.1:9",
        "PLEO_CLIENT_ID": "bench",
        "PLEO_CLIENT_SECRET": "bench",
        "ENCRYPTION_KEYS": base64.urlsafe_b64encode(KEY).decode(),
        "LOG_LEVEL": "WARNING",
    }
    command = [str(Path(sys.executable).parent / "ledgerbridge"), "serve", "--port", str(PORT)]
    process = subprocess.Popen(command, env=environment)
    try:
        for _ in range(600):
            try:
                if httpx.get(f"http://127.0.0.1:{PORT}/readyz").status_code == 200:
                    break
            except httpx.TransportError:
                pass
            time.sleep(0.1)
        yield
    finally:
        process.terminate()
        process.wait(60)


def seal_keys(line: psycopg.Connection[Any]) -> None:
    """Give each connection a sealed credential, without which it would break an invariant."""
    vault = Vault([KEY])
    rows = line.execute("select id from connections").fetchall()
    cells = [(one, vault.seal("key", table="credentials", column="api_key_sealed", row=one)) for (one,) in rows]
    with line.cursor() as cursor:
        insert = "insert into credentials (connection_id, api_key_sealed, generation) values (%s, %s, 0)"
        cursor.executemany(insert, cells)


def settled(line: psycopg.Connection[Any]) -> list[str]:
    """The names of what comes round, once each has run for the first time and waits again."""
    for _ in range(1200):
        line.execute(CHECKS)
        rows = line.execute(PERIODIC).fetchall()
        doing = line.execute("select 1 from procrastinate_jobs where status = 'doing'").fetchone()
        ended = line.execute(
            "select count(distinct lock) from procrastinate_jobs where status = 'succeeded' and lock like 'every:%'"
        ).fetchone()
        if rows and doing is None and ended is not None and ended[0] >= len(rows):
            return sorted(str(row[0]) for row in rows)
        time.sleep(0.1)
    raise RuntimeError("what comes round did not run")


def one_run(line: psycopg.Connection[Any], log: Log, task: str) -> tuple[Counter[str], float]:
    """The statements of one run, and the seconds to its next."""
    lock = f"every:{task}"
    before = line.execute("select max(id) from procrastinate_jobs").fetchone()
    assert before is not None
    log.told()
    line.execute(RUN, [lock])
    for _ in range(600):
        time.sleep(0.1)
        planned = line.execute(NEXT, [lock, before[0]]).fetchone()
        if planned is not None:
            break
    else:
        raise RuntimeError(f"{task} was not planned again")
    time.sleep(AFTER)
    return log.told(), float(planned[0])


def measure() -> Terms:
    with postgres() as cluster, database(cluster) as url, psycopg.connect(url, autocommit=True) as line:
        line.execute(QUIET)
        seal_keys(line)
        line.execute("vacuum analyze")
        # Of all lines but this one.
        name = line.info.dbname
        line.execute(f"alter database {name} set log_statement = 'all'")
        with serving(url):
            tasks = settled(line)
            time.sleep(size(20, 3))
            line.execute(AWAY)
            time.sleep(2)
            log = Log()
            time.sleep(WINDOW)
            resting = log.told()
            background = sum(resting.values()) * 60 / WINDOW
            broken = line.execute("select name, samples from invariant_checks where violations > 0").fetchall()
            runs: dict[str, Any] = {}
            for task in sorted(tasks, key=lambda name: name == "connections.daily"):
                asked, seconds = one_run(line, log, task)
                line.execute(AWAY)
                time.sleep(1)
                runs[task] = {"statements": sum(asked.values()), "every_seconds": round(seconds), "asked": asked}
    minutes = {task: one["statements"] * 60 / max(one["every_seconds"], 1) for task, one in runs.items()}
    polling = sum(minutes.pop(task) for task in POLLING)
    detail = {
        "invariants_broken": [str(row) for row in broken],
        "polling": polling,
        "background": background,
        "round": {task: round(found, 2) for task, found in minutes.items()},
        "statements_of_a_run": {task: [one["statements"], one["every_seconds"]] for task, one in runs.items()},
    }
    if os.environ.get("BENCH_STATEMENTS"):
        detail["resting"] = resting.most_common()
        detail["asked"] = {task: one["asked"].most_common() for task, one in runs.items()}
    return Terms(background + sum(minutes.values()), 1.0, "statements a minute", detail)
