"""Signatures of Standard Webhooks: HMAC-SHA256 over `id.timestamp.body`, base64, with the version `v1` in front.

Pure: who believes such a signature, and for how long, is decided elsewhere (`pleo.signature`).
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Iterable, Sequence

PREFIX = "whsec_"
VERSION = "v1"


def key_of(secret: str) -> bytes:
    """The key inside `whsec_<base64>` (HOOK-031); empty when there is none, and an empty key signs nothing."""
    try:
        return base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        return b""


def signature(key: bytes, webhook_id: str, timestamp: str, body: bytes) -> str:
    """The bare base64 of one signature."""
    message = f"{webhook_id}.{timestamp}.".encode() + body
    return base64.b64encode(hmac.digest(key, message, "sha256")).decode()


def sign(secret: str, webhook_id: str, timestamp: int, body: bytes) -> str:
    """The `webhook-signature` of a body. Raises `ValueError` for an unusable secret."""
    return signed([secret], webhook_id, timestamp, [body])


def signed(secrets: Sequence[str], webhook_id: str, timestamp: int, body: Iterable[bytes]) -> str:
    """The same by each of several secrets, as while one is replaced by another; any that fits is enough. The body
    comes in pieces, so that a large one never is in memory.

    Raises `ValueError` for an unusable secret and for none.
    """
    keys = [key_of(secret) for secret in secrets]
    if not keys or not all(keys):
        raise ValueError("not a signing secret")
    digests = [hmac.new(key, f"{webhook_id}.{timestamp}.".encode(), "sha256") for key in keys]
    for piece in body:
        for digest in digests:
            digest.update(piece)
    return " ".join(f"{VERSION},{base64.b64encode(digest.digest()).decode()}" for digest in digests)
