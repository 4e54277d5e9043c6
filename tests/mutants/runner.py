"""One mutant: a copy of the tree with one line broken, and the tests that must then fail."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
_COPIED = ("src", "tests", "migrations", "tools", "docs")
_TESTS_FAILED = 1
"""pytest's exit status for tests that ran and failed; a mutant that cannot even be imported proves nothing."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """A small, plausible mistake that breaks an invariant."""

    invariant: int
    """One of the ten in docs/architecture.md."""
    name: str
    mistake: str
    """What the code does wrong then, as a sentence."""
    file: str
    """Below `src/ledgerbridge`."""
    old: str
    """Stands in the file exactly once."""
    new: str
    tests: tuple[str, ...]
    """Of which at least one fails."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the tests said of a mutant."""

    killed: bool
    """Whether a test failed for it."""
    status: int
    """pytest's exit status."""
    output: str


def applies(mutant: Mutant) -> bool:
    """Whether the mistake can be made in the code as it is now."""
    text = (ROOT / "src" / "ledgerbridge" / mutant.file).read_text()
    return text.count(mutant.old) == 1 and mutant.old != mutant.new


def try_out(mutant: Mutant) -> Verdict:
    """Run the mutant's tests in a copy of the tree with the mistake in it. The tree itself is not touched."""
    with tempfile.TemporaryDirectory(prefix="mutant-") as place:
        copy = Path(place)
        _copy(copy)
        path = copy / "src" / "ledgerbridge" / mutant.file
        path.write_text(path.read_text().replace(mutant.old, mutant.new))
        alone = f"--basetemp={copy / 'tmp'}"  # pytest closes its shared folder to the user whom PostgreSQL runs as
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", alone, *mutant.tests],
            cwd=copy,
            env=_environment(copy),
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
    return Verdict(done.returncode == _TESTS_FAILED, done.returncode, done.stdout + done.stderr)


def _copy(place: Path) -> None:
    for name in _COPIED:
        shutil.copytree(ROOT / name, place / name, ignore=shutil.ignore_patterns("__pycache__", "mutants"))
    for name in ("pyproject.toml", "alembic.ini"):
        shutil.copy(ROOT / name, place / name)
    (ROOT / ".cache").mkdir(exist_ok=True)
    (place / ".cache").symlink_to(ROOT / ".cache")  # the same PostgreSQL and the same built Tryton


def _environment(place: Path) -> dict[str, str]:
    """The copy's code comes before the installed one, in started processes too."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV_"))}
    return inherited | {"PYTHONPATH": str(place / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
