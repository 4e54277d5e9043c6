"""A booked item taken back through the admin API: with reason and confirmation, and told with what comes next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from tests.integration.web.conftest import Face
from tests.integration.web.test_admin_api import is_problem
from tests.integration.web.test_admin_connections import audit_of
from tests.integration.web.test_admin_jobs import Desk
from tests.support.erp_double import CAPABILITIES, down, lost_reply, refused

REVERSE = {"action": "reverse", "reason": "Booked on the wrong cost centre.", "confirm": True}


@pytest.fixture
async def desk(face: Face) -> Desk:
    return Desk(face, await face.active())


async def _booked(desk: Desk) -> tuple[dict[str, Any], str]:
    job = await desk.export("fee")
    (item,) = (await desk.get(f"/export-jobs/{job['id']}/items"))["data"]
    assert item["posting"]["reversal"] is None
    return job, item["id"]


@pytest.mark.rule("EXP-IDEM-07")
async def test_taken_back_it_shows_who_when_why_and_what_comes_next(desk: Desk) -> None:
    job, entry = await _booked(desk)

    answer = await desk.resolve(job, entry, **REVERSE)

    assert answer.status_code == 200, answer.text
    posting = answer.json()["posting"]
    assert (posting["state"], posting["erp_number"]) == ("reversed", "JE-1000")
    told = posting["reversal"]
    assert (told["state"], told["number"], told["by"], told["reason"]) == (
        "reversed",
        "REV-1000",
        "admin:ada",
        "Booked on the wrong cost centre.",
    )
    assert told["url"] == "https://erp.example/1000-counter"
    assert told["what_next"].startswith("Pleo still shows the expense as exported.")
    assert ("admin:ada", "export_item.reverse") in await audit_of(desk.face, desk.connection_id)
    assert (await desk.resolve(job, entry, **REVERSE)).json()["posting"] == posting, "pressed twice it is the same"

    again = await desk.export(entries=[entry])
    (item,) = (await desk.get(f"/export-jobs/{again['id']}/items"))["data"]
    assert (item["posting"]["revision"], item["posting"]["erp_number"]) == (2, "JE-1001")
    (old,) = (await desk.get(f"/export-jobs/{job['id']}/items"))["data"]
    assert old["posting"]["reversal"]["number"] == "REV-1000", "the old job keeps its story"


async def test_without_a_reply_it_says_so_and_can_be_asked_again(desk: Desk) -> None:
    job, entry = await _booked(desk)
    desk.face.books.after["reverse"] = [lost_reply()]

    told = (await desk.resolve(job, entry, **REVERSE)).json()["posting"]

    assert (told["state"], told["reversal"]["state"]) == ("booked", "unknown")
    assert "has not confirmed it" in told["reversal"]["what_next"]
    found = is_problem(await desk.resolve(job, entry, **REVERSE), 409)
    assert "Try again in" in found["detail"]
    assert desk.face.books.calls["reverse"] == 1


@pytest.mark.parametrize(
    ("said", "missing"),
    [({}, ["reason", "confirm"]), pytest.param({"reason": "Wrong."}, ["confirm"], marks=pytest.mark.long)],
    ids=["neither", "unconfirmed"],
)
async def test_it_asks_for_a_reason_and_a_confirmation(
    desk: Desk, said: dict[str, Any], missing: Sequence[str]
) -> None:
    job, entry = await _booked(desk)
    found = is_problem(await desk.resolve(job, entry, action="reverse", **said), 422)
    assert [one["path"] for one in found["errors"]] == missing
    assert desk.face.books.calls["reverse"] == 0


async def test_what_cannot_be_done_is_told_in_words_and_with_the_right_status(desk: Desk) -> None:
    job, entry = await _booked(desk)
    books = desk.face.books
    books.before["reverse"] = [refused("The account is closed."), down()]

    assert "The account is closed." in is_problem(await desk.resolve(job, entry, **REVERSE), 409)["detail"]
    found = is_problem(await desk.resolve(job, entry, **REVERSE), 503)
    assert found["detail"].endswith("then try again."), found["detail"]
    books.capabilities = replace(CAPABILITIES, can_reverse=False)
    found = is_problem(await desk.resolve(job, entry, **REVERSE), 409)
    assert "Reverse JE-1000 there" in found["detail"]
    (item,) = (await desk.get(f"/export-jobs/{job['id']}/items"))["data"]
    assert (item["posting"]["state"], item["posting"]["reversal"]) == ("booked", None)
