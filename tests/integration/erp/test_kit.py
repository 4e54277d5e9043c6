"""The skeleton of an adapter works as it is made, and the plugin tells what holds and what is not claimed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ledgerbridge.cli import cli
from ledgerbridge.erp.conformance.cases import cases, read

ROOT = Path(__file__).parents[3]
Pytest = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A skeleton called `my_books`, made by the command."""
    into = tmp_path_factory.mktemp("kit")
    made = CliRunner().invoke(cli, ["new-adapter", "my_books", "--into", str(into)])
    assert made.exit_code == 0, made.output
    assert "pytest --erp-part 1" in made.output
    return into / "ledgerbridge-my-books"


@pytest.fixture(scope="module")
def site(folder: Path) -> Path:
    """Where its wheel is installed, built without a network."""
    site = folder.parent / "site"
    options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--no-build-isolation", "--no-index"]
    install = [sys.executable, "-m", "pip", "install", *options, "--target", str(site), str(folder)]
    subprocess.run(install, check=True, timeout=120)
    return site


@pytest.fixture(scope="module")
def run(folder: Path, site: Path) -> Pytest:
    """pytest as a partner runs it."""

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        paths = os.pathsep.join([str(site), str(ROOT / "src")])
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
        return subprocess.run(
            command, cwd=folder, env={**os.environ, "PYTHONPATH": paths}, capture_output=True, text=True, timeout=240
        )

    return run


def test_a_skeleton_passes_the_whole_suite_and_its_own_tests_unchanged(run: Pytest, folder: Path) -> None:
    own = run("tests/test_my_books.py")
    assert own.returncode == 0, own.stdout
    assert "3 passed" in own.stdout
    whole = run("--erp-report", "report.json")
    assert whole.returncode == 0, whole.stdout
    results = read((folder / "report.json").read_text())
    found = results.cases
    assert {(suite, name) for suite, named in found.items() for name in named} == set(cases())
    assert all(case.good for named in found.values() for case in named.values())
    lacking = {lack for named in found.values() for case in named.values() for lack in case.not_capable}
    assert {"vendors", "vendor_bills", "drafts", "can_reverse", "accounts that want a party"} <= lacking
    first = {name: case for suite in ("Connecting", "Company", "Booking") for name, case in found[suite].items()}
    assert {name for name, case in first.items() if not case.passed} == {
        "test_a_draft_stays_a_draft",
        "test_a_draft_now_wanted_final_is_posted",
    }


BROKEN = {
    "a lost reply is sent again": (
        "company.py",
        "return await self._seen_after_all(entry, str(silent))",
        "continue",
        "ledger.py",
        'if taken := _rows(books, "select id from entries where reference = ?", entry["reference"]):',
        "if taken := []:",
        "test_a_write_that_may_have_arrived_is_not_repeated",
    ),
    "a claim that is not kept": (
        "company.py",
        "drafts=False",
        "drafts=True",
        "company.py",
        "LONGEST_TEXT = 200",
        "LONGEST_TEXT = 201",
        "test_a_draft_stays_a_draft",
    ),
    "kept though it is not claimed": (
        "company.py",
        "can_probe=True",
        "can_probe=False",
        "company.py",
        "LONGEST_TEXT = 200",
        "LONGEST_TEXT = 201",
        "test_without_a_probe_nothing_is_said_of_what_stands",
    ),
}


@pytest.mark.parametrize(
    "fault", [pytest.param(one, marks=() if at == 0 else pytest.mark.long) for at, one in enumerate(BROKEN)]
)
def test_an_adapter_that_breaks_a_promise_fails_the_suite(
    run: Pytest, site: Path, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, old, new, second, older, newer, test = BROKEN[fault]
    package = site / "ledgerbridge_my_books"
    kept = {name: (package / name).read_text() for name in {first, second}}
    try:
        for name, before, after in ((first, old, new), (second, older, newer)):
            text = (package / name).read_text()
            assert text.count(before) == 1
            (package / name).write_text(text.replace(before, after))
        broken = run("-k", test, "--erp-report", "broken.json")
    finally:
        for name, text in kept.items():
            (package / name).write_text(text)
    assert broken.returncode == 1, broken.stdout
    assert f"{test}" in broken.stdout
    assert "FAILED" in broken.stdout


@pytest.mark.long
def test_a_case_skipped_for_no_capability_is_a_failure(run: Pytest, folder: Path) -> None:
    suite = folder / "test_lazy.py"
    suite.write_text(
        "import pytest\n"
        "from ledgerbridge.erp import conformance\n"
        "class TestFiles(conformance.Files):\n"
        "    @pytest.fixture\n"
        "    def bench(self):\n"
        "        pytest.skip('not today')\n"
    )
    try:
        lazy = run("test_lazy.py", "--erp-report", "lazy.json")
    finally:
        suite.unlink()
    assert lazy.returncode == 1, lazy.stdout
    found = json.loads((folder / "lazy.json").read_text())["cases"]
    assert {case["failed"] for case in found["Files"].values()} == {1}
    assert "skipped, but not for what the ERP does not claim: not today" in lazy.stdout


@pytest.mark.parametrize(
    ("asked", "said"),
    [("nothing.of_the_kind", "No module named 'nothing'"), ("ledgerbridge.clock", "has no fixture called bench")],
)
def test_a_bench_that_is_none_is_told_in_a_sentence(run: Pytest, asked: str, said: str) -> None:
    refused = run("--erp-conformance", asked)
    assert refused.returncode == pytest.ExitCode.USAGE_ERROR
    assert said in refused.stderr
    assert "Traceback" not in refused.stderr


def test_the_plugin_costs_others_no_import_of_the_suites() -> None:
    """It is loaded by every run of pytest beside Ledgerbridge."""
    script = (
        "import sys, ledgerbridge.erp.pytest_plugin\n"
        "assert not [name for name in sys.modules if name.startswith('ledgerbridge.') and name not in "
        "('ledgerbridge.erp', 'ledgerbridge.erp.pytest_plugin')]"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)
