"""Every outcome of a call is one row of the failure table, and nothing of the key or a page reaches a bookkeeper."""

from __future__ import annotations

import httpx
import pytest

from ledgerbridge.bookkeeping.problem import Failure
from ledgerbridge.erp.port import ErpError
from ledgerbridge.erp.tryton.errors import TABLE, Outcome, page_text
from tests.support.tryton_stage import SETTINGS, Answer, healthy, page, refusal


def broken_json(status: int) -> httpx.Response:
    return httpx.Response(status, text='[{"id":', headers={"content-type": "application/json"})


def redirect() -> httpx.Response:
    return httpx.Response(302, headers={"location": "https://evil.example.com/"})


READS: list[tuple[str, Answer, Failure, bool]] = [
    ("nobody listens", httpx.ConnectError("refused"), Failure.ERP_UNREACHABLE, True),
    ("no connection in time", httpx.ConnectTimeout("slow"), Failure.ERP_UNREACHABLE, True),
    ("connection breaks", httpx.ReadError("broken"), Failure.ERP_UNREACHABLE, True),
    ("server hangs up", httpx.RemoteProtocolError("gone"), Failure.ERP_UNREACHABLE, True),
    ("no answer in time", httpx.ReadTimeout("slow"), Failure.ERP_TIMEOUT, True),
    ("wrong key", page(401), Failure.ERP_AUTHENTICATION, False),
    ("button or method forbidden", page(403), Failure.ERP_FORBIDDEN, False),
    ("no such database", page(404), Failure.ERP_UNREACHABLE, False),
    ("wrong method", page(405), Failure.ERP_FAULT, False),
    ("request timed out", page(408), Failure.ERP_TIMEOUT, True),
    ("rate limit", page(429), Failure.ERP_RATE_LIMIT, True),
    ("our own mistake", page(500, "&#39;nofield&#39;"), Failure.ERP_FAULT, False),
    ("bad gateway", page(502), Failure.ERP_UNREACHABLE, True),
    ("lock or database down", page(503), Failure.ERP_BUSY, True),
    ("gateway time-out", page(504), Failure.ERP_TIMEOUT, True),
    ("refused read", refusal("You are not allowed to access."), Failure.ERP_FORBIDDEN, False),
    ("bad request page", page(400), Failure.ERP_FAULT, False),
    ("400 that lies about JSON", broken_json(400), Failure.ERP_FAULT, False),
    ("redirect", redirect(), Failure.ERP_UNREACHABLE, False),
    ("log-in page with status 200", page(200), Failure.ERP_UNREACHABLE, False),
    ("cut-off JSON", broken_json(200), Failure.ERP_UNREACHABLE, False),
    ("JSON that is no list", httpx.Response(200, json={"id": 1}), Failure.ERP_UNREACHABLE, False),
    ("records without what was asked", httpx.Response(200, json=[{"id": 1}]), Failure.ERP_FAULT, False),
]  # fmt: skip


@pytest.mark.parametrize(("answer", "failure", "repeated"), [row[1:] for row in READS], ids=[row[0] for row in READS])
async def test_reading_the_company(answer: Answer, failure: Failure, repeated: bool) -> None:
    stage = healthy()
    stage.answers["company.company"] = answer
    async with stage.opened(tries=4) as erp:
        with pytest.raises(ErpError) as caught:
            await erp.company()
    problem = caught.value.problem
    assert problem.failure is failure
    assert not caught.value.outcome_unknown
    assert len([request for request in stage.asked if request.url.path.endswith("company.company")]) == (
        4 if repeated else 1
    )
    assert not any(request.url.host == "evil.example.com" for request in stage.asked)
    for told in (problem.text, problem.internal, str(caught.value), repr(caught.value)):
        assert SETTINGS["api_key"] not in told
    assert "<" not in problem.text
    assert "?" not in problem.text


def test_the_table_has_a_row_for_every_outcome() -> None:
    assert set(TABLE) == set(Outcome)


def test_what_may_have_been_done_is_what_got_no_clear_answer() -> None:
    unclear = {outcome for outcome, row in TABLE.items() if row.perhaps_done}
    assert unclear == {
        Outcome.NO_REPLY,
        Outcome.TIMED_OUT,
        Outcome.STRANGE,
        Outcome.GATEWAY,
        Outcome.GATEWAY_TIMED_OUT,
    }


async def test_a_passing_failure_of_a_read_is_waited_out() -> None:
    stage = healthy()
    stage.answers["company.company"] = [page(503), httpx.ReadTimeout("slow"), stage.answers["company.company"]]  # type: ignore[list-item]
    async with stage.opened() as erp:
        assert (await erp.company()).name == "Demo ApS"
    assert len(stage.waited) == 2


async def test_the_server_may_ask_for_a_longer_wait_within_bounds() -> None:
    stage = healthy()
    stage.answers["company.company"] = [
        page(429, **{"Retry-After": "5"}),
        page(429, **{"Retry-After": "86400"}),
        page(429, **{"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}),
        stage.answers["company.company"],  # type: ignore[list-item]
    ]
    async with stage.opened(longest=8.0, first=0.1) as erp:
        await erp.company()
    assert stage.waited[0] >= 5
    assert max(stage.waited) <= 8


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"<html><p>could not obtain lock</p><p>more</p>", "could not obtain lock"),
        (b"<p>&#39;name&#39;\n of <b>it</b></p>", "'name' of it"),
        (b"plain words", "plain words"),
        (b"", ""),
        (b"\xff\xfe<p>", "\ufffd\ufffd"),
    ],
)
def test_pages_are_read_for_operators_only(body: bytes, text: str) -> None:
    assert page_text(body) == text


async def test_a_huge_answer_is_cut_off() -> None:
    stage = healthy()
    stage.answers["company.company"] = httpx.Response(
        200, content=b" " * (33 * 1024 * 1024), headers={"content-type": "application/json"}
    )
    async with stage.opened() as erp:
        with pytest.raises(ErpError, match="too long"):
            await erp.company()
