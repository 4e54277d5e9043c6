"""Is this delivery Pleo's? The worked vectors V1 to V6, and everything a forger may try."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledgerbridge.pleo.signature import Refusal, Verdict, sign, verify

ID = "msg_p5jXN8AQM9LWM0D4loKWxJek"
STAMP = 1614265330
NOW = datetime.fromtimestamp(STAMP, UTC)
V1_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
V2_SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
V1_BODY = b'{"test": 2432232314}'
V2_BODY = (
    b'{"data":{"companyId":"b5fdaec1-1b43-4b62-996a-b0471c3bb336","createdAt":"2025-05-23T15:21:32Z","createdBy":'
    b'"e3118b03-691c-4bd4-944e-1a9c1f1031b7","expiresIn":3600,"id":"b4c4d068-ebbe-45b7-b562-2f16f0deb8b9",'
    b'"numberOfItems":1,"status":"pending"},"eventId":"a257a31e-e8a6-4c36-a98d-451250e5b5c4",'
    b'"eventType":"v1.export-job.created"}'
)
V3_BODY = (
    b'{"data":{"id":"c27ed4d6-3d3d-458e-8f3f-735fdf32a3bc","companyId":"00000000-0000-0000-0000-000000000000",'
    b'"name":"Pleo Technologies GmbH","country":"DE","registrationNumber":"","taxRegistrationNumber":"DE36538686",'
    b'"code":null,"state":"DRAFT","defaultCurrency":"EUR","createdBy":"22aff90a-a53d-4f0c-851f-dd4cc85ac947",'
    b'"createdAt":"2025-02-21T10:05:43.530450712Z","updatedAt":"2025-02-21T10:05:43.530450712Z","deletedAt":null},'
    b'"eventType":"v1.vendor.created","eventId":"13d8550d-dd22-46e9-ae18-c171846ba373"}'
)
V1 = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
V2 = "v1,MjviwgOhN7hbTf3Uk/YhFn2SqLYRepOT0G7aKI9O98c="
V3 = "v1,x7XsyUhJBIaX8Rp/cfMip5nK0GAkZ8FjFD6STf8xRMA="
V4_CORRECT = "v1,hhdp5xmzgYEYotjI+j7iVJ/kreJniWT9I9c4s1KqiOs="
V5 = "v1,eI3CqWpN9VgLoCFTX4nf0aVp3OY9cJX80bc7F2Upnlc="
V6 = "v1,g0hM9SsE+OTPJTGttmIKtSyZlE3uFJELVlNIOLJ1OE="


def headers(signature: str, webhook_id: str = ID, stamp: str = str(STAMP)) -> dict[str, str]:
    return {"webhook-id": webhook_id, "webhook-timestamp": stamp, "webhook-signature": signature}


def check(signature: str, body: bytes, *secrets: str) -> Verdict:
    return verify(headers(signature), body, secrets, NOW)


def test_the_vectors_are_typed_off_correctly() -> None:
    assert hashlib.sha256(V2_BODY).hexdigest() == "2bb43706bbf18ecc884a52ce3112679241225d928e67953c052fa2fed9651b83"
    assert hashlib.sha256(V3_BODY).hexdigest() == "b39e9eb9f6cfc9a48ba6ec97a394f11ff8ac2018bfe7581eb997f3b49e546b8e"


@pytest.mark.rule("HOOK-031", "HOOK-032", "HOOK-033", "EXP-DETECT-10")
@pytest.mark.parametrize(
    ("secret", "body", "signature"),
    [(V1_SECRET, V1_BODY, V1), (V2_SECRET, V2_BODY, V2), (V2_SECRET, V3_BODY, V3)],
    ids=["V1", "V2", "V3"],
)
def test_vectors_that_must_pass(secret: str, body: bytes, signature: str) -> None:
    verdict = check(signature, body, secret)
    assert verdict.ok
    assert (verdict.webhook_id, verdict.timestamp) == (ID, NOW)
    assert sign(secret, ID, STAMP, body) == signature


@pytest.mark.rule("HOOK-032")
def test_vector_v4_the_raw_bytes_count_not_the_json() -> None:
    respaced = json.dumps(json.loads(V2_BODY)).encode()
    assert check(V2, respaced, V2_SECRET).refusal is Refusal.NO_MATCH
    assert check(V4_CORRECT, respaced, V2_SECRET).ok


@pytest.mark.rule("HOOK-031")
def test_vector_v5_the_secret_is_decoded_before_use() -> None:
    message = f"{ID}.{STAMP}.".encode() + V2_BODY
    for undecoded in (V2_SECRET, V2_SECRET.removeprefix("whsec_")):
        made = base64.b64encode(hmac.new(undecoded.encode(), message, hashlib.sha256).digest()).decode()
        assert check(f"v1,{made}", V2_BODY, V2_SECRET).refusal is Refusal.NO_MATCH
    assert check(V5, V2_BODY, V2_SECRET).refusal is Refusal.NO_MATCH


@pytest.mark.rule("HOOK-034")
def test_vector_v6_invalid_base64_is_a_refusal() -> None:
    assert check(V6, V1_BODY, V1_SECRET).refusal is Refusal.SIGNATURE_MALFORMED
    assert check(f"{V1} {V6}", V1_BODY, V1_SECRET).refusal is Refusal.SIGNATURE_MALFORMED


@pytest.mark.rule("HOOK-020")
def test_header_names_in_any_case() -> None:
    shouted = {name.upper(): value for name, value in headers(V2).items()}
    assert verify(shouted, V2_BODY, [V2_SECRET], NOW).ok


@pytest.mark.rule("HOOK-033")
@pytest.mark.parametrize(
    ("signature", "ok"),
    [
        (f"{V1} {V2}", True),
        (f"{V2} {V1}", True),
        (f"v1a,not-base64-at-all {V2}", True),
        (V2.replace("v1,", "v1a,"), False),
        (V2.replace("v1,", "v2,"), False),
        (V1, False),
    ],
)
def test_one_v1_entry_that_matches_suffices(signature: str, ok: bool) -> None:
    assert check(signature, V2_BODY, V2_SECRET).ok is ok


@pytest.mark.rule("HOOK-033")
def test_either_secret_serves_while_one_replaces_the_other() -> None:
    assert check(V2, V2_BODY, V1_SECRET, V2_SECRET).ok
    assert check(V2, V2_BODY, V2_SECRET, V1_SECRET).ok
    assert check(V2, V2_BODY, V1_SECRET).refusal is Refusal.NO_MATCH


@pytest.mark.rule("HOOK-034")
@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"webhook-id": None}, Refusal.HEADER_MISSING),
        ({"webhook-timestamp": None}, Refusal.HEADER_MISSING),
        ({"webhook-signature": None}, Refusal.HEADER_MISSING),
        ({"webhook-id": ""}, Refusal.HEADER_MISSING),
        ({"webhook-signature": "   "}, Refusal.HEADER_MISSING),
        ({"Webhook-ID": "other"}, Refusal.HEADER_REPEATED),
        ({"webhook-id": "msg\n1"}, Refusal.HEADER_MALFORMED),
        ({"webhook-id": "mésg"}, Refusal.HEADER_MALFORMED),
        ({"webhook-timestamp": "now"}, Refusal.TIMESTAMP_MALFORMED),
        ({"webhook-timestamp": "1614265330.0"}, Refusal.TIMESTAMP_MALFORMED),
        ({"webhook-timestamp": "+1614265330"}, Refusal.TIMESTAMP_MALFORMED),
        ({"webhook-timestamp": "1_614_265_330"}, Refusal.TIMESTAMP_MALFORMED),
        ({"webhook-timestamp": "-1"}, Refusal.TIMESTAMP_MALFORMED),
        ({"webhook-timestamp": "9" * 5000}, Refusal.TIMESTAMP_MALFORMED),
        ({"webhook-timestamp": "١٦١٤"}, Refusal.HEADER_MALFORMED),
        ({"webhook-signature": V2.removeprefix("v1,")}, Refusal.SIGNATURE_MALFORMED),
        ({"webhook-signature": f"{V2} v1"}, Refusal.SIGNATURE_MALFORMED),
        ({"webhook-signature": "v1,===="}, Refusal.SIGNATURE_MALFORMED),
        ({"webhook-signature": "v1,"}, Refusal.NO_MATCH),
    ],
)
def test_malformed_headers_are_refusals_never_exceptions(change: dict[str, str | None], refusal: Refusal) -> None:
    sent = {name: value for name, value in {**headers(V2), **change}.items() if value is not None}
    assert verify(sent, V2_BODY, [V2_SECRET], NOW).refusal is refusal


@pytest.mark.rule("HOOK-035")
@pytest.mark.parametrize(
    ("seconds", "ok"), [(0, True), (300, True), (-300, True), (301, False), (-301, False), (10**9, False)]
)
def test_the_clock_may_differ_by_300_seconds_either_way(seconds: int, ok: bool) -> None:
    verdict = verify(headers(V2), V2_BODY, [V2_SECRET], NOW + timedelta(seconds=seconds))
    assert verdict.ok is ok
    assert ok or verdict.refusal is Refusal.TIMESTAMP_OUT_OF_RANGE


@pytest.mark.rule("HOOK-031")
@pytest.mark.parametrize("secrets", [[], [""], ["whsec_"], ["whsec_not base64"], ["é"]])
def test_without_a_usable_secret_nothing_is_believed(secrets: list[str]) -> None:
    empty_key = base64.b64encode(hmac.new(b"", f"{ID}.{STAMP}.".encode() + V2_BODY, hashlib.sha256).digest()).decode()
    assert verify(headers(f"v1,{empty_key}"), V2_BODY, secrets, NOW).refusal is Refusal.NO_USABLE_SECRET
    with pytest.raises(ValueError, match="not a signing secret"):
        sign("whsec_", ID, STAMP, V2_BODY)


@pytest.mark.rule("HOOK-032", "HOOK-033")
@given(data=st.data())
def test_flipping_any_byte_fails(data: st.DataObject) -> None:
    place = data.draw(st.sampled_from(["body", "webhook-id", "webhook-timestamp", "webhook-signature"]))
    sent, body = headers(V2), V2_BODY
    original = body if place == "body" else sent[place].encode()
    at = data.draw(st.integers(0, len(original) - 1))
    flipped = bytearray(original)
    flipped[at] ^= data.draw(st.integers(1, 255))
    if place == "body":
        body = bytes(flipped)
    else:
        sent[place] = flipped.decode("latin-1")
    assert not verify(sent, body, [V2_SECRET], NOW, tolerance=10**12).ok


texts = st.text(st.characters(codec=None), max_size=60)


@pytest.mark.rule("HOOK-034")
@given(
    sent=st.dictionaries(
        st.sampled_from(["webhook-id", "Webhook-Id", "webhook-timestamp", "webhook-signature", "x"]) | texts,
        texts | st.sampled_from([str(STAMP), V1, V2, V6, "v1,", ",", " "]) | st.integers().map(str),
    ),
    body=st.binary(max_size=100),
    secrets=st.lists(texts | st.just(V2_SECRET), max_size=3),
    tolerance=st.sampled_from([300, 10**12]),
)
def test_nothing_a_sender_can_choose_raises(sent, body, secrets, tolerance) -> None:
    verdict = verify(sent, body, secrets, NOW, tolerance)
    assert not verdict.ok
    assert verdict.webhook_id is None


@given(body=st.binary(), webhook_id=st.from_regex(r"[!-~]{1,40}", fullmatch=True), key=st.binary(min_size=1))
def test_what_was_signed_is_believed(body: bytes, webhook_id: str, key: bytes) -> None:
    secret = "whsec_" + base64.b64encode(key).decode()
    assert verify(headers(sign(secret, webhook_id, STAMP, body), webhook_id), body, [secret], NOW).ok
