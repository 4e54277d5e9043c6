"""Small shared vocabulary: identifiers, URNs, random values, and reading fields out of untrusted JSON."""

from __future__ import annotations

import re
import secrets
import string
import uuid
from collections.abc import Collection
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from pleo_sandbox.core.problems import bad_request

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_SUBJECT = re.compile(r"urn:pleo:(company|organisation):([0-9a-f-]{36})", re.IGNORECASE)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)")
_LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})
# Every character a bearer token may have (RFC 6750), so that nobody gets away with guessing the alphabet.
_TOKEN_ALPHABET = string.ascii_letters + string.digits + "-._~+/"


def new_id() -> str:
    """A fresh UUID."""
    return str(uuid.uuid4())


@lru_cache(maxsize=10_000)
def lasting_id(*parts: str) -> str:
    """The same UUID for the same parts: for things that exist once in Pleo, such as a person or an account."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, "/".join(parts)))


def is_uuid(value: object) -> bool:
    """Whether ``value`` is a UUID in its canonical 36 characters."""
    return isinstance(value, str) and _UUID.fullmatch(value) is not None


def opaque_token() -> str:
    """A secret whose length and content promise nothing."""
    length = 40 + secrets.randbelow(160)
    return "".join(secrets.choice(_TOKEN_ALPHABET) for _ in range(length))


def company_urn(company_id: str) -> str:
    """The subject URN of a company."""
    return f"urn:pleo:company:{company_id}"


def organisation_urn(organisation_id: str) -> str:
    """The subject URN of an organisation."""
    return f"urn:pleo:organisation:{organisation_id}"


def parse_subject(urn: str) -> tuple[str, str] | None:
    """``(kind, id)`` of a subject URN, or ``None`` when it is not one."""
    match = _SUBJECT.fullmatch(urn)
    if match is None or not is_uuid(match.group(2)):
        return None
    return match.group(1), match.group(2).lower()


def is_https_or_local(url: str) -> bool:
    """HTTPS anywhere, HTTP on this machine only, no fragment."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return False
    if not host or parts.fragment or any(c.isspace() for c in url):
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and host in _LOCAL_HOSTS)


def object_of(value: Any, what: str) -> dict[str, Any]:
    """``value`` as a JSON object, or a 400."""
    if not isinstance(value, dict):
        raise bad_request(f"{what} must be a JSON object")
    return value


def text_of(body: dict[str, Any], name: str, *, required: bool = False) -> str | None:
    """A string member; absent is allowed unless required, null never is (the request schemas are not nullable)."""
    if name not in body:
        if required:
            raise bad_request(f"{name} is required")
        return None
    value = body[name]
    if not isinstance(value, str):
        raise bad_request(f"{name} must be a string")
    return value


def nullable_text_of(body: dict[str, Any], name: str, *, longest: int | None = None) -> str | None:
    """An optional string member that may be null."""
    if body.get(name) is None:
        return None
    value = text_of(body, name)
    if longest is not None and len(value or "") > longest:
        raise bad_request(f"{name} must have at most {longest} characters")
    return value


def filled_text_of(body: dict[str, Any], name: str, *, longest: int | None = None) -> str:
    """A required string member of at least one character."""
    value = text_of(body, name, required=True) or ""
    if not value or (longest is not None and len(value) > longest):
        raise bad_request(
            f"{name} must not be empty" if not value else f"{name} must have at most {longest} characters"
        )
    return value


def flag_of(body: dict[str, Any], name: str, *, required: bool = False) -> bool | None:
    """A true-or-false member; absent is allowed unless required."""
    if name not in body:
        if required:
            raise bad_request(f"{name} is required")
        return None
    if not isinstance(body[name], bool):
        raise bad_request(f"{name} must be true or false")
    return bool(body[name])


def texts_of(
    body: dict[str, Any], name: str, *, fewest: int = 0, most: int | None = None, nullable: bool = False
) -> list[str] | None:
    """An optional list of strings with bounds on its length."""
    if name not in body or (nullable and body[name] is None):
        return None
    values = body[name]
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise bad_request(f"{name} must be a list of strings")
    if len(values) < fewest or (most is not None and len(values) > most):
        raise bad_request(f"{name} must hold {fewest} to {most} values")
    return values


def uuids_of(
    body: dict[str, Any], name: str, *, fewest: int = 0, most: int | None = None, nullable: bool = False
) -> list[str] | None:
    """An optional list of UUIDs, in lower case."""
    values = texts_of(body, name, fewest=fewest, most=most, nullable=nullable)
    if values is not None and not all(is_uuid(value) for value in values):
        raise bad_request(f"{name} must be a list of UUIDs")
    return None if values is None else [value.lower() for value in values]


def metadata_of(body: dict[str, Any], *, required: bool = False) -> dict[str, str] | None:
    """A map of strings to strings."""
    if "metadata" not in body and not required:
        return None
    given = object_of(body.get("metadata"), "metadata")
    if not all(isinstance(value, str) for value in given.values()):
        raise bad_request("metadata must map names to strings")
    return given


def uuid_of(body: dict[str, Any], name: str) -> str:
    """A required UUID member, in lower case."""
    value = text_of(body, name, required=True)
    if value is None or not is_uuid(value):
        raise bad_request(f"{name} must be a UUID")
    return value.lower()


def choice_of(body: dict[str, Any], name: str, allowed: Collection[str], *, required: bool = False) -> str | None:
    """A string member out of a closed list."""
    value = text_of(body, name, required=required)
    if value is not None and value not in allowed:
        raise bad_request(f"{name} must be one of {', '.join(allowed)}")
    return value


def moment_of(body: dict[str, Any], name: str) -> str | None:
    """An optional RFC 3339 date-time member, kept as sent."""
    value = text_of(body, name)
    if value is not None and not _MOMENT.fullmatch(value):
        raise bad_request(f"{name} must be a date-time such as 2025-05-23T15:21:32Z")
    return value
