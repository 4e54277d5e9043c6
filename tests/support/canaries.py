"""Secrets that can be recognised wherever they turn up: each begins with a mark, whatever spelling it is in.

Everything the sandbox and the service make up at random in the process of the tests carries the mark, and so do the
secrets that tests bring. A search for a handful of texts therefore finds any of them, at the speed of `in`, also in
base64, in hexadecimal, in other processes' output and in a database.
"""

from __future__ import annotations

import base64
import re
import secrets
from types import ModuleType
from typing import Any
from urllib.parse import quote_plus

MARK = "cAnArY42"
"""Eight characters that form, header, URL and base64 leave as they are; as base64 they are six bytes."""
_BYTES = base64.b64decode(MARK)
_LONGEST = 300


def _inside_base64(text: bytes) -> set[str]:
    """How a text shows inside base64, whichever of the three positions it begins at."""
    shown = set()
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + text + b"\0\0").decode()
        first = -(-before * 8 // 6)
        whole = encoded[first : first + (len(text) * 8 - (first * 6 - before * 8)) // 6]
        shown |= {whole, whole.replace("+", "-").replace("/", "_")}
    return shown


_NEEDLES = {MARK, MARK.encode().hex(), _BYTES.hex(), *_inside_base64(MARK.encode())}
_names: dict[str, str] = {}
_unmarked: dict[str, str] = {}


def pattern() -> str:
    """A regular expression that finds every canary."""
    return "|".join(map(re.escape, sorted({*_NEEDLES, *_unmarked})))


def canary(name: str) -> str:
    """A secret for tests, the same in every process: `name` says whose it is."""
    made = MARK + "-" + re.sub(r"[^A-Za-z0-9]+", "-", name)
    _names[made] = name
    return made


def canary_key(name: str = "encryption key") -> str:
    """An encryption key, URL-safe base64 of 32 bytes."""
    key = base64.urlsafe_b64encode(_BYTES + secrets.token_bytes(26)).decode()
    _names[key] = name
    return key


def watch_for(name: str, value: str) -> None:
    """Look for a secret that somebody else made and that bears no mark."""
    if len(value) >= 12 and MARK not in value:
        _unmarked.update({value: name, quote_plus(value): name})


def found_in(text: str) -> list[str]:
    """The names of the canaries that stand in a text, never their values."""
    names = []
    for needle in (*_NEEDLES, *_unmarked):
        at = text.find(needle)
        if at >= 0:
            names.append(_unmarked.get(needle) or _named(text, at))
    return sorted(set(names))


def _named(text: str, at: int) -> str:
    around = text[at : at + _LONGEST]
    known = [name for value, name in _names.items() if around.startswith(value)]
    return known[0] if known else "a secret in another spelling"


class _Marked:
    """Stands in for the module `secrets`: what it makes bears the mark."""

    def __init__(self, origin: str) -> None:
        self._origin = origin

    def __getattr__(self, name: str) -> Any:
        return getattr(secrets, name)

    def _noted(self, made: str) -> str:
        _names[made] = self._origin
        return made

    def token_urlsafe(self, size: int = 32) -> str:
        return self._noted(MARK + secrets.token_urlsafe(size)[len(MARK) :])

    def token_bytes(self, size: int = 32) -> bytes:
        made = _BYTES + secrets.token_bytes(size - len(_BYTES))
        self._noted(base64.b64encode(made).decode())
        return made


def mark(module: ModuleType, what: str) -> None:
    """From now on the module's random secrets are canaries, named as `what`."""
    module.__dict__["secrets"] = _Marked(what)


def marked(what: str, made: str) -> str:
    """The same secret with the mark in place of its beginning."""
    canary_of = MARK + made[len(MARK) :]
    _names[canary_of] = what
    return canary_of


def forget() -> None:
    """Drop the names of secrets made at random; called between tests, so that they do not pile up."""
    for value in [value for value in _names if not value.startswith(f"{MARK}-")]:
        del _names[value]
