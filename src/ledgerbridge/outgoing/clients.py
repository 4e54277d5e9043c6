"""The HTTP clients of the service: no ambient proxy, `.netrc` or cookie, no redirect followed, one set of trusted
certificates for all."""

from __future__ import annotations

import ssl
from functools import cache
from typing import Any

import httpx

from ledgerbridge.outgoing.addresses import Reach
from ledgerbridge.outgoing.network import CheckedBackend, CheckedTransport


@cache
def trusted() -> ssl.SSLContext:
    """The certificates we trust, SSL_CERT_FILE respected; reading them takes longer than most calls."""
    return httpx.create_ssl_context()


def operators_client() -> httpx.AsyncClient:
    """For hosts that the operator names in the settings: Pleo's."""
    return httpx.AsyncClient(verify=trusted(), trust_env=False, follow_redirects=False)


def checked_client(
    reach: Reach, *, transport: httpx.AsyncBaseTransport | None = None, **options: Any
) -> httpx.AsyncClient:
    """For hosts that others name. `options` are httpx's; a `transport` takes the place of the network in tests.

    Raises `AddressRefused` when it is used for a host that `reach` does not allow.
    """
    return httpx.AsyncClient(
        transport=transport or CheckedTransport(CheckedBackend(reach), trusted()),
        trust_env=False,
        follow_redirects=False,
        **options,
    )
