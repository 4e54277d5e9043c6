"""Cursor paging: complete, without repeats, stable under change, and strict about its parameters."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pleo_sandbox.core.paging import Collection, paginate, read_page_request
from pleo_sandbox.core.problems import Refusal
from tests.contract.desk import Desk, booked

CURSOR = re.compile(r"[A-Z2-7=~]+")
Query = list[tuple[str, str]]


def _rows(count: int, keep: object = None) -> Collection[int]:
    return Collection(
        rows=list(range(count)),
        name=lambda row: f"row-{row}",
        keep=lambda row: keep is None or row in keep,  # type: ignore[operator]
        sortable={"value": lambda row: row, "odd": lambda row: None if row % 2 else row},
    )


def _placed(count: int) -> Collection[int]:
    """The same, all of them shown, that knows where each stands."""
    return replace(_rows(count), keep=None, place=lambda name: int(name.removeprefix("row-")))


def _walk(rows: Collection[int], cap: int, query: Query) -> list[int]:
    seen: list[int] = []
    cursor: Query = []
    for _ in range(len(rows.rows) + 2):
        page, info = paginate(rows, read_page_request([*query, *cursor]), cap)
        assert len(page) <= cap
        seen += page
        if not info["hasNextPage"]:
            return seen
        cursor = [("after", info["endCursor"])]
        assert CURSOR.fullmatch(info["endCursor"])
    raise AssertionError("paging does not end")


@given(count=st.integers(0, 40), cap=st.integers(1, 12), limit=st.none() | st.integers(1, 50))
def test_forward_pages_cover_everything_once(count: int, cap: int, limit: int | None):
    query = [] if limit is None else [("limit", str(limit))]
    assert _walk(_rows(count), cap, query) == list(range(count))


@given(count=st.integers(1, 40), cap=st.integers(1, 12))
def test_backward_pages_cover_everything_before_a_cursor(count: int, cap: int):
    rows = _rows(count)
    seen, info = paginate(rows, read_page_request([("offset", str(count - 1))]), 1)
    while info["hasPreviousPage"]:
        page, info = paginate(rows, read_page_request([("before", info["startCursor"])]), cap)
        assert info["hasNextPage"] is True
        seen = [*page, *seen]
    assert seen == list(range(count))


@given(
    count=st.integers(1, 40),
    start=st.integers(0, 39),
    step=st.sampled_from(["offset", "after", "before"]),
    limit=st.integers(0, 12),
    sorting=st.sampled_from([(), (("sorting_keys", "odd"), ("sorting_order", "DESC"))]),
)
def test_a_list_that_knows_places_gives_the_same_pages(
    count: int, start: int, step: str, limit: int, sorting: tuple[tuple[str, str], ...]
):
    first, info = paginate(_rows(count), read_page_request([("offset", str(start % count)), *sorting]), 1)
    assert first
    where = str(start) if step == "offset" else info["startCursor"]
    request = read_page_request([(step, where), ("limit", str(limit)), *sorting])
    assert paginate(_placed(count), request, 10) == paginate(_rows(count), request, 10)


def test_a_page_of_a_long_list_costs_what_the_page_holds():
    named: list[int] = []
    rows = replace(_placed(100_000), name=lambda row: named.append(row) or f"row-{row}")  # type: ignore[func-returns-value]
    _, info = paginate(rows, read_page_request([("offset", "50000"), ("limit", "5")]), 10)
    page, _ = paginate(rows, read_page_request([("after", info["endCursor"]), ("limit", "5")]), 10)
    assert page == [50_005, 50_006, 50_007, 50_008, 50_009]
    assert len(named) == 4, "the cursors of two pages"


@given(data=st.data(), count=st.integers(1, 30), cap=st.integers(1, 5))
def test_a_filter_that_loses_rows_between_pages_skips_none_of_the_others(data: st.DataObject, count: int, cap: int):
    kept = set(range(count))
    seen: list[int] = []
    cursor: Query = []
    while True:
        page, info = paginate(_rows(count, kept), read_page_request(cursor), cap)
        seen += page
        if not info["hasNextPage"]:
            break
        cursor = [("after", info["endCursor"])]
        kept -= data.draw(st.sets(st.sampled_from(seen)))
    assert seen == list(range(count))


def test_the_envelope_echoes_the_request():
    query = [("limit", "2"), ("sorting_keys", "value"), ("sorting_order", "DESC"), ("statuses", "a"), ("statuses", "b")]
    page, info = paginate(_rows(5), read_page_request(query), 10)
    assert page == [4, 3]
    assert info["total"] == 5
    assert info["currentRequestPagination"] == {
        "limit": 2,
        "sortingKeys": ["value"],
        "sortingOrder": ["DESC"],
        "parameters": {"limit": ["2"], "sorting_keys": ["value"], "sorting_order": ["DESC"], "statuses": ["a", "b"]},
    }


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("ASC", [0, 2, 4, 1, 3]),
        ("ASC_NULLS_FIRST", [1, 3, 0, 2, 4]),
        ("DESC", [1, 3, 4, 2, 0]),
        ("DESC_NULLS_LAST", [4, 2, 0, 1, 3]),
    ],
)
def test_rows_without_a_value_are_sorted_as_asked(order: str, expected: list[int]):
    page, _ = paginate(_rows(5), read_page_request([("sorting_keys", "odd"), ("sorting_order", order)]), 10)
    assert page == expected


@pytest.mark.parametrize(
    ("offset", "expected", "previous", "following"),
    [("0", [0, 1], False, True), ("3", [3, 4], True, False), ("9", [], True, False)],
)
def test_an_offset_skips_rows(offset: str, expected: list[int], previous: bool, following: bool):
    page, info = paginate(_rows(5), read_page_request([("offset", offset)]), 2)
    assert (page, info["hasPreviousPage"], info["hasNextPage"]) == (expected, previous, following)


@pytest.mark.parametrize(
    "query",
    [
        [("after", "AB"), ("before", "AB")],
        [("after", "AB"), ("offset", "1")],
        [("after", "lower")],
        [("after", "")],
        [("before", "A1")],
        [("limit", "-1")],
        [("limit", "many")],
        [("limit", "1"), ("limit", "2")],
        [("offset", "1.5")],
        [("limit", "9999999999")],
        [("sorting_keys", "value")],
        [("sorting_order", "ASC")],
        [("sorting_keys", "value"), ("sorting_order", "UP")],
        [("sorting_keys", "colour"), ("sorting_order", "ASC")],
        [("after", "MFRGG~AAAAAAAA")],
    ],
)
def test_bad_paging_is_refused(query: Query):
    with pytest.raises(Refusal) as problem:
        paginate(_rows(3), read_page_request(query), 2)
    assert problem.value.status == 400


def test_a_cursor_does_not_travel_to_another_query():
    _, info = paginate(_rows(5), read_page_request([]), 2)
    with pytest.raises(Refusal):
        paginate(_rows(5), read_page_request([("after", info["endCursor"]), ("statuses", "pending")]), 2)


@pytest.mark.parametrize("name", ["A", "77777777", "ON2HEYLOM5SXE==="])
def test_a_cursor_that_names_no_row_is_refused(name: str):
    _, info = paginate(_rows(5), read_page_request([]), 2)
    sealed = info["endCursor"].partition("~")[2]
    with pytest.raises(Refusal):
        paginate(_rows(5), read_page_request([("after", f"{name}~{sealed}")]), 2)


@pytest.mark.parametrize(("step", "edge"), [("after", "endCursor"), ("before", "startCursor")])
def test_beyond_the_edge_there_is_an_empty_page(step: str, edge: str):
    _, info = paginate(_rows(2), read_page_request([]), 2)
    page, beyond = paginate(_rows(2), read_page_request([(step, info[edge])]), 2)
    assert page == []
    assert (beyond["hasNextPage"], beyond["hasPreviousPage"]) == (step == "before", step == "after")


def test_limit_zero_gives_an_empty_page():
    page, info = paginate(_rows(5), read_page_request([("limit", "0")]), 2)
    assert (page, info["hasNextPage"], "endCursor" in info) == ([], True, False)


async def test_the_server_caps_every_page(connected: Desk):
    job = await connected.started("type")
    path = f"/v3/export-jobs/{job['id']}/items"
    first = (await connected.pleo.get(path, params={"limit": 100})).json()
    assert (len(first["data"]), first["pagination"]["total"]) == (3, 17)
    updates = [booked(item["accountingEntryId"]) for item in first["data"]]
    filtered = (await connected.pleo.get(path, params={"status": "pending"})).json()
    await connected.report(job["id"], *updates)
    after = {"status": "pending", "after": filtered["pagination"]["endCursor"]}
    second = (await connected.pleo.get(path, params=after)).json()
    ids = [item["accountingEntryId"] for item in job["items"]]
    assert [item["accountingEntryId"] for item in second["data"]] == ids[3:6]
