"""What a verified webhook body says: which event, and two ids. Everything else is read again from the API."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", re.ASCII)

EXPORT_JOB_CREATED = frozenset({"v1.export-job.created", "v1.export.job-created", "export-job.created"})
"""Pleo's pages spell it in three ways (HOOK-023, contradiction C-01)."""
VENDOR_CREATED = frozenset({"v1.vendor.created"})


@dataclass(frozen=True, slots=True)
class ExportJobCreated:
    """A bookkeeper pressed Export (HOOK-024)."""

    event_type: str
    """As sent."""
    event_id: str | None
    job_id: str
    company_id: str
    """To be compared with the company of the subscription (HOOK-026)."""


@dataclass(frozen=True, slots=True)
class VendorCreated:
    """A vendor was made inside Pleo (HOOK-025)."""

    event_type: str
    event_id: str | None
    vendor_id: str
    company_id: str


@dataclass(frozen=True, slots=True)
class UnknownEvent:
    """An event we did not ask for or do not know yet: acknowledge it and park the body (HOOK-023)."""

    event_type: str
    event_id: str | None


Event = ExportJobCreated | VendorCreated | UnknownEvent


class UnreadableEvent(ValueError):
    """The body is verified but not an event: not JSON, no event type, or a known event without its ids."""


def parse_event(body: bytes) -> Event:
    """The event in a verified body, bare or wrapped in `payload` (HOOK-021, contradiction C-02).

    Unknown members are ignored (HOOK-022). Raises `UnreadableEvent`.
    """
    event = _object(body)
    event_type, event_id = event.get("eventType"), event.get("eventId")
    if not isinstance(event_type, str) or not event_type:
        raise UnreadableEvent("eventType is missing")
    event_id = event_id if isinstance(event_id, str) and event_id else None
    if event_type in EXPORT_JOB_CREATED:
        job_id, company_id = _ids(event)
        return ExportJobCreated(event_type, event_id, job_id, company_id)
    if event_type in VENDOR_CREATED:
        vendor_id, company_id = _ids(event)
        return VendorCreated(event_type, event_id, vendor_id, company_id)
    return UnknownEvent(event_type, event_id)


def _object(body: bytes) -> dict[str, Any]:
    try:
        event = json.loads(body)
    except (ValueError, RecursionError):
        raise UnreadableEvent("the body is not JSON") from None
    if isinstance(event, dict) and "eventType" not in event:
        event = event.get("payload")
    if not isinstance(event, dict):
        raise UnreadableEvent("the body is not an event")
    return event


def _ids(event: dict[str, Any]) -> tuple[str, str]:
    data = event.get("data")
    data = data if isinstance(data, dict) else {}
    return _uuid(data, "id"), _uuid(data, "companyId")


def _uuid(data: dict[str, Any], name: str) -> str:
    value = data.get(name)
    if not isinstance(value, str) or not _UUID.fullmatch(value):
        raise UnreadableEvent(f"data.{name} is not an id")
    return value
