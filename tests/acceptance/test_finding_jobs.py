"""Every way an export job is found: webhook, poll, by hand; and who works it."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from pleo_sandbox.config import SandboxConfig
from tests.acceptance.conftest import MakeSite
from tests.support.commands import until
from tests.support.site import Site

POLL = 3
DELIVERIES = "ledgerbridge_webhook_deliveries_total"
UNANNOUNCED = "ledgerbridge_export_jobs_unannounced_total"


@pytest.fixture(scope="module")
def polling(make_site: MakeSite) -> Iterator[Site]:
    """A live installation that polls every few seconds."""
    with make_site(EXPORT_POLL_SECONDS=str(POLL), RESCUE_SECONDS="6") as site:
        site.serve()
        site.live(lists=False)
        yield site


def found(site: Site, job_id: str) -> dict[str, object]:
    """The job as we show it, once we know that it is closed: Pleo knows a moment earlier."""

    def closed() -> dict[str, object] | None:
        job = dict(site.ask("GET", f"/export-jobs/{job_id}"))
        return job if job["phase"] == "closed" else None

    return until("the job closed with us", closed, 20)


@pytest.mark.long
@pytest.mark.rule("EXP-DETECT-02", "EXP-DETECT-12", "HOOK-043")
def test_the_same_delivery_three_times_is_one_job(polling: Site) -> None:
    duplicates = polling.metric(DELIVERIES, result="duplicate")
    polling.pleo.fault("duplicate_webhook", copies=2)
    job_id = polling.press_export("card_purchase", copies=2)
    job = polling.closed(job_id)
    assert job["status"] == "completed"
    assert polling.events(job_id) == ["started", "completed"]
    assert found(polling, job_id)["announced_at"] is not None
    until("both duplicates", lambda: polling.metric(DELIVERIES, result="duplicate") == duplicates + 2, 20)
    (stored,) = [one for one in polling.ask("GET", "/webhook-deliveries")["data"] if one["resource_id"] == job_id]
    assert stored["repeats"] == 2
    assert {name: polling.entries()[name] for name in items(job)} == dict.fromkeys(items(job), 1)


@pytest.mark.long
@pytest.mark.rule("EXP-ORDER-01", "EXP-START-01", "HOOK-044")
def test_jobs_announced_in_the_wrong_order_are_worked_oldest_first_one_after_the_other(polling: Site) -> None:
    polling.pleo.fault("delay_webhook", seconds=2)
    older = polling.pleo.export(polling.pleo.queue("card_purchase", copies=2))
    newer = polling.pleo.export(polling.pleo.queue("out_of_pocket"), alongside=True)
    for job_id in (older, newer):
        assert polling.closed(job_id)["status"] == "completed"
    assert polling.all_events()[-4:] == [
        (older, "started"), (older, "completed"), (newer, "started"), (newer, "completed"),
    ]  # fmt: skip


@pytest.mark.long  # web/test_rounds.py: whole rounds of a service find a job that no delivery told of
@pytest.mark.rule("EXP-DETECT-03", "HOOK-045")
def test_a_job_whose_webhook_is_lost_is_found_by_the_poll_and_counted(polling: Site) -> None:
    before = polling.metric(UNANNOUNCED)
    polling.pleo.fault("lose_webhook")
    job_id = polling.press_export("out_of_pocket")
    assert polling.closed(job_id, POLL + 30)["status"] == "completed"
    shown = found(polling, job_id)
    assert (shown["found_by"], shown["announced_at"]) == ("poll", None)
    until("the count", lambda: polling.metric(UNANNOUNCED) == before + 1, 20)
    assert [one["resource_id"] for one in polling.ask("GET", "/webhook-deliveries")["data"]].count(job_id) == 0


@pytest.mark.rule("EXP-DETECT-04", "EXP-DETECT-05", "HOOK-040")
def test_a_web_process_takes_deliveries_and_a_worker_of_its_own_does_the_work(make_site: MakeSite) -> None:
    with make_site(sandbox=SandboxConfig(webhook_retry_seconds=(0,))) as site:
        web = site.serve("--no-worker", ready="/healthz")
        first = site.start("worker")
        connection = site.live(lists=False)
        first.terminate()
        assert first.wait(30) == 0
        until("nobody to work", lambda: site.anybody.get("/readyz").status_code == 503, 60)
        unready = site.anybody.get("/readyz")
        assert unready.status_code == 503
        assert [name for name, check in unready.json()["checks"].items() if not check["ok"]] == ["worker"]
        job_id = site.press_export("card_purchase", copies=2)
        until("the delivery", lambda: site.metric(DELIVERIES, result="queued") == 1, 20)
        assert site.pleo.job(job_id)["status"] == "pending"
        assert site.entries() == {}

        worker = site.start("worker")
        assert site.closed(job_id)["status"] == "completed"
        until("ready", lambda: site.anybody.get("/readyz").status_code == 200, 20)

        site.pleo.fault("lose_webhook")
        site.pleo.forget()
        by_hand = site.press_export("out_of_pocket")
        assert site.ask("POST", f"/connections/{connection}/exports")["id"] == connection
        assert site.closed(by_hand)["status"] == "completed"
        assert found(site, by_hand)["announced_at"] is None
        assert len(site.entries()) == 3
        asked = [call["query"] for call in site.pleo.requests() if call["endpoint"] == "GET /v3/export-jobs"]
        assert {value for query in asked for name, value in query if name == "statuses"} == {"pending"}

        worker.terminate()
        assert worker.wait(30) == 0
        web.terminate()
        assert web.wait(30) == 0
        with pytest.raises(httpx.ConnectError):
            site.anybody.get("/healthz")


def items(job: dict[str, object]) -> list[str]:
    listed = job["items"]
    assert isinstance(listed, list)
    return [item["accountingEntryId"] for item in listed]
