"""The preview over the admin API: who may ask, for what, and what comes of odd questions."""

from __future__ import annotations

import uuid
from typing import Any

import httpx
import pytest

from tests.integration.web.conftest import Face
from tests.integration.web.two_companies import Two, two_companies
from tests.support.erp_double import CODES, down
from tests.support.rig import CONFIGURATION, SEED_CHART

Json = dict[str, Any]


def queued(face: Face, *seeds: str, copies: int = 1) -> str:
    """Expenses whose Export was pressed; the job's id at Pleo."""
    company = face.pleo.control("GET", "/companies")[0]["id"]
    body = {"company_id": company, "seeds": list(seeds), "copies": copies, "chart": SEED_CHART}
    ids = [entry["id"] for entry in face.pleo.control("POST", "/expenses", **body)]
    return str(face.pleo.control("POST", "/exports", company_id=company, entry_ids=ids)["id"])


async def asked(face: Face, connection: str, body: Json | None = None) -> httpx.Response:
    return await face.admin.post(f"/admin/api/connections/{connection}/preview", json=body)


async def shown(face: Face, connection: str, body: Json | None = None) -> Json:
    answer = await asked(face, connection, body)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def test_a_job_is_previewed_before_the_connection_is_live(face: Face) -> None:
    connection = await face.bound()
    job = queued(face, "card_purchase")
    found = await shown(face, connection, {"configuration": CONFIGURATION})
    assert (found["job"]["pleo_job_id"], found["ended"], found["problems_of_the_job"]) == (job, False, [])
    (item,) = found["items"]
    assert (item["outcome"], item["told"], item["failure_type"]) == ("would_book", None, None)
    (entry,) = item["entries"]
    debits = sum(float(line["debit"]) for line in entry["lines"])
    assert debits == sum(float(line["credit"]) for line in entry["lines"]) == float(entry["total"])
    assert CODES["wallet"] in {line["account"] for line in entry["lines"]}
    (missing,) = (await shown(face, connection))["problems_of_the_job"]
    assert (missing["failure"], missing["kind"]) == ("not_configured", "config")
    assert "configuration" in missing["text"]


async def test_pages_follow_each_other_and_a_cursor_belongs_to_its_job(face: Face) -> None:
    connection = await face.active()
    job = queued(face, "fee", copies=5)
    seen: list[str] = []
    cursor = None
    while True:
        page = await shown(face, connection, {"job_id": job, "limit": 2, "cursor": cursor})
        seen += [item["id"] for item in page["items"]]
        cursor, last = page["next_cursor"], cursor
        if cursor is None:
            break
    assert (len(seen), len(set(seen)), page["without_data"]) == (5, 5, 0)
    assert (await asked(face, connection, {"cursor": last})).status_code == 400
    assert (await asked(face, connection, {"job_id": job, "cursor": last + "x"})).status_code == 400
    (item,) = (await shown(face, connection, {"job_id": job, "entry_id": seen[-1]}))["items"]
    assert item["id"] == seen[-1]


ODD: list[tuple[Json, int]] = [
    ({"job_id": str(uuid.uuid4())}, 404),
    ({"job_id": "../export-jobs"}, 404),
    ({"entry_id": str(uuid.uuid4())}, 404),
    ({"limit": 0}, 422),
    ({"limit": 101}, 422),
    ({"job": "x"}, 422),
    ({"configuration": {"journal": 1}}, 422),
    ({"cursor": "x"}, 400),
]


async def test_an_odd_question_is_answered_in_kind(face: Face) -> None:
    connection = await face.active()
    queued(face, "fee")
    for body, status in ODD:
        answer = await asked(face, connection, body)
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), body


async def test_the_job_of_another_company_is_nobodys(two: Two) -> None:
    admin = two.administrator()
    path = f"/admin/api/connections/{two.mine.connection_id}/preview"
    bodies = [{"job_id": name} for name in (two.theirs.ids["job_id"], str(uuid.uuid4()))]
    theirs, nobodys = [await admin.post(path, json=body) for body in bodies]
    assert theirs.status_code == nobodys.status_code
    assert theirs.json()["detail"] == nobodys.json()["detail"]
    assert two.theirs.shown_in(theirs.text) == []


async def test_trouble_of_the_accounting_system_is_an_answer_and_not_an_error(face: Face) -> None:
    connection = await face.active()
    queued(face, "fee")
    face.books.before["company"] = [down()]
    (found,) = (await shown(face, connection))["problems_of_the_job"]
    assert (found["failure"], found["kind"]) == ("erp_unreachable", "transient")


async def test_a_scope_that_was_not_granted_is_said_and_how_to_get_it(face: Face) -> None:
    connection = await face.active()
    queued(face, "fee")
    face.pleo.control("POST", "/faults", kind="status", status=403, path="/v3/export-items", times=5)
    answer = await asked(face, connection)
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:ledgerbridge:problem:pleo-forbids")
    assert "Connect in Pleo again" in answer.json()["detail"]


async def test_a_company_that_left_has_nothing_to_preview(face: Face) -> None:
    connection = await face.active()
    queued(face, "fee")
    assert (await face.admin.delete(f"/admin/api/connections/{connection}")).status_code in (200, 202, 204)
    answer = await asked(face, connection)
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:ledgerbridge:problem:reconnect-needed")


@pytest.fixture
async def two(face: Face) -> Two:
    return await two_companies(face)
