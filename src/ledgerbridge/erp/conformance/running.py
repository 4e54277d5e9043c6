"""Running the suites under pytest: on the bench of a file, a part at a time, with a table at the end.

A case that does not apply says what the ERP does not claim, and that is an answer. A case that is skipped for any other
reason is failed here: nobody would see that it never ran.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
from collections.abc import Generator, Sequence
from dataclasses import fields
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

import pytest

from ledgerbridge.erp.conformance.bench import CAPABLE, NOT_CAPABLE
from ledgerbridge.erp.conformance.cases import Case, Results, as_json, part_of, suite_of, suites
from ledgerbridge.erp.port import Capabilities

_CASE, _LACK, _HAS, _CLAIMS = "erp_case", "erp_not_capable", "erp_capable", "erp_claims"
_SUITES = Path(__file__).with_name("every_suite.py")
_NAME = "ledgerbridge_bench"


def start(config: pytest.Config) -> None:
    """Take part in this run of pytest. Raises `pytest.UsageError` for a bench that is none."""
    if not config.pluginmanager.hasplugin("asyncio"):
        raise pytest.UsageError("The conformance suite is asynchronous: install pytest-asyncio.")
    if wanted := config.getoption("erp_conformance"):
        module = _bench(config, wanted)
        if not hasattr(module, "bench"):
            raise pytest.UsageError(f"{wanted} has no fixture called bench; see docs/writing-an-erp-adapter.md.")
        if str(_SUITES) not in config.args:
            config.args = _with_suites(config)
        # The suites are written for it, whatever the tests beside them are run with.
        config.option.asyncio_mode = "auto"
    config.pluginmanager.register(Running(config), "ledgerbridge running")


def _bench(config: pytest.Config, wanted: str) -> ModuleType:
    """The module with the fixture, known to pytest as a plugin."""
    places = (config.invocation_params.dir / wanted, config.rootpath / wanted)
    path = next((one for one in places if one.is_file()), None)
    try:
        if path is None:
            config.pluginmanager.import_plugin(wanted, consider_entry_points=False)
            return importlib.import_module(wanted)
        spec = importlib.util.spec_from_file_location(_NAME, path)
        assert isinstance(spec, ModuleSpec) and spec.loader is not None  # noqa: S101, PT018
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    except ImportError as error:
        raise pytest.UsageError(f"The bench {wanted} cannot be imported: {error}") from error
    config.pluginmanager.register(module, _NAME)
    return module


def _with_suites(config: pytest.Config) -> list[str]:
    """What is run: paths that a person names and nothing else; else the tests of the project and the suites."""
    source = config.ArgsSource
    if config.args_source is source.ARGS:
        return config.args
    return [*(config.args if config.args_source is source.TESTPATHS else ()), str(_SUITES)]


class Running:
    """Chooses the cases, judges what was skipped, counts, and tells."""

    def __init__(self, config: pytest.Config) -> None:
        self._parts: Sequence[int] = config.getoption("erp_part") or ()
        self._report: str | None = config.getoption("erp_report")
        self._all = bool(config.getoption("erp_conformance"))
        self._counting = not hasattr(config, "workerinput")
        self._results = Results()

    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        left = [item for item in items if self._wanted(item)]
        if len(left) < len(items):
            config.hook.pytest_deselected(items=[item for item in items if not self._wanted(item)])
            items[:] = left

    def _wanted(self, item: pytest.Item) -> bool:
        suite = suite_of(getattr(item, "cls", None))
        if suite is None:
            return not (self._report or self._parts)
        return not self._parts or part_of(suite) in self._parts

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        suite = suite_of(getattr(item, "cls", None))
        if suite is None:
            return report
        report.user_properties.append((_CASE, f"{suite}.{getattr(item, 'originalname', item.name)}"))
        if report.when != "teardown" and (bench := getattr(item, "funcargs", {}).get("bench")):
            report.user_properties.append((_CLAIMS, _claims(bench.capabilities)))
        if report.skipped and not hasattr(report, "wasxfail"):
            _judge(report)
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        told = dict(report.user_properties)
        if not self._counting or _CASE not in told or (report.when != "call" and report.passed):
            return
        suite, _, name = str(told[_CASE]).partition(".")
        self._results.claims.update(json.loads(str(told.get(_CLAIMS, "{}"))))
        case = self._results.cases.setdefault(suite, {}).setdefault(name, Case())
        if report.failed:
            case.failed += 1
        elif report.passed:
            case.passed += 1
        elif _LACK in told:
            case.not_capable[str(told[_LACK])] += 1
        else:
            case.capable[str(told[_HAS])] += 1

    def pytest_sessionfinish(self) -> None:
        if self._counting and self._report:
            path = Path(self._report)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(as_json(self._results) + "\n", encoding="utf-8")

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if not self._counting or not self._results.cases:
            return
        terminalreporter.section("conformance")
        for suite in suites():
            if found := self._results.cases.get(suite.__name__):
                terminalreporter.line(_line(suite.__name__, list(found.values())))


def _claims(capabilities: Capabilities) -> str:
    told = {one.name: getattr(capabilities, one.name) for one in fields(capabilities)}
    return json.dumps({name: sorted(value) if isinstance(value, frozenset) else value for name, value in told.items()})


def _judge(report: pytest.TestReport) -> None:
    reason = str(report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr)
    said = reason.removeprefix("Skipped: ")
    for beginning, name in ((NOT_CAPABLE, _LACK), (CAPABLE, _HAS)):
        if said.startswith(beginning):
            report.user_properties.append((name, said.removeprefix(beginning)))
            return
    report.outcome = "failed"
    report.longrepr = f"skipped, but not for what the ERP does not claim: {said}"


def _line(suite: str, found: Sequence[Case]) -> str:
    passed, failed = sum(case.passed for case in found), sum(case.failed for case in found)
    lacking = sorted({name for case in found for name in case.not_capable})
    told = [f"{passed} passed"]
    if failed:
        told.append(f"{failed} FAILED")
    if lacking:
        told.append(f"{sum(case.not_capable.total() for case in found)} not capable ({', '.join(lacking)})")
    return f"part {part_of(suite)}  {suite:<16} {', '.join(told)}"
