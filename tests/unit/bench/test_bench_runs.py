"""A figure runs in a process of its own; however it ends, nothing it started is left."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from bench.runs import Runs
from bench.stage import shared

GIVES = "import json; print('noise'); print(json.dumps({'ratio': 1.5}))"
FALLS = "raise SystemExit(3)"
SILENT = "pass"
WITH_A_SERVER = """
import subprocess, sys, time
server = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
open(sys.argv[1], "w").write(str(server.pid))
time.sleep(float(sys.argv[2]))
print("{}")
"""


def _run(runs: Runs, program: str, *arguments: str) -> dict[str, Any]:
    return runs._run([sys.executable, "-c", program, *arguments])


@pytest.mark.parametrize(
    ("program", "found"),
    [
        pytest.param(GIVES, {"ratio": 1.5}, id="measured"),
        pytest.param(FALLS, {"error": "exit status 3"}, id="fell"),
        pytest.param(SILENT, {"error": "nothing that can be read"}, id="silent"),
    ],
)
def test_a_figure_gives_its_terms_or_why_there_are_none(program: str, found: dict[str, Any]) -> None:
    with Runs(quick=False) as runs:
        assert _run(runs, program) == found


@pytest.mark.parametrize("seconds", ["0", "600"], ids=["done", "too long"])
def test_what_a_figure_started_ends_with_it(tmp_path: Path, seconds: str) -> None:
    told = tmp_path / "server"
    with Runs(quick=False, longest_seconds=5) as runs:
        found = _run(runs, WITH_A_SERVER, str(told), seconds)
    assert found == ({} if seconds == "0" else {"error": "not done after 5 s"})
    _gone(int(told.read_text()))


def test_figures_of_one_run_share_what_one_of_them_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []

    def measure() -> dict[str, Any]:
        made.append(1)
        return {"seconds": len(made)}

    with Runs(quick=True) as runs:
        told = _run(
            runs, "import json, os; print(json.dumps({n: os.environ.get(n) for n in ('BENCH_SHARED', 'BENCH_QUICK')}))"
        )
        assert told["BENCH_QUICK"] == "1"
        monkeypatch.setenv("BENCH_SHARED", told["BENCH_SHARED"])
        assert [shared("long", measure), shared("long", measure)] == [{"seconds": 1}, {"seconds": 1}]
        runs.forget()
        monkeypatch.setenv("BENCH_SHARED", _run(runs, "import json, os; print(json.dumps(os.environ['BENCH_SHARED']))"))  # type: ignore[arg-type]
        assert shared("long", measure) == {"seconds": 2}
    assert not Path(os.environ["BENCH_SHARED"]).exists()


def test_alone_a_figure_measures_for_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BENCH_SHARED", raising=False)
    assert shared("long", lambda: {"seconds": 1}) == {"seconds": 1}


def _gone(process: int) -> None:
    end = time.monotonic() + 30
    while _alive(process):
        assert time.monotonic() < end, f"process {process} is still there"
        time.sleep(0.05)


def _alive(process: int) -> bool:
    """Whether it runs; one that ended and that nobody has asked after does not."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")")[1].split()[0] != "Z"
    except FileNotFoundError:
        return False
