"""Finds Chromium for the browser tests, and installs Debian's where there is none and we may; `make test` calls it.

Looked for are `CHROMIUM`, the usual names on `PATH` and the browsers Playwright keeps, in this order. Where none is
found and none can be installed, one sentence tells what to do and the browser tests are skipped; with `CI=true` or
`BROWSER=required` that is a failure instead.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
PACKAGES = ("chromium-headless-shell", "chromium")
"""Debian's, the smaller one first. Both bring no typeface of their own."""
FONTS = "fonts-dejavu-core"
_KEPT = (
    "chromium_headless_shell-*/chrome-*/*headless*shell*",
    "chromium-*/chrome-*/chrome",
    "chromium-*/chrome-mac*/*.app/Contents/MacOS/*",
)
_LISTS_SECONDS = 180
_INSTALL_SECONDS = 420
_ADVICE = (
    "The browser tests need Chromium: `apt-get install --no-install-recommends chromium fonts-dejavu-core` as root, "
    "or set CHROMIUM to the path of a Chromium or Chrome."
)


@dataclass(frozen=True, slots=True)
class Machine:
    """Where we look, and what may be installed; a test brings its own."""

    environment: Mapping[str, str]
    root: bool
    """We are root and need no sudo."""
    sources: Path = Path("/etc/debian_version")
    """Is there where apt-get installs Debian's packages."""

    @classmethod
    def here(cls) -> Machine:
        """This one."""
        return cls(os.environ, hasattr(os, "geteuid") and os.geteuid() == 0)

    @property
    def required(self) -> bool:
        """Nobody wants to be told that the browser tests were skipped."""
        return self.environment.get("CI") == "true" or self.environment.get("BROWSER") == "required"

    def on_path(self, name: str) -> Path | None:
        """A program of that name."""
        found = shutil.which(name, path=self.environment.get("PATH", ""))
        return Path(found) if found else None


class NoBrowser(Exception):
    """There is no browser; the text says what a person can do."""


def find(machine: Machine) -> Path | None:
    """A Chromium that is there. Raises `NoBrowser` when `CHROMIUM` names one that is not."""
    if wish := machine.environment.get("CHROMIUM"):
        if (named := machine.on_path(wish)) is None:
            raise NoBrowser(f"CHROMIUM is {wish}, and no program is there.")
        return named
    for name in NAMES:
        if (found := machine.on_path(name)) is not None:
            return found
    return next((found for folder in _folders(machine) for found in _kept(folder)), None)


def browser(machine: Machine) -> Path:
    """A Chromium, installed now if need be. Raises `NoBrowser`."""
    if (found := find(machine)) is not None:
        return found
    if (how := _installing(machine)) is None:
        raise NoBrowser(_ADVICE)
    trouble = _install(machine, how)
    if (found := find(machine)) is None:
        raise NoBrowser(f"{_ADVICE} Installing it here did not work: {trouble}")
    return found


def _folders(machine: Machine) -> list[Path]:
    """Where Playwright keeps browsers."""
    if kept := machine.environment.get("PLAYWRIGHT_BROWSERS_PATH"):
        return [Path(kept)]
    home = machine.environment.get("HOME")
    return [Path(home) / ".cache/ms-playwright", Path(home) / "Library/Caches/ms-playwright"] if home else []


def _kept(folder: Path) -> list[Path]:
    found = [path for pattern in _KEPT for path in sorted(folder.glob(pattern), reverse=True)]
    return [path for path in found if path.is_file() and os.access(path, os.X_OK)]


def _installing(machine: Machine) -> list[str] | None:
    """How apt-get is called here; None where it is not there or would ask for a password."""
    apt = machine.on_path("apt-get")
    if apt is None or not machine.sources.exists():
        return None
    if machine.root:
        return [str(apt)]
    sudo = machine.on_path("sudo")
    if sudo is None or _run(machine, [str(sudo), "-n", "true"], 10):
        return None
    return [str(sudo), "-n", str(apt)]


def _install(machine: Machine, apt: Sequence[str]) -> str:
    """Try each package, with the lists there are and then with new ones; what apt-get last complained of."""
    print("Installing Chromium for the browser tests (once, about a minute) ...", file=sys.stderr)
    options = ["--yes", "--quiet", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=60"]
    trouble = ""
    for fresh in (False, True):
        if fresh:
            trouble = _run(machine, [*apt, "update", "--quiet"], _LISTS_SECONDS) or trouble
        for package in PACKAGES:
            trouble = _run(machine, [*apt, "install", *options, package, FONTS], _INSTALL_SECONDS)
            if not trouble and find(machine) is not None:
                return ""
    return trouble or "apt-get brought no browser."


def _run(machine: Machine, command: list[str], seconds: float) -> str:
    """Run it without a terminal; nothing when it went well, else the last line it wrote."""
    quiet = {**machine.environment, "DEBIAN_FRONTEND": "noninteractive"}
    try:
        done = subprocess.run(  # noqa: S603 - our own words
            command, env=quiet, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired:
        return f"{Path(command[0]).name} was not done within {seconds:g} seconds."
    except OSError as error:
        return f"{Path(command[0]).name}: {error.strerror}."
    if done.returncode == 0:
        return ""
    lines = (done.stderr.strip() or done.stdout.strip()).splitlines()
    return lines[-1] if lines else f"{Path(command[0]).name} ended with {done.returncode}."


def main() -> int:
    """Print the path found; 1 when there is none and that is not to be passed over."""
    machine = Machine.here()
    try:
        print(f"Browser tests use {browser(machine)}")
    except NoBrowser as missing:
        print(missing if machine.required else f"The browser tests will be skipped. {missing}", file=sys.stderr)
        return 1 if machine.required else 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
