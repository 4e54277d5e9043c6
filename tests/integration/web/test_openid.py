"""Operators signing in by their own provider: a real one over loopback, and one that lies in every way it can."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from oidc_provider_mock import User, run_server_in_thread
from pydantic import SecretStr
from sqlalchemy import select, text, update

from ledgerbridge.app import app_of, running
from ledgerbridge.clock import utcnow
from ledgerbridge.ops import administrators, openid
from ledgerbridge.store.scope import across_companies
from ledgerbridge.store.tables import AuditRecord, OidcAttempt
from ledgerbridge.web.services import Services
from tests.integration.web.conftest import Pleo, settings_for
from tests.support.canaries import canary
from tests.support.openid import CLIENT, CODE, Liar, OctKey, curve_key, lying, other_key

COOKIE = "ledgerbridge_admin"
SECRET = canary("client secret")
Browser = httpx.AsyncClient


@dataclass
class Desk:
    """A console that knows a provider, and an operator's browser."""

    services: Services
    browser: Browser
    stranger: Browser

    async def pressed(self, to: str | None = None) -> dict[str, str]:
        """Press the button; what the provider is asked."""
        answer = await self.browser.get("/admin/sign-in/provider", params={"to": to} if to else {})
        assert answer.status_code == 302, answer.text
        return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["location"]).query).items()}

    async def back(self, liar: Liar, browser: Browser | None = None, **params: str) -> httpx.Response:
        """The whole way, with what the lying provider says."""
        asked = await self.pressed()
        liar.nonce = asked["nonce"]
        query = {"code": CODE, "state": asked["state"], **params}
        return await (browser or self.browser).get("/admin/sign-in/back", params=query)

    def forget_keys(self) -> None:
        """As if an hour had passed."""
        assert self.services.openid is not None
        self.services.openid.provider._keys = None

    async def audited(self) -> list[AuditRecord]:
        async with self.services.db.reading() as session:
            with across_companies(session, "a test"):
                return list(await session.scalars(select(AuditRecord).order_by(AuditRecord.id)))


Open = Callable[..., AbstractAsyncContextManager[Desk]]


@pytest.fixture
def desk(database_url: str, pleo: Pleo) -> Open:
    @asynccontextmanager
    async def opened(issuer: str, admins: str = "ada@example.com", **more: Any) -> AsyncIterator[Desk]:
        settings = settings_for(
            database_url,
            pleo.url,
            oidc_issuer=issuer,
            oidc_client_id=CLIENT,
            oidc_client_secret=SecretStr(SECRET),
            oidc_admins=admins,
            **more,
        )
        async with running(settings, worker=False) as services:
            transport = httpx.ASGITransport(app_of(services), raise_app_exceptions=False)
            async with (
                httpx.AsyncClient(transport=transport, base_url=settings.public_url) as browser,
                httpx.AsyncClient(transport=transport, base_url=settings.public_url) as stranger,
            ):
                yield Desk(services, browser, stranger)

    return opened


@pytest.fixture(autouse=True)
def _quiet_provider() -> Iterator[None]:
    """The provider's own log holds what the browser brings it."""
    log = logging.getLogger("werkzeug")
    before, log.level = log.level, logging.ERROR
    yield
    log.level = before


@pytest.fixture
def liar() -> Iterator[Liar]:
    with lying() as found:
        yield found


def refused(answer: httpx.Response) -> bool:
    assert COOKIE not in answer.headers.get("set-cookie", "")
    return answer.status_code in (403, 503) and "data-focus" in answer.text


async def test_a_real_provider_lets_in_whom_the_settings_name(desk: Open) -> None:
    known = User(sub="ada", claims={"email": "Ada@Example.com", "email_verified": True})
    other = User(sub="eve", claims={"email": "eve@example.com", "email_verified": True})
    with run_server_in_thread(user_claims=(known, other), require_nonce=True) as server:
        issuer = f"http://localhost:{server.server_port}"
        async with desk(issuer) as opened, httpx.AsyncClient() as outside:
            assert "/admin/sign-in/provider" in (await opened.browser.get("/admin/sign-in")).text
            for sub in ("eve", "ada"):
                pressed = await opened.browser.get("/admin/sign-in/provider", params={"to": "/admin/exports"})
                url = pressed.headers["location"]
                assert url.startswith(f"{issuer}/")
                decided = await outside.post(url, data={"sub": sub})
                assert decided.status_code in (302, 303), decided.text
                back = await opened.browser.get(decided.headers["location"])
                if sub == "eve":
                    assert refused(back)
                    assert "OIDC_ADMINS" in back.text
            assert (back.status_code, back.headers["location"]) == (303, "/admin/exports")
            token = opened.browser.cookies[COOKIE]
            name = await administrators.named(opened.services.db, opened.services.settings, token)
            assert name == "ada@example.com"
            (record,) = await opened.audited()
            assert (record.actor, record.action) == ("admin:ada@example.com", "signed_in")
            assert record.detail["method"] == "oidc"


async def test_the_provider_is_asked_with_pkce_state_and_nonce_and_gets_the_verifier_only_at_the_end(
    desk: Open, liar: Liar
) -> None:
    async with desk(liar.issuer) as opened:
        asked = await opened.pressed()
        assert asked.keys() == {
            "response_type", "client_id", "redirect_uri", "scope", "state", "nonce", "code_challenge",
            "code_challenge_method",
        }  # fmt: skip
        assert (asked["response_type"], asked["code_challenge_method"]) == ("code", "S256")
        assert asked["redirect_uri"] == f"{opened.services.settings.public_url}/admin/sign-in/back"
        assert asked["scope"] == "openid email"
        answer = await opened.back(liar)
        assert answer.status_code == 303, answer.text
        (sent,) = [one for one in liar.asked if one[0] == "/oauth/token"]
        assert len(sent[1]["code_verifier"]) >= 43
        assert sent[2].startswith("Basic ")
        assert "client_secret" not in sent[1]


DAY = 24 * 60 * 60
"""Longer than any run of the tests, which read this table at their beginning."""
FORGED: dict[str, dict[str, Any]] = {
    "for another client": {"claims": {"aud": "somebody else"}},
    "for us and another, whose party is the other": {"claims": {"aud": [CLIENT, "other"], "azp": "other"}},
    "without an audience": {"claims": {"aud": None}},
    "of another issuer": {"claims": {"iss": "https://evil.example"}},
    "without an issuer": {"claims": {"iss": None}},
    "of another attempt": {"claims": {"nonce": "x" * 43}},
    "without a nonce": {"claims": {"nonce": None}},
    "expired": {"claims": {"exp": int(time.time()) - DAY}},
    "without an end": {"claims": {"exp": None}},
    "of nobody": {"claims": {"sub": None}},
    "made in the future": {"claims": {"iat": int(time.time()) + DAY, "nbf": int(time.time()) + DAY}},
    "unsigned": {"header": {"alg": "none"}},
    "signed by another key": {"key": other_key(), "keys": [other_key().as_dict(private=False)]},
    "of a key nobody publishes": {"header": {"alg": "RS256", "kid": "two"}},
    "signed with the secret we share": {
        "header": {"alg": "HS256", "kid": "one"}, "key": OctKey.import_key(SECRET, {"kid": "one"}),
    },
    "signed with a public key as a secret": {
        "header": {"alg": "HS256", "kid": "one"}, "key": OctKey.import_key("public", {"kid": "one"}),
        "keys": [{"kty": "oct", "kid": "one", "k": "cHVibGlj"}],
    },
    "no token at all": {"header": {"alg": "RS256", "kid": "one"}, "keys": []},
}  # fmt: skip


async def test_a_token_that_is_not_for_this_attempt_of_ours_lets_nobody_in(desk: Open, liar: Liar) -> None:
    honest = {name: getattr(liar, name) for name in ("key", "header", "claims", "keys")}
    async with desk(liar.issuer) as opened:
        for lie, lies in FORGED.items():
            for name, value in (honest | lies).items():
                setattr(liar, name, value)
            opened.forget_keys()
            assert refused(await opened.back(liar)), lie
        assert await opened.audited() == []
        for name, value in honest.items():
            setattr(liar, name, value)
        opened.forget_keys()
        assert (await opened.back(liar)).status_code == 303, "an honest one comes in"


PEOPLE: list[tuple[dict[str, Any], str, str | None]] = [
    ({}, "ada@example.com", "ada@example.com"),
    ({"email": "ADA@example.com "}, "Ada@Example.com", "ada@example.com"),
    ({"email_verified": "true"}, "ada@example.com", "ada@example.com"),
    ({"email_verified": False}, "ada@example.com", None),
    ({"email_verified": None}, "ada@example.com", None),
    ({"email_verified": "false"}, "ada@example.com", None),
    ({"email": "ada@example.com.evil.example"}, "ada@example.com", None),
    ({"email": None}, "ada@example.com", None),
    ({"email": ["ada@example.com"]}, "ada@example.com", None),
    ({"groups": ["books", "ops"], "email": None}, "group:ops", "oidc:7"),
    ({"groups": "ops"}, "group:ops", "ada@example.com"),
    ({"groups": ["opsx", 5, None, {"a": "ops"}]}, "group:ops", None),
    ({"groups": {"ops": True}}, "group:ops", None),
    ({"groups": 5}, "group:ops", None),
    ({"groups": ["ada@example.com"], "email": None}, "ada@example.com", None),
    ({"groups": ["ops"], "sub": "x\nadmin:root signed in", "email": None}, "group:ops", None),
    ({"email": "ada@example.com\u202e"}, "ada@example.com", None),
]
"""What the provider claims, whom the settings name, and under which name that person works."""


async def test_only_a_verified_address_or_a_group_of_the_settings_lets_in(desk: Open, liar: Liar) -> None:
    async with desk(liar.issuer) as opened:
        door = opened.services.openid
        assert door is not None
        for claims, admins, name in PEOPLE:
            liar.claims = claims
            chosen = settings_for("", opened.services.settings.pleo_api_url, oidc_admins=admins).oidc_admins
            changed = replace(door, settings=door.settings.model_copy(update={"oidc_admins": chosen}))
            app = app_of(replace(opened.services, openid=changed))
            transport = httpx.ASGITransport(app, raise_app_exceptions=False)
            before = len(await opened.audited())
            base = opened.services.settings.public_url
            async with httpx.AsyncClient(transport=transport, base_url=base) as browser:
                answer = await replace(opened, browser=browser).back(liar)
            assert refused(answer) if name is None else answer.status_code == 303, (claims, admins)
            known = [one.actor for one in (await opened.audited())[before:]]
            assert known == ([f"admin:{name}"] if name else []), (claims, admins)


async def test_a_thin_token_is_completed_by_the_user_information_of_the_same_person_only(
    desk: Open, liar: Liar
) -> None:
    liar.claims = {"email": None, "email_verified": None}
    async with desk(liar.issuer) as opened:
        liar.userinfo = {"sub": "8", "email": "ada@example.com", "email_verified": True}
        assert refused(await opened.back(liar))
        liar.userinfo = {"sub": "7", "email": "ada@example.com", "email_verified": True}
        # What the provider says of itself is kept for an hour.
        opened.services.openid.provider._endpoints = None  # type: ignore[union-attr]
        assert (await opened.back(liar)).status_code == 303


async def test_an_address_counts_only_as_verified_by_whoever_named_it(desk: Open, liar: Liar) -> None:
    liar.claims = {"email": "ada@example.com", "email_verified": None}
    liar.userinfo = {"sub": "7", "email": "mallory@example.com", "email_verified": True}
    async with desk(liar.issuer) as opened:
        assert refused(await opened.back(liar))
        liar.userinfo = {"sub": "7", "email": "ada@example.com", "email_verified": True}
        assert (await opened.back(liar)).status_code == 303


async def test_keys_that_were_changed_are_asked_for_again_but_not_for_every_forgery(
    desk: Open, liar: Liar, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with desk(liar.issuer) as opened:
        assert (await opened.back(liar)).status_code == 303
        liar.key, liar.header = curve_key("two"), {"alg": "ES256", "kid": "two"}
        assert refused(await opened.back(liar)), "asked a moment ago"
        assert liar.count("/jwks") == 1
        monkeypatch.setattr(openid, "_KEYS_AGAIN_SECONDS", 0.0)
        assert (await opened.back(liar)).status_code == 303
        assert liar.count("/jwks") == 2
        assert liar.count("/.well-known/openid-configuration") == 1


async def test_an_attempt_belongs_to_its_browser_is_used_once_and_ends(desk: Open, liar: Liar) -> None:
    async with desk(liar.issuer) as opened:
        asked = await opened.pressed()
        liar.nonce = asked["nonce"]
        query = {"code": CODE, "state": asked["state"]}
        assert refused(await opened.stranger.get("/admin/sign-in/back", params=query))
        assert (await opened.browser.get("/admin/sign-in/back", params=query)).status_code == 303
        assert refused(await opened.browser.get("/admin/sign-in/back", params=query))
        asked = await opened.pressed()
        async with opened.services.db.transaction() as session:
            await session.execute(update(OidcAttempt).values(expires_at=utcnow()))
        assert refused(await opened.browser.get("/admin/sign-in/back", params={**query, "state": asked["state"]}))
        for params in ({}, {"code": CODE}, {"code": CODE, "state": ""}, {"state": "x" * 43, "code": CODE}):
            assert refused(await opened.browser.get("/admin/sign-in/back", params=params))


async def test_a_verifier_that_does_not_open_lets_nobody_in(desk: Open, liar: Liar) -> None:
    async with desk(liar.issuer) as opened:
        asked = await opened.pressed()
        async with opened.services.db.transaction() as session:
            await session.execute(update(OidcAttempt).values(verifier_sealed=b"elsewhere"))
        answer = await opened.browser.get("/admin/sign-in/back", params={"code": CODE, "state": asked["state"]})
        assert refused(answer)
        assert liar.count("/oauth/token") == 0


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"error": "access_denied"}, "declined"),
        ({"error": "<script>alert(1)</script>", "error_description": "Call evil.example"}, "ended the sign-in"),
        ({"code": ""}, "ended the sign-in"),
        ({"iss": "https://evil.example"}, "does not prove"),
    ],
)
async def test_what_the_provider_answers_instead_of_a_code_is_told_in_our_words(
    desk: Open, liar: Liar, params: dict[str, str], words: str
) -> None:
    async with desk(liar.issuer) as opened:
        answer = await opened.back(liar, **params)
        assert refused(answer)
        assert words in answer.text
        assert "evil" not in answer.text
        assert "<script>alert" not in answer.text


@pytest.mark.parametrize(
    ("broken", "at"),
    [
        ({"failing": {"/.well-known/openid-configuration"}}, "press"),
        ({"discovery": {"issuer": "https://other.example"}}, "press"),
        ({"discovery": {"token_endpoint": "http://tokens.example/"}}, "press"),
        ({"discovery": {"jwks_uri": None}}, "press"),
        ({"discovery": {"token_endpoint": "https://10.0.0.7/oauth/token"}}, "back"),
        ({"failing": {"/oauth/token"}}, "back"),
        ({"failing": {"/jwks"}}, "back"),
    ],
)
async def test_a_provider_that_does_not_answer_as_it_should_is_told_and_never_believed(
    desk: Open, liar: Liar, broken: dict[str, Any], at: str
) -> None:
    for name, value in broken.items():
        setattr(liar, name, value)
    async with desk(liar.issuer) as opened:
        answer = await (opened.browser.get("/admin/sign-in/provider") if at == "press" else opened.back(liar))
        assert answer.status_code == 503, answer.text
        assert refused(answer)
        assert "does not answer as it should" in answer.text


async def test_a_session_ends_when_its_entry_leaves_the_settings(desk: Open, liar: Liar) -> None:
    liar.claims = {"groups": ["ops"]}
    async with desk(liar.issuer, "group:ops, grace@example.com") as opened:
        assert (await opened.back(liar)).status_code == 303
        token, settings = opened.browser.cookies[COOKIE], opened.services.settings
        for changed, name in (
            ({}, "ada@example.com"),
            ({"oidc_admins": ("group:ops",)}, "ada@example.com"),
            ({"oidc_admins": ("grace@example.com",)}, None),
            ({"oidc_issuer": ""}, None),
        ):
            after = settings.model_copy(update=changed)
            assert await administrators.named(opened.services.db, after, token) == name


async def test_nothing_secret_of_the_way_is_kept(desk: Open, liar: Liar) -> None:
    async with desk(liar.issuer) as opened:
        asked = await opened.pressed()
        async with opened.services.db.reading() as session:
            row = str((await session.execute(text("select t::text from oidc_attempts t"))).scalar_one())
        for secret in (asked["state"], asked["nonce"], opened.browser.cookies["ledgerbridge_connecting"]):
            assert secret not in row
            assert secret.encode().hex() not in row
