"""The doctor notices where receipts would find no room."""

from __future__ import annotations

import inspect
import shutil
import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from ledgerbridge.ops.doctor import Level
from ledgerbridge.ops.doctor_disk import ENOUGH, JOBS, inspect_disk
from ledgerbridge.work.queue import Queue


@pytest.mark.parametrize(
    ("free", "level", "words"),
    [
        (ENOUGH, Level.OK, "which has room for them"),
        (ENOUGH - 1, Level.WARNING, "has 1,466 MiB left; the receipts of a busy hour may need 1,466 MiB"),
        (0, Level.WARNING, "has 0 MiB left"),
    ],
)
def test_the_room_for_receipts_is_told(
    free: int, level: Level, words: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free))
    (found,) = inspect_disk()
    assert found.level is level
    assert words in found.text
    assert str(tmp_path) in found.text
    assert list(tmp_path.iterdir()) == []


def test_a_machine_without_a_folder_for_receipts_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    (found,) = inspect_disk()
    assert found.level is Level.ERROR
    assert "Receipts cannot be handed on: No such file or directory" in found.text
    assert "TMPDIR" in found.fix


def test_the_room_is_counted_for_as_many_jobs_as_there_are() -> None:
    assert inspect.signature(Queue.run_worker).parameters["concurrency"].default == JOBS
