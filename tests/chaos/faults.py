"""What is broken: each fault is a named generator with one sentence.

It begins before Export is pressed, yields once, goes on while the jobs are worked, heals, and returns how often it
struck. Those of accounting systems are in `erp_faults.py`.
"""

from __future__ import annotations

import signal

from tests.chaos import erp_faults
from tests.chaos.line import Trouble
from tests.chaos.stage import CATALOGUE, Breaking, Fault, Stage, fault

__all__ = ["CATALOGUE", "Fault", "Stage", "erp_faults"]
_PLEO_API = r"^/v[0-9]/"
_PLEO_WRITES = r"^/v3/export-job"


# ------------------------------------------------------------------ our processes


@fault("replica killed")
def replica_killed(stage: Stage) -> Breaking:
    """SIGKILL to a replica in the middle of its work, twice; each time it is started again."""
    yield
    for _ in range(2):
        stage.pause(0.5, 3)
        replica = stage.dice.choice(stage.world.replicas)
        with replica.hand:
            replica.process.kill()
            stage.pause(0, 2)
            replica.start()
    return 2


@fault("replica stopped")
def replica_stopped(stage: Stage) -> Breaking:
    """SIGTERM to a replica in the middle of its work; it is started again once it has gone."""
    yield
    stage.pause(0.5, 3)
    replica = stage.dice.choice(stage.world.replicas)
    with replica.hand:
        replica.process.terminate()
        status = replica.process.wait(90)
        stage.world.history.tell("replica gone", replica=replica.name, status=status)
        replica.start()
    return 1


# ------------------------------------------------------------------ our database


@fault("postgres restarted")
def postgres_restarted(stage: Stage) -> Breaking:
    """A fast restart of PostgreSQL: every session is told that it ends."""
    yield
    return _restart(stage, signal.SIGINT)


@fault("postgres crashed")
def postgres_crashed(stage: Stage) -> Breaking:
    """An immediate shutdown of PostgreSQL, no session is told, and a start with recovery."""
    yield
    return _restart(stage, signal.SIGQUIT)


def _restart(stage: Stage, how: signal.Signals) -> int:
    stage.pause(0.5, 4)
    with stage.world.postgres.hand:
        stage.world.postgres.end(how)
        stage.pause(0, 3)
        stage.world.postgres.start()
    return 1


@fault("sessions terminated")
def sessions_terminated(stage: Stage) -> Breaking:
    """Every session of the service on PostgreSQL is terminated, five times."""
    yield
    for _ in range(5):
        stage.pause(0.3, 2)
        with stage.world.postgres.hand, stage.world.postgres.connect() as session:
            session.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity "
                "where datname = current_database() and pid <> pg_backend_pid()"
            )
    return 5


@fault("connections exhausted")
def connections_exhausted(stage: Stage) -> Breaking:
    """Somebody else takes every free connection of PostgreSQL for some seconds, after ending those of the service."""
    yield
    stage.pause(0.5, 2)
    with stage.world.postgres.hand:
        sessions = stage.world.postgres.take_all()
        stage.pause(3, 8)
        for session in sessions:
            session.close()
    return 1


@fault("rows locked")
def rows_locked(stage: Stage) -> Breaking:
    """A transaction is left idle that holds every row of leases, credentials, jobs, items, postings and books."""
    yield
    stage.pause(0.5, 3)
    with stage.world.postgres.hand, stage.world.postgres.connect() as session:
        session.execute("set idle_in_transaction_session_timeout = 0")
        session.execute("set lock_timeout = '5s'")
        session.autocommit = False
        for table in ("leases", "credentials", "export_jobs", "export_items", "postings", "voucher_books"):
            session.execute(f"select 1 from {table} for update")  # type: ignore[call-overload]
        stage.pause(3, 13)
        session.rollback()
    return 1


# ------------------------------------------------------------------ Pleo


@fault("pleo reply lost")
def pleo_reply_lost(stage: Stage) -> Breaking:
    """Pleo takes an event or an outcome, and its answer is lost, four times."""
    lost = [Trouble("lose", "POST|PUT|PATCH", _PLEO_WRITES, 1, stage.dice.randint(0, 3)) for _ in range(4)]
    with stage.world.pleo_line.troubled(*lost):
        yield
        stage.until_struck(stage.world.pleo_line, *lost)
    return sum(one.struck for one in lost)


@fault("pleo 429")
def pleo_429(stage: Stage) -> Breaking:
    """Pleo asks for a rest of seconds, with and without saying how long."""
    told = Trouble("status", path=_PLEO_API, times=3, status=429, retry_after=stage.dice.randint(1, 4))
    untold = Trouble("status", path=_PLEO_API, times=2, skip=stage.dice.randint(0, 8), status=429)
    with stage.world.pleo_line.troubled(told, untold):
        yield
        stage.until_struck(stage.world.pleo_line, told, untold)
    return told.struck + untold.struck


@fault("pleo 5xx")
def pleo_5xx(stage: Stage) -> Breaking:
    """Pleo answers 500 and 503 before and after the effect."""
    before = Trouble("status", path=_PLEO_API, times=3, skip=stage.dice.randint(0, 6), status=503)
    after = Trouble("fail", path=_PLEO_API, times=3, skip=stage.dice.randint(0, 6), status=500)
    with stage.world.pleo_line.troubled(before, after):
        yield
        stage.until_struck(stage.world.pleo_line, before, after)
    return before.struck + after.struck


@fault("pleo slow")
def pleo_slow(stage: Stage) -> Breaking:
    """Answers of Pleo come seconds late."""
    late = Trouble("slow", path=_PLEO_API, times=6, skip=stage.dice.randint(0, 4), seconds=stage.dice.uniform(1, 4))
    with stage.world.pleo_line.troubled(late):
        yield
        stage.until_struck(stage.world.pleo_line, late)
    return late.struck


@fault("pleo truncated")
def pleo_truncated(stage: Stage) -> Breaking:
    """Answers of Pleo end in the middle, receipts included."""
    cut = [Trouble("truncate", path=path, times=3, skip=stage.dice.randint(0, 3)) for path in (_PLEO_API, r"^/files/")]
    with stage.world.pleo_line.troubled(*cut):
        yield
        stage.until_struck(stage.world.pleo_line, *cut)
    return sum(one.struck for one in cut)


@fault("token expired")
def token_expired(stage: Stage) -> Breaking:
    """Access tokens run out in the middle of a job, four times, for all companies."""
    yield
    for _ in range(4):
        stage.pause(0.3, 2)
        stage.world.sandbox.control("POST", "/tokens/expire", {})
    return 4


@fault("refresh reply lost")
def refresh_reply_lost(stage: Stage) -> Breaking:
    """Access tokens run out and the answer with the new pair is lost; a grant that Pleo ends over it is given anew."""
    lost = Trouble("lose", "POST", r"^/oauth/token$", 1)
    with stage.world.pleo_line.troubled(lost):
        yield
        stage.pause(0.3, 2)
        stage.world.sandbox.control("POST", "/tokens/expire", {})
        stage.until_struck(stage.world.pleo_line, lost)
    return lost.struck


@fault("token revoked")
def token_revoked(stage: Stage) -> Breaking:
    """The grant of a company is taken away in the middle of a job; the customer connects again when told to."""
    yield
    stage.pause(0.5, 3)
    company = stage.company()
    company.control("POST", "/tokens/revoke", {"company_id": company.id})
    return 1


@fault("job expired", expires_in=60)
def job_expired(stage: Stage) -> Breaking:
    """The jobs expire at Pleo in the middle of the work; the bookkeeper exports what was not booked once more."""
    yield
    stage.pause(1.5, 4)
    stage.world.sandbox.control("POST", "/clock", {"seconds": 61})
    return sum(1 for one in stage.world.companies)


@fault("webhooks lost")
def webhooks_lost(stage: Stage) -> Breaking:
    """No webhook arrives; the poll has to find the jobs."""
    made = stage.world.sandbox.control("POST", "/faults", {"kind": "lose_webhook", "times": None})
    yield
    stage.pause(1, 2)
    return _taken_away(stage, made["id"])


@fault("webhooks repeated")
def webhooks_repeated(stage: Stage) -> Breaking:
    """Every webhook arrives seven times and late, with old ones again between them, the latest first."""
    control = stage.world.sandbox.control
    late = control("POST", "/faults", {"kind": "delay_webhook", "times": None, "seconds": 0.7})
    often = control("POST", "/faults", {"kind": "duplicate_webhook", "times": None, "copies": 6})
    yield
    sent = [one["id"] for one in control("GET", "/deliveries")]
    again = list(reversed(sent))[:20]
    for message in again:
        control("POST", f"/deliveries/{message}/resend")
    _taken_away(stage, late["id"])
    return 6 * _taken_away(stage, often["id"]) + len(again)


def _taken_away(stage: Stage, name: str) -> int:
    """Switches a fault of the sandbox off; how often it struck."""
    control = stage.world.sandbox.control
    (struck,) = [one["hits"] for one in control("GET", "/faults") if one["id"] == name]
    control("DELETE", f"/faults/{name}")
    return int(struck)
