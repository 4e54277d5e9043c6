"""AWS Signature Version 4, as far as one object at a time needs it: no query but a fixed one, the hash known before."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import httpx

EMPTY = hashlib.sha256(b"").hexdigest()
"""Hash of no body."""


@dataclass(frozen=True, slots=True)
class S3Key:
    """An access key and the region its signatures are for."""

    access_key: str
    region: str
    secret_key: str = field(repr=False)


def signed(
    method: str, url: httpx.URL, body_sha256: str, key: S3Key, now: datetime, headers: Mapping[str, str] | None = None
) -> dict[str, str]:
    """All headers of a request, the given ones (lower case) included; `now` in UTC."""
    at = now.strftime("%Y%m%dT%H%M%SZ")
    scope = f"{at[:8]}/{key.region}/s3/aws4_request"
    told = {**(headers or {}), "host": url.netloc.decode(), "x-amz-content-sha256": body_sha256, "x-amz-date": at}
    names = ";".join(sorted(told))
    path = url.raw_path.split(b"?")[0].decode()
    lines = [f"{name}:{told[name].strip()}" for name in sorted(told)]
    canonical = "\n".join([method, path, url.query.decode(), *lines, "", names, body_sha256])
    asked = "\n".join(["AWS4-HMAC-SHA256", at, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    derived = f"AWS4{key.secret_key}".encode()
    for part in (at[:8], key.region, "s3", "aws4_request"):
        derived = hmac.new(derived, part.encode(), hashlib.sha256).digest()
    signature = hmac.new(derived, asked.encode(), hashlib.sha256).hexdigest()
    credential = f"{key.access_key}/{scope}"
    told["authorization"] = f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={names}, Signature={signature}"
    return told
