"""The doctor notices where receipts could not get the form that an accounting system takes."""

from __future__ import annotations

import pytest

from ledgerbridge.ops.doctor import Level
from ledgerbridge.ops.doctor_receipts import inspect_receipts
from ledgerbridge.outgoing.papers import workshop


async def test_an_image_that_becomes_a_pdf_is_all_well() -> None:
    (found,) = await inspect_receipts()
    assert found.level is Level.OK


async def test_a_machine_on_which_no_process_starts_is_told_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workshop.sys, "executable", "/nowhere/python")
    (found,) = await inspect_receipts()
    assert found.level is Level.WARNING
    assert "no process: No such file or directory" in found.text
    assert "start processes" in found.fix
