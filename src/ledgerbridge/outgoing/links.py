"""What a URL from outside must look like before anybody is called.

Read with the parser of the client that will send the request, so that no other reading of the same text counts.
"""

from __future__ import annotations

import ipaddress

import httpx

from ledgerbridge.outgoing.addresses import Reach, host_of, is_loopback

LONGEST = 8192
"""Characters of a link; signed ones have a few hundred."""


def link_fault(url: str, reach: Reach, *, ports: frozenset[int]) -> str | None:
    """Why a link must not be followed, completing "the link ..."; None when its host may be looked up.

    HTTPS and these ports only, but on this machine where `reach` allows it.
    """
    if len(url) > LONGEST:
        return f"is longer than {LONGEST} characters"
    try:
        parsed = httpx.URL(url)
        host = host_of(parsed.host)
    except (httpx.InvalidURL, ValueError):
        return "is not a URL"
    if parsed.userinfo:
        return "carries a user name or password"
    if is_loopback(host) and reach.local:
        return None if parsed.scheme in ("http", "https") else "is not an http(s) URL"
    if parsed.scheme != "https":
        return "must use HTTPS"
    if parsed.port not in ports | {None}:
        return f"uses port {parsed.port}"
    return "leads to this machine" if host == "localhost" else _address_fault(host, reach)


def _address_fault(host: str, reach: Reach) -> str | None:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return None
    return reach.fault(host, host)
