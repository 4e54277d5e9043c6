"""The configuration's JSON: what is accepted, what is told, and that reading it back loses nothing."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledgerbridge.bookkeeping.words import ChangedReexport, ClosedPeriod, PostingMode, TaxMode
from ledgerbridge.connections.config_body import ConfigurationBody
from ledgerbridge.connections.errors import ConfigurationRefused

FULL: dict[str, Any] = {
    "journal": "EXP",
    "accounts": {
        "wallet": {"DKK": "5820", "*": "5821"},
        "out_of_pocket": "6810",
        "contra": "5840",
        "external_reimbursement": None,
        "payable": "6800",
    },
    "posting_mode": "final",
    "closed_period": "next_open",
    "time_zone": "Europe/Copenhagen",
    "tax": {"mode": "erp", "codes": {"PLEO-CODE": "7"}},
    "dimensions": ["CC", "PRJ"],
    "syncs": {
        "tags": {"enabled": True, "every_minutes": 60},
        "accounts": {"enabled": True, "every_minutes": 1440},
        "tax_codes": {"enabled": False, "every_minutes": 1440},
        "vendors": {"enabled": True, "every_minutes": 1440},
    },
    "default_vendor": None,
    "changed_reexport": "reverse_and_rebook",
}


def faults(body: object) -> dict[str, str]:
    with pytest.raises(ConfigurationRefused) as caught:
        ConfigurationBody.read(body)
    return {fault.path: fault.text for fault in caught.value.faults}


def with_value(path: str, value: object) -> dict[str, Any]:
    body = copy.deepcopy(FULL)
    *parents, last = path.split(".")
    place: Any = body
    for parent in parents:
        place = place[parent]
    place[last] = value
    return body


def test_a_whole_configuration_becomes_bookkeepings_record() -> None:
    configuration = ConfigurationBody.read(FULL).configuration(version=3)

    assert (configuration.version, configuration.journal, configuration.time_zone) == (3, "EXP", "Europe/Copenhagen")
    assert configuration.accounts.wallet == {"DKK": "5820", "*": "5821"}
    assert (configuration.accounts.out_of_pocket, configuration.accounts.contra) == ("6810", "5840")
    assert (configuration.accounts.external_reimbursement, configuration.accounts.payable) == (None, "6800")
    assert (configuration.posting_mode, configuration.closed_period) == (PostingMode.FINAL, ClosedPeriod.NEXT_OPEN)
    assert (configuration.tax_mode, configuration.tax_codes) == (TaxMode.ERP, {"PLEO-CODE": "7"})
    assert (configuration.dimensions, configuration.default_vendor) == (("CC", "PRJ"), None)
    assert configuration.changed_reexport is ChangedReexport.REVERSE_AND_REBOOK


def test_what_is_left_out_takes_the_careful_default() -> None:
    accounts = {"wallet": {"*": "1"}, "out_of_pocket": "2", "contra": "3"}
    body = ConfigurationBody.read({"journal": "EXP", "accounts": accounts})

    assert (body.posting_mode, body.closed_period, body.tax.mode) == ("draft", "fail", "explicit")
    assert (body.changed_reexport, body.time_zone) == ("fail", "UTC")
    assert (body.syncs.tags.every_minutes, body.syncs.vendors.every_minutes) == (60, 1440)


def test_it_is_read_back_as_it_was_written() -> None:
    stored = json.loads(json.dumps(ConfigurationBody.read(FULL).model_dump(mode="json")))
    assert stored == FULL
    assert ConfigurationBody.read(stored) == ConfigurationBody.read(FULL)


@pytest.mark.parametrize("path", ["colour", "accounts.walet", "tax.rate", "syncs.users", "syncs.tags.every_hours"])
def test_a_member_we_do_not_know_is_refused_by_its_path(path: str) -> None:
    assert faults(with_value(path, 1)) == {path: "is not a setting we know"}


@pytest.mark.parametrize(
    ("path", "value", "word"),
    [
        ("journal", "", "empty"),
        ("journal", " EXP", "space"),
        ("journal", 7, "text"),
        ("accounts.contra", None, "text"),
        ("accounts.wallet", {}, "at least one"),
        ("accounts.wallet", {"dkk": "1"}, "three capital letters"),
        ("accounts.wallet", {"EURO": "1"}, "three capital letters"),
        ("accounts", [], "object"),
        ("posting_mode", "Final", "'draft' or 'final'"),
        ("closed_period", "ignore", "'next_open'"),
        ("tax.mode", None, "'explicit' or 'erp'"),
        ("tax.codes", ["A"], "object"),
        ("dimensions", "CC", "list"),
        ("syncs.tags.enabled", "yes", "true or false"),
        ("syncs.tags.every_minutes", "60", "whole number"),
        ("syncs.tags.every_minutes", 1.5, "whole number"),
        ("syncs.tags.every_minutes", 0, "at least 1"),
        ("syncs.accounts.every_minutes", 0, "at least 1"),
        ("syncs.vendors.every_minutes", 10081, "at most 10080"),
    ],
)
def test_a_wrong_value_is_told_where_it_stands_and_what_would_be_right(path: str, value: object, word: str) -> None:
    told = faults(with_value(path, value))
    assert list(told) == [path]
    assert word in told[path]


def test_an_account_code_is_named_with_its_currency() -> None:
    assert list(faults(with_value("accounts.wallet", {"DKK": ""}))) == ["accounts.wallet.DKK"]


def test_everything_missing_is_told_at_once() -> None:
    assert faults({}) == {"journal": "is missing", "accounts": "is missing"}
    assert set(faults({"journal": "E", "accounts": {}})) == {
        "accounts.wallet", "accounts.out_of_pocket", "accounts.contra",
    }  # fmt: skip


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(JSON)
def test_no_json_ever_gets_through_unread(body: object) -> None:
    told = faults(body)
    assert told
    assert all(text for text in told.values())


@given(st.sampled_from(sorted(FULL)), JSON)
def test_any_member_may_be_nonsense_without_more_than_a_refusal(member: str, value: object) -> None:
    told: set[str] = set()
    try:
        ConfigurationBody.read({**FULL, member: value}).configuration(1)
    except ConfigurationRefused as refused:
        told = {fault.path.split(".")[0] for fault in refused.faults}
    assert told <= {member}
