"""What a verified body says."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledgerbridge.pleo.events import ExportJobCreated, UnknownEvent, UnreadableEvent, VendorCreated, parse_event

JOB = "b4c4d068-ebbe-45b7-b562-2f16f0deb8b9"
COMPANY = "b5fdaec1-1b43-4b62-996a-b0471c3bb336"
EVENT = "a257a31e-e8a6-4c36-a98d-451250e5b5c4"


def body(kind: str = "v1.export-job.created", **members: Any) -> bytes:
    return json.dumps(
        {"data": {"companyId": COMPANY, "id": JOB}, "eventId": EVENT, "eventType": kind, **members}
    ).encode()


@pytest.mark.rule("HOOK-023", "HOOK-024", "EXP-DETECT-11")
@pytest.mark.parametrize("kind", ["v1.export-job.created", "v1.export.job-created"])
def test_both_spellings_of_the_export_event_are_one(kind: str) -> None:
    assert parse_event(body(kind)) == ExportJobCreated(kind, EVENT, JOB, COMPANY)


@pytest.mark.rule("HOOK-025")
def test_the_vendor_event() -> None:
    assert parse_event(body("v1.vendor.created")) == VendorCreated("v1.vendor.created", EVENT, JOB, COMPANY)


@pytest.mark.rule("HOOK-021", "EXP-DETECT-11")
def test_a_wrapped_body_says_the_same_as_a_bare_one() -> None:
    wrapped = json.dumps({"webhook-id": "msg_1", "webhook-timestamp": 1, "payload": json.loads(body())}).encode()
    assert parse_event(wrapped) == parse_event(body())


@pytest.mark.rule("HOOK-022", "HOOK-024")
def test_order_and_other_members_do_not_matter_not_even_the_status() -> None:
    data = {"status": "completed", "id": JOB, "new": [], "companyId": COMPANY, "numberOfItems": "many"}
    turned = b'{"eventType": "v1.export-job.created", "x": {}, "eventId": "%s", "data": %s}'
    assert parse_event(turned % (EVENT.encode(), json.dumps(data).encode())) == parse_event(body())


@pytest.mark.rule("HOOK-023")
@pytest.mark.parametrize("kind", ["v2.export-job.created", "v1.tag.created", "V1.VENDOR.CREATED"])
def test_unknown_events_are_known_to_be_unknown(kind: str) -> None:
    assert parse_event(body(kind, data="anything")) == UnknownEvent(kind, EVENT)


def test_the_event_id_is_optional() -> None:
    assert parse_event(body(eventId=None)).event_id is None


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"not json",
        b"[]",
        b"null",
        b"{}",
        b'{"payload": []}',
        b'{"eventType": 7}',
        b"[" * 100_000,
        b"\xff\xfe",
        body(data=None),
        body(data={"id": JOB}),
        body(data={"id": "../x", "companyId": COMPANY}),
        body(data={"id": JOB, "companyId": 7}),
    ],
)
def test_what_is_no_event_is_said_to_be_none(raw: bytes) -> None:
    with pytest.raises(UnreadableEvent):
        parse_event(raw)


@given(
    raw=st.binary()
    | st.recursive(
        st.none() | st.text(), lambda x: st.dictionaries(st.sampled_from(["data", "eventType", "payload", "id"]), x)
    ).map(lambda v: json.dumps(v).encode())
)
def test_no_body_raises_anything_else(raw: bytes) -> None:
    with contextlib.suppress(UnreadableEvent):
        parse_event(raw)
