"""The face towards browsers and strangers: nothing is redirected, planted, framed, kept or told that should not be."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest
from fastapi import APIRouter, FastAPI

from ledgerbridge.app import app_of
from ledgerbridge.ops.logging import configure
from ledgerbridge.web.console.doors import ConsoleRoute, SignedInCustomer, csrf_of
from ledgerbridge.web.limiting import ALLOWED, Limiter
from ledgerbridge.web.middleware import CONTENT_SECURITY_POLICY
from tests.integration.web.conftest import TOKEN, Face
from tests.integration.web.guarded import Guard, guarded
from tests.integration.web.mailbox import Box, export_event
from tests.integration.web.two_companies import content

OPEN_TO_CHANGE = {"POST /webhooks/pleo/{subscription_token}", "POST /admin/sign-in"}
"""Believed for a signature over the body, and for the token in the form."""
OPEN_PAGES = {
    "POST /admin/sign-in", "GET /admin/sign-in", "GET /admin/sign-in/provider", "GET /admin/sign-in/back",
    "GET /settings", "GET /settings/sign-in",
}  # fmt: skip
"""Doors, and the page that says how to come in."""


def paths(face: Face) -> list[tuple[str, str]]:
    """Every route with a method of its, from the app itself."""
    documented = app_of(face.services).openapi()["paths"]
    found = [(method.upper(), path) for path, methods in documented.items() for method in methods]
    assert len(found) > 25
    return found


async def answers(face: Face, **headers: str) -> list[httpx.Response]:
    """What a stranger gets everywhere, errors and what is not there included."""
    filled = [(method, path.replace("{", "").replace("}", "")) for method, path in paths(face)]
    odd = [("GET", "/nothing"), ("GET", "/"), ("TRACE", "/connect"), ("POST", "/settings"), ("GET", "/assets/../x"),
           ("GET", "/assets/ledgerbridge.css"), ("OPTIONS", "/admin/api/audit"), ("GET", "//evil.example/"),
           ("GET", "/%2f%2fevil.example"), ("GET", "/openapi.json"), ("GET", "/docs")]  # fmt: skip
    found = [await face.anybody.request(method, path, headers=headers) for method, path in [*filled, *odd]]
    large = {**headers, "content-length": "99999999", "content-type": "application/json"}
    found.append(await face.admin.put("/admin/api/connections/x/config", content=b"{}", headers=large))
    assert found[-1].status_code == 413
    return found


async def test_every_answer_binds_the_browser_and_only_the_stylesheet_is_kept(face: Face) -> None:
    for answer in await answers(face):
        headers, where = answer.headers, f"{answer.request.method} {answer.request.url.path} {answer.status_code}"
        assert headers["content-security-policy"] == CONTENT_SECURITY_POLICY, where
        assert headers["x-frame-options"] == "DENY", where
        assert headers["x-content-type-options"] == "nosniff", where
        assert headers["referrer-policy"] == "same-origin", where
        assert headers["cross-origin-opener-policy"] == "same-origin", where
        assert headers["cross-origin-resource-policy"] == "same-origin", where
        kept = "public, no-cache" if answer.url.path.endswith(".css") and answer.is_success else "no-store"
        assert headers["cache-control"] == kept, where
        assert "server" not in headers, where
        assert "access-control-allow-origin" not in headers, where


async def test_no_error_tells_of_our_insides(face: Face) -> None:
    for answer in await answers(face):
        text = answer.text.replace("/assets/ledgerbridge", "").lower()
        for word in ("traceback", "/ledgerbridge/", "site-packages", "sqlalchemy", "psycopg", "starlette", "fastapi"):
            assert word not in text, answer.url
        page = answer.headers.get("content-type", "").startswith("text/html")
        if answer.is_error and not page and answer.url.path != "/readyz":
            assert answer.headers["content-type"] == "application/problem+json", answer.url


async def test_no_host_but_our_own_and_pleos_appears_in_an_answer(face: Face) -> None:
    lies = {"host": "evil.example", "x-forwarded-host": "evil.example", "x-forwarded-proto": "gopher",
            "forwarded": "host=evil.example", "x-original-url": "/evil.example"}  # fmt: skip
    ours = {urlsplit(face.services.settings.public_url).netloc, urlsplit(face.pleo.url).netloc, ""}
    for answer in await answers(face, **lies):
        assert "evil.example" not in answer.text
        assert "evil.example" not in str(answer.headers)
        assert urlsplit(answer.headers.get("location", "")).netloc in ours


@pytest.mark.parametrize(
    "query",
    ["next=https://evil.example", "redirect_uri=https://evil.example/cb", "return_to=//evil.example",
     "url=/\\evil.example", "state=x%0d%0aLocation:%20https://evil.example", "x=%0d%0aSet-Cookie:%20planted=1",
     "code=%00&state=%00"],
)  # fmt: skip
async def test_no_parameter_sends_a_browser_elsewhere_or_plants_a_header(face: Face, query: str) -> None:
    for path in ("/connect", "/oauth/callback", "/settings"):
        answer = await face.anybody.get(f"{path}?{query}")
        location = answer.headers.get("location", "")
        assert "evil" not in location
        assert "planted" not in str(answer.headers)
        if path == "/connect":
            assert location.startswith(f"{face.pleo.url}/oauth/authorize?")
            wanted = f"{face.services.settings.public_url}/oauth/callback"
            assert parse_qs(urlsplit(location).query)["redirect_uri"] == [wanted]
        else:
            assert location == ""


def test_no_cookie_alone_can_change_anything(face: Face) -> None:
    """What changes things asks for a token, a signature, or a form that only a page of this session holds."""
    found = list(guarded(app_of(face.services)))
    assert len(found) > 30
    assert {one.guard for one in found if one.unsafe} >= {Guard.TOKEN, Guard.OPERATOR}
    assert {one.name for one in found if one.unsafe and one.guard is Guard.NONE} == OPEN_TO_CHANGE
    assert {one.name for one in found if one.guard is Guard.NONE and one.path.startswith(("/settings", "/admin"))} <= (
        OPEN_PAGES
    )
    # The API names every route it has; pages and their forms are in no document.
    documented = set(paths(face))
    listed = {one.name for one in found if (one.method, one.path) in documented}
    assert {one.name for one in found if one.guard is Guard.TOKEN} <= listed
    assert not {one.name for one in found if one.guard in (Guard.CUSTOMER, Guard.OPERATOR) and one.unsafe} & listed


def test_a_page_is_recognised_by_what_it_asks_for() -> None:
    """What the tests of the doors rest on: a route that asks nobody for anything counts as open."""
    router = APIRouter(route_class=ConsoleRoute)

    @router.post("/settings/guarded")
    async def with_door(_customer: SignedInCustomer) -> None: ...

    @router.post("/settings/open")
    async def without_door() -> None: ...

    plain = APIRouter()

    @plain.post("/settings/plain")
    async def without_page(_customer: SignedInCustomer) -> None: ...

    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    app.include_router(router)
    app.include_router(plain)
    assert [one.guard for one in guarded(app)] == [Guard.CUSTOMER, Guard.NONE, Guard.NONE]


async def test_every_form_refuses_what_is_not_from_our_own_page(face: Face) -> None:
    """No session, none or another session's token in the form, another site's origin: nothing happens."""
    await face.connect()
    customer, operator = face.browser, face.operator
    await face.sign_in_operator()
    own = {Guard.CUSTOMER: (customer, "ledgerbridge_session"), Guard.OPERATOR: (operator, "ledgerbridge_admin")}
    app = app_of(replace(face.services, limiter=Limiter(allowed=dict.fromkeys(ALLOWED, "1000000/minute"))))
    before = await content(face.services.db)
    for one in guarded(app):
        if not one.unsafe or one.guard not in own:
            continue
        where = one.filled({})
        browser, cookie = own[one.guard]
        csrf = csrf_of(browser.cookies[cookie])
        (other,) = (csrf_of(theirs.cookies[name]) for kind, (theirs, name) in own.items() if kind is not one.guard)
        stranger = await face.anybody.request(one.method, where, data={"csrf": csrf})
        assert stranger.status_code == (401 if one.guard is Guard.CUSTOMER else 303), one.name
        forged: list[tuple[dict[str, str], dict[str, str]]] = [
            ({}, {}),
            ({"csrf": ""}, {}),
            ({"csrf": "\udc80é"}, {}),
            ({"csrf": other}, {}),
            ({"csrf": csrf}, {"origin": "https://evil.example"}),
            ({"csrf": csrf}, {"origin": "null"}),
            ({"csrf": csrf}, {"sec-fetch-site": "cross-site"}),
            ({"csrf": csrf}, {"sec-fetch-site": "same-site"}),
        ]
        for form, headers in forged:
            sent = urlencode(form, errors="surrogateescape").encode()
            told = {"content-type": "application/x-www-form-urlencoded", **headers}
            answer = await browser.request(one.method, where, content=sent, headers=told)
            assert answer.status_code == 403, (one.name, form.keys(), headers, answer.text)
            assert csrf not in answer.text
    assert await content(face.services.db) == before


@pytest.mark.parametrize("headers", [{"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}])
async def test_no_other_site_signs_a_browser_in(face: Face, headers: dict[str, str]) -> None:
    """Or an operator would work, without knowing it, under somebody else's name."""
    answer = await face.operator.post("/admin/sign-in", data={"token": TOKEN}, headers=headers)
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


async def test_a_signed_in_browser_is_nobody_to_the_admin_api(face: Face) -> None:
    connection = await face.connect()
    for method, path in paths(face):
        if path.startswith("/admin/api/"):
            answer = await face.browser.request(method, path.replace("{connection_id}", connection))
            assert answer.status_code == 401, (method, path)
    assert (await face.browser.get("/settings")).status_code == 200


async def test_a_planted_session_is_never_taken_over_and_the_old_one_ends(face: Face) -> None:
    face.browser.cookies.set("ledgerbridge_session", "planted-by-somebody", domain="127.0.0.1")
    await face.connect()
    first = {
        one.value
        for one in face.browser.cookies.jar
        if one.name == "ledgerbridge_session" and one.value != "planted-by-somebody"
    }
    assert len(first) == 1
    face.browser.cookies.clear()
    face.browser.cookies.set("ledgerbridge_session", *first)
    assert (await face.browser.get("/settings")).status_code == 200
    pressed = await face.browser.get("/connect")
    back = await face.browser.get(face.pleo.decide(pressed.headers["location"]))
    assert back.status_code == 303
    second = back.cookies["ledgerbridge_session"]
    assert {second} != first
    for token, status in ((second, 200), (*first, 401), ("planted-by-somebody", 401)):
        page = await face.anybody.get("/settings", headers={"cookie": f"ledgerbridge_session={token}"})
        assert page.status_code == status


async def test_the_session_is_out_of_reach_of_scripts_and_of_other_sites(face: Face) -> None:
    pressed = await face.browser.get("/connect")
    back = await face.browser.get(face.pleo.decide(pressed.headers["location"]))
    (cookie,) = (one for one in back.headers.get_list("set-cookie") if one.startswith("ledgerbridge_session="))
    attributes = {part.strip().partition("=")[0].lower(): part.partition("=")[2] for part in cookie.split(";")[1:]}
    assert attributes.keys() == {"httponly", "samesite", "path", "max-age"}
    assert (attributes["samesite"], attributes["path"]) == ("lax", "/")
    assert 0 < int(attributes["max-age"]) <= 8 * 3600
    assert len(cookie.partition("=")[2].partition(";")[0]) >= 43, "256 bits"


@pytest.mark.rule("AUTH-022", "AUTH-024")
async def test_the_code_of_one_attempt_is_worth_nothing_in_another(face: Face) -> None:
    """A code slipped into somebody's own attempt fails at Pleo: it was asked for with another verifier."""
    first, second = [await face.browser.get("/connect") for _ in range(2)]
    sent = [parse_qs(urlsplit(one.headers["location"]).query) for one in (first, second)]
    assert sent[0]["code_challenge"] != sent[1]["code_challenge"]
    assert {one["code_challenge_method"][0] for one in sent} == {"S256"}
    stolen = parse_qs(urlsplit(face.pleo.decide(first.headers["location"])).query)
    page = await face.browser.get("/oauth/callback", params={"code": stolen["code"][0], "state": sent[1]["state"][0]})
    assert page.status_code == 400
    assert (await face.admin.get("/admin/api/connections")).json()["data"] == []


async def test_an_unknown_method_makes_no_metric_of_its_own(face: Face) -> None:
    for number in range(20):
        answer = await face.anybody.request(f"METHOD{number}", "/connect")
        assert answer.status_code == 405
    shown = (await face.anybody.get("/metrics")).text
    assert "METHOD" not in shown
    assert 'method="other"' in shown


@pytest.mark.parametrize("log_format", ["json", "console"])
async def test_a_stranger_writes_no_line_of_the_log(box: Box, log_format: str) -> None:
    stream = io.StringIO()
    configure("INFO", log_format, stream)  # type: ignore[arg-type]
    nasty = "\x1b[2J\u2028 2026-01-01T00:00:00Z [info] forged \u202e"
    face = box.face
    await face.anybody.get("/connect", headers={"x-request-id": "forged\tforged", "user-agent": b"x\x85forged"})
    await face.anybody.get("/oauth/callback", params={"error": nasty, "state": nasty})
    await face.anybody.request("FORGED", "/connect")
    event = json.loads(export_event())
    event["eventType"] = f"v9.{nasty}\n2026 [info] forged\r\n"
    assert (await box.send(json.dumps(event).encode())).status_code == 202
    lines = stream.getvalue().split("\n")
    assert lines.pop() == ""
    assert len(lines) >= 4
    for line in lines:
        assert line.isprintable(), line
        assert line.startswith("{" if log_format == "json" else "20")
