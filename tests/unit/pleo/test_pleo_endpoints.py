"""Where Pleo is called, and where it never is."""

from __future__ import annotations

import httpx
import pytest

from ledgerbridge.pleo.endpoints import EndpointsRefused, PleoEndpoints, path_of
from ledgerbridge.pleo.oauth import OAuthClient
from ledgerbridge.pleo.transport import PleoClient

PRODUCTION = ("https://auth.pleo.io", "https://external.pleo.io")
STAGING = ("https://auth.staging.pleo.io", "https://external.staging.pleo.io")


@pytest.mark.rule("AUTH-001", "EXP-PRE-03", "TAG-163")
@pytest.mark.parametrize(
    ("auth", "api", "environment"),
    [
        (*PRODUCTION, "production"),
        (*STAGING, "staging"),
        ("https://AUTH.pleo.io/", "https://external.pleo.io.", "production"),
        ("http://127.0.0.1:9000/pleo", "http://127.0.0.1:9000/pleo", "custom"),
    ],
)
def test_a_whole_pair_is_used_and_named(auth: str, api: str, environment: str) -> None:
    endpoints = PleoEndpoints(auth, api)
    assert endpoints.faults() == ()
    assert endpoints.environment == environment
    assert endpoints.local is (environment == "custom")


@pytest.mark.rule("AUTH-001", "EXP-PRE-03")
@pytest.mark.parametrize(
    ("auth", "api", "words"),
    [
        (PRODUCTION[0], STAGING[1], ("production", "staging")),
        (STAGING[0], PRODUCTION[1], ("staging", "production")),
        (PRODUCTION[0], "https://pleo.example", ("production", "pleo.example")),
        ("http://localhost:9000", STAGING[1], ("staging", "localhost")),
        (PRODUCTION[1], PRODUCTION[0], ("swapped",)),
        (PRODUCTION[0], PRODUCTION[0], ("swapped",)),
    ],
)
def test_a_mixed_pair_is_named_and_never_used(auth: str, api: str, words: tuple[str, ...]) -> None:
    endpoints = PleoEndpoints(auth, api)
    (fault,) = endpoints.faults()
    assert all(word in fault for word in words)
    assert endpoints.environment == "custom"
    with pytest.raises(EndpointsRefused, match="AUTH-001"):
        PleoClient(httpx.AsyncClient(), endpoints, None, None)  # type: ignore[arg-type]
    with pytest.raises(EndpointsRefused, match="AUTH-001"):
        OAuthClient(httpx.AsyncClient(), endpoints, "id", "secret")


@pytest.mark.rule("AUTH-002", "TAG-012", "ACC-003", "TAX-002")
@pytest.mark.parametrize(
    "host", ["openapi.pleo.io", "api.pleo.io", "openapi.staging.pleo.io", "OPENAPI.pleo.io.", "pleo.io"]
)
def test_legacy_and_unpublished_pleo_hosts_are_refused(host: str) -> None:
    faults = PleoEndpoints(PRODUCTION[0], f"https://{host}/v1").faults()
    assert any("AUTH-002" in fault for fault in faults)


@pytest.mark.rule("AUTH-003")
@pytest.mark.parametrize(
    ("base", "allowed"),
    [
        ("https://pleo.example/prefix", True),
        ("http://localhost:8080", True),
        ("http://127.0.0.1:8080", True),
        ("http://[::1]:8080", True),
        ("http://pleo.example", False),
        ("http://localhost.evil.example", False),
        ("http://127.0.0.1@evil.example", False),
        ("http://auth.pleo.io", False),
        ("ftp://localhost", False),
        ("localhost:8080", False),
        ("https://", False),
        ("https://[bad", False),
        ("https://host:99999", False),
        ("https://user:pw@pleo.example", False),
        ("https://pleo.example?x=1", False),
    ],
)
def test_plain_http_is_for_this_machine_only(base: str, allowed: bool) -> None:
    assert (PleoEndpoints(base, base).faults() == ()) is allowed


def test_a_path_prefix_is_kept() -> None:
    endpoints = PleoEndpoints("https://pleo.example/a/", "https://pleo.example/b/")
    assert endpoints.token() == "https://pleo.example/a/oauth/token"
    assert endpoints.token_introspection() == "https://pleo.example/a/oauth/token/introspect"
    assert endpoints.authorise([("state", "a b")]) == "https://pleo.example/a/oauth/authorize?state=a%20b"
    assert endpoints.api("/v1/installations/me:activate") == "https://pleo.example/b/v1/installations/me:activate"


def test_an_id_from_outside_stays_in_its_place_in_the_path() -> None:
    assert path_of("v3", "export-jobs", "a/../b?c#d", "items") == "/v3/export-jobs/a%2F..%2Fb%3Fc%23d/items"
    for bad in ("", ".", "..", " "):
        with pytest.raises(ValueError, match="not a usable id"):
            path_of("v3", bad)
