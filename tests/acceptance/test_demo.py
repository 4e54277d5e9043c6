"""`ledgerbridge demo` as anybody starts it: the result for machines, and nothing left behind."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from ledgerbridge.demo.books import seed_chart, unknown_to_pleo
from ledgerbridge.demo.employee import NEW_VENDOR
from pleo_sandbox.seeds import named
from tests.support.commands import Process, running, until
from tryton_sandbox import Template

ROOT = Path(__file__).parents[2]
KEYS = ["job_status", "items", "posted", "failed", "erp", "erp_entries", "pleo_calls", "seconds"]
BAD = {seed.name for seed in named("all") if seed.expected_failure is not None}
DEMO_SECONDS = 240


STORY = dict.fromkeys(KEYS, "untold")
WITHOUT_STORY = f"""
import typer
from ledgerbridge.demo import __main__ as demo
demo.tell = lambda up, show: {STORY}
typer.run(demo.main)
"""


@pytest.fixture(scope="module")
def once(tryton_template: Template, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """The built Tryton is shared with the tests."""
    with running("once", ["demo", "--once", "--json"], {}, tmp_path_factory.mktemp("demo"), cwd=ROOT) as process:
        yield process


@pytest.fixture
def staying(tryton_template: Template, tmp_path: Path) -> Iterator[Process]:
    with running("staying", ["demo", "--json"], {}, tmp_path, cwd=ROOT) as process:
        yield process


@pytest.fixture
def staying_without_its_story(tryton_template: Template, tmp_path: Path) -> Iterator[Process]:
    """Everything is up and nothing happened."""
    process = Process("staying", ["--json"], {}, tmp_path, cwd=ROOT, command=(sys.executable, "-c", WITHOUT_STORY))
    yield process
    process.end()


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


def test_once_ends_with_the_result_as_one_line_of_json(once: Process) -> None:
    assert once.wait(DEMO_SECONDS) == 0, once.stderr[-2000:]
    found = result(once)
    assert list(found) == KEYS
    assert found["job_status"] == "completed_with_errors"
    assert found["erp"] == "tryton"
    assert found["failed"] == len(BAD)
    assert found["posted"] == found["erp_entries"] == int(str(found["items"])) - len(BAD)
    assert int(str(found["posted"])) >= 17, "not every type of item was booked"
    assert once.stdout.count("\n") == 1, "stdout holds something besides the result"


def test_it_shows_the_first_syncs_the_vendor_on_both_sides_and_its_bills(once: Process) -> None:
    assert once.wait(DEMO_SECONDS) == 0, once.stderr[-2000:]
    shown = once.stderr
    rows = [[cell.strip() for cell in line.split("│")] for line in shown.splitlines() if "│" in line]
    first = {row[0]: row[1] for row in rows if row[1].endswith("created")}
    assert first == {
        "tax codes": "3 created",
        "accounts": "108 created",
        "tags": "9 created",
        "vendors": "191 created",
    }
    name = NEW_VENDOR["name"]
    pleo, tryton = ([row for row in rows if row[:2] == [where, name]] for where in ("Pleo", "Tryton"))
    number, state = pleo[0][3:]
    assert (number != "", state, tryton[0][3:]) == (True, "ACTIVE", [number, "active"])
    assert [row[2] for row in rows if len(row) == 6 and row[1] == name] == ["paid"] * 3, (
        "bills whose payment was exported are settled"
    )
    assert max(map(len, shown.splitlines())) <= 80, [line for line in shown.splitlines() if len(line) > 80]


def test_a_code_that_did_not_arrive_in_pleo_is_named(tryton_template: Template) -> None:
    chart = seed_chart(tryton_template.facts)

    def active(*codes: str) -> list[dict[str, object]]:
        return [{"code": code, "archived": False} for code in codes]

    groups = [
        {"code": one["group"], "archived": False, "tags": active(*one["values"])}
        for one in chart["dimensions"].values()
    ]
    arrived: dict[str, list[dict[str, object]]] = {
        "accounts": active(*chart["accounts"].values()),
        "tax_codes": active(*chart["tax_codes"].values()),
        "tag_groups": groups,
    }
    assert unknown_to_pleo(chart, arrived) == []
    arrived["tax_codes"][0]["archived"] = True
    groups[0]["tags"] = active("CC01")
    missing = [
        f"tax code {chart['tax_codes']['standard']}",
        *(f"tag of CC {code}" for code in ("CC02", "CC03", "CC04")),
    ]
    assert unknown_to_pleo(chart, arrived) == missing


ON_LINUX = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads /proc")


@pytest.mark.long  # `make test` shows the story told once, and below that what is up stays up
@ON_LINUX
def test_a_staying_demo_shows_its_story_until_ctrl_c(staying: Process) -> None:
    stays(staying)
    assert list(result(staying)) == KEYS
    lists, connections = shown_by(staying)
    assert NEW_VENDOR["name"] in lists
    assert [sorted((one["kind"], one["state"]) for one in each["syncs"]) for each in connections] == [
        [(kind, "on_time") for kind in ("accounts", "tags", "tax_codes", "vendors")]
    ]
    assert [(each["mapping_warnings"], each["parked_vendors"]) for each in connections] == [(0, 0)]
    leaves_no_process(staying)


@ON_LINUX
def test_a_staying_demo_answers_until_ctrl_c_and_leaves_no_process(staying_without_its_story: Process) -> None:
    staying = staying_without_its_story
    stays(staying)
    assert result(staying) == STORY
    _, connections = shown_by(staying)
    assert connections == []
    leaves_no_process(staying)


def stays(staying: Process) -> None:
    """Everything is up, and the last of the addresses is told."""
    until("the demo to stay", lambda: "Tryton:" in staying.stderr.partition("Ctrl-C")[2], DEMO_SECONDS, 0.3)


def page_of(staying: Process, path: str) -> str:
    (page,) = [word for word in staying.stderr.split() if word.endswith(path)]
    return page


def shown_by(staying: Process) -> tuple[str, list[dict[str, Any]]]:
    """Pleo's lists and our connections, by the addresses and the token that it prints."""
    words, page = staying.stderr.split(), page_of(staying, "/settings")
    assert httpx.get(page, timeout=30, trust_env=False).status_code == 401
    lists = httpx.get(page_of(staying, "/lists"), timeout=30, trust_env=False).text
    bearer = {"Authorization": f"Bearer {words[words.index('run:') + 1]}"}
    address = page.replace("/settings", "/admin/api/connections")
    connections: list[dict[str, Any]] = httpx.get(address, headers=bearer, timeout=30, trust_env=False).json()["data"]
    return lists, connections


def leaves_no_process(staying: Process) -> None:
    """Ended by Ctrl-C."""
    page = page_of(staying, "/settings")
    started = descendants(staying.pid)
    assert len(started) >= 3, "the sandbox, Tryton and the service"
    staying.interrupt()
    assert staying.wait(120) == 0
    until("every process of the demo to be gone", lambda: not [pid for pid in started if alive(pid)], 60)
    with pytest.raises(httpx.ConnectError):
        httpx.get(page, timeout=5, trust_env=False)
    assert "Traceback" not in staying.stderr
