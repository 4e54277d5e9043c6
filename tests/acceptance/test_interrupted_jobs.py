"""Processes that die or are told to stop in the middle of an export job: nothing is booked twice, nothing is lost."""

from __future__ import annotations

import time

import pytest

from tests.acceptance.conftest import MakeSite
from tests.support.commands import until
from tests.support.ports import free_port
from tests.support.site import Site, until_answering

ITEMS = 60
"""More than Tryton takes at once, so that a job has a middle."""
RESCUE = 4
"""RESCUE_SECONDS of these installations."""
GRACE = 25
"""What work under way gets after SIGTERM."""
SLACK = 20
"""Seconds to begin with the rest of a job, on a busy machine."""
REST = 120
"""The same for all of it."""


def booked_once_each(site: Site, job_id: str, seconds: float = REST) -> None:
    """Every item stands in Tryton once, and Pleo was told of the job's start and its end once."""
    job = site.closed(job_id, seconds)
    assert job["status"] == "completed"
    assert [item["status"] for item in job["items"]] == ["successful"] * ITEMS
    assert site.entries() == {item["accountingEntryId"]: 1 for item in job["items"]}
    assert site.events(job_id) == ["started", "completed"]
    assert len({item["externalId"] for item in job["items"]}) == ITEMS


@pytest.mark.long
@pytest.mark.rule(
    "EXP-REC-01", "EXP-REC-02", "EXP-REC-03", "EXP-REC-04", "EXP-START-04", "EXP-IDEM-01", "EXP-DETECT-06"
)
def test_a_killed_service_that_is_started_again_finishes_the_job_with_one_entry_an_item(make_site: MakeSite) -> None:
    with make_site(RESCUE_SECONDS=str(RESCUE)) as site:
        service = site.serve()
        site.live(lists=False)
        job_id = site.press_export("card_purchase", copies=ITEMS)
        site.booked_some(3, ITEMS)
        service.kill()
        assert 0 < len(site.entries()) < ITEMS
        assert site.pleo.job(job_id)["counts"] == {"pending": ITEMS}, "reported already: nothing to recover"
        last = site.sandbox.sandbox.world.recorder.total
        site.serve()
        booked_once_each(site, job_id)
        asked, control, *_ = site.calls_after(last)
        assert (asked.method, asked.path) == ("GET", "/v3/export-jobs")
        assert {value for name, value in asked.query if name == "statuses"} == {"pending", "in_progress"}
        assert ("GET", f"/v3/export-jobs/{job_id}/items") == (control.method, control.path)


@pytest.mark.long
@pytest.mark.rule("EXP-REC-01", "EXP-REC-03", "EXP-REC-04", "EXP-ORDER-02")
def test_another_replica_takes_over_from_a_killed_one(make_site: MakeSite) -> None:
    with make_site(RESCUE_SECONDS=str(RESCUE)) as site:
        port = free_port()
        second = site.start("serve", "--port", str(port))
        first = site.serve()
        until_answering(second, f"http://127.0.0.1:{port}/readyz")
        site.live(lists=False)
        job_id = site.press_export("card_purchase", copies=ITEMS)
        site.booked_some(3, ITEMS)
        working = [one for one in (first, second) if '"documents sent"' in one.stderr]
        assert len(working) == 1, "two replicas work on one company"
        working[0].kill()
        killed = time.monotonic()
        assert 0 < len(site.entries()) < ITEMS
        (other,) = {first, second} - set(working)
        until("an item settled by the other", lambda: '"item settled"' in other.stderr)
        taken_over = time.monotonic() - killed
        assert taken_over < RESCUE + SLACK / 4
        booked_once_each(site, job_id)


@pytest.mark.long
@pytest.mark.rule("EXP-REC-01", "EXP-REC-03", "EXP-REC-04")
def test_a_service_told_to_stop_gives_the_job_back_and_ends_well(make_site: MakeSite) -> None:
    with make_site(RESCUE_SECONDS=str(RESCUE)) as site:
        service = site.serve()
        site.live(lists=False)
        site.pleo.fault("slow", path="/files/**", seconds=8, skip=2, times=None)
        job_id = site.press_export("card_purchase", copies=ITEMS)
        site.booked_some(1, ITEMS)
        asked = time.monotonic()
        service.terminate()
        assert service.wait(GRACE + 10) == 0
        assert time.monotonic() - asked < GRACE + 5
        assert 0 < len(site.entries()) < ITEMS
        site.pleo.control("DELETE", "/faults")
        site.serve()
        booked_once_each(site, job_id)
