"""The doctor's look at where receipts lie while they are handed on."""

from __future__ import annotations

import shutil
import tempfile

from ledgerbridge.exports.ahead import MOST_BYTES
from ledgerbridge.exports.receipts import MAX_TOTAL_BYTES
from ledgerbridge.ops.doctor import Finding, error, ok, warning
from ledgerbridge.outgoing.files import FileNotKept, HeldFile

_NAME = "TMPDIR"
_MIB = 1024 * 1024
JOBS = 10
"""Worked at once by a process."""
ENOUGH = MOST_BYTES + JOBS * MAX_TOTAL_BYTES
"""Bytes that the receipts of a busy process may take."""


def inspect_disk() -> list[Finding]:
    """Whether there is a folder for temporary files, with room for receipts."""
    try:
        with HeldFile() as file:
            file.add(b"x")
    except FileNotKept as fault:
        return [error(_NAME, f"Receipts cannot be handed on: {fault}.", "Set TMPDIR to a folder with room.")]
    folder = tempfile.gettempdir()
    free = shutil.disk_usage(folder).free
    if free < ENOUGH:
        text = (
            f"{folder} has {free / _MIB:,.0f} MiB left; the receipts of a busy hour may need {ENOUGH / _MIB:,.0f} MiB."
        )
        return [warning(_NAME, text, "Make room there, or set TMPDIR to a folder with more.")]
    return [ok(_NAME, f"Receipts on their way lie in {folder}, which has room for them.")]
