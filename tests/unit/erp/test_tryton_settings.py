"""Settings a person enters: good ones normalised, bad ones named field by field, the key never shown."""

from __future__ import annotations

from typing import Any

import pytest

from ledgerbridge.erp.adapter import SettingsError
from ledgerbridge.erp.registry import adapters
from ledgerbridge.erp.tryton import settings

GOOD: dict[str, Any] = {
    "base_url": "https://tryton.example.com",
    "database": "books",
    "api_key": "secret-key",
    "company": 1,
}


def test_good_settings_are_normalised() -> None:
    entered = GOOD | {"base_url": " https://tryton.example.com/erp/ ", "company": "7", "database": " books "}
    assert adapters()["tryton"].check_settings(entered) == GOOD | {
        "base_url": "https://tryton.example.com/erp",
        "company": 7,
    }


@pytest.mark.rule("VEN-058")
def test_vendors_may_be_limited_to_a_category() -> None:
    check = adapters()["tryton"].check_settings
    assert check(GOOD | {"vendor_category": " Suppliers / Abroad "}) == GOOD | {"vendor_category": "Suppliers / Abroad"}
    assert check(GOOD | {"vendor_category": ""}) == check(GOOD | {"vendor_category": None}) == GOOD
    for wrong in (7, " ", ["Suppliers"]):
        with pytest.raises(SettingsError) as caught:
            check(GOOD | {"vendor_category": wrong})
        assert list(caught.value.errors) == ["vendor_category"]


@pytest.mark.parametrize("url", ["http://localhost:8000", "http://127.0.0.1:8000", "http://[::1]:8000"])
def test_plain_http_is_for_this_machine(url: str) -> None:
    assert adapters()["tryton"].check_settings(GOOD | {"base_url": url})["base_url"] == url


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("base_url", "http://tryton.example.com"),
        ("base_url", "http://127.0.0.1.example.com"),
        ("base_url", "ftp://tryton.example.com"),
        ("base_url", "tryton.example.com"),
        ("base_url", "https://user:pass@tryton.example.com"),
        ("base_url", "https://tryton.example.com/?x=1"),
        ("base_url", "https://tryton.example.com/#x"),
        ("base_url", "https://tryton.example.com:port"),
        ("base_url", "https://try ton.example.com"),
        ("base_url", ""),
        ("base_url", None),
        ("database", "../other"),
        ("database", "a/b"),
        ("database", ""),
        ("database", 5),
        ("api_key", ""),
        ("api_key", "two words"),
        ("api_key", "line\nend"),
        ("api_key", "clé"),
        ("api_key", None),
        ("company", 0),
        ("company", -1),
        ("company", True),
        ("company", "one"),
        ("company", 1.5),
        ("company", None),
        ("companny", 1),
    ],
)
def test_each_bad_setting_is_named(field: str, value: object) -> None:
    with pytest.raises(SettingsError) as caught:
        adapters()["tryton"].check_settings(GOOD | {field: value})
    assert list(caught.value.errors) == [field]


@pytest.mark.rule("EXP-ENT-01")
@pytest.mark.parametrize(
    "spelt",
    ["https://TRYTON.Example.com", "https://tryton.example.com:443", "https://tryton.example.com./", "HTTPS://tryton.example.com/"],
)  # fmt: skip
def test_one_place_has_one_spelling(spelt: str) -> None:
    assert adapters()["tryton"].check_settings(GOOD | {"base_url": spelt}) == GOOD


@pytest.mark.parametrize(
    "spelt",
    ["https://2130706433", "https://0x7f.1", "https://127.1", "https://tryton.example.com:22", "https://tryton..example.com",
     "https://tryton.example.com:99999", "https://tryton.example.com\\@127.0.0.1"],
)  # fmt: skip
def test_an_address_in_disguise_is_named_as_none(spelt: str) -> None:
    with pytest.raises(SettingsError) as caught:
        adapters()["tryton"].check_settings(GOOD | {"base_url": spelt})
    assert list(caught.value.errors) == ["base_url"]


def test_all_faults_are_told_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        adapters()["tryton"].check_settings({})
    assert set(caught.value.errors) == set(GOOD)


def test_the_key_is_a_secret_and_does_not_print() -> None:
    assert adapters()["tryton"].secret_fields() == {"api_key"}
    assert GOOD["api_key"] not in repr(settings.parse(GOOD))


def test_each_kind_has_one_name() -> None:
    kinds = {name: one.kind for name, one in adapters().items()}
    assert kinds["tryton"] == "tryton"
    assert all(name == kind for name, kind in kinds.items())
