"""Tryton's own virtual environment: made once per set of pins, and the ways to run something in it."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

INSIDE = Path(__file__).parent / "inside"
REQUIREMENTS = Path(__file__).parent / "requirements.txt"
ADD_ON = INSIDE / "matching"
"""A module of Tryton that a company may install, so that our key can match bills with their payments."""

Progress = Callable[[str], None]


class TrytonSandboxError(RuntimeError):
    """The sandbox could not be built or started; the text carries the words of the program that failed."""


@dataclass(frozen=True)
class Environment:
    """A finished virtual environment with Tryton in it."""

    directory: Path

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.directory / "bin" / "python"

    def command(self, script: str, *arguments: str) -> list[str]:
        """The command line of a program of `inside/`; `-P` keeps that directory from shadowing packages."""
        return [str(self.python), "-P", str(INSIDE / script), *arguments]

    def sql(self, url: str, statements: Sequence[str], *, together: bool = False) -> list[list[Any]]:
        """Run SQL statements, each by itself or all in one transaction; the rows of the last one that has rows."""
        order = json.dumps({"url": url, "statements": list(statements), "together": together})
        rows: list[list[Any]] = json.loads(run(self.command("run_sql.py"), stdin=order))
        return rows


def prepare(cache_dir: Path, progress: Progress) -> Environment:
    """The environment for the present pins, made under `cache_dir` if it is not there (about 15 s, needs the network).

    The caller holds the build lock. An interrupted installation leaves no finished name behind and is made again.
    """
    parts = [REQUIREMENTS.read_text(), f"{sys.version_info.major}.{sys.version_info.minor}", str(cache_dir)]
    digest = hashlib.sha256("\n".join(parts).encode()).hexdigest()
    environment = Environment(cache_dir / f"venv-{digest[:12]}")
    finished = environment.directory / "finished"
    if finished.exists() and environment.python.exists():
        _add_module(environment)
        return environment
    progress("Building Tryton: packages ...")
    shutil.rmtree(environment.directory, ignore_errors=True)
    run([sys.executable, "-m", "venv", str(environment.directory)])
    install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:"]
    run([str(environment.python), *install, "--require-hashes", "--requirement", str(REQUIREMENTS)])
    _add_module(environment)
    finished.touch()
    return environment


def _add_module(environment: Environment) -> None:
    """Put the add-on where Tryton looks for its modules."""
    (modules,) = environment.directory.glob("lib/python3*/site-packages/trytond/modules")
    shutil.copytree(ADD_ON, modules / ADD_ON.name, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))


def run(command: Sequence[str], *, stdin: str = "", environ: Mapping[str, str] | None = None) -> str:
    """Run a program to its end and return what it printed.

    Raises TrytonSandboxError with the end of its error output if it fails.
    """
    done = subprocess.run(
        command, input=stdin, capture_output=True, text=True, env={**clean_environment(), **(environ or {})}
    )
    if done.returncode:
        words = (done.stderr.strip() or done.stdout.strip()).splitlines()[-15:]
        name = " ".join(Path(word).name for word in command[:4])
        raise TrytonSandboxError(f"{name} ended with {done.returncode}:\n" + "\n".join(words))
    return done.stdout


def clean_environment() -> dict[str, str]:
    """Our environment without what would steer another Python, Tryton or libpq elsewhere."""
    steering = ("TRYTON", "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "PG")
    return {name: value for name, value in os.environ.items() if not name.startswith(steering)}
