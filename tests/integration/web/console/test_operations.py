"""Webhooks, queue, charts and audit log as an operator sees them, and what each button does."""

from __future__ import annotations

import re
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text, update

from ledgerbridge.ops import replay
from ledgerbridge.store.tables import (
    AuditRecord,
    CallMinute,
    Connection,
    DeliveryRefusal,
    ExportItemCount,
    ExportJob,
    RateBudget,
    WebhookDelivery,
)
from tests.integration.web.conftest import Face
from tests.integration.web.two_companies import Two, two_companies
from tests.support.html import Page, look, press, send

NOW = datetime.now(UTC)
"""When the test at work began: a suite may take long to come here."""
LONG = "Very Long Name " * 13
DELIVERIES, QUEUE, CHARTS, AUDIT = "/admin/deliveries", "/admin/queue", "/admin/charts", "/admin/audit"


@pytest.fixture(autouse=True)
def _now() -> None:
    globals()["NOW"] = datetime.now(UTC)


@pytest.fixture
async def two(face: Face) -> Two:
    found = await two_companies(face)
    await face.sign_in_operator()
    return found


async def add(face: Face, *rows: Any) -> None:
    async with face.services.db.transaction() as session:
        session.add_all(rows)


async def jobs_in_queue(face: Face) -> list[tuple[Any, ...]]:
    async with face.services.db.reading() as session:
        rows = await session.execute(text("select task_name, status::text, args from procrastinate_jobs order by id"))
        return [tuple(row) for row in rows]


async def failed_work(face: Face, owner: object, **more: object) -> int:
    async with face.services.db.transaction() as session:
        number = await session.scalar(
            text(
                "insert into procrastinate_jobs (queue_name, task_name, status, attempts, lock, queueing_lock, args)"
                " values ('default', 'exports.look', 'failed', 12, :key, :key, cast(:args as jsonb)) returning id"
            ),
            {"key": f"exports:{owner}", "args": f'{{"connection_id": "{owner}", "found_by": "poll"}}'},
        )
        await session.execute(
            text("insert into work_failures (job_id, error, place) values (:id, 'ReadTimeout', 'exports/run.py:71')"),
            {"id": number},
        )
        return int(number)


@pytest.mark.parametrize("path", [DELIVERIES, f"{DELIVERIES}/replay", QUEUE, CHARTS, AUDIT])
async def test_before_anything_has_happened_every_page_says_so(face: Face, path: str) -> None:
    assert (await face.operator.get(path)).status_code == 303, "open to nobody"
    await face.sign_in_operator()
    page = await look(face.operator, path)
    assert len([level for level, _ in page.headings if level == "h1"]) == 1
    assert page.text


# ------------------------------------------------------------------ deliveries


async def test_deliveries_are_found_by_company_state_subject_and_time(two: Two) -> None:
    operator, mine, theirs = two.face.operator, two.mine, two.theirs
    await add(two.face, WebhookDelivery(connection_id=mine.connection_id, webhook_id="odd", event_type="v9.odd",
                                        status="parked", note="an event type we do not know"))  # fmt: skip
    everything = await look(operator, DELIVERIES)
    assert mine["name"] in everything.text
    assert theirs["name"] in everything.text
    own = await look(operator, f"{DELIVERIES}?company={mine.connection_id}")
    assert theirs["name"] not in own.text
    assert own.text.count(mine["name"]) == 3
    parked = await look(operator, f"{DELIVERIES}?status=parked")
    assert "an event type we do not know" in parked.text
    assert mine["note"] not in parked.text
    assert "an event type we do not know" in (await look(operator, f"{DELIVERIES}?about=other")).text
    assert "No delivery fits" in (await look(operator, f"{DELIVERIES}?about=vendors")).text
    assert "No delivery fits" in (await look(operator, f"{DELIVERIES}?to=2020-01-01")).text
    by_name = await look(operator, f"{DELIVERIES}?company=OURCO")
    assert by_name.text.count(mine["name"]) == 3, "part of a name is enough"


async def test_a_filter_that_fits_several_or_nobody_says_so(two: Two) -> None:
    several = await look(two.face.operator, f"{DELIVERIES}?company=co-name", 422)
    assert "Several companies fit" in several.text
    assert f"{DELIVERIES}?company={two.mine.connection_id}" in several.addresses
    nobody = await look(two.face.operator, f"{AUDIT}?company=nobody%20here", 422)
    assert "No company fits" in nobody.text
    backwards = await look(two.face.operator, f"{AUDIT}?from=2026-01-02&to=2026-01-01T00:00", 422)
    assert "must lie after" in backwards.text
    assert "This is no date" in (await look(two.face.operator, f"{DELIVERIES}?from=yesterday", 422)).text


async def test_a_long_list_is_paged_and_its_filter_goes_along(two: Two) -> None:
    await add(two.face, *(
        WebhookDelivery(connection_id=two.mine.connection_id, webhook_id=f"many{n}", event_type="v1.vendor.created",
                        status="done", received_at=NOW - timedelta(minutes=n + 1)) for n in range(60)
    ))  # fmt: skip
    first = await look(two.face.operator, f"{DELIVERIES}?about=vendors")
    second = await look(two.face.operator, first.links["Older"])
    rows = [set(re.findall(rf"{DELIVERIES}/([0-9a-f-]{{36}})", page.html)) for page in (first, second)]
    assert [len(found) for found in rows] == [50, 10]
    assert not rows[0] & rows[1]
    assert (await two.face.operator.get(first.links["Older"].replace("vendors", "exports"))).status_code == 400


async def test_what_was_lost_and_refused_is_counted(two: Two) -> None:
    owner = two.mine.connection_id
    job = {"connection_id": owner, "pleo_status": "completed", "phase": "closed", "number_of_items": 1,
           "vendor_based": False, "interactive": False, "expires_in": 3600, "closed_at": NOW}  # fmt: skip
    after = NOW + timedelta(minutes=1)
    await add(
        two.face,
        ExportJob(pleo_job_id="lost", found_by="poll", pleo_created_at=after, **job),
        ExportJob(pleo_job_id="told", found_by="poll", pleo_created_at=after, announced_at=NOW, **job),
        ExportJob(pleo_job_id="manual", found_by="manual", pleo_created_at=after, **job),
        ExportJob(pleo_job_id="early", found_by="poll", pleo_created_at=NOW - timedelta(days=9), **job),
        DeliveryRefusal(day=NOW.date(), reason="signature_refused", deliveries=41),
        DeliveryRefusal(day=NOW.date() - timedelta(days=40), reason="not_json", deliveries=7),
    )
    page = await look(two.face.operator, DELIVERIES)
    assert "Lost, 30 days 1" in page.text or "1 Lost, 30 days" in page.text
    assert "Signature is wrong 41" in page.text
    assert "Not JSON" not in page.text
    theirs = await look(two.face.operator, f"{DELIVERIES}?company={two.theirs.connection_id}")
    assert "None. Every export job was announced." in theirs.text


async def test_every_reason_for_a_refusal_has_words() -> None:
    from ledgerbridge.web.hooks import _REFUSED
    from ledgerbridge.web.texts import known

    assert all(known(f"operations.deliveries.refused.reason.{why}") for why in (*_REFUSED.values(), "not_stored"))


async def test_one_delivery_is_replayed_from_its_page(two: Two) -> None:
    page = await look(two.face.operator, f"{DELIVERIES}?company={two.mine.connection_id}")
    (path, *_) = [address for address in page.addresses if re.fullmatch(rf"{DELIVERIES}/[0-9a-f-]{{36}}", address)]
    shown = await look(two.face.operator, path)
    assert "Verified" in shown.text
    done = await press(two.face.operator, shown.form(f"{path}/replay"))
    assert "Asked for once more" in done.text
    assert "Waiting" in done.text
    assert "1 (ada," in done.text
    assert [(name, args["connection_id"]) for name, _, args in await jobs_in_queue(two.face)] == [
        ("exports.look", str(two.mine.connection_id))
    ]
    assert "Replayed webhook deliveries" in (await look(two.face.operator, AUDIT)).text


async def test_a_delivery_that_cannot_be_replayed_says_why(two: Two) -> None:
    await two.face.services.db.ping()
    async with two.face.services.db.transaction() as session:
        await session.execute(
            update(Connection).where(Connection.id == two.mine.connection_id).values(status="disconnected")
        )
    page = await look(two.face.operator, f"{DELIVERIES}?company={two.mine.connection_id}")
    (path, *_) = [address for address in page.addresses if re.fullmatch(rf"{DELIVERIES}/[0-9a-f-]{{36}}", address)]
    answer = await send(two.face.operator, (await look(two.face.operator, path)).form(f"{path}/replay"))
    assert answer.status_code == 409
    assert "the company is disconnected" in Page(answer.text).text
    assert await jobs_in_queue(two.face) == []
    assert (await two.face.operator.get(f"{DELIVERIES}/{uuid.uuid4()}")).status_code == 404


async def test_a_stretch_of_time_is_foreseen_and_then_replayed(two: Two) -> None:
    await add(two.face, WebhookDelivery(connection_id=two.mine.connection_id, webhook_id="odd", event_type="v9.odd",
                                        status="parked"))  # fmt: skip
    since = (NOW - timedelta(hours=2)).strftime("%Y-%m-%dT%H:%M")
    page = await look(two.face.operator, f"{DELIVERIES}/replay?from={since}")
    assert "4 deliveries would be replayed for 2 companies." in page.text
    assert "1 delivery: we do not know what it asks for" in page.text
    assert two.mine["name"] in page.text
    assert await jobs_in_queue(two.face) == [], "looking does nothing"
    (form,) = [one for one in page.forms if one.action == f"{DELIVERIES}/replay" and one.method == "post"]
    written = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}"
    assert re.fullmatch(written, form.fields["to"]), "what comes in meanwhile is not part of it"
    done = await press(two.face.operator, form)
    assert "Asked for once more" in done.text
    assert len(await jobs_in_queue(two.face)) == 2
    assert "4 deliveries would be replayed" in (await look(two.face.operator, f"{DELIVERIES}/replay?from={since}")).text


async def test_a_replay_out_of_bounds_is_refused_on_the_page(two: Two, monkeypatch: pytest.MonkeyPatch) -> None:
    path = f"{DELIVERIES}/replay"
    long = await look(two.face.operator, f"{path}?from=2020-01-01", 422)
    assert "At most 31 days" in long.text
    monkeypatch.setattr(replay, "MOST_DELIVERIES", 1)
    since = (NOW - timedelta(hours=2)).strftime("%Y-%m-%dT%H:%M")
    assert "more than 1 deliveries" in (await look(two.face.operator, f"{path}?from={since}", 422)).text
    csrf = (await look(two.face.operator, QUEUE)).form(f"{QUEUE}/rescue").fields["csrf"]
    for given in ({}, {"from": since}, {"from": "2020-01-01", "to": "2021-01-01"}):
        answer = await two.face.operator.post(path, data={"csrf": csrf, **given})
        assert answer.status_code == 422, given
        assert 'role="alert"' in answer.text
    assert await jobs_in_queue(two.face) == []


# ------------------------------------------------------------------ queue


async def test_failed_work_shows_its_reason_and_runs_again(two: Two) -> None:
    number = await failed_work(two.face, two.mine.connection_id)
    page = await look(two.face.operator, QUEUE)
    for words in ("Look at export jobs", two.mine["name"], "ReadTimeout", "exports/run.py:71", "Tried 12 times"):
        assert words in page.text
    done = await press(two.face.operator, page.form(f"{QUEUE}/{number}/again"))
    assert "The work waits again" in done.text
    assert [status for _, status, _ in await jobs_in_queue(two.face)] == ["cancelled", "todo"]
    late = await press(two.face.operator, page.form(f"{QUEUE}/{number}/give-up"))
    assert "no longer among the failed" in late.text
    log = await look(two.face.operator, f"{AUDIT}?action=work_run_again")
    assert "Had failed work run again" in log.text
    assert two.mine["name"] in log.text


async def test_failed_work_is_given_up(two: Two) -> None:
    number = await failed_work(two.face, uuid.uuid4())
    page = await look(two.face.operator, QUEUE)
    done = await press(two.face.operator, page.form(f"{QUEUE}/{number}/give-up"))
    assert "Set aside" in done.text
    assert "Nothing has failed for good." in done.text
    assert [status for _, status, _ in await jobs_in_queue(two.face)] == ["cancelled"]


async def test_lost_work_is_told_of_and_rescued(two: Two) -> None:
    async with two.face.services.db.transaction() as session:
        await session.execute(
            text(
                "insert into procrastinate_jobs (queue_name, task_name, status, args)"
                " values ('default', 'exports.look', 'doing', '{}')"
            )
        )
    page = await look(two.face.operator, QUEUE)
    assert "1 piece of work is held by a worker that gives no sign of life" in page.text
    assert "No worker is registered" in page.text
    assert "not planned" in page.text
    done = await press(two.face.operator, page.form(f"{QUEUE}/rescue"))
    assert "no sign of life" not in done.text
    assert "not planned" not in done.text
    assert ("exports.look", "todo", {}) in await jobs_in_queue(two.face)


async def test_every_kind_of_work_has_words(face: Face) -> None:
    from ledgerbridge.web.texts import known

    unnamed = [
        name for name in face.services.queue.names if not known(f"operations.queue.task.{name.replace('.', '_')}")
    ]
    assert unnamed == []


# ------------------------------------------------------------------ charts


async def test_charts_show_the_numbers_they_draw_and_what_is_wrong(two: Two) -> None:
    minute = NOW.replace(second=0, microsecond=0)
    await add(
        two.face,
        ExportItemCount(job_id=two.mine.job_id, state="abandoned", connection_id=two.mine.connection_id, items=1234),
        CallMinute(minute=minute, system="pleo", outcome="ok", calls=480, seconds=96.0),
        CallMinute(minute=minute, system="pleo", outcome="limited", calls=3, seconds=1.0),
        RateBudget(key="custom", next_free_at=NOW, paused_until=NOW + timedelta(minutes=5)),
    )
    for span in ("day", "month"):
        page = await look(two.face.operator, f"{CHARTS}?span={span}")
        assert page.html.count('role="img"') == 4, "nothing was called in an ERP, and no job was announced"
        assert "Completed with errors" in page.text
        assert "1,234" in page.text
        assert "483 calls, 0.20 s each on average" in page.text
        assert "Limit 500 a minute" in page.text
        assert "custom: no call until" in page.text
        assert "style=" not in page.html
        assert "<script>" not in page.html
        assert len(set(re.findall(r' id="([^"]+)"', page.html))) == len(re.findall(r' id="[^"]+"', page.html))


async def test_charts_of_one_company_leave_out_what_is_counted_over_all(two: Two) -> None:
    page = await look(two.face.operator, f"{CHARTS}?company={two.theirs.connection_id}")
    assert f"Of {two.theirs['name']} alone" in page.text
    assert "Calls to Pleo" not in page.text
    assert two.mine["name"] not in page.text


# ------------------------------------------------------------------ audit


async def test_the_log_speaks_in_sentences_and_shows_deeds_it_has_no_words_for(two: Two) -> None:
    await add(
        two.face,
        AuditRecord(actor="admin:ada", action="paused", connection_id=two.mine.connection_id,
                    detail={"reason": "r" * 600, "empty": None, "several": [1, 2], "at_once": True}),
        AuditRecord(actor="admin:bob", action="vendor.sang_a_song", connection_id=None, detail={}),
    )  # fmt: skip
    page = await look(two.face.operator, AUDIT)
    assert "Paused the connection" in page.text
    assert "Vendor sang a song" in page.text
    assert "several: 1, 2" in page.text
    assert "at once: Yes" in page.text
    assert "empty" not in page.text
    assert "r" * 301 not in page.text
    bobs = await look(two.face.operator, f"{AUDIT}?by=admin:bob&action=vendor.sang_a_song")
    assert "Vendor sang a song" in bobs.text
    assert "Paused the connection" not in [words for _, words in bobs.headings]
    assert "r" * 10 not in bobs.text
    assert "Nothing fits" in (await look(two.face.operator, f"{AUDIT}?to=2020-01-01T00:00")).text


async def test_very_long_names_and_reasons_are_cut_and_still_lead_on(two: Two) -> None:
    async with two.face.services.db.transaction() as session:
        await session.execute(
            update(Connection).where(Connection.id == two.mine.connection_id).values(company_name=LONG)
        )
    await failed_work(two.face, two.mine.connection_id)
    for path in (DELIVERIES, QUEUE, AUDIT):
        page = await look(two.face.operator, path)
        assert LONG.strip() not in page.text
        assert f"/admin/connections/{two.mine.connection_id}" in page.addresses
