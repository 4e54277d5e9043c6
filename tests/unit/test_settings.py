"""Settings from the environment: what is accepted, what is refused in one sentence, what never prints."""

from __future__ import annotations

import base64
import hashlib
import hmac

import pytest
from pydantic import SecretStr, ValidationError

from ledgerbridge.settings import Settings, is_secure_url

KEY = base64.urlsafe_b64encode(b"k" * 32).decode()


def settings(**given: object) -> Settings:
    return Settings(_env_file=None, **given)  # type: ignore[arg-type]


@pytest.mark.rule("EXP-PRE-02", "AUTH-091", "AUTH-090")
def test_the_scopes_asked_for_cover_exports_and_vendor_events_and_come_from_the_environment() -> None:
    assert {"export-jobs:read", "export-jobs:write", "export-items:read", "vendors:read"} <= set(
        settings().pleo_scopes.split()
    )
    assert settings(pleo_scopes="export-jobs:read").pleo_scopes == "export-jobs:read"


@pytest.mark.rule("EXP-DETECT-13", "HOOK-008", "AUTH-016", "AUTH-003")
@pytest.mark.parametrize("name", ["public_url", "pleo_auth_url", "pleo_api_url"])
def test_only_loopback_may_do_without_https(name: str) -> None:
    for good in ("https://example.com", "http://localhost:8080", "http://127.0.0.1:1", "http://[::1]:8080"):
        assert getattr(settings(**{name: good + "/"}), name) == good
    for bad in ("http://example.com", "http://localhost.example.com", "ftp://example.com", "example.com", "https://"):
        with pytest.raises(ValidationError, match=name):
            settings(**{name: bad})


@pytest.mark.parametrize("bad", ["https://user:pass@example.com", "https://example.com?x=1", "https://example.com#a"])
def test_a_base_url_carries_nothing_else(bad: str) -> None:
    with pytest.raises(ValidationError):
        settings(public_url=bad)


def test_secure_means_https_or_this_machine() -> None:
    assert is_secure_url("https://erp.example.com")
    assert is_secure_url("http://127.0.0.1:8069")
    assert not is_secure_url("http://10.0.0.1:8069")


@pytest.mark.rule("HOOK-012")
def test_event_names_are_versioned_and_come_from_the_environment() -> None:
    assert settings().pleo_event_types == ("v1.export-job.created", "v1.vendor.created")
    assert settings(pleo_event_types="a, b").pleo_event_types == ("a", "b")


@pytest.mark.rule("LIMIT-001")
def test_the_request_budget_stays_below_pleos_limit() -> None:
    assert settings().pleo_requests_per_minute == 500
    with pytest.raises(ValidationError, match="at most 600"):
        settings(pleo_requests_per_minute=601)
    with pytest.raises(ValidationError, match="at most 600"):
        settings(pleo_requests_per_minute=601, pleo_auth_url="http://127.0.0.1:9000")


@pytest.mark.rule("LIMIT-001")
def test_a_stand_in_for_pleo_on_this_machine_may_be_asked_more_often() -> None:
    here = {"pleo_auth_url": "http://127.0.0.1:9000", "pleo_api_url": "http://localhost:9001"}
    assert settings(pleo_requests_per_minute=100_000, **here).pleo_requests_per_minute == 100_000


@pytest.mark.rule("EXP-EXPIRE-05", "EXP-DETECT-03")
def test_polling_comes_every_few_minutes_well_inside_the_hour_a_job_lives() -> None:
    assert 60 <= settings().export_poll_seconds <= 300


def test_keys_decode_with_and_without_padding_and_keep_their_order() -> None:
    other = base64.urlsafe_b64encode(b"o" * 32).decode().rstrip("=")
    assert settings(encryption_keys=SecretStr(f"{KEY}, {other}")).keys == (b"k" * 32, b"o" * 32)


@pytest.mark.parametrize(("bad", "says"), [("short", "key 1"), (f"{KEY},AAAA", "key 2")])
def test_a_bad_key_is_named_by_position_and_never_shown(bad: str, says: str) -> None:
    with pytest.raises(ValueError, match=says) as refused:
        _ = settings(encryption_keys=SecretStr(bad)).keys
    assert bad not in str(refused.value)


def test_admin_tokens_are_compared_by_hash() -> None:
    digest = hashlib.sha256(b"correct horse").hexdigest()
    made = settings(admin_tokens=SecretStr(f"anna:{digest}"))
    assert made.admin_named("correct horse") == "anna"
    assert made.admin_named("wrong") is None
    assert made.admin_named(digest) is None


@pytest.mark.parametrize("bad", ["anna", "anna:", ":" + "0" * 64, "anna:zz", "anna:" + "0" * 63])
def test_a_malformed_admin_token_is_refused(bad: str) -> None:
    with pytest.raises(ValueError, match="entry 1"):
        _ = settings(admin_tokens=SecretStr(bad)).admins


@pytest.mark.rule("AUTH-017", "AUTH-045")
def test_secrets_refuse_to_print() -> None:
    made = settings(
        pleo_client_secret=SecretStr("the-client-secret"),
        encryption_keys=SecretStr(KEY),
        database_url=SecretStr("postgresql://u:the-password@h/d"),
    )
    shown = repr(made) + str(made) + made.model_dump_json()
    for secret in ("the-client-secret", KEY, "the-password"):
        assert secret not in shown


def test_private_networks_of_erps_and_trusted_proxies_are_lists() -> None:
    chosen = settings(erp_private_networks="erp.internal.example, 10.20.0.0/24", trusted_proxies="172.20.0.2,fd00::/8")
    assert chosen.erp_private_networks == ("erp.internal.example", "10.20.0.0/24")
    assert chosen.trusted_proxies == ("172.20.0.2", "fd00::/8")
    assert settings().erp_private_networks == settings().trusted_proxies == ()
    reach = chosen.erp_reach(local=False)
    assert reach.fault("erp.internal.example", "192.168.0.1") is None
    assert reach.fault("another.example", "10.20.0.9") is None
    assert reach.fault("another.example", "10.20.1.9")
    assert reach.fault("localhost", "127.0.0.1")
    assert chosen.erp_reach(local=True).fault("localhost", "127.0.0.1") is None


@pytest.mark.parametrize(
    "bad", ["0.0.0.0/0", "127.0.0.1", "169.254.169.254", "8.8.8.8", "10.0.0.1/8", "https://x.example"]
)
def test_a_network_that_must_stay_closed_cannot_be_listed(bad: str) -> None:
    with pytest.raises(ValidationError, match="erp_private_networks"):
        settings(erp_private_networks=f"10.20.0.0/24,{bad}")


@pytest.mark.parametrize("bad", ["*", "proxy.example", "10.0.0.1/8", "10.0.0.0/33"])
def test_a_proxy_is_named_by_its_address(bad: str) -> None:
    with pytest.raises(ValidationError, match="trusted_proxies"):
        settings(trusted_proxies=bad)


def test_each_administrator_is_compared_in_constant_time_whoever_matches(monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"admin{number}" for number in range(5)]
    tokens = ",".join(f"{name}:{hashlib.sha256(name.encode()).hexdigest()}" for name in names)
    chosen = settings(admin_tokens=tokens)
    compared: list[tuple[bytes, bytes]] = []

    def compare(one: bytes, other: bytes) -> bool:
        compared.append((one, other))
        return one == other

    monkeypatch.setattr(hmac, "compare_digest", compare)
    for token in (names[0], names[-1], "nobody", ""):
        compared.clear()
        chosen.admin_named(token)
        assert len(compared) == 5
        assert all(len(one) == len(other) == 32 for one, other in compared)


def test_the_operators_provider_counts_only_when_it_is_whole() -> None:
    whole = {
        "oidc_issuer": "https://login.example.com/",
        "oidc_client_id": "us",
        "oidc_admins": " Ada@Example.com , group:ops",
    }
    made = settings(**whole)
    assert made.oidc_configured
    assert made.oidc_issuer == "https://login.example.com/", "the slash belongs to the name"
    assert made.oidc_admins == ("ada@example.com", "group:ops")
    for name in whole:
        assert not settings(**{**whole, name: ""}).oidc_configured


@pytest.mark.parametrize(
    "bad",
    [
        {"oidc_issuer": "http://login.example.com"}, {"oidc_issuer": "login.example.com"},
        {"oidc_issuer": "https://login.example.com?tenant=1"}, {"oidc_issuer": "https://a_b..example"},
        {"oidc_admins": "ada"}, {"oidc_admins": "ada@x, team:ops"}, {"oidc_admins": "group:"}, {"oidc_admins": "a b@x"},
        {"oidc_scopes": "email"},
    ],
)  # fmt: skip
def test_a_provider_that_cannot_be_meant_is_refused(bad: dict[str, str]) -> None:
    with pytest.raises(ValueError):
        settings(**bad)
