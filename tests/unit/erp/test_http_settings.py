"""Settings a person enters for the HTTP target: good ones normalised, bad ones named, the secret never shown."""

from __future__ import annotations

from typing import Any

import pytest

from ledgerbridge.erp.adapter import SettingsError
from ledgerbridge.erp.http_target import settings
from tests.support.http_target import OTHER_SECRET, SECRET

GOOD: dict[str, Any] = {"base_url": "https://erp.example.com/pleo", "secret": SECRET, "company": "1"}


def test_good_settings_are_normalised() -> None:
    entered = {"base_url": " https://ERP.example.com:443/pleo/ ", "secret": f" {SECRET}\n", "company": 1}
    assert settings.check(entered) == GOOD


def test_two_secrets_sign_while_one_replaces_the_other() -> None:
    both = settings.parse(GOOD | {"secret": f"{OTHER_SECRET}  {SECRET} {SECRET}".removesuffix(f" {SECRET}")})
    assert both.secrets == (OTHER_SECRET, SECRET)
    assert SECRET not in repr(both)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("base_url", "http://erp.example.com"),
        ("base_url", "ftp://erp.example.com"),
        ("base_url", "https://user:word@erp.example.com"),
        ("base_url", "https://erp.example.com/?a=1"),
        ("base_url", "https://erp.example.com/v1"),
        ("base_url", "https://erp.example.com:25"),
        ("base_url", "https://exa mple.com"),
        ("base_url", ""),
        ("secret", "whsec_"),
        ("secret", "whsec_c2hvcnQ="),
        ("secret", SECRET.removeprefix("whsec_")),
        ("secret", " ".join([SECRET, OTHER_SECRET, SECRET])),
        ("secret", None),
        ("company", " "),
        ("company", True),
        ("company", "x" * 201),
        ("colour", "blue"),
    ],
)
def test_what_cannot_be_right_is_named_beside_its_field(name: str, value: object) -> None:
    with pytest.raises(SettingsError) as caught:
        settings.check(GOOD | {name: value})
    assert list(caught.value.errors) == [name]
    assert "canary" not in str(caught.value).lower()
    assert caught.value.errors[name].endswith(".")


def test_a_server_on_this_machine_may_be_called_without_encryption() -> None:
    assert settings.check(GOOD | {"base_url": "http://localhost:8765/erp"})["base_url"] == "http://localhost:8765/erp"
