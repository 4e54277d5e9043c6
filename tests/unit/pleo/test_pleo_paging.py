"""Every page of a list, or an error."""

from __future__ import annotations

import httpx
import pytest

from ledgerbridge.pleo.errors import UnreadableAnswer
from ledgerbridge.pleo.paging import pages
from ledgerbridge.pleo.transport import Call

LIST = Call("getExportJobsListV3", "GET", "/v3/export-jobs", [("statuses", "pending"), ("statuses", "in_progress")])


def ok(body: object) -> httpx.Response:
    return httpx.Response(200, json=body)


@pytest.mark.rule("LIMIT-020", "LIMIT-021", "LIMIT-023", "EXP-DETECT-09")
async def test_pages_are_read_to_the_end_with_the_cursor_unchanged(stage, sample) -> None:
    stage.answers(ok(sample.page(1, 2, after="GI3=~")), ok(sample.page(after="GI4")), ok(sample.page(3, total=3)))
    read = [page async for page in pages(stage.client, LIST, limit=2)]
    assert [page.data for page in read] == [(1, 2), (), (3,)]
    assert read[-1].total == 3
    asked = [request.url.params.multi_items() for request in stage.requests]
    common = [("statuses", "pending"), ("statuses", "in_progress"), ("limit", "2")]
    assert asked == [common, [*common, ("after", "GI3=~")], [*common, ("after", "GI4")]]
    assert b"after=GI3%3D~" in stage.requests[1].url.query


@pytest.mark.rule("LIMIT-021")
async def test_an_empty_page_without_cursors_is_the_end(stage, sample) -> None:
    body = sample.page()
    assert "endCursor" not in body["pagination"]
    stage.answers(ok(body))
    assert [page.data async for page in pages(stage.client, LIST)] == [()]
    assert stage.requests[0].url.params["limit"] == "100"


@pytest.mark.rule("LIMIT-020")
@pytest.mark.parametrize("cursor", [None, "", 7])
async def test_a_next_page_without_a_cursor_is_an_error_not_an_end(stage, sample, cursor) -> None:
    body = sample.page(1, after="A")
    body["pagination"]["endCursor"] = cursor
    stage.answers(ok(body))
    with pytest.raises(UnreadableAnswer, match="endCursor"):
        [page async for page in pages(stage.client, LIST)]


@pytest.mark.parametrize("cursors", [["A", "A"], ["A", "B", "A"]])
async def test_a_cursor_that_comes_again_is_no_endless_loop(stage, sample, cursors) -> None:
    stage.answers(*(ok(sample.page(1, after=cursor)) for cursor in cursors))
    with pytest.raises(UnreadableAnswer, match="twice"):
        [page async for page in pages(stage.client, LIST)]


@pytest.mark.parametrize(
    "body",
    [
        [],
        None,
        {},
        {"data": []},
        {"data": None, "pagination": {"hasNextPage": False}},
        {"data": {}, "pagination": {"hasNextPage": False}},
        {"data": [], "pagination": {}},
        {"data": [], "pagination": {"hasNextPage": "false"}},
    ],
)
async def test_what_is_no_page_is_an_error(stage, body) -> None:
    stage.answers(ok(body))
    with pytest.raises(UnreadableAnswer):
        [page async for page in pages(stage.client, LIST)]
