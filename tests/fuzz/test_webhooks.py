"""Only Pleo's own signature over the very bytes opens the mailbox; everything else is 4xx and leaves no trace."""

from __future__ import annotations

import base64
import hashlib
import hmac
import string
import time
import uuid
from typing import Any

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from ledgerbridge.clock import utcnow
from ledgerbridge.pleo.events import UnreadableEvent, parse_event
from ledgerbridge.pleo.signature import sign, verify
from tests.fuzz.served import Served
from tests.fuzz.shapes import ODD_TEXTS, sent
from tests.fuzz.trying import SECONDS, Count, tries
from tests.integration.web.mailbox import JSON, export_event

SECRET = "whsec_" + base64.b64encode(b"a secret of twenty-four.").decode()
OTHER = "whsec_" + base64.b64encode(b"another secret like that").decode()
NAMES = ("webhook-id", "webhook-timestamp", "webhook-signature")
HEADER_TEXTS = st.sampled_from(ODD_TEXTS) | st.text(max_size=60) | st.text(string.printable, max_size=60)
EVENTS = (
    {"eventType": "v1.export-job.created", "eventId": "e", "data": {"id": str(uuid.UUID(int=1)), "companyId": "x"}},
    {"payload": {"eventType": "v1.vendor.created", "data": {"id": str(uuid.UUID(int=1)), "companyId": "y"}}},
    {"eventType": "something.else"},
)


def _ours(secret: str, webhook_id: str, stamp: str, body: bytes) -> str:
    """The one signature that is right, reckoned here anew from HOOK-030."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.digest(key, f"{webhook_id}.{stamp}.".encode() + body, hashlib.sha256)
    return "v1," + base64.b64encode(digest).decode()


@st.composite
def deliveries(draw: st.DrawFn) -> tuple[dict[str, str], bytes]:
    """A delivery that was signed well, after mishaps to headers, signature or body that may also leave it well."""
    body = draw(st.binary(max_size=60) | sent(*EVENTS).filter(lambda text: len(text) < 2000))
    stamp = draw(st.sampled_from(("now", "now", "now", "late", "early", "odd")))
    now = int(time.time())
    at = {"now": str(now), "late": str(now - 301), "early": str(now + 302)}.get(stamp) or draw(HEADER_TEXTS)
    webhook_id = draw(st.just("msg_1") | HEADER_TEXTS)
    secret = draw(st.sampled_from((SECRET, SECRET, SECRET, OTHER)))
    right = _ours(secret, webhook_id.encode(errors="replace").decode(), at.encode(errors="replace").decode(), body)
    signature = draw(st.sampled_from(_spoilt(right)) | HEADER_TEXTS)
    headers = dict(zip(NAMES, (webhook_id, at, signature), strict=True))
    match draw(st.sampled_from(("as it is", "as it is", "as it is", "body", "lost", "case", "renamed"))):
        case "body":
            body = draw(st.sampled_from((body + b" ", body[1:], b"\xef\xbb\xbf" + body, body.replace(b"e", b"E", 1))))
        case "lost":
            del headers[draw(st.sampled_from(NAMES))]
        case "case":
            headers = {name.upper(): value for name, value in headers.items()}
        case "renamed":
            headers = {name.replace("webhook-", "svix-"): value for name, value in headers.items()}
    return headers, body


def _spoilt(right: str) -> list[str]:
    swapped = right[:-2] + ("A" if right[-2] != "A" else "B") + right[-1]
    return [
        right, right, right, right.upper(), right.lower(), right[:-1], right + "=", right.replace("v1,", "v1a,"),
        right.replace("v1,", "v2,"), right.replace("v1,", ""), f"v1,AAAA {right}", f"{right},{right}", f" {right}\t",
        swapped, "v1,", "v1", ",", f"{right} v1,not base64!", right.replace("+", "-").replace("/", "_"),
    ]  # fmt: skip


def test_only_our_own_signature_is_believed(tried: Count) -> None:
    """The verifier never raises, and what it believes is signed with the secret over exactly these bytes."""

    @tries(150)
    @given(deliveries(), st.sampled_from(([SECRET], [OTHER, SECRET], [], ["whsec_", "x", "whsec_%%%"], ["\ud800"])))
    def deliver(delivery: tuple[dict[str, str], bytes], secrets: list[str]) -> None:
        tried()
        headers, body = delivery
        verdict = verify(headers, body, secrets, utcnow())
        lower = {name.lower(): value.strip(" ") for name, value in headers.items()}
        offered = lower.get("webhook-signature", "").split()
        usable = [secret for secret in secrets if secret in (SECRET, OTHER)]
        if verdict.ok:
            right = [_ours(one, lower["webhook-id"], lower["webhook-timestamp"], body) for one in usable]
            assert set(offered) & set(right)
            assert abs(int(lower["webhook-timestamp"]) - time.time()) < 305

    deliver()


def test_what_pleo_signs_is_believed_and_its_body_read_or_refused(tried: Count) -> None:
    @tries(50)
    @given(sent(*EVENTS))
    def deliver(body: bytes) -> None:
        tried()
        stamp = int(time.time())
        headers = {
            "webhook-id": "m",
            "webhook-timestamp": str(stamp),
            "webhook-signature": sign(SECRET, "m", stamp, body),
        }
        assert verify(headers, body, [SECRET], utcnow()).ok
        try:
            parse_event(body)
        except UnreadableEvent as error:
            str(error)

    deliver()


@pytest.mark.parametrize("who", ["stranger", "pleo"])
def test_the_mailbox_takes_what_is_pleos_and_nothing_else(who: str, site: Served, tried: Count) -> None:
    """Over HTTP: no 5xx; a stranger writes nothing; Pleo's odd deliveries are stored whole or refused whole."""
    path, secret = site.mailbox()

    @tries(20)
    @given(
        deliveries(), sent(*EVENTS), st.sampled_from(("application/json", "text/plain", "application/json;charset=x"))
    )
    def deliver(delivery: tuple[dict[str, str], bytes], body: bytes, kind: str) -> None:
        tried()
        headers, raw = delivery
        if who == "pleo":
            raw = body[:200_000]
            stamp = int(time.time())
            webhook_id = f"msg_{uuid.uuid4().hex}" + "x" * (len(raw) % 3000)
            signed = dict(zip(NAMES, (webhook_id, str(stamp), sign(secret, webhook_id, stamp, raw)), strict=True))
            headers = JSON | signed
        before = site.fingerprint()
        answer = _posted(f"{site.url}{path}", headers | ({"content-type": kind} if who == "stranger" else {}), raw)
        if answer is None:
            return
        assert answer < 500
        if answer >= 400:
            assert site.fingerprint() == before
        if who == "stranger":
            assert 400 <= answer < 500

    deliver()
    assert _posted(f"{site.url}{path}", *_proper(secret)) == 202


def _proper(secret: str) -> tuple[dict[str, str], bytes]:
    body, stamp = export_event(), int(time.time())
    values = ("msg_proper", str(stamp), sign(secret, "msg_proper", stamp, body))
    return JSON | dict(zip(NAMES, values, strict=True)), body


def _posted(url: str, headers: dict[str, str], body: bytes) -> int | None:
    """The status; None where the client already refuses to write such a header."""
    encoded: dict[str, Any] = {name: value.encode("utf-8", "replace") for name, value in headers.items()}
    try:
        with requests.Session() as session:
            session.trust_env = False
            return session.post(url, data=body, headers=encoded, timeout=SECONDS).status_code
    except (requests.exceptions.InvalidHeader, ValueError):
        return None
