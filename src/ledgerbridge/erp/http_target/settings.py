"""What a person enters to bind a company of a partner's own ERP, checked."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ledgerbridge.erp.adapter import SettingField, SettingKind, SettingsError
from ledgerbridge.erp.entered import checked, web_address
from ledgerbridge.outgoing.signing import PREFIX, key_of

_SHORTEST_KEY, _LONGEST_KEY = 24, 64

FORM = (
    SettingField(
        "base_url",
        "Address of the accounting system",
        "Where it answers this integration, as its operator or developer told you; without /v1 at the end.",
        SettingKind.URL,
        placeholder="https://erp.example.com/pleo",
        place=True,
    ),
    SettingField(
        "secret",
        "Signing secret",
        "Begins with whsec_ and is known to the accounting system alone. While it is replaced there, enter both, the "
        "new one first, with a blank between them.",
        SettingKind.SECRET,
    ),
    SettingField("company", "Company", "The companies that this secret may book in.", SettingKind.COMPANY),
)


@dataclass(frozen=True, slots=True)
class Access:
    """Where a partner answers, and by which secrets it knows us."""

    base_url: str
    """Without a trailing slash."""
    secrets: tuple[str, ...] = field(repr=False)
    """Each signs; two while one replaces the other."""


@dataclass(frozen=True, slots=True)
class Settings(Access):
    """A company there."""

    company: str
    """The partner's id of the company."""


def check(raw: dict[str, Any]) -> dict[str, Any]:
    """The settings as they are stored: `base_url`, `secret`, `company`. Raises `SettingsError`."""
    errors = {name: "There is no such setting." for name in raw if name not in _ALL}
    good, faulty = checked(raw, _ALL)
    if errors | faulty:
        raise SettingsError(errors | faulty)
    return good


def parse(raw: dict[str, Any]) -> Settings:
    good = check(raw)
    return Settings(good["base_url"], tuple(good["secret"].split()), good["company"])


def access(raw: dict[str, Any]) -> Access:
    """The part of the settings that needs no company. Raises `SettingsError`."""
    good, errors = checked(raw, _ACCESS)
    if errors:
        raise SettingsError(errors)
    return Access(good["base_url"], tuple(good["secret"].split()))


def _base_url(value: object) -> str:
    found = web_address(
        value,
        whose="the accounting system",
        example="https://erp.example.com/pleo",
        apart="secret",
        at_risk="books",
    )
    if found.endswith("/v1"):
        raise ValueError("Leave out the /v1 at the end; it is added.")
    return found


def _secret(value: object) -> str:
    found = value.split() if isinstance(value, str) else []
    if not 1 <= len(found) <= 2:
        raise ValueError("Enter the signing secret, or two with a blank between them while one is replaced.")
    for one in found:
        if not one.startswith(PREFIX) or not _SHORTEST_KEY <= len(key_of(one)) <= _LONGEST_KEY:
            raise ValueError(f"A signing secret is {PREFIX} and the base64 of 24 to 64 bytes. Copy it again.")
    return " ".join(dict.fromkeys(found))


def _company(value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not re.fullmatch(r"\S(.{0,198}\S)?", value.strip()):
        raise ValueError("Enter the id of the company, as the accounting system tells it.")
    return value.strip()


_ACCESS: Mapping[str, Callable[[object], str]] = {"base_url": _base_url, "secret": _secret}
_ALL: Mapping[str, Callable[[object], str]] = {**_ACCESS, "company": _company}
