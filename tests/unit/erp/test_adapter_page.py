"""The page for partners tells of the port and the suite as they are."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from ledgerbridge.erp.conformance import PARTS, every_suite
from ledgerbridge.erp.conformance.bench import Fate
from ledgerbridge.erp.conformance.cases import NEEDS, suites
from ledgerbridge.erp.port import Capabilities, Erp
from ledgerbridge.erp.unsupported import Unsupported

PAGE = (Path(__file__).parents[3] / "docs" / "writing-an-erp-adapter.md").read_text(encoding="utf-8")
OWN = {
    *("company", "preflight", "chart", "find", "book", "fits", "url"),
    *("accounts", "tax_codes", "dimensions", "dimension_values"),
}
"""What every adapter has to write itself."""


def methods(of: type) -> dict[str, object]:
    return {name: each for name, each in inspect.getmembers(of, callable) if not name.startswith("_")}


def test_every_call_of_the_port_is_told_of() -> None:
    assert [name for name in methods(Erp) if f"`{name}`" not in PAGE] == []


@pytest.mark.parametrize("part", PARTS)
def test_every_suite_stands_in_its_part(part: int) -> None:
    (row,) = re.findall(rf"^\| part {part} \|.*$", PAGE, re.MULTILINE)
    assert re.findall(r"`(\w+)`", row) == [suite.__name__ for suite in PARTS[part]]


def test_every_fate_of_a_request_is_explained() -> None:
    assert [fate.name for fate in Fate if not re.search(rf"^\| .*`{fate.name}`", PAGE, re.MULTILINE)] == []


def test_what_an_adapter_need_not_write_is_refused_for_it_and_fits_the_port() -> None:
    port, given = methods(Erp), methods(Unsupported)
    assert set(port) - set(given) == OWN
    for name, method in given.items():
        asked = inspect.signature(port[name])  # type: ignore[arg-type]
        assert inspect.signature(method) == asked, name  # type: ignore[arg-type]


def test_every_suite_is_run_by_the_plugin() -> None:
    run = [each for name, each in vars(every_suite).items() if name.startswith("Test")]
    assert [test.__mro__[1] for test in run] == list(suites())
    assert set(NEEDS.values()) <= set(Capabilities.__dataclass_fields__)
    assert set(NEEDS) <= {suite.__name__ for suite in suites()}
