"""What a person entered among the settings of an adapter, checked; each fault is a sentence for its field."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar
from urllib.parse import urlsplit

from ledgerbridge.outgoing.addresses import host_of, is_loopback

T = TypeVar("T")
_DEFAULT_PORTS = {"https": 443, "http": 80}


def checked(
    raw: Mapping[str, Any], checkers: Mapping[str, Callable[[object], T]]
) -> tuple[dict[str, T], dict[str, str]]:
    """What each checker answered, and by name what it raised ValueError for."""
    good: dict[str, T] = {}
    errors: dict[str, str] = {}
    for name, checker in checkers.items():
        try:
            good[name] = checker(raw.get(name))
        except ValueError as error:
            errors[name] = str(error)
    return good, errors


def web_address(value: object, *, whose: str, example: str, apart: str, at_risk: str) -> str:
    """An address of a server in its one spelling, or the same company could be bound twice (EXP-ENT-01).

    `https`, or `http` on this machine; without user, query and trailing slash. `whose` completes "the address of",
    `apart` is what has a field of its own, `at_risk` what could be read on the way. Raises ValueError.
    """
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"Enter the address of {whose}, such as {example}.")
    text = value.strip().rstrip("/")
    try:
        parts = urlsplit(text)
        named, port = parts.hostname, parts.port
    except ValueError:
        raise ValueError("This is not a web address.") from None
    if parts.scheme not in _DEFAULT_PORTS or not named or re.search(r"[\s\x00-\x1f\x7f\\]", text):
        raise ValueError("Enter a web address that starts with https://.")
    if parts.username is not None or parts.password is not None:
        raise ValueError(f"Leave user name and password out of the address; the {apart} has a field of its own.")
    if parts.query or parts.fragment:
        raise ValueError("Enter the address without anything after ? or #.")
    try:
        host = host_of(named)
    except ValueError:
        raise ValueError(f"This is not the name of a server. Enter it such as {example}.") from None
    local = is_loopback(host)
    if parts.scheme == "http" and not local:
        raise ValueError(f"The address must start with https://, or the {at_risk} could be read on the way.")
    if port is not None and port < 1024 and port != 443 and not local:
        raise ValueError(f"We call no port {port}. Leave it out, or enter 443 or one from 1024 on.")
    place = f"[{host}]" if ":" in host else host
    shown_port = "" if port in (None, _DEFAULT_PORTS[parts.scheme]) else f":{port}"
    return f"{parts.scheme}://{place}{shown_port}{parts.path}"
