"""`ledgerbridge demo` as anybody starts it: the result for machines, and nothing left behind."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from pleo_sandbox.seeds import named
from tests.support.commands import Process, running, until
from tryton_sandbox import Template

ROOT = Path(__file__).parents[2]
KEYS = ["job_status", "items", "posted", "failed", "erp", "erp_entries", "pleo_calls", "seconds"]
BAD = {seed.name for seed in named("all") if seed.expected_failure is not None}
DEMO_SECONDS = 150


@dataclass(frozen=True)
class Demos:
    once: Process
    staying: Process


@pytest.fixture(scope="module")
def demos(tryton_template: Template, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demos]:
    """Both kinds at the same time: where one waits the other works. The built Tryton is shared with the tests."""
    logs = tmp_path_factory.mktemp("demo")
    with ExitStack() as stack:

        def demo(name: str, *options: str) -> Process:
            return stack.enter_context(running(name, ["demo", *options], {}, logs, cwd=ROOT))

        yield Demos(demo("once", "--once", "--json"), demo("staying", "--json"))


def result(process: Process) -> dict[str, object]:
    return dict(json.loads(process.stdout.splitlines()[-1]))


def descendants(pid: int) -> set[int]:
    """Every process that came from this one and still belongs to it."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (stat := _stat(int(entry.name))):
            parents.setdefault(int(stat[1]), []).append(int(entry.name))
    found, waiting = set(), [pid]
    while waiting:
        children = parents.get(waiting.pop(), [])
        found.update(children)
        waiting += children
    return found


def alive(pid: int) -> bool:
    stat = _stat(pid)
    return stat is not None and stat[0] != "Z"


def _stat(pid: int) -> list[str] | None:
    """State and parent of a process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None


def test_once_ends_with_the_result_as_one_line_of_json(demos: Demos) -> None:
    assert demos.once.wait(DEMO_SECONDS) == 0, demos.once.stderr[-2000:]
    found = result(demos.once)
    assert list(found) == KEYS
    assert found["job_status"] == "completed_with_errors"
    assert found["erp"] == "tryton"
    assert found["failed"] == len(BAD)
    assert found["posted"] == found["erp_entries"] == int(str(found["items"])) - len(BAD)
    assert int(str(found["posted"])) >= 17, "not every type of item was booked"
    assert demos.once.stdout.count("\n") == 1, "stdout holds something besides the result"


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads /proc")
def test_a_staying_demo_answers_until_ctrl_c_and_leaves_no_process(demos: Demos) -> None:
    staying = demos.staying
    until("the demo to stay", lambda: "Ctrl-C" in staying.stderr, DEMO_SECONDS, 0.3)
    assert list(result(staying)) == KEYS
    (page,) = [word for word in staying.stderr.split() if word.endswith("/settings")]
    assert httpx.get(page, timeout=30, trust_env=False).status_code == 401
    started = descendants(staying.pid)
    assert len(started) >= 3, "the sandbox, Tryton and the service"
    staying.interrupt()
    assert staying.wait(60) == 0
    until("every process of the demo to be gone", lambda: not [pid for pid in started if alive(pid)], 20)
    with pytest.raises(httpx.ConnectError):
        httpx.get(page, timeout=5, trust_env=False)
    assert "Traceback" not in staying.stderr
