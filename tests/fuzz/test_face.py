"""What a browser, an administrator's script or an attacker might send past the document: bytes, cookies, cursors."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from ledgerbridge.connections.config_body import ConfigurationBody
from ledgerbridge.connections.errors import ConfigurationRefused
from ledgerbridge.web.admin.paging import Cursors
from ledgerbridge.web.problems import HttpProblem
from tests.fuzz.served import ERP_SETTINGS, TOKEN, Served
from tests.fuzz.shapes import ODD_TEXTS, gone_wrong, sent
from tests.fuzz.trying import SECONDS, Count, tries
from tests.support.rig import CONFIGURATION

CONFIG = {
    **CONFIGURATION,
    "syncs": {"tags": {"enabled": True, "every_minutes": 60}},
    "default_vendor": "V1",
    "tax": {"mode": "explicit", "codes": {"DK25": "7"}},
}
TEXTS = st.sampled_from(ODD_TEXTS) | st.text(max_size=80)
BODIES: dict[str, tuple[str, str, list[Any]]] = {
    "config": ("PUT", "/connections/{connection}/config", [CONFIG]),
    "erp": ("PUT", "/connections/{connection}/erp", [{"kind": "double", "settings": {**ERP_SETTINGS, "company": 2}}]),
    "key": ("POST", "/connections", [{"api_key": "k" * 40}]),
    "other key": ("PUT", "/connections/{connection}/api-key", [{"api_key": "k" * 40}]),
    "preview": ("POST", "/connections/{connection}/preview", [{"limit": 2}, {"configuration": CONFIG, "job_id": "x"}]),
    "sync": ("POST", "/connections/{connection}/syncs/tags", [{"only": "CC"}, None]),
    "vendor": ("POST", "/connections/{connection}/vendors/x/resolve", [{"action": "link", "erp_id": "17"}]),
    "item": (
        "POST",
        "/export-jobs/{job}/items/{entry}/resolve",
        [{"action": "mark_booked", "reference": "R", "reason": "by hand"}, {"action": "probe"}],
    ),
    "replay": ("POST", "/webhook-deliveries/replay", [{"ids": ["x"]}]),
}
LISTS = ("/connections", "/export-jobs", "/sync-runs", "/webhook-deliveries", "/audit", "/export-jobs/{job}/items")


@pytest.mark.parametrize("name", BODIES)
def test_a_body_may_be_anything(name: str, site: Served, tried: Count) -> None:
    """Taken whole or refused whole, in words, without the values that were sent."""
    method, path, samples = BODIES[name]

    @tries(8)
    @given(sent(*samples))
    def send(body: bytes) -> None:
        tried()
        before = site.fingerprint()
        answer = _asked(site, method, path, data=body, headers={"Content-Type": "application/json"})
        assert answer.status_code < 500 or answer.status_code == 503, answer.text
        if answer.status_code >= 400:
            assert answer.headers["Content-Type"] == "application/problem+json"
            assert answer.json()["detail"]
            changed = {table for table, text in site.fingerprint().items() if text != before[table]}
            assert changed <= {"sync_runs"}

    send()


def test_a_configuration_is_read_or_refused_member_by_member(tried: Count) -> None:
    @tries(100)
    @given(gone_wrong(CONFIG))
    def read(body: Any) -> None:
        tried()
        try:
            ConfigurationBody.read(body).configuration(1)
        except ConfigurationRefused as refused:
            faults = refused.faults
            [str(fault.path) + fault.text for fault in faults]
            if not faults:
                raise AssertionError("refused without a reason") from None

    read()


@pytest.mark.parametrize("path", LISTS)
def test_filters_and_cursors_may_be_anything(path: str, site: Served, tried: Count) -> None:
    values = TEXTS | st.sampled_from(["1", "200", "201", "-1", "0", "true", site.known["connection"][0]])
    names = st.sampled_from(["connection", "status", "state", "kind", "cursor", "limit", "x"])

    @tries(8)
    @given(st.lists(st.tuples(names, values), max_size=4))
    def ask(query: list[tuple[str, str]]) -> None:
        tried()
        written = urlencode([(name, value.encode(errors="replace")) for name, value in query])
        answer = _asked(site, "GET", f"{path}?{written}")
        assert answer.status_code in (200, 400, 404, 422), answer.text

    ask()


def test_only_our_own_cursors_are_read(tried: Count) -> None:
    cursors = Cursors([bytes(32)])
    good = cursors.write("audit", (17,))

    @tries(50)
    @given(st.text() | st.integers(0, len(good) - 1).map(lambda at: good[:at] + "A" + good[at + 1 :]))
    def read(cursor: str) -> None:
        tried()
        for listing in ("audit", "connections"):
            try:
                found = cursors.read_number(listing, cursor)
            except HttpProblem as problem:
                if problem.status != 400:
                    raise
            else:
                assert (listing, found, cursor) == ("audit", 17, good)

    read()


@pytest.mark.parametrize("path", ["/oauth/callback", "/connect", "/settings", "/docs", "/openapi.json"])
def test_a_browser_may_bring_anything(path: str, site: Served, tried: Count) -> None:
    """Parameters, cookies and headers: a page or a redirect to Pleo, never to where the parameters point."""
    names = st.sampled_from(["state", "code", "error", "error_description", "iss", "redirect_uri", "next"])
    cookies = st.sampled_from(["ledgerbridge_connecting", "ledgerbridge_session", "__Host-ledgerbridge_session", "x"])

    @tries(8)
    @given(st.lists(st.tuples(names, TEXTS), max_size=4), st.lists(st.tuples(cookies, TEXTS), max_size=3), TEXTS)
    def visit(query: list[tuple[str, str]], jar: list[tuple[str, str]], odd: str) -> None:
        tried()
        written = urlencode([(name, value.encode(errors="replace")) for name, value in query])
        headers = {
            "Cookie": "; ".join(f"{name}={quote(value.encode(errors='replace'), safe='=,')}" for name, value in jar),
            "X-Forwarded-Host": "evil.example",
            "X-Request-ID": quote(odd.encode(errors="replace")),
        }
        before = site.fingerprint()
        with requests.Session() as session:
            session.trust_env = False
            answer = session.get(f"{site.url}{path}?{written}", headers=headers, timeout=SECONDS, allow_redirects=False)
        assert answer.status_code < 500, answer.text
        if answer.is_redirect:
            assert "evil" not in answer.headers["Location"]
            assert answer.headers["Location"].startswith((site.services.settings.pleo_auth_url, "/"))
        if path != "/connect":
            assert site.fingerprint() == before

    visit()


def _asked(site: Served, method: str, path: str, headers: dict[str, str] | None = None, **more: Any) -> Any:
    filled = path.format(
        connection=site.known["connection"][0], job=site.known["job_id"][0], entry=site.known["entry_id"][0]
    )
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    with requests.Session() as session:
        session.trust_env = False
        return session.request(
            method, f"{site.url}/admin/api{filled}", headers=bearer | (headers or {}), timeout=SECONDS, **more
        )
