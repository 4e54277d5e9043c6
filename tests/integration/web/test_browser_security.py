"""The face towards browsers and strangers: nothing is redirected, planted, framed, kept or told that should not be."""

from __future__ import annotations

import io
import json
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from fastapi.routing import APIRoute
from starlette.routing import Mount

from ledgerbridge.app import app_of
from ledgerbridge.ops.logging import configure
from ledgerbridge.web.admin.auth import AdminRoute
from ledgerbridge.web.middleware import CONTENT_SECURITY_POLICY
from tests.integration.web.conftest import Face
from tests.integration.web.mailbox import Box, export_event

UNSAFE = {"POST", "PUT", "PATCH", "DELETE"}
WEBHOOK = "/webhooks/pleo/{subscription_token}"


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
        assert headers["referrer-policy"] == "no-referrer", where
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


def test_no_cookie_can_change_anything(face: Face) -> None:
    """No forged request can use a browser's session: what changes things asks for a token or a signature instead."""
    unguarded = []
    for route in app_of(face.services).routes:
        methods = set(getattr(route, "methods", None) or ())
        if isinstance(route, Mount) or not methods & UNSAFE:
            continue
        assert isinstance(route, APIRoute)
        if not isinstance(route, AdminRoute) and route.path != WEBHOOK:
            unguarded.append(route.path)
    assert unguarded == []
    changing = {(method, path) for method, path in paths(face) if method in UNSAFE}
    assert changing
    assert all(path.startswith("/admin/api/") or path == WEBHOOK for _, path in changing)


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
