"""A customer whose session ended signs in again by Pleo: the connection, its tokens and its work stay as they are."""

from __future__ import annotations

import datetime as dt
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from sqlalchemy import delete, select, text, update

from ledgerbridge.clock import utcnow
from ledgerbridge.connections import sessions, watch
from ledgerbridge.connections.access import open_pleo
from ledgerbridge.connections.credentials import refresh_if_idle
from ledgerbridge.pleo.installations import InstallationsApi
from ledgerbridge.store.scope import across_companies
from ledgerbridge.store.tables import AuditRecord, BrowserSession, Connection, Credential
from ledgerbridge.web.console.doors import csrf_of
from pleo_sandbox.config import DEMO_COMPANY_ID, SECOND_COMPANY_ID
from tests.integration.web.conftest import Face

COOKIE = "ledgerbridge_session"


async def signed_in(
    face: Face, browser: httpx.AsyncClient, company: str = DEMO_COMPANY_ID, to: str | None = None
) -> httpx.Response:
    """Press "Sign in with Pleo", allow, come back; the answer."""
    pressed = await browser.get("/settings/sign-in", params={"to": to} if to else {})
    assert pressed.status_code == 302, pressed.text
    assert pressed.headers["location"].startswith(f"{face.pleo.url}/oauth/authorize?")
    return await browser.get(face.pleo.decide(pressed.headers["location"], company))


async def rows(face: Face) -> list[tuple[object, ...]]:
    """What of connection and credential must not change."""
    async with face.services.db.reading() as session:
        with across_companies(session, "a test"):
            found = await session.execute(
                select(
                    Connection.id, Connection.status, Connection.status_reason, Connection.scopes,
                    Credential.generation, Credential.access_token_sealed, Credential.refresh_token_sealed,
                ).join(Credential, Credential.connection_id == Connection.id)
            )  # fmt: skip
            return [tuple(row) for row in found]


async def aged(face: Face, **columns: dt.datetime | None) -> None:
    """Sessions as they stand some time later."""
    async with face.services.db.transaction() as session:
        with across_companies(session, "a test"):
            await session.execute(update(BrowserSession).values(**columns))


@pytest.mark.rule("AUTH-066")
async def test_whoever_lost_their_session_signs_in_without_connecting_anew(face: Face) -> None:
    connection = await face.active()
    before = await rows(face)
    late = httpx.AsyncClient(transport=face.browser._transport, base_url=face.browser.base_url)
    assert (await late.get("/settings")).status_code == 401
    refused = await late.get("/settings/exports")
    assert refused.status_code == 401
    assert 'href="/settings/sign-in?to=/settings/exports"' in refused.text
    back = await signed_in(face, late)
    assert (back.status_code, back.headers["location"]) == (303, "/settings")
    assert (await late.get("/settings")).status_code == 200
    assert await rows(face) == before, "signing in is no connecting"
    assert (await face.browser.get("/settings")).status_code == 200, "who was signed in stays so"
    async with face.services.db.reading() as session:
        with across_companies(session, "a test"):
            newest = await session.scalar(select(AuditRecord).order_by(AuditRecord.id.desc()).limit(1))
    assert newest is not None
    assert (newest.actor, newest.action, str(newest.connection_id)) == ("customer", "signed_in", connection)


@pytest.mark.rule("AUTH-055")
async def test_the_pair_granted_while_signing_in_is_dropped_and_the_stored_one_goes_on_working(face: Face) -> None:
    connection = await face.active()
    before = await rows(face)
    await signed_in(face, face.browser)
    granted = face.pleo.running.sandbox.world.tokens.families
    assert len(granted) == 2
    async with face.services.db.reading() as session:
        stored = await session.scalar(select(Credential).where(Credential.connection_id == connection))
    assert stored is not None
    assert await rows(face) == before
    room, own = face.services.connections, stored.connection_id
    assert (await InstallationsApi(await open_pleo(room, own)).get()).works
    async with face.services.db.transaction() as session:
        await session.execute(
            update(Credential)
            .where(Credential.connection_id == own)
            .values(refreshed_at=utcnow() - dt.timedelta(days=40))
        )
    await refresh_if_idle(room, own)
    assert [one.refreshes for one in granted.values()] == [1, 0], "only the connection's own grant is refreshed"
    assert [one.ended_because for one in granted.values()] == [None, None]


async def test_pleo_that_waits_for_a_word_after_the_new_consent_hears_it(face: Face) -> None:
    """Consent given anew may set the installation back; exports must not stop for a sign-in."""
    await face.active()
    (installation,) = face.pleo.running.sandbox.world.installations.all()
    before = await rows(face)
    pressed = await face.browser.get("/settings/sign-in")
    back = face.pleo.decide(pressed.headers["location"])
    installation.status = "AUTHORIZED"
    assert (await face.browser.get(back)).status_code == 303
    assert installation.status == "ACTIVATED"
    assert await rows(face) == before
    assert await watch.check(face.services.connections, before[0][0]) is watch.Verdict.WELL  # type: ignore[arg-type]


async def test_one_comes_back_to_the_page_one_was_on(face: Face) -> None:
    await face.connect()
    back = await signed_in(face, face.browser, to="/settings/exports?status=failed")
    assert back.headers["location"] == "/settings/exports?status=failed"


async def test_signing_in_leads_to_no_other_place(face: Face) -> None:
    await face.connect()
    for to in (
        "https://evil.example/", "//evil.example", "/settings/../admin", "/settings/%2E%2e/admin", "/admin",
        "/settings\r\nx: y", "settings",
    ):  # fmt: skip
        back = await signed_in(face, face.browser, to=to)
        assert back.headers["location"] == "/settings", to


async def test_a_company_that_nobody_connected_is_told_to_press_connect(face: Face) -> None:
    await face.connect()
    page = await signed_in(face, face.anybody, SECOND_COMPANY_ID)
    assert page.status_code == 409
    assert 'href="/connect"' in page.text
    assert 'href="/settings/sign-in"' in page.text
    assert "not connected yet" in page.text
    assert COOKIE not in page.headers.get("set-cookie", "")
    assert len(await rows(face)) == 1, "nothing was connected"


async def test_a_disconnected_company_has_nothing_to_sign_in_to(face: Face) -> None:
    connection = await face.connect()
    assert (await face.admin.delete(f"/admin/api/connections/{connection}")).status_code == 204
    assert (await signed_in(face, face.browser)).status_code == 409


async def test_declining_in_pleo_signs_nobody_in_and_offers_to_try_again(face: Face) -> None:
    await face.connect()
    pressed = await face.anybody.get("/settings/sign-in")
    page = await face.anybody.get(face.pleo.decide(pressed.headers["location"], decision="deny"))
    assert page.status_code == 403
    assert "Sign in again" in page.text
    assert "press Connect" not in page.text
    assert COOKIE not in page.headers.get("set-cookie", "")


async def test_a_company_that_is_connected_elsewhere_offers_to_sign_in(face: Face) -> None:
    await face.active()
    pressed = await face.anybody.get("/connect")
    page = await face.anybody.get(face.pleo.decide(pressed.headers["location"]))
    assert page.status_code == 409
    assert 'href="/settings/sign-in"' in page.text


@pytest.mark.rule("AUTH-024")
async def test_a_state_for_signing_in_never_connects_and_is_used_once_in_its_own_browser(face: Face) -> None:
    """Nor does one for connecting sign in: what it is for was decided when it was begun."""
    await face.connect()
    pressed = await face.anybody.get("/settings/sign-in")
    back = face.pleo.decide(pressed.headers["location"])
    assert (await face.operator.get(back)).status_code == 403
    before = await rows(face)
    assert (await face.anybody.get(back)).status_code == 303
    assert (await face.anybody.get(back)).status_code == 409
    assert await rows(face) == before
    state = parse_qs(urlsplit(pressed.headers["location"]).query)["state"][0]
    assert state not in str(face.services.settings)


async def test_a_session_ends_after_two_hours_without_use_and_after_eight_in_any_case(face: Face) -> None:
    await face.connect()
    now = utcnow()
    await aged(face, last_seen_at=now - sessions.IDLE + dt.timedelta(minutes=1))
    assert (await face.browser.get("/settings")).status_code == 200
    async with face.services.db.reading() as session:
        seen = await session.scalar(text("select last_seen_at from browser_sessions"))
    assert seen >= now, "it was used just now"
    await aged(face, last_seen_at=now - sessions.IDLE - dt.timedelta(seconds=1))
    assert (await face.browser.get("/settings")).status_code == 401
    await aged(face, last_seen_at=now, expires_at=now - dt.timedelta(seconds=1))
    assert (await face.browser.get("/settings")).status_code == 401


async def test_a_session_of_an_earlier_release_counts_from_its_beginning(face: Face) -> None:
    await face.connect()
    await aged(face, last_seen_at=None, created_at=utcnow() - sessions.IDLE - dt.timedelta(seconds=1))
    assert (await face.browser.get("/settings")).status_code == 401


async def test_looking_at_pages_seldom_writes(face: Face) -> None:
    await face.connect()
    written = []
    for _ in range(3):
        assert (await face.browser.get("/settings")).status_code == 200
        async with face.services.db.reading() as session:
            written.append(await session.scalar(text("select xmin::text from browser_sessions")))
    assert len(set(written)) == 1, "the row was written anew"


async def test_signing_out_ends_the_session_itself(face: Face) -> None:
    """Not only the cookie: whoever copied it is out as well."""
    await face.connect()
    token = face.browser.cookies[COOKIE]
    refused = await face.browser.post("/settings/sign-out", data={"csrf": "x"})
    assert refused.status_code == 403
    left = await face.browser.post("/settings/sign-out", data={"csrf": csrf_of(token)})
    assert left.status_code == 303
    assert COOKIE not in face.browser.cookies
    page = await face.anybody.get("/settings", headers={"cookie": f"{COOKIE}={token}"})
    assert page.status_code == 401
    async with face.services.db.transaction() as session:
        with across_companies(session, "a test"):
            assert await session.scalar(select(BrowserSession.token_hash)) is None
            gone = await session.execute(delete(AuditRecord).where(AuditRecord.action == "signed_out"))
    assert gone.rowcount == 1  # type: ignore[attr-defined]


async def test_a_form_sent_after_the_session_ended_says_so_and_leads_back_to_its_page(face: Face) -> None:
    at = f"{face.browser.base_url}/settings/setup/posting?done=setup.flash.kept"
    for referer, back in ((at, "?to=/settings/setup/posting"), ("https://evil.example/settings/..", ""), ("", "")):
        answer = await face.anybody.post("/settings/check", data={"csrf": "x"}, headers={"referer": referer})
        assert answer.status_code == 401
        assert "what you just pressed was not done" in answer.text
        assert f'href="/settings/sign-in{back}' in answer.text
    assert "was not done" not in (await face.anybody.get("/settings")).text
