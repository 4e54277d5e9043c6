"""A file on its way lies on disk without a name, is read as often as needed, and goes with its last user."""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from typing import Any

import pytest

from ledgerbridge.outgoing import files
from ledgerbridge.outgoing.files import PIECE, FileNotKept, HeldFile


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary files go."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.fixture(params=["on disk", "in memory"])
def held(request: pytest.FixtureRequest, folder: Path) -> Iterator[HeldFile]:
    with HeldFile() if request.param == "on disk" else HeldFile.of(b"") as file:
        yield file


def test_bytes_come_back_in_pieces_whole_and_again(held: HeldFile) -> None:
    content = os.urandom(2 * PIECE + 5)
    for start in range(0, len(content), 70_001):
        held.add(content[start : start + 70_001])
    for _ in range(2):
        assert [len(piece) for piece in held.pieces()] == [PIECE, PIECE, 5]
        assert b"".join(held.pieces(1000)) == held.whole() == content
    assert held.head(4) == content[:4]
    assert held.size == len(content)


def test_two_readers_do_not_disturb_each_other(held: HeldFile) -> None:
    held.add(b"abcdef")
    assert list(zip_longest(held.pieces(2), held.pieces(3))) == [(b"ab", b"abc"), (b"cd", b"def"), (b"ef", None)]


def test_an_empty_file_has_no_pieces(held: HeldFile) -> None:
    assert (list(held.pieces()), held.whole(), held.head(9), held.size) == ([], b"", b"", 0)


def test_a_file_on_disk_has_no_name_and_nobody_else_may_open_it(folder: Path) -> None:
    with HeldFile() as held:
        held.add(b"a receipt")
        status = os.fstat(held._file.fileno())
        assert list(folder.iterdir()) == []
        assert (status.st_nlink, status.st_mode & 0o077, status.st_size) == (0, 0, 9)


def test_a_closed_file_is_freed_at_once_and_read_by_nobody(folder: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    held = HeldFile()
    held.add(b"x")
    held.close()
    held.close()
    assert len(os.listdir("/proc/self/fd")) == before
    with pytest.raises(ValueError, match="closed"):
        held.whole()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a device of Linux")
def test_a_full_disk_is_told_with_its_place_and_costs_what_was_there_nothing(
    monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    monkeypatch.setattr(files.tempfile, "TemporaryFile", lambda buffering: io.FileIO("/dev/full", "r+"))
    with HeldFile() as held:
        with pytest.raises(FileNotKept) as refused:
            held.add(b"x")
        assert held.size == 0
    assert str(refused.value) == f"No space left on device; temporary files lie in {folder}, TMPDIR moves them"


def test_a_folder_that_is_gone_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    with pytest.raises(FileNotKept, match=r"No such file or directory; temporary files lie in .*gone, TMPDIR moves"):
        HeldFile()


def test_a_machine_without_any_folder_for_them_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere() -> str:
        raise FileNotFoundError(2, "No usable temporary directory found")

    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(tempfile, "_get_default_tempdir", nowhere)
    with pytest.raises(FileNotKept, match=r"No usable temporary directory found; no folder .* TMPDIR names one"):
        HeldFile()


class Odd(io.BytesIO):
    """A disk that takes and gives three bytes at a time."""

    def write(self, piece: Any) -> int:
        return super().write(bytes(piece[:3]))

    def read(self, size: int | None = -1) -> bytes:
        return super().read(min(size or 0, 3))


def test_a_disk_that_takes_and_gives_a_little_at_a_time_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files.tempfile, "TemporaryFile", lambda buffering: Odd())
    with HeldFile() as held:
        held.add(b"0123456789")
        assert (held.whole(), held.size) == (b"0123456789", 10)


def test_a_file_that_lost_its_end_is_never_handed_on(folder: Path) -> None:
    with HeldFile() as held:
        held.add(b"0123456789")
        os.truncate(held._file.fileno(), 4)
        with pytest.raises(FileNotKept, match="cut short"):
            list(held.pieces())
