"""Whoever calls with another company's ids gets nothing of it, changes nothing, and does not learn that it exists.

Every route of the OpenAPI document is tried; one that is added without a line here fails the first test (invariant 7).
"""

from __future__ import annotations

import hashlib
import re
import uuid
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from sqlalchemy import text

from ledgerbridge.web import application
from tests.integration.web.conftest import TOKEN
from tests.integration.web.mailbox import JSON, Box, export_event
from tests.integration.web.two_companies import Company, Two, content
from tests.support.rig import CONFIGURATION


@dataclass(frozen=True)
class Route:
    """How a route is called so that nothing but the caller and the ids can be wrong."""

    body: Any = None
    query: Mapping[str, str] = field(default_factory=dict)


FILTERED = {"connection": "{connection_id}"}
ADMIN = {
    "GET /connections": Route(),
    "POST /connections": Route({"api_key": "a key of nobody's"}),
    "GET /connections/{connection_id}": Route(),
    "DELETE /connections/{connection_id}": Route(),
    "PUT /connections/{connection_id}/api-key": Route({"api_key": "a key of nobody's"}),
    "PUT /connections/{connection_id}/erp": Route({"kind": "double", "settings": {}}),
    "GET /connections/{connection_id}/config": Route(),
    "PUT /connections/{connection_id}/config": Route(CONFIGURATION),
    "GET /connections/{connection_id}/config/versions": Route(),
    "POST /connections/{connection_id}/activate": Route(),
    "POST /connections/{connection_id}/pause": Route({"reason": "We look into it."}),
    "POST /connections/{connection_id}/resume": Route(),
    "POST /connections/{connection_id}/exports": Route(),
    "POST /connections/{connection_id}/preview": Route({}),
    "POST /connections/{connection_id}/syncs/{kind}": Route({}),
    "GET /sync-runs": Route(query=FILTERED),
    "GET /sync-runs/{run_id}": Route(),
    "POST /sync-runs/{run_id}/confirm": Route(),
    "GET /connections/{connection_id}/warnings": Route(),
    "GET /connections/{connection_id}/vendors": Route(),
    "POST /connections/{connection_id}/vendors/{pleo_id}/resolve": Route({"action": "create"}),
    "GET /connections/{connection_id}/files": Route(),
    "GET /connections/{connection_id}/files/{file_id}": Route(),
    "GET /connections/{connection_id}/files/{file_id}/content": Route(),
    "GET /connections/{connection_id}/files/{file_id}/receipts": Route(),
    "POST /connections/{connection_id}/files/{file_id}/hand-over": Route(),
    "POST /connections/{connection_id}/files/{file_id}/fetched": Route(),
    "GET /export-jobs": Route(query=FILTERED),
    "GET /export-jobs/{job_id}": Route(),
    "GET /export-jobs/{job_id}/items": Route(),
    "POST /export-jobs/{job_id}/items/{entry_id}/resolve": Route({"action": "probe"}),
    "GET /webhook-deliveries": Route(query=FILTERED),
    "POST /webhook-deliveries/replay": Route({"from": "2026-01-01T00:00:00Z", "to": "2026-01-02T00:00:00Z"}),
    "GET /audit": Route(query=FILTERED),
    "GET /invariants": Route(),
}
OTHERS = {
    "POST /webhooks/pleo/{subscription_token}": "test_a_delivery_needs_the_secret_of_the_very_path_it_comes_on",
    "GET /connect": "test_the_state_of_one_browser_connects_nothing_in_another",
    "GET /oauth/callback": "test_the_state_of_one_browser_connects_nothing_in_another",
    "GET /settings": "test_a_signed_in_browser_sees_its_own_company_whatever_it_asks_for",
    "GET /healthz": "test_what_needs_no_login_tells_of_no_company",
    "GET /readyz": "test_what_needs_no_login_tells_of_no_company",
    "GET /metrics": "test_what_needs_no_login_tells_of_no_company",
}
PAGED = [route for route in ADMIN if route in {
    "GET /connections/{connection_id}/config/versions", "GET /connections/{connection_id}/warnings",
    "GET /connections/{connection_id}/vendors", "GET /connections/{connection_id}/files",
    "GET /export-jobs/{job_id}/items", "GET /sync-runs",
    "GET /export-jobs", "GET /webhook-deliveries", "GET /audit",
}]  # fmt: skip
"""Lists of one company."""
_OWN_TO_A_REQUEST = re.compile(r'"(request_id|instance)":\s*"[^"]*",?')


def document() -> dict[str, Any]:
    return dict(application.build(None, secure=True).openapi()["paths"])


def test_every_route_is_tried() -> None:
    routes = {f"{method.upper()} {path}" for path, methods in document().items() for method in methods}
    assert routes - {name.replace(" /", " /admin/api/", 1) for name in ADMIN} == set(OTHERS)
    assert set(OTHERS.values()) <= set(globals())


def test_every_list_of_one_company_is_paged_through() -> None:
    lists = {
        f"{method.upper()} {path.removeprefix('/admin/api')}"
        for path, methods in document().items()
        for method, route in methods.items()
        if "cursor" in {one["name"] for one in route.get("parameters", [])}
    }
    assert lists - {"GET /connections"} == set(PAGED)


async def test_strangers_learn_nothing_and_change_nothing(two: Two) -> None:
    """Another company's signed-in browser is a stranger to the admin API like anybody else."""
    strangers = {
        "nobody": two.caller(),
        "a wrong token": two.caller(authorization="Bearer " + "x" * len(TOKEN)),
        "the hash of the token": two.caller(authorization=f"Bearer {hashlib.sha256(TOKEN.encode()).hexdigest()}"),
        "the token without its scheme": two.caller(authorization=TOKEN),
        "another company's browser": two.caller(cookie=two.mine.session),
        "a session as a token": two.caller(authorization=f"Bearer {two.mine.session}"),
    }
    before = await content(two.face.services.db)
    unknown = Company("nobodys")
    for who, caller in strangers.items():
        for name in ADMIN:
            existing, missing = [await call(caller, name, one.ids) for one in (two.theirs, unknown)]
            assert existing.status_code == 401, (who, name, existing.text)
            assert shown(existing) == shown(missing), (who, name)
            assert two.theirs.shown_in(existing.text) == [], (who, name)
    assert await content(two.face.services.db) == before


async def test_an_administrator_reaches_rows_by_the_path_that_leads_to_them_alone(two: Two) -> None:
    """Ids of two companies mixed in one path are answered like ids of nobody.

    A vendor is looked for among the first company's, at Pleo too, which knows none of these companies.
    """
    admin, unknown = two.administrator(), Company("nobodys")
    before = await content(two.face.services.db, of=two.theirs)
    mixed = [name for name in ADMIN if name.count("{") > 1 and "{kind}" not in name]
    assert len(mixed) == 7
    for name in mixed:
        second = re.findall(r"\{(\w+)\}", name)[1]
        asked = {**two.mine.ids, second: two.theirs.ids[second]}
        nobodys = {**two.mine.ids, second: unknown.ids[second]}
        answer = await call(admin, name, asked)
        assert answer.status_code == (409 if "vendors" in name else 404), (name, answer.text)
        assert shown(answer) == shown(await call(admin, name, nobodys)).replace(unknown.ids[second], asked[second])
        assert two.theirs.shown_in(answer.text.replace(asked[second], "")) == []
    assert await content(two.face.services.db, of=two.theirs) == before


@pytest.mark.parametrize("name", PAGED)
async def test_a_list_of_one_company_shows_all_of_it_and_nothing_of_another(two: Two, name: str) -> None:
    admin = two.administrator()
    pages = [page async for page in through(admin, name, two.mine)]
    assert len(pages) > 1, "one page: no cursor was tried"
    assert [two.theirs.shown_in(page.text) for page in pages] == [[]] * len(pages)
    assert two.mine.shown_in(pages[0].text)
    alone = await call(admin, name, two.mine.ids, limit="200")
    assert [row for page in pages for row in page.json()["data"]] == alone.json()["data"]


@pytest.mark.parametrize("name", PAGED)
async def test_a_cursor_of_one_company_opens_no_list_of_another(two: Two, name: str) -> None:
    admin = two.administrator()
    cursor = (await call(admin, name, two.mine.ids, limit="1")).json()["next_cursor"]
    assert cursor
    swapped = await call(admin, name, two.theirs.ids, cursor=cursor)
    assert swapped.status_code == 400, swapped.text
    assert two.theirs.shown_in(swapped.text.replace(str(two.theirs.connection_id), "")) == []
    whole = dict(ADMIN[name].query)
    if whole:
        of_all = await admin.get(f"/admin/api{name.removeprefix('GET ')}", params={"cursor": cursor})
        assert of_all.status_code == 400, "a cursor of one company continued the list of all"


async def test_a_signed_in_browser_sees_its_own_company_whatever_it_asks_for(two: Two) -> None:
    browser = two.caller(cookie=two.mine.session)
    theirs = two.theirs.ids
    plain = await browser.get("/settings")
    assert plain.status_code == 200
    assert two.mine.shown_in(plain.text)
    for asked in ({}, theirs, {"connection": theirs["connection_id"]}, {"company_id": two.theirs.company_id}):
        page = await browser.get("/settings", params=asked, headers={"x-connection-id": theirs["connection_id"]})
        assert page.text == plain.text
        assert two.theirs.shown_in(page.text) == []


async def test_the_page_of_a_company_counts_the_items_of_its_jobs(two: Two) -> None:
    page = await two.caller(cookie=two.mine.session).get("/settings")
    assert "2 items: 1 booked, 1 failed" in page.text


async def test_a_session_that_is_not_one_is_signed_in_to_nothing(two: Two) -> None:
    async with two.face.services.db.reading() as session:
        (stored,) = (await session.execute(text("select token_hash from browser_sessions limit 1"))).one()
    pages = []
    for cookie in (None, "", "x" * 43, stored.hex(), str(two.mine.connection_id), two.mine.session[:-1]):
        page = await two.caller(cookie=cookie).get("/settings")
        assert page.status_code == 401
        assert two.mine.shown_in(page.text) + two.theirs.shown_in(page.text) == []
        pages.append(page.text)
    assert len(set(pages)) == 1


async def test_a_delivery_needs_the_secret_of_the_very_path_it_comes_on(two: Two) -> None:
    mine = Box(two.face, two.mine.connection_id, two.mine.path_token, two.mine.secret)
    before = await content(two.face.services.db)
    body = export_event(two.mine.company_id)
    by_their_secret = mine.signed(body, secret=two.theirs.secret)
    anybody = two.caller()
    assert (await anybody.post(mine.path, content=body, headers=by_their_secret)).status_code == 401
    assert (await anybody.post(mine.path, content=body, headers=JSON)).status_code == 401
    not_there = await anybody.post("/webhooks/pleo/" + "x" * 43, content=body, headers=mine.signed(body))
    assert not_there.status_code == 404
    assert await content(two.face.services.db) == before
    looks = await mine.looks_waiting()
    of_them = export_event(two.theirs.company_id)
    told = await anybody.post(mine.path, content=of_them, headers=mine.signed(of_them))
    assert told.json() == {"result": "mismatch"}
    assert await mine.looks_waiting() == looks, "a delivery that names another company made work"


async def test_the_state_of_one_browser_connects_nothing_in_another(two: Two) -> None:
    """Nor does coming back take anybody's session away, or leave one behind."""
    first, second = two.caller(cookie=two.mine.session), two.caller(cookie=two.theirs.session)
    before = await content(two.face.services.db, without=("connect_attempts",))
    pressed = await first.get("/connect")
    assert (await second.get("/connect")).status_code == 302
    state = parse_qs(urlsplit(pressed.headers["location"]).query)["state"][0]
    for browser in (second, two.caller()):
        back = await browser.get("/oauth/callback", params={"state": state, "code": "a code"})
        assert back.status_code == 403, back.text
        assert "ledgerbridge_session" not in back.headers.get("set-cookie", "")
    assert await content(two.face.services.db, without=("connect_attempts",)) == before
    still = await first.get("/oauth/callback", params={"state": state, "error": "access_denied"})
    assert "not" in still.text
    assert still.status_code == 403
    reused = await first.get("/oauth/callback", params={"state": state, "code": "a code"})
    assert reused.status_code == 409, "the state was not used up by its own browser"


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics", "/openapi.json", "/docs"])
async def test_what_needs_no_login_tells_of_no_company(two: Two, path: str) -> None:
    answer = await two.caller().get(path)
    assert two.mine.shown_in(answer.text) + two.theirs.shown_in(answer.text) == []


# ------------------------------------------------------------------ calling and comparing


async def call(caller: httpx.AsyncClient, name: str, ids: Mapping[str, str], **query: str) -> httpx.Response:
    method, path = name.split(" ", 1)
    route = ADMIN[name]
    asked = {key: value.format(**ids) for key, value in route.query.items()} | query
    body = {"json": route.body} if route.body is not None else {}
    return await caller.request(method, f"/admin/api{path.format(**ids)}", params=asked, **body)


async def through(caller: httpx.AsyncClient, name: str, one: Company) -> AsyncIterator[httpx.Response]:
    """Every page of a list, a row each."""
    query = {"limit": "1"}
    while True:
        page = await call(caller, name, one.ids, **query)
        assert page.status_code == 200, page.text
        yield page
        if page.json()["next_cursor"] is None:
            return
        query["cursor"] = page.json()["next_cursor"]


def shown(answer: httpx.Response) -> str:
    """Status, headers and body without what names this very request."""
    own = ("x-request-id", "date")
    headers = {name: value for name, value in answer.headers.items() if name not in own}
    return f"{answer.status_code} {headers} {_OWN_TO_A_REQUEST.sub('', answer.text)}"


def test_ids_of_nobody_lead_nowhere() -> None:
    """What the comparisons rest on: two companies have no id in common."""
    one, other = Company("one"), Company("other")
    same = {name for name, value in one.ids.items() if value == other.ids[name]}
    assert same == {"kind"}
    assert all(isinstance(one, uuid.UUID) for one in (other.connection_id, other.job_id, other.run_id))
