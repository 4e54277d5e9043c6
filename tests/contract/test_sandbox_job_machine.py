"""The job state machine under any sequence of calls: what Pleo promises of jobs and items never breaks."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from pleo_sandbox.config import DEMO_COMPANY_ID, SandboxConfig
from pleo_sandbox.core.jobs import EVENTS, ITEM_STATUSES, OPEN, Job
from pleo_sandbox.core.problems import Refusal
from pleo_sandbox.core.reports import apply_updates, read_updates
from pleo_sandbox.core.world import World

ENTRIES = 3
MOVES = {
    "pending": {"pending", "in_progress", "failed"},
    "in_progress": {"in_progress", "failed", "completed", "completed_with_errors"},
}
FINAL = ("successful", "failed", "abandoned")


class JobMachine(RuleBasedStateMachine):
    """One company, three entries, and everybody pressing everything."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World(SandboxConfig(job_seconds=100))
        self.entries = [self.world.entries.add(DEMO_COMPANY_ID, {"type": "mileage"}) for _ in range(ENTRIES)]
        self.job: Job | None = None
        self.seen: dict[str, str] = {}
        self.outcomes: dict[tuple[str, str], dict[str, Any]] = {}

    @rule()
    def press_export(self) -> None:
        unfinished = bool(self.world.jobs.unfinished(DEMO_COMPANY_ID))
        if unfinished:
            with pytest.raises(Refusal, match="EXPORT_ALREADY_IN_PROGRESS"):
                self.world.export(DEMO_COMPANY_ID, self.entries)
        else:
            self.job = self.world.export(DEMO_COMPANY_ID, self.entries)

    @precondition(lambda self: self.job is not None)
    @rule(event=st.sampled_from(EVENTS))
    def send_event(self, event: str) -> None:
        job = self.world.jobs.get(self.job.id)
        before = job.status
        if self._allowed(job, event):
            self.world.jobs.apply_event(job, event, None, None)
            assert job.status == ("in_progress" if event == "started" else event)
        else:
            with pytest.raises(Refusal, match="INVALID_EXPORT_JOB_STATUS_CHANGE"):
                self.world.jobs.apply_event(job, event, None, None)
            assert job.status == before

    @staticmethod
    def _allowed(job: Job, event: str) -> bool:
        statuses = {item.status for item in job.items.values()}
        return {
            "started": job.status == "pending",
            "failed": job.status == "in_progress",
            "completed": job.status == "in_progress" and statuses == {"successful"},
            "completed_with_errors": job.status == "in_progress" and statuses in ({"failed"}, {"failed", "successful"}),
        }[event]

    @precondition(lambda self: self.job is not None)
    @rule(position=st.integers(0, ENTRIES - 1), status=st.sampled_from(ITEM_STATUSES))
    def report(self, position: int, status: str) -> None:
        job = self.world.jobs.get(self.job.id)
        entry = self.entries[position].id
        before = job.items[entry].status
        updates = read_updates([{"accountingEntryId": entry, "status": status, "externalId": "JE"}])
        if job.status != "in_progress":
            with pytest.raises(Refusal, match="EXPORT_JOB_STATUS_UNPROCESSABLE"):
                apply_updates(self.world.jobs, job, updates, [])
            return
        updated, errors = apply_updates(self.world.jobs, job, updates, [])
        assert len(updated) + len(errors) == 1
        assert bool(updated) == (before in OPEN and status in ("in_progress", "successful", "failed"))

    @rule(seconds=st.integers(1, 120))
    def wait(self, seconds: int) -> None:
        self.world.clock.advance(seconds)

    @precondition(lambda self: self.job is not None)
    @rule()
    def cancel(self) -> None:
        job = self.world.jobs.get(self.job.id)
        if job.is_open:
            self.world.jobs.cancel(job)

    @invariant()
    def jobs_move_only_forward(self) -> None:
        for job in self.world.jobs.all():
            before = self.seen.get(job.id, "pending")
            assert job.status in {before, *MOVES.get(before, set())}
            self.seen[job.id] = job.status

    @invariant()
    def final_items_never_change(self) -> None:
        for job in self.world.jobs.all():
            for item in job.items.values():
                known = self.outcomes.get((job.id, item.entry_id))
                assert known is None or known == item.as_published()
                if item.status in FINAL:
                    self.outcomes[(job.id, item.entry_id)] = item.as_published()

    @invariant()
    def closed_jobs_are_settled(self) -> None:
        jobs = self.world.jobs.all()
        assert sum(job.is_open for job in jobs) <= 1
        for job in jobs:
            if job.is_open:
                continue
            assert job.count(*OPEN) == 0
            assert job.completed_at is not None
            if job.status == "completed":
                assert job.count("successful") == ENTRIES
            if job.status == "completed_with_errors":
                assert job.count("failed") > 0
        exported = {i.entry_id for j in jobs if not j.is_open for i in j.items.values() if i.status == "successful"}
        assert {entry.id for entry in self.entries if entry.state == "exported"} == exported


TestJobMachine = JobMachine.TestCase
TestJobMachine.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
