"""Every row of the failure table: Pleo accepts its types, and a bookkeeper can act on its words."""

from __future__ import annotations

import re
from pathlib import Path
from string import Formatter
from typing import Any

import pytest
import yaml

from ledgerbridge.bookkeeping.problem import TABLE, Failed, Failure, Findings, Kind, Problem, failed, problem

SCHEMAS: dict[str, Any] = yaml.safe_load(
    (Path(__file__).parents[3] / "docs/pleo/contract/export.yaml").read_text(encoding="utf-8")
)["components"]["schemas"]
ITEM_TYPES = frozenset(SCHEMAS["ExportJobItemFailureReasonType"]["enum"])
JOB_TYPES = frozenset(SCHEMAS["ExportJobFailureReasonType"]["enum"])
PLEOS_SIDE = frozenset(
    {"authentication_failure", "service_unreachable", "service_timeout", "job_expired", "canceled_by_user"}
)

WAY_OUT = re.compile(
    r"\b(choose|add|set|check|open|enter|create|give|keep|unlock|upload|finish|reverse|correct|look there|"
    r"book it by hand|contact support|try again|export (it |these items )?again)\b",
    re.IGNORECASE,
)

ROWS = list(TABLE.items())


def places(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def test_every_failure_has_a_row() -> None:
    assert set(TABLE) == set(Failure)


@pytest.mark.rule("EXP-ERR-03", "EXP-ERR-04", "EXP-ERR-05", "EXP-ERR-06")
@pytest.mark.parametrize(("failure", "row"), ROWS)
def test_the_types_of_a_row_are_pleos(failure: Failure, row: Any) -> None:
    assert row.item_type in ITEM_TYPES | {None}
    assert row.job_type in (JOB_TYPES - PLEOS_SIDE) | {None}
    assert (row.item_type, row.job_type) != (None, None)


@pytest.mark.rule("EXP-ERR-01")
@pytest.mark.parametrize(("failure", "row"), ROWS)
def test_the_text_of_a_row_names_a_way_out(failure: Failure, row: Any) -> None:
    facts = {name: f"<{name}>" for name in places(row.text)}
    text = problem(failure, **facts).text
    assert WAY_OUT.search(text)
    assert text.endswith(".")
    assert text[0].isupper() or text.startswith("<")
    assert all(fact in text for fact in facts.values())
    assert "?" not in text
    assert "  " not in text


@pytest.mark.parametrize(("failure", "row"), ROWS)
def test_a_fact_that_is_missing_never_breaks_a_text(failure: Failure, row: Any) -> None:
    assert problem(failure).text.count("?") >= len(places(row.text))


@pytest.mark.rule("EXP-ERR-02")
@pytest.mark.parametrize(
    ("failure", "item_type"),
    [
        (Failure.JOURNAL_MISSING, "missing_configuration"),
        (Failure.ACCOUNT_NOT_CONFIGURED, "missing_configuration"),
        (Failure.CATEGORY_MISSING, "missing_configuration"),
        (Failure.TAX_CODE_UNKNOWN, "tax_code_unknown"),
        (Failure.ACCOUNT_UNKNOWN, "account_unknown"),
        (Failure.TAG_UNKNOWN, "tag_unknown"),
        (Failure.VENDOR_UNKNOWN, "vendor_unknown"),
        (Failure.VENDOR_BLOCKED, "vendor_unknown"),
        (Failure.PAYABLE_ACCOUNT_MISSING, "missing_configuration"),
        (Failure.RECEIPT_TOO_LARGE, "receipt_file_size_limit_exceeded"),
        (Failure.ERP_REFUSED, "accounting_system_validation_failure"),
    ],
)
def test_the_documented_situations_have_the_documented_types(failure: Failure, item_type: str) -> None:
    assert TABLE[failure].item_type == item_type


@pytest.mark.rule("EXP-ERR-07")
@pytest.mark.parametrize(
    ("failure", "there"),
    [
        (Failure.ACCOUNT_UNKNOWN, "reopen"),
        (Failure.TAG_UNKNOWN, "revive"),
        (Failure.TAX_CODE_UNKNOWN, "revive"),
        (Failure.VENDOR_UNKNOWN, "check the vendor there"),
    ],
)
def test_what_is_dead_in_the_erp_has_two_ways_out(failure: Failure, there: str) -> None:
    text = TABLE[failure].text.lower()
    assert there in text
    assert re.search(r"choose another|choosing another|or choose another one", text)


def test_only_time_is_retried_without_a_person() -> None:
    assert {row.kind for row in TABLE.values() if row.retry} == {Kind.TRANSIENT, Kind.RATE}


def test_a_text_takes_facts_as_they_are() -> None:
    odd = problem(Failure.ACCOUNT_UNKNOWN, code="{name}", name="{0.__class__}")
    assert odd.text.startswith("Account {name} ({0.__class__}) does not exist")


def test_several_problems_may_be_told_in_one_text() -> None:
    assert Problem(Failure.UNEXPECTED, spelled="Both of it.").text == "Both of it."


def test_findings_keep_each_problem_once_and_pass_results_on() -> None:
    findings = Findings()
    assert findings.take(7) == 7
    one, two = problem(Failure.TYPE_UNKNOWN, type="x"), problem(Failure.JOURNAL_MISSING)
    assert findings.take(Failed((one, two))) is None
    assert findings.take(failed(Failure.TYPE_UNKNOWN, type="x")) is None
    assert findings.problems == (one, two)
