"""The conformance suite as a plugin of pytest: `pytest --erp-conformance tests/bench.py` runs all of it.

pytest loads this module in every run of an environment with Ledgerbridge in it, so it holds the options and nothing
else; the suites are imported when they are asked for.
"""

from __future__ import annotations

import pytest

pytest.register_assert_rewrite("ledgerbridge.erp.conformance")

_MARKERS = (
    "rule(*ids): the numbered rules of Ledgerbridge this test shows",
    "long: takes long, and shows in full what another test shows in part",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("ledgerbridge", "conformance of an ERP adapter")
    group.addoption(
        "--erp-conformance",
        metavar="BENCH",
        help="run the conformance suite on the fixture `bench` of this file or module",
    )
    group.addoption(
        "--erp-part",
        metavar="N",
        type=int,
        choices=(1, 2, 3),
        action="append",
        help="only this part of the suite: 1 booking once, 2 faults, 3 all the rest; may be repeated",
    )
    group.addoption(
        "--erp-report", metavar="FILE", help="write what became of each case as JSON, and run no other tests"
    )


def pytest_configure(config: pytest.Config) -> None:
    for marker in _MARKERS:
        config.addinivalue_line("markers", marker)
    if config.getoption("erp_conformance") or config.getoption("erp_part") or config.getoption("erp_report"):
        from ledgerbridge.erp.conformance.running import start

        start(config)
