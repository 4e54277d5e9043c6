"""The audit of dependencies, on what pip-audit writes: a finding fails, silence is told and not taken for safety."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest

from tools import audit
from tools.audit import Audit, Excuse, Finding, judge, read

TODAY = dt.date(2026, 11, 21)
NOW = dt.datetime(2026, 11, 21, 12, tzinfo=dt.UTC)
VULNERABLE = {
    "name": "examplelib",
    "version": "1.0.0",
    "vulns": [
        {
            "id": "PYSEC-2026-1",
            "aliases": ["CVE-2026-0001", "GHSA-aaaa-bbbb-cccc"],
            "fix_versions": ["1.0.1"],
            "description": "Reads what it should not.",
        }
    ],
}
SOUND = {"name": "other", "version": "2.0", "vulns": []}
SKIPPED = {"name": "third", "skip_reason": "Dependency not found on PyPI and could not be audited: third (3.0)"}


def told(*dependencies: dict[str, Any]) -> str:
    return json.dumps({"dependencies": list(dependencies), "fixes": []})


def lines(found: Audit, *excused: Excuse, required: bool = False) -> tuple[bool, str]:
    verdict = judge(found, excused, TODAY, required=required)
    return verdict.failed, "\n".join(verdict.lines)


def test_a_known_vulnerability_fails_and_says_which_release_mends_it() -> None:
    failed, said = lines(read(told(VULNERABLE, SOUND), ""))
    assert failed
    assert said == "audit: examplelib 1.0.0: PYSEC-2026-1, CVE-2026-0001, GHSA-aaaa-bbbb-cccc; fixed in 1.0.1"


def test_no_vulnerability_is_told_with_the_number_of_packages() -> None:
    assert lines(read(told(SOUND), "")) == (False, "audit: 1 packages, no known vulnerability")


@pytest.mark.parametrize("name", ["PYSEC-2026-1", "CVE-2026-0001"])
def test_an_excuse_holds_by_any_name_until_its_day(name: str) -> None:
    found = read(told(VULNERABLE), "")
    assert lines(found, Excuse(name, "not called", TODAY))[0] is False
    failed, said = lines(found, Excuse(name, "not called", TODAY - dt.timedelta(days=1)))
    assert failed
    assert "ended on 2026-11-20" in said


def test_an_excuse_for_nothing_is_told() -> None:
    failed, said = lines(read(told(SOUND), ""), Excuse("PYSEC-1", "x", TODAY))
    assert (failed, said) == (False, "audit: PYSEC-1 is excused but no longer found")


UNREACHABLE = "ERROR:pip_audit._cli:Failed to reach https://advisories.example/x: connection refused\n"


@pytest.mark.parametrize("output", ["", "not json", "[]", "{}"])
def test_when_nobody_answers_that_is_said_in_one_line_and_nothing_fails_unless_required(output: str) -> None:
    found = read(output, UNREACHABLE)
    failed, said = lines(found)
    assert not failed
    assert said.startswith("audit: not done")
    assert "\n" not in said
    assert "http" not in said
    assert lines(found, required=True)[0]


def test_packages_nobody_could_look_up_are_not_called_safe() -> None:
    """What pip-audit does when its index has no advisories: it leaves every package out, and succeeds."""
    none, some = read(told(SKIPPED), ""), read(told(SKIPPED, SOUND), "")
    assert lines(none) == (False, lines(none)[1])
    assert "none of 1 packages could be looked up" in lines(none)[1]
    assert "1 packages looked up, 1 not (third)" in lines(some)[1]
    assert lines(none, required=True)[0]
    assert lines(some, required=True)[0]
    assert "no known vulnerability" not in lines(none)[1] + lines(some)[1]


def test_an_excuse_needs_a_reason_and_a_day() -> None:
    good = '[[ignore]]\nid = "A"\nreason = "not called"\nuntil = 2027-01-31\n'
    assert audit.excuses(good) == [Excuse("A", "not called", dt.date(2027, 1, 31))]
    for wrong in ('reason = "not called"\n', "until = 2027-01-31\n", 'id = "A"\n'):
        with pytest.raises(ValueError, match=r"no 'until'|no 'reason'|no 'id'"):
            audit.excuses(good.replace(wrong, ""))
    with pytest.raises(ValueError, match="needs a reason"):
        audit.excuses(good.replace("not called", " "))
    with pytest.raises(ValueError, match="a day such as"):
        audit.excuses(good.replace("2027-01-31", '"some day"'))
    assert audit.excuses(audit.EXCUSES.read_text()) == []


class Asked:
    """Stands in for pip-audit."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.calls = 0

    def __call__(self, pins: Path) -> tuple[str, str]:
        self.calls += 1
        return self.answers.pop(0), ""


def test_an_answer_counts_for_a_day_and_for_these_pins_only(tmp_path: Path) -> None:
    pins, cache = tmp_path / "pins.txt", tmp_path / ".cache" / "audit.json"
    pins.write_text("other==2.0\n")
    asked = Asked(told(SOUND), told(VULNERABLE), told(SOUND))

    def at(hours: float) -> Audit:
        return audit.audited([pins], cache, NOW + dt.timedelta(hours=hours), asked)

    assert at(0) == at(23) == Audit(checked=1)
    assert asked.calls == 1
    assert at(25).findings == (
        Finding("examplelib", "1.0.0", ("PYSEC-2026-1", "CVE-2026-0001", "GHSA-aaaa-bbbb-cccc"), ("1.0.1",)),
    )
    assert at(26).findings, "a finding was forgotten with the cache"
    assert asked.calls == 2
    pins.write_text("other==2.1\n")
    assert not at(26).findings
    assert asked.calls == 3


def test_silence_and_half_an_answer_count_for_an_hour_and_never_where_an_answer_is_required(tmp_path: Path) -> None:
    pins, cache = tmp_path / "pins.txt", tmp_path / "audit.json"
    pins.write_text("other==2.0\n")
    asked = Asked("", told(SKIPPED, SOUND), "", told(SOUND))

    def at(minutes: float, *, anew: bool = False) -> Audit:
        return audit.audited([pins], cache, NOW + dt.timedelta(minutes=minutes), asked, anew=anew)

    assert at(0).failure
    assert at(59).failure
    assert asked.calls == 1
    assert at(61).skipped == ("third",)
    assert at(62, anew=True).failure
    assert at(63, anew=True) == Audit(checked=1)
    assert at(64, anew=True) == Audit(checked=1)
    assert asked.calls == 4
    cache.write_text("{ broken")
    asked.answers.append(told(SOUND))
    assert at(65) == Audit(checked=1)


def test_where_nobody_answers_about_one_file_the_other_is_not_tried(tmp_path: Path) -> None:
    pins = [tmp_path / "a.txt", tmp_path / "b.txt"]
    for path in pins:
        path.write_text(path.name)
    asked = Asked(told(SKIPPED))
    assert audit.audited(pins, tmp_path / "audit.json", NOW, asked).skipped == ("third",)
    assert asked.calls == 1


def test_both_files_of_pins_are_looked_at_and_a_failure_of_one_is_a_failure() -> None:
    assert {path.name for path in audit.PINNED} == {"service.txt", "dev.txt"}
    both = audit.together([read(told(VULNERABLE), ""), read("", "x")])
    assert (len(both.findings), both.failure) == (1, "x")
    assert lines(both)[0], "a finding was hidden by the failure of the other file"
