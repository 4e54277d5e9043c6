"""`ledgerbridge demo --erp ...` as anybody starts it: the same story, other books."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ledgerbridge.demo.erps import ERPS
from pleo_sandbox.seeds import named
from tests.acceptance.test_demo import DEMO_SECONDS, KEYS, ROOT
from tests.support.commands import running

BAD = {seed.name for seed in named("all") if seed.expected_failure is not None}


@pytest.mark.parametrize(
    "erp",
    ["sie", pytest.param("csv", marks=pytest.mark.long), pytest.param("http", marks=pytest.mark.long)],
)
def test_the_story_is_told_with_books_of_another_kind(erp: str, tmp_path: Path) -> None:
    with running("once", ["demo", "--erp", erp, "--once", "--json"], {}, tmp_path, cwd=ROOT) as process:
        assert process.wait(DEMO_SECONDS) == 0, process.stderr[-2000:]
        found = json.loads(process.stdout.splitlines()[-1])
    assert list(found) == KEYS
    assert (found["erp"], found["job_status"]) == (erp, "completed_with_errors")
    assert found["failed"] == len(BAD) - 1, "one of them is good where no dimension is demanded"
    assert found["posted"] == found["erp_entries"] == found["items"] - found["failed"]
    assert max(map(len, process.stderr.splitlines())) <= 80


def test_every_kind_of_accounting_system_that_comes_with_the_service_has_a_demo() -> None:
    assert set(ERPS) == {"tryton", "sie", "csv", "http"}


def test_a_kind_there_is_none_of_is_named(tmp_path: Path) -> None:
    with running("once", ["demo", "--erp", "lotus"], {}, tmp_path, cwd=ROOT, fork=True) as process:
        assert process.wait(60) == 2
    assert "There is no lotus here" in process.stderr
