"""Fuzzing our own face: whatever anybody sends is answered in words, quickly, and changes nothing unless accepted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from ledgerbridge.web.admin import connections
from pleo_sandbox.server import Running
from pleo_sandbox.server import running as sandbox_running
from tests.fuzz.served import Served, served
from tests.fuzz.trying import EXECUTIONS, Count
from tests.support.database_pool import DatabasePool


@pytest.fixture
def tried(request: pytest.FixtureRequest) -> Count:
    """To be called once a case; the sum is told at the end of the run."""
    stash = request.node.stash
    stash[EXECUTIONS] = 0

    def count() -> None:
        stash[EXECUTIONS] += 1

    return count


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[Any]) -> Any:
    report = yield
    if call.when == "call" and EXECUTIONS in item.stash:
        report.user_properties.append(("executions", item.stash[EXECUTIONS]))
    return report


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """How many cases each fuzzer tried."""
    counts: Counter[str] = Counter()
    for reports in terminalreporter.stats.values():
        for report in reports:
            if getattr(report, "when", None) == "call":
                for name, value in report.user_properties:
                    if name == "executions":
                        counts[report.nodeid] += value
    if counts:
        terminalreporter.section("cases tried")
        for test, number in sorted(counts.items()):
            terminalreporter.write_line(f"{number:>8}  {test}")
        terminalreporter.write_line(f"{sum(counts.values()):>8}  in all")


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Running]:
    with sandbox_running() as found:
        yield found


@pytest.fixture(scope="module")
def site(databases: DatabasePool, sandbox: Running) -> Iterator[Served]:
    """The whole web face on a port of this machine, with two companies, a job with every kind of expense, and a
    browser that is signed in."""
    waited, connections.ACTIVATION_SECONDS = connections.ACTIVATION_SECONDS, 0.0
    name = databases.take()
    try:
        with served(databases.cluster.url(name), sandbox) as found:
            yield found
    finally:
        connections.ACTIVATION_SECONDS = waited
        databases.give_back(name)
