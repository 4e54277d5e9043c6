"""The catalogue holds every text the pages use, and none that nobody uses."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path
from string import Formatter

import pytest

import ledgerbridge.web
from ledgerbridge.web import texts
from tests.support.trees import tree_of

WEB = Path(ledgerbridge.web.__file__).parent
PARTS = sorted(path.stem for path in (WEB / "texts" / "en").glob("*.toml"))
_NAME = re.compile(rf"(?:{'|'.join(PARTS)})\.[a-z0-9_.]*")
_IN_TEMPLATES = re.compile(r"\"([a-z0-9_.]+)\"|'([a-z0-9_.]+)'")


@cache
def named() -> dict[str, str]:
    """Every name, or beginning of one (it ends with a dot), that stands in our code or templates; and where."""
    found: dict[str, str] = {}
    for path in sorted(WEB.rglob("*.html")):
        for one in _IN_TEMPLATES.finditer(path.read_text()):
            found.setdefault(one[1] or one[2], path.name)
    for path in sorted(WEB.rglob("*.py")):
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.setdefault(node.value, path.name)
    return {name: where for name, where in found.items() if _NAME.fullmatch(name) and not name.endswith(".html")}


def _begins(name: str) -> bool:
    """Whether it is only the beginning of names: a word of the program comes after it."""
    return name.endswith((".", "_"))


def test_every_text_that_is_asked_for_is_there() -> None:
    known = texts.catalogue()
    missing = {
        name: where
        for name, where in named().items()
        if name not in known and not any(one.startswith(name if _begins(name) else f"{name}.") for one in known)
    }
    assert missing == {}


def test_no_text_is_left_over() -> None:
    beginnings = tuple(name for name in named() if _begins(name))
    left = [name for name in texts.catalogue() if name not in named() and not name.startswith(beginnings)]
    assert left == []


def test_texts_read_well() -> None:
    for name, found in texts.catalogue().items():
        for said in [found] if isinstance(found, str) else found.values():
            assert said == said.strip(), name
            assert "  " not in said, name
            assert "!" not in said, name
            assert not re.search(r"<[a-z/]", said), f"{name}: texts hold no markup"
            for _, value, _, _ in Formatter().parse(said):
                assert value is None or re.fullmatch("[a-z_]+", value), name


def test_a_number_of_things_has_both_forms_and_takes_its_count() -> None:
    assert texts.text("common.items.count", count=1) == "1 item"
    assert texts.text("common.items.count", count=0) == "0 items"
    with pytest.raises(texts.TextMissing):
        texts.text("common.there.is.none")
