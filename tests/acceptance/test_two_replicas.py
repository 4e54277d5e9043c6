"""Two real processes at one instant: one refresh for all who need it, one job for a delivery however often it came."""

from __future__ import annotations

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import psycopg
import pytest

from pleo_sandbox.core.signing import signature
from tests.acceptance.conftest import MakeSite
from tests.support.commands import until
from tests.support.ports import free_port
from tests.support.site import Site, until_answering

CALLS = 25
"""Of each of the two processes."""
COPIES = 100


@pytest.mark.rule("AUTH-052", "AUTH-054")
def test_fifty_calls_of_two_processes_with_an_expired_token_make_one_refresh(make_site: MakeSite) -> None:
    with make_site() as site:
        service = site.serve()
        connection = site.connect()
        service.terminate()
        assert service.wait() == 0
        (family,) = site.sandbox.sandbox.world.tokens.families.values()
        both = [site.start("-m", "tests.support.caller", connection, str(CALLS)) for _ in range(2)]
        for process in both:
            until("both ready", lambda one=process: one.stdout == "ready\n")
        site.pleo.control("POST", "/tokens/expire", {})
        site.pleo.fault("slow", method="POST", path="/oauth/token", seconds=5)
        before, last = family.refreshes, site.sandbox.sandbox.world.recorder.total
        for process in both:
            os.kill(process.pid, signal.SIGUSR1)
        assert [process.wait(120) for process in both] == [0, 0]

        assert [process.stdout for process in both] == [f"ready\n{CALLS}\n"] * 2, "a call was not answered"
        assert family.refreshes == before + 1
        assert family.ended_because is None
        asked = [call for call in list(site.sandbox.sandbox.world.recorder.requests) if call.number > last]
        assert [call.path for call in asked].count("/oauth/token") == 1
        assert [call.status for call in asked].count(401) > 10, "the calls came one after the other"
        site.note_secrets()


@pytest.mark.rule("HOOK-042", "HOOK-043", "EXP-ORDER-02")
def test_a_delivery_that_comes_a_hundred_times_at_once_over_two_replicas_is_one_job(make_site: MakeSite) -> None:
    with make_site() as site:
        port = free_port()
        first, second = site.serve(), site.start("serve", "--port", str(port))
        until_answering(second, f"http://127.0.0.1:{port}/readyz")
        site.live(lists=False)
        until("the look after going live", lambda: not _looks(site, "todo", "doing"), 60)
        before = _looks(site)
        site.pleo.fault("lose_webhook", event_type="v1.export-job.created", times=None)
        job_id = site.press_export("card_purchase", copies=2)
        answers = _delivered(site, [site.url, f"http://127.0.0.1:{port}"])

        assert answers == [202] * COPIES
        job = site.closed(job_id)
        assert site.events(job_id) == ["started", "completed"]
        assert site.entries() == {item["accountingEntryId"]: 1 for item in job["items"]}
        (delivery,) = site.ask("GET", "/webhook-deliveries")["data"]
        assert delivery["repeats"] == COPIES - 1
        until("the look over", lambda: not _looks(site, "todo", "doing"), 60)
        assert _looks(site) == before + 1, "the same delivery was looked at more than once"
        assert first.running
        assert second.running


def _delivered(site: Site, replicas: list[str]) -> list[int]:
    """The lost delivery, signed once and sent to both replicas in turn by a hundred hands; the answers' statuses."""
    (lost,) = [one for one in site.pleo.control("GET", "/deliveries") if one["state"] == "lost"]
    (mailbox,) = site.sandbox.sandbox.world.subscriptions.all()
    path, body, stamp = httpx.URL(mailbox.wish.endpoint_url).path, lost["body"].encode(), int(time.time())
    headers = {
        "content-type": "application/json",
        "webhook-id": lost["id"],
        "webhook-timestamp": str(stamp),
        "webhook-signature": signature(mailbox.secret, lost["id"], stamp, body),
    }

    def send(number: int) -> int:
        url = replicas[number % len(replicas)] + path
        return httpx.post(url, content=body, headers=headers, timeout=60, trust_env=False).status_code

    with ThreadPoolExecutor(COPIES) as hands:
        return list(hands.map(send, range(COPIES)))


def _looks(site: Site, *statuses: str) -> int:
    """How many looks at export jobs there are or ever were in the queue."""
    wanted = list(statuses) or ["todo", "doing", "succeeded", "failed", "cancelled", "aborted"]
    with psycopg.connect(site.database_url) as database:
        row = database.execute(
            "select count(*) from procrastinate_jobs where task_name = 'exports.look' and status::text = any(%s)",
            [wanted],
        ).fetchone()
    assert row is not None
    return int(row[0])
