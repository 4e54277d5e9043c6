"""What a customer's browser sees from pressing Connect to the settings page."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from ledgerbridge.app import app_of, running
from ledgerbridge.store.embedded import EmbeddedPostgres
from tests.integration.web.conftest import Face, Pleo, settings_for


@pytest.mark.rule("AUTH-014", "AUTH-021")
async def test_connect_needs_no_login_and_ignores_whatever_the_address_says(face: Face) -> None:
    for query in ("", "?company=x&lang=da&state=forged&client_id=other", "?%00=%ff"):
        answer = await face.anybody.get(f"/connect{query}")
        assert answer.status_code == 302
        sent = parse_qs(urlsplit(answer.headers["location"]).query)
        assert sent["redirect_uri"] == [f"{face.services.settings.public_url}/oauth/callback"]
        assert sent["client_id"] == [face.services.settings.pleo_client_id]
        assert sent["state"] != ["forged"]
        assert answer.headers["cache-control"] == "no-store"


async def test_the_connecting_cookie_is_out_of_reach_of_scripts_and_other_sites(face: Face) -> None:
    cookie = (await face.browser.get("/connect")).headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Max-Age=600" in cookie
    assert "Secure" not in cookie, "on localhost over HTTP a secure cookie would be lost"


@pytest.mark.rule("AUTH-010", "AUTH-015", "AUTH-027")
async def test_allowing_access_leads_to_the_settings_of_the_company(face: Face) -> None:
    pressed = await face.browser.get("/connect")
    back = await face.browser.get(face.pleo.decide(pressed.headers["location"]))
    assert (back.status_code, back.headers["location"]) == (303, "/settings")
    assert "HttpOnly" in back.headers["set-cookie"]
    page = await face.browser.get("/settings")
    assert page.status_code == 200
    assert "Connect the accounting system." in page.text
    assert "Demo" in page.text
    (connection,) = (await face.admin.get("/admin/api/connections")).json()["data"]
    assert connection["auth_method"] == "oauth"
    reads = face.pleo.requests("GET", "/v1/installations/me")
    assert reads
    assert all(dict(one.headers)["authorization"].startswith("Bearer") for one in reads)


@pytest.mark.rule("AUTH-027")
async def test_a_declined_consent_is_a_page_that_says_so(face: Face) -> None:
    pressed = await face.browser.get("/connect")
    page = await face.browser.get(face.pleo.decide(pressed.headers["location"], decision="deny"))
    assert page.status_code == 403
    assert page.headers["content-type"].startswith("text/html")
    assert "not allowed" in page.text
    assert "press Connect" in page.text
    assert (await face.admin.get("/admin/api/connections")).json()["data"] == []


@pytest.mark.rule("AUTH-028")
async def test_a_return_without_an_attempt_of_ours_is_refused_in_words(face: Face) -> None:
    for query, words in (
        ("", "without a connection under way"),
        ("?code=abc", "without a connection under way"),
        ("?code=abc&state=never-issued", "do not know this connection attempt"),
        ("?code=abc&state=one&state=two", "without a connection under way"),
        ("?error=server_error&state=never-issued", "do not know this connection attempt"),
    ):
        page = await face.browser.get(f"/oauth/callback{query}")
        assert page.status_code == 400
        assert words in page.text
    assert face.pleo.requests("POST", "/oauth/token") == []


@pytest.mark.rule("AUTH-024")
async def test_coming_back_twice_or_in_another_browser_is_refused_and_keeps_the_connection(face: Face) -> None:
    pressed = await face.browser.get("/connect")
    path = face.pleo.decide(pressed.headers["location"])
    other = await face.anybody.get(path)
    assert other.status_code == 403
    assert "another browser" in other.text
    assert (await face.browser.get(path)).status_code == 303
    face.anybody.cookies.update(pressed.cookies)
    again = await face.anybody.get(path)
    assert again.status_code == 409
    assert "already finished" in again.text
    assert len((await face.admin.get("/admin/api/connections")).json()["data"]) == 1


async def test_two_tabs_of_one_browser_can_connect_one_after_the_other(face: Face) -> None:
    first = await face.browser.get("/connect")
    second = await face.browser.get("/connect")
    one = await face.browser.get(face.pleo.decide(first.headers["location"]))
    assert one.status_code == 303
    assert first.cookies == second.cookies or "set-cookie" in second.headers


async def test_pleo_being_away_is_a_page_with_the_right_status_and_no_connection(face: Face) -> None:
    pressed = await face.browser.get("/connect")
    path = face.pleo.decide(pressed.headers["location"])
    face.pleo.fault("status", "POST", "/oauth/token", status=503, times=50)
    page = await face.browser.get(path)
    assert page.status_code == 503
    assert "Pleo does not answer" in page.text
    assert (await face.admin.get("/admin/api/connections")).json()["data"] == []


async def test_nothing_a_stranger_puts_into_the_address_reaches_the_page(face: Face) -> None:
    pressed = await face.browser.get("/connect")
    state = parse_qs(urlsplit(pressed.headers["location"]).query)["state"][0]
    page = await face.browser.get(
        "/oauth/callback", params={"state": state, "error": "<script>x</script>", "error_description": "<b>no</b>"}
    )
    assert page.status_code == 400
    assert "<script>" not in page.text
    assert "<b>no" not in page.text


async def test_over_https_the_cookies_are_pinned_to_this_host(database_url: str, pleo: Pleo) -> None:
    settings = settings_for(database_url, pleo.url, public_url="https://books.example.com")
    async with running(settings, worker=False) as services:
        transport = httpx.ASGITransport(app_of(services))
        async with httpx.AsyncClient(transport=transport, base_url="https://books.example.com") as browser:
            pressed = await browser.get("/connect")
    cookie = pressed.headers["set-cookie"]
    assert cookie.startswith("__Host-ledgerbridge_connecting=")
    assert "Secure" in cookie
    assert "Path=/" in cookie
    assert "Domain" not in cookie
    assert "strict-transport-security" in pressed.headers


async def test_the_settings_page_without_a_session_says_to_press_connect(face: Face) -> None:
    for cookies in ({}, {"ledgerbridge_session": "guessed"}):
        face.anybody.cookies.update(cookies)
        page = await face.anybody.get("/settings")
        assert page.status_code == 401
        assert "press Connect" in page.text


async def test_pages_bind_the_browser_and_run_no_script_but_our_own(face: Face) -> None:
    for path in ("/settings", "/docs", "/oauth/callback", "/healthz", "/assets/ledgerbridge.css", "/nothing"):
        answer = await face.anybody.get(path)
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe-inline" not in policy
        assert "script-src 'self';" in policy
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"
        if answer.headers["content-type"].startswith("text/html"):
            scripts = re.findall(r"<script[^>]*>[^<]*", answer.text)
            assert scripts == ['<script src="/assets/ledgerbridge.js" defer>']
            assert not re.search(r"\son[a-z]+=", answer.text)
            assert "style=" not in answer.text
            assert "viewport" in answer.text


async def test_the_stylesheet_serves_phones_and_dark_rooms(face: Face) -> None:
    sheet = await face.anybody.get("/assets/ledgerbridge.css")
    assert sheet.status_code == 200
    assert sheet.headers["content-type"].startswith("text/css")
    assert "prefers-color-scheme: dark" in sheet.text
    assert "@media (min-width" in sheet.text


async def test_a_database_that_is_away_is_a_page_for_a_person(
    face: Face, postgres: EmbeddedPostgres, database_url: str
) -> None:
    postgres.drop_database(database_url.rsplit("/", 1)[1])
    page = await face.browser.get("/connect")
    assert page.status_code == 503
    assert page.headers["content-type"].startswith("text/html")
    assert page.headers["retry-after"]
    assert "Reference for support" in page.text
