"""Makes the skeleton of an adapter: an installable package that passes the first part of the suite unchanged.

The files of the skeleton lie beside this one, each with `.txt` behind its name. They are a working adapter of kind
`acme`; its name is replaced.
"""

from __future__ import annotations

import keyword
import re
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from ledgerbridge.erp.registry import KIND, adapters

_SKELETON = "skeleton"
_SUFFIX = ".txt"
_NAMES = re.compile("ACME_TITLE|ledgerbridge-acme|Acme|acme")


class NotMade(Exception):
    """No skeleton was made, and nothing was written; the text says why and what to do."""


def make(name: str, into: Path) -> Path:
    """Write the skeleton of the kind `name` to a new folder in `into`; answers the folder. Raises `NotMade`."""
    _check(name)
    folder = into / f"ledgerbridge-{name.replace('_', '-')}"
    if folder.exists():
        raise NotMade(f"{folder} is there already. Choose another name, or another folder with --into.")
    try:
        _write(files(__package__) / _SKELETON, folder, name)
    except OSError as error:
        raise NotMade(f"{error.filename or folder}: {error.strerror or error}.") from None
    return folder


def _check(name: str) -> None:
    if not KIND.fullmatch(name):
        raise NotMade(
            f"{name!r} cannot be the name of an adapter: small letters, digits and _, 2 to 31 of them, a letter first. "
            "It becomes the kind that connections are bound to, so choose one that lasts."
        )
    if keyword.iskeyword(name) or name.endswith("_") or "__" in name:
        raise NotMade(f"{name} would not make a good name of a package. Choose another one.")
    found = adapters()
    if name in found or name in found.left_out:
        raise NotMade(f"There is an adapter called {name} already. Choose another name.")


def _write(source: Traversable, target: Path, name: str) -> None:
    target.mkdir(parents=True)
    for entry in source.iterdir():
        called = _named(entry.name, name).removesuffix(_SUFFIX)
        if entry.is_dir():
            _write(entry, target / called, name)
        elif entry.name.endswith(_SUFFIX):
            text = _named(entry.read_text(encoding="utf-8"), name)
            (target / called).write_text(text, encoding="utf-8")


def _named(text: str, name: str) -> str:
    words = [word.capitalize() for word in name.split("_")]
    told = {
        "ACME_TITLE": " ".join(words),
        "ledgerbridge-acme": f"ledgerbridge-{name.replace('_', '-')}",
        "Acme": "".join(words),
        "acme": name,
    }
    return _NAMES.sub(lambda found: told[found[0]], text)
