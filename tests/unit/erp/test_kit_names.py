"""A skeleton gets a name that lasts, in a folder of its own, or nothing is written."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ledgerbridge.cli import cli
from ledgerbridge.erp.kit.making import NotMade, make


@pytest.mark.parametrize(
    "name", ["Acme", "a", "9books", "my-books", "my books", "../up", "", "x" * 32, "class", "my__books", "my_", "ünï"]
)
def test_a_name_that_is_no_kind_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(NotMade):
        make(name, tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_name_that_is_taken_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotMade, match="There is an adapter called tryton already"):
        make("tryton", tmp_path)


def test_what_is_there_is_never_written_over(tmp_path: Path) -> None:
    folder = make("my_books", tmp_path)
    (folder / "README.md").write_text("mine")
    told = CliRunner().invoke(cli, ["new-adapter", "my_books", "--into", str(tmp_path)])
    assert told.exit_code == 1
    assert "is there already" in told.output
    assert (folder / "README.md").read_text() == "mine"


def test_a_place_that_cannot_be_written_to_is_told_in_a_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(NotMade, match="Not a directory"):
        make("my_books", tmp_path / "file")


def test_every_place_of_the_name_is_filled_in(tmp_path: Path) -> None:
    folder = make("two_words", tmp_path)
    written = [path for path in folder.rglob("*") if path.is_file()]
    assert {"pyproject.toml", "README.md", "py.typed", "company.py", "test_two_words.py"} <= {
        path.name for path in written
    }
    for path in written:
        assert not re.search("acme", str(path.relative_to(tmp_path)) + path.read_text(), re.IGNORECASE)
    assert "class TwoWordsAdapter" in (folder / "src/ledgerbridge_two_words/adapter.py").read_text()
    assert 'name = "ledgerbridge-two-words"' in (folder / "pyproject.toml").read_text()
    for path in folder.rglob("*.py"):
        compile(path.read_text(), path, "exec")
