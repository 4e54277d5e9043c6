"""The doctor says what is wrong with the settings, and what to do, without showing a secret."""

from __future__ import annotations

import base64
import hashlib
import json
import os
from typing import Any

import pytest
from pydantic import ValidationError

from ledgerbridge.ops import doctor
from ledgerbridge.ops.doctor import Finding, Level
from ledgerbridge.settings import DEFAULT_SCOPES, Settings

KEY = base64.urlsafe_b64encode(hashlib.sha256(b"a key for the doctor").digest()).decode()
SOUND: dict[str, Any] = {
    "database_url": "postgresql://ledger:hush@db.example/books",
    "public_url": "https://books.example.com",
    "pleo_auth_url": "https://auth.pleo.io",
    "pleo_api_url": "https://external.pleo.io",
    "pleo_client_id": "client",
    "pleo_client_secret": "client-secret-value",
    "encryption_keys": KEY,
    "admin_tokens": f"ada:{hashlib.sha256(os.urandom(8)).hexdigest()}",
}
STAGING = {"pleo_auth_url": "https://auth.staging.pleo.io", "pleo_api_url": "https://external.staging.pleo.io"}
LOCAL = {"pleo_auth_url": "http://127.0.0.1:9000", "pleo_api_url": "http://127.0.0.1:9000"}


def faults(**changes: Any) -> list[Finding]:
    found = doctor.inspect_settings(Settings(_env_file=None, **{**SOUND, **changes}))
    return [one for one in found if one.level is not Level.OK]


def only(level: Level, check: str, words: str, **changes: Any) -> None:
    (found,) = faults(**changes)
    assert (found.level, found.check) == (level, check), found
    assert words in found.text
    assert found.fix


def test_a_sound_set_of_each_environment_has_no_fault() -> None:
    assert faults() == []
    assert faults(**STAGING) == []
    assert faults(**LOCAL, public_url="http://127.0.0.1:8080", database_url=None) == []


@pytest.mark.rule("AUTH-001")
@pytest.mark.parametrize(
    "pair",
    [
        {"pleo_auth_url": "https://auth.pleo.io", "pleo_api_url": "https://external.staging.pleo.io"},
        {"pleo_auth_url": "https://auth.staging.pleo.io", "pleo_api_url": "https://external.pleo.io"},
        {"pleo_auth_url": "https://auth.pleo.io", "pleo_api_url": "http://127.0.0.1:9000"},
        {"pleo_auth_url": "https://external.pleo.io", "pleo_api_url": "https://auth.pleo.io"},
    ],
)
def test_a_mixed_pair_of_hosts_is_an_error(pair: dict[str, str]) -> None:
    found = [one for one in faults(**pair) if one.level is Level.ERROR]
    assert [one.check for one in found] == ["PLEO_AUTH_URL, PLEO_API_URL"]


@pytest.mark.rule("AUTH-002")
def test_a_legacy_host_is_an_error() -> None:
    found = faults(pleo_api_url="https://openapi.pleo.io")
    assert any(one.level is Level.ERROR and "legacy" in one.text for one in found)


def test_a_missing_client_is_an_error_for_each_half() -> None:
    found = faults(pleo_client_id="", pleo_client_secret=" ")
    assert [one.check for one in found] == ["PLEO_CLIENT_ID", "PLEO_CLIENT_SECRET"]
    assert {one.level for one in found} == {Level.ERROR}


@pytest.mark.parametrize(
    ("keys", "level", "words"),
    [
        ("", Level.ERROR, "Not set"),
        (base64.urlsafe_b64encode(b"x" * 16).decode(), Level.ERROR, "16 bytes"),
        ("not base64!", Level.ERROR, ""),
        (base64.urlsafe_b64encode(b"\0" * 32).decode(), Level.ERROR, "not random"),
        (f"{KEY},{KEY}", Level.WARNING, "twice"),
    ],
)
def test_encryption_keys_are_looked_at(keys: str, level: Level, words: str) -> None:
    only(level, "ENCRYPTION_KEYS", words, encryption_keys=keys)


@pytest.mark.parametrize(
    ("tokens", "level", "words"),
    [
        ("", Level.WARNING, "closed"),
        ("ada", Level.ERROR, "entry 1"),
        ("ada:abc", Level.ERROR, "entry 1"),
        (f"ada:{hashlib.sha256(b'admin').hexdigest()}", Level.ERROR, "guessed"),
        (f"ada:{hashlib.sha256(b'').hexdigest()}", Level.ERROR, "guessed"),
        (f"ada:{hashlib.sha256(b'ada').hexdigest()}", Level.ERROR, "guessed"),
        (f"ada:{'ab' * 32},bob:{'ab' * 32}", Level.WARNING, "share"),
    ],
)
def test_admin_tokens_are_looked_at(tokens: str, level: Level, words: str) -> None:
    only(level, "ADMIN_TOKENS", words, admin_tokens=tokens)


def test_a_local_public_url_does_not_do_with_pleo_itself() -> None:
    only(Level.ERROR, "PUBLIC_URL", "no webhook", public_url="http://127.0.0.1:8080")
    only(Level.WARNING, "PUBLIC_URL", "only polled", public_url="http://127.0.0.1:8080", **STAGING)


def test_scopes_for_exports_are_needed_and_others_missed() -> None:
    only(Level.ERROR, "PLEO_SCOPES", "export-jobs:write", pleo_scopes="export-jobs:read export-items:read")
    only(Level.WARNING, "PLEO_SCOPES", "users:read", pleo_scopes=DEFAULT_SCOPES.replace("users:read ", ""))


def test_production_data_in_the_embedded_database_is_a_warning() -> None:
    only(Level.WARNING, "DATABASE_URL", "embedded", database_url=None)


def test_odd_habits_are_warned_of() -> None:
    only(Level.WARNING, "EXPORT_POLL_SECONDS", "slow", export_poll_seconds=3600)
    only(Level.WARNING, "LOG_LEVEL", "DEBUG", log_level="DEBUG")
    only(Level.WARNING, "PLEO_EVENT_TYPES", "not announced", pleo_event_types="v1.vendor.created")
    only(Level.WARNING, "PLEO_EVENT_TYPES", "v9.other", pleo_event_types="v1.export-job.created,v9.other")


def test_settings_that_cannot_be_read_are_named_without_their_value() -> None:
    with pytest.raises(ValidationError) as caught:
        Settings(_env_file=None, public_url="http://hush.example", port="hush", export_poll_seconds=0)
    found = doctor.unreadable(caught.value)
    assert {one.check for one in found} == {"PUBLIC_URL", "PORT", "EXPORT_POLL_SECONDS"}
    assert "hush" not in doctor.as_text(found)


def test_the_report_shows_no_secret_and_ends_with_the_errors() -> None:
    settings = Settings(_env_file=None, **{**SOUND, "admin_tokens": "", "pleo_client_id": ""})
    found = doctor.inspect_settings(settings)
    text = doctor.as_text(found)
    machine = doctor.as_json(found)
    for secret in (KEY, "client-secret-value", "hush"):
        assert secret not in text
        assert secret not in json.dumps(machine)
    assert text.splitlines()[-1] == "1 error, 1 warning"
    assert text.splitlines()[-3].startswith("ERROR")
    assert machine["ok"] is False
    assert not doctor.healthy(found)


def test_half_a_provider_for_operators_lets_nobody_in_and_is_told() -> None:
    whole = {
        "oidc_issuer": "https://login.example.com",
        "oidc_client_id": "us",
        "oidc_admins": "ada@example.com",
    }
    assert faults(**whole) == []
    only(Level.WARNING, "OIDC_ISSUER", "OIDC_CLIENT_ID not set", **{**whole, "oidc_client_id": ""})
    only(Level.WARNING, "OIDC_ISSUER", "OIDC_ISSUER, OIDC_CLIENT_ID not set", oidc_admins="ada@example.com")
