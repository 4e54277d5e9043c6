"""A second run for tests that wait for other processes, browsers and clocks (decision 0157).

Never for what proves that money is safe and secrets are kept: there a failure seen once is a fault that happens.
"""

from __future__ import annotations

from typing import Any

import pytest

ONCE_MORE = ("tests/acceptance/", "tests/browser/", "tests/fuzz/", "tests/integration/")
NEVER = ("tests/integration/exports/", "tests/integration/erp/")
FINDINGS = [r"let secrets out", r"booked twice"]
"""Words of failures that are believed at once, wherever they come from."""


def steady(item: pytest.Item) -> None:
    """Let a test run once more after a failure, if it may. The end of the run names it with its reason."""
    if item.nodeid.startswith(ONCE_MORE) and not item.nodeid.startswith(NEVER):
        item.add_marker(pytest.mark.flaky(reruns=1, reruns_delay=2, rerun_except=FINDINGS))


def why_again(terminalreporter: Any) -> None:
    """Why tests ran a second time, in the summary of the run."""
    for report in terminalreporter.stats.get("rerun", []):
        crash = getattr(report.longrepr, "reprcrash", None)
        said = crash.message if crash else str(report.longrepr)
        terminalreporter.write_line(f"{report.nodeid}, {report.when}: {said[:500]}")
