"""Is this delivery Pleo's? Decided on the raw bytes before any parsing, never by an exception (HOOK-030 to -036)."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from ledgerbridge.outgoing.signing import key_of, sign, signature

__all__ = ["MAX_ID", "TOLERANCE_SECONDS", "Refusal", "Verdict", "sign", "verify"]

TOLERANCE_SECONDS = 300
"""Furthest a delivery's clock may be from ours, in either direction (HOOK-035)."""

MAX_ID = 255
"""Most characters of a `webhook-id`, which is kept and looked up by (our number; Pleo's have some 30)."""

_ID = "webhook-id"
_NAMES = (_ID, "webhook-timestamp", "webhook-signature")


class Refusal(StrEnum):
    """Why a delivery is not believed. For logs only: the sender gets 401 without detail (HOOK-036)."""

    HEADER_MISSING = "a header is missing"
    HEADER_REPEATED = "a header is repeated"
    HEADER_MALFORMED = "a header holds other than visible ASCII, or an id is too long"
    TIMESTAMP_MALFORMED = "the timestamp is not an integer"
    TIMESTAMP_OUT_OF_RANGE = "the timestamp is too far from now"
    SIGNATURE_MALFORMED = "a signature entry is malformed"
    NO_USABLE_SECRET = "no usable secret is stored"  # noqa: S105
    NO_MATCH = "no signature matches"
    """The only one that a secret changed at Pleo can cause (HOOK-037)."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome. Exactly one of `webhook_id` with `timestamp`, or `refusal`, is set."""

    webhook_id: str | None = None
    """The message id, the same on every re-send (HOOK-042)."""
    timestamp: datetime | None = None
    """When this attempt was sent, UTC."""
    refusal: Refusal | None = None

    @property
    def ok(self) -> bool:
        return self.refusal is None


def verify(
    headers: Mapping[str, str],
    body: bytes,
    secrets: Iterable[str],
    now: datetime,
    tolerance: int = TOLERANCE_SECONDS,
) -> Verdict:
    """Check one delivery.

    `headers` in any case (HOOK-020), `body` exactly as received, `secrets` as Pleo gives them (`whsec_…`), several
    while one is being replaced; `now` aware; `tolerance` in seconds. Never raises for anything a sender can choose.
    """
    found, refusal = _read(headers)
    if refusal:
        return Verdict(refusal=refusal)
    webhook_id, digits, signatures = (found[name] for name in _NAMES)
    if not digits.isdigit() or len(digits) > 11:
        return Verdict(refusal=Refusal.TIMESTAMP_MALFORMED)
    if abs(int(digits) - now.timestamp()) > tolerance:
        return Verdict(refusal=Refusal.TIMESTAMP_OUT_OF_RANGE)
    offered = _entries(signatures)
    if offered is None:
        return Verdict(refusal=Refusal.SIGNATURE_MALFORMED)
    keys = [key for key in map(key_of, secrets) if key]
    if not keys:
        return Verdict(refusal=Refusal.NO_USABLE_SECRET)
    expected = [signature(key, webhook_id, digits, body) for key in keys]
    if not _any_match(expected, offered):
        return Verdict(refusal=Refusal.NO_MATCH)
    return Verdict(webhook_id=webhook_id, timestamp=datetime.fromtimestamp(int(digits), UTC))


def _read(headers: Mapping[str, str]) -> tuple[dict[str, str], Refusal | None]:
    found: dict[str, str] = {}
    for name, value in headers.items():
        if (lower := name.lower()) in _NAMES:
            if lower in found:
                return {}, Refusal.HEADER_REPEATED
            found[lower] = value.strip(" ")
    if any(not found.get(name) for name in _NAMES):
        return {}, Refusal.HEADER_MISSING
    if any(not value.isascii() or not value.isprintable() for value in found.values()) or len(found[_ID]) > MAX_ID:
        return {}, Refusal.HEADER_MALFORMED
    return found, None


def _entries(header: str) -> list[str] | None:
    """The base64 texts of all `v1` entries; None when any entry is malformed (HOOK-033, -034)."""
    offered = []
    for entry in header.split():
        version, comma, text = entry.partition(",")
        if not comma:
            return None
        if version != "v1":
            continue
        try:
            base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            return None
        offered.append(text)
    return offered


def _any_match(expected: list[str], offered: list[str]) -> bool:
    """Compares texts, not decoded bytes: base64 has several spellings of one value, and only one is Pleo's."""
    matched = False
    for one in expected:
        for text in offered:
            matched |= hmac.compare_digest(one, text)
    return matched
