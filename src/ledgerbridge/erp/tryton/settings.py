"""What a person enters to bind a Tryton company, checked."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ledgerbridge.erp.adapter import SettingsError
from ledgerbridge.erp.entered import checked, web_address

_NAMES = ("base_url", "database", "api_key", "company")
_OPTIONAL = ("vendor_category",)


@dataclass(frozen=True, slots=True)
class Access:
    """Where a Tryton is and by which key it is entered."""

    base_url: str
    """Without a trailing slash."""
    database: str
    api_key: str = field(repr=False)

    @property
    def context(self) -> dict[str, int]:
        """What Tryton is told with every call. Only ever our own typed values: Tryton obeys underscore keys that switch
        off warnings and widen access."""
        return {}


@dataclass(frozen=True, slots=True)
class Settings(Access):
    """A company there."""

    company: int
    """Tryton's id of the company."""
    vendor_category: str | None = None
    """Full name of the party category that vendors have, such as `Suppliers / Abroad`; None means all parties."""

    @property
    def context(self) -> dict[str, int]:
        return {"company": self.company}


def check(raw: dict[str, Any]) -> dict[str, Any]:
    """The settings as they are stored: `base_url`, `database`, `api_key`, `company`, and `vendor_category` if vendors
    are limited to one. Raises `SettingsError`."""
    errors = {name: "There is no such setting." for name in raw if name not in _NAMES + _OPTIONAL}
    good, faulty = checked(raw, {**_ACCESS, "company": _company})
    errors |= faulty
    if category := raw.get("vendor_category"):
        if isinstance(category, str) and category.strip():
            good["vendor_category"] = category.strip()
        else:
            errors["vendor_category"] = "Enter the name of a party category as Tryton shows it, or leave it out."
    if errors:
        raise SettingsError(errors)
    return good


def parse(raw: dict[str, Any]) -> Settings:
    return Settings(**check(raw))


def access(raw: dict[str, Any]) -> Access:
    """The part of the settings that needs no company. Raises `SettingsError`."""
    good, errors = checked(raw, _ACCESS)
    if errors:
        raise SettingsError(errors)
    return Access(**good)


def _base_url(value: object) -> str:
    return web_address(
        value, whose="the Tryton server", example="https://tryton.example.com", apart="key", at_risk="key"
    )


def _database(value: object) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}", value.strip()):
        raise ValueError("Enter the name of the Tryton database: letters, digits, and . _ - only.")
    return value.strip()


def _api_key(value: object) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[\x21-\x7e]+", value.strip()):
        raise ValueError("Enter the key of a user application of the kind REST, without blanks.")
    return value.strip()


def _company(value: object) -> int:
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,9}", value.strip()):
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < 2**31:
        raise ValueError("Enter the id of the company in Tryton, a whole number.")
    return value


_ACCESS: Mapping[str, Callable[[object], Any]] = {"base_url": _base_url, "database": _database, "api_key": _api_key}
