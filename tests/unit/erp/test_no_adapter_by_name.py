"""Capabilities decide, not names: outside its own folder and the demonstration nothing knows an adapter by name."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path

import pytest

import ledgerbridge
from ledgerbridge.erp.registry import GROUP
from tests.support.trees import tree_of

SOURCES = Path(ledgerbridge.__file__).parent
OWN = {one.name: one.module.removeprefix("ledgerbridge.").split(".")[:2] for one in entry_points(group=GROUP)
       if one.module.startswith("ledgerbridge.")}  # fmt: skip
"""Our adapters with the folder of each."""
ORDINARY = {"csv", "http"}
"""Names that are words for other things, too: they may stand anywhere but in a comparison with a kind."""
MAY_NAME = {
    "web/admin/models.py": "examples of the API's document",
}


@cache
def sources() -> tuple[tuple[str, ast.Module], ...]:
    """What is neither an adapter nor the demonstration."""
    return tuple(_sources())


def _sources() -> Iterator[tuple[str, ast.Module]]:
    folders = {"/".join(folder) for folder in OWN.values()} | {"demo", "erp/kit", "erp/files"}
    for path in sorted(SOURCES.rglob("*.py")):
        name = path.relative_to(SOURCES).as_posix()
        if not any(name.startswith(f"{folder}/") or name == f"{folder}.py" for folder in folders):
            yield name, tree_of(path)


def named(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Adapters that a module names in a text of the program, docstrings left out."""
    told = {
        id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    names = OWN.keys() - ORDINARY
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in told:
            yield from ((node.lineno, one) for one in names if re.search(rf"(?i)\b{re.escape(one)}\b", node.value))


def compared(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Kinds of adapters that a module compares something with."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            sides = [inner for side in (node.left, *node.comparators) for inner in ast.walk(side)]
            kinds = any("kind" in str(getattr(one, "id", getattr(one, "attr", ""))) for one in sides)
            texts = {one.value for one in sides if isinstance(one, ast.Constant)}
            yield from ((node.lineno, one) for one in OWN if kinds and one in texts)
        elif isinstance(node, ast.MatchValue) and isinstance(node.value, ast.Constant) and node.value.value in OWN:
            yield node.lineno, str(node.value.value)


def test_our_adapters_are_found_by_their_entry_points() -> None:
    assert OWN["tryton"] == ["erp", "tryton"]


@pytest.mark.parametrize(
    "line",
    [
        'if binding.kind == "tryton": pass',
        'if erp_kind in ("tryton", "other"): pass',
        'match kind:\n    case "tryton": pass',
        'x = erps["tryton"]',
        'say("Look at it in Tryton.")',
    ],
)
def test_a_decision_by_name_would_be_seen(line: str) -> None:
    tree = ast.parse(line)
    assert [*named(tree), *compared(tree)]


def test_no_module_decides_by_the_name_of_an_adapter() -> None:
    found = {
        f"{name}:{line} {kind}"
        for name, tree in sources()
        for line, kind in (*compared(tree), *(() if name in MAY_NAME else named(tree)))
    }
    assert found == set()


def test_no_module_imports_an_adapter() -> None:
    modules = {"ledgerbridge." + ".".join(folder) for folder in OWN.values()}
    imported = {
        (name, one)
        for name, tree in sources()
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for one in [getattr(node, "module", None), *(alias.name for alias in node.names)]
        if one and any(one == module or one.startswith(f"{module}.") for module in modules)
    }
    assert imported == set()


def test_no_page_names_an_adapter() -> None:
    pages = [path for end in ("*.html", "*.toml", "*.js") for path in (SOURCES / "web").rglob(end)]
    assert pages
    words = re.compile(rf"(?i)\b({'|'.join(map(re.escape, OWN.keys() - ORDINARY))})\b")
    assert {path.name: found for path in pages if (found := words.findall(path.read_text("utf-8")))} == {}
