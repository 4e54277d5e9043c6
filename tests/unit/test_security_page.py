"""docs/security.md names what shows each point; all of it must exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.support.trees import tree_of

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "security.md").read_text()
NAMED = sorted(set(re.findall(r"`((?:tests|src|docs)/[\w./-]+(?:::\w+)?|\.env\.example)`", PAGE)))


@pytest.mark.parametrize("named", NAMED)
def test_what_the_page_names_is_there(named: str) -> None:
    path, _, test = named.partition("::")
    assert (ROOT / path).exists(), f"{path} is named as evidence and is not there"
    if test:
        functions = {
            node.name
            for node in ast.walk(tree_of(ROOT / path))
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        }
        assert test in functions, f"{path} has no {test}"


def test_links_of_the_page_lead_somewhere() -> None:
    for link in re.findall(r"\]\((?!http)([^)#]+)\)", PAGE):
        assert (ROOT / "docs" / link).is_file(), link


def test_every_chapter_is_gone_through() -> None:
    assert [int(number) for number in re.findall(r"^### V(\d+) ", PAGE, re.MULTILINE)] == list(range(1, 18))
    assert re.findall(r"^\| API(\d+) ", PAGE, re.MULTILINE) == [str(number) for number in range(1, 11)]
