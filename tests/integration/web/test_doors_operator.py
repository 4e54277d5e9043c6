"""Operators at their door with a token: let in, remembered for a while, out again for good."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import httpx
import pytest
from pydantic import SecretStr
from sqlalchemy import select, text, update

from ledgerbridge.app import app_of
from ledgerbridge.clock import utcnow
from ledgerbridge.ops import administrators
from ledgerbridge.store.scope import across_companies
from ledgerbridge.store.tables import AdminSession, AuditRecord
from ledgerbridge.web.console.doors import csrf_of
from ledgerbridge.web.limiting import Limit, Limiter
from tests.integration.web.conftest import ADMINS, TOKEN, Face

COOKIE = "ledgerbridge_admin"


async def let_in(face: Face, token: str | None = None) -> bool:
    """Whether the console opens."""
    headers = {"cookie": f"{COOKIE}={token}"} if token else {}
    browser = face.anybody if token else face.operator
    answer = await browser.post("/admin/sign-out", data={"csrf": "wrong"}, headers=headers)
    assert answer.status_code in (303, 403)
    return answer.status_code == 403


async def audited(face: Face) -> list[tuple[str, str]]:
    async with face.services.db.reading() as session:
        with across_companies(session, "a test"):
            found = await session.scalars(select(AuditRecord).order_by(AuditRecord.id))
            return [(one.actor, one.action) for one in found]


async def test_a_right_token_opens_the_console_and_a_wrong_one_does_not(face: Face) -> None:
    wrong = await face.operator.post("/admin/sign-in", data={"token": "x" * 43, "to": "/admin/exports"})
    assert wrong.status_code == 401
    assert "This token is not an administrator" in wrong.text
    assert "x" * 43 not in wrong.text, "what was entered is a secret, or nearly one"
    assert 'value="/admin/exports"' in wrong.text
    assert COOKIE not in face.operator.cookies
    assert not await let_in(face)
    right = await face.operator.post(
        "/admin/sign-in", data={"token": f" {TOKEN} ", "to": "/admin/exports?status=failed"}
    )
    assert (right.status_code, right.headers["location"]) == (303, "/admin/exports?status=failed")
    assert await let_in(face)
    assert await audited(face) == [("admin:ada", "signed_in")]


@pytest.mark.parametrize("to", ["https://evil.example", "//evil.example", "/settings", "/admin/../connect", ""])
async def test_the_door_leads_into_the_console_only(face: Face, to: str) -> None:
    answer = await face.operator.post("/admin/sign-in", data={"token": TOKEN, "to": to})
    assert answer.headers["location"] == "/admin"


async def test_whoever_guesses_is_slowed_and_a_right_token_at_their_address_is_not(face: Face) -> None:
    limiter = Limiter(allowed={**dict.fromkeys(Limit, "1000/minute"), Limit.ADMIN: "3/minute"})
    transport = httpx.ASGITransport(app_of(replace(face.services, limiter=limiter)), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=face.services.settings.public_url) as browser:
        seen = [(await browser.post("/admin/sign-in", data={"token": "x"})) for _ in range(4)]
        assert [one.status_code for one in seen] == [401, 401, 401, 429]
        assert seen[-1].headers["content-type"].startswith("text/html")
        assert (await browser.post("/admin/sign-in", data={"token": TOKEN})).status_code == 303


async def test_the_session_ends_with_the_token_that_opened_it(face: Face) -> None:
    await face.sign_in_operator()
    held = face.operator.cookies[COOKIE]
    other = ADMINS.replace("ada:", "grace:")
    changed = ADMINS[:-2] + "00"
    for tokens, name in ((ADMINS, "ada"), (other, None), (changed, None), ("", None)):
        settings = face.services.settings.model_copy(update={"admin_tokens": SecretStr(tokens)})
        settings.__dict__.pop("admins", None)
        assert await administrators.named(face.services.db, settings, held) == name


async def test_a_session_ends_after_two_hours_without_use_and_after_eight_in_any_case(face: Face) -> None:
    await face.sign_in_operator()
    now = utcnow()

    async def aged(**columns: dt.datetime) -> None:
        async with face.services.db.transaction() as session:
            await session.execute(update(AdminSession).values(**columns))

    await aged(last_seen_at=now - administrators.IDLE + dt.timedelta(minutes=1))
    assert await let_in(face)
    async with face.services.db.reading() as session:
        assert await session.scalar(text("select last_seen_at from admin_sessions")) >= now
    await aged(last_seen_at=now - administrators.IDLE - dt.timedelta(seconds=1))
    assert not await let_in(face)
    await aged(last_seen_at=now, expires_at=now - dt.timedelta(seconds=1))
    assert not await let_in(face)


async def test_signing_out_ends_the_session_itself(face: Face) -> None:
    await face.sign_in_operator()
    held = face.operator.cookies[COOKIE]
    left = await face.operator.post("/admin/sign-out", data={"csrf": csrf_of(held)})
    assert left.status_code == 303
    assert COOKIE not in face.operator.cookies
    assert not await let_in(face, held)
    page = await face.operator.get(left.headers["location"])
    assert "You are signed out." in page.text
    assert await audited(face) == [("admin:ada", "signed_in"), ("admin:ada", "signed_out")]


async def test_a_new_sign_in_ends_the_session_before_it(face: Face) -> None:
    await face.sign_in_operator()
    first = face.operator.cookies[COOKIE]
    await face.sign_in_operator()
    assert face.operator.cookies[COOKIE] != first
    assert not await let_in(face, first)
    assert await let_in(face)


async def test_a_token_of_the_api_in_the_cookie_is_no_session(face: Face) -> None:
    assert not await let_in(face, TOKEN)


async def test_without_a_provider_there_is_no_button_and_no_way(face: Face) -> None:
    assert "provider" not in (await face.anybody.get("/admin/sign-in")).text
    for path in ("/admin/sign-in/provider", "/admin/sign-in/back?state=x&code=y"):
        assert (await face.anybody.get(path)).status_code == 404
