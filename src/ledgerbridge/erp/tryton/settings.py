"""What a person enters to bind a Tryton company, checked."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from ledgerbridge.erp.adapter import SettingsError
from ledgerbridge.outgoing.addresses import host_of, is_loopback

_NAMES = ("base_url", "database", "api_key", "company")
_OPTIONAL = ("vendor_category",)
_DEFAULT_PORTS = {"https": 443, "http": 80}


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
    good, faulty = _read(raw, {**_ACCESS, "company": _company})
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
    good, errors = _read(raw, _ACCESS)
    if errors:
        raise SettingsError(errors)
    return Access(**good)


def _read(
    raw: dict[str, Any], checkers: Mapping[str, Callable[[object], object]]
) -> tuple[dict[str, Any], dict[str, str]]:
    good: dict[str, Any] = {}
    errors: dict[str, str] = {}
    for name, checker in checkers.items():
        try:
            good[name] = checker(raw.get(name))
        except ValueError as error:
            errors[name] = str(error)
    return good, errors


def _base_url(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("Enter the address of the Tryton server, such as https://tryton.example.com.")
    text = value.strip().rstrip("/")
    try:
        parts = urlsplit(text)
        named, port = parts.hostname, parts.port
    except ValueError:
        raise ValueError("This is not a web address.") from None
    if parts.scheme not in _DEFAULT_PORTS or not named or re.search(r"[\s\x00-\x1f\x7f\\]", text):
        raise ValueError("Enter a web address that starts with https://.")
    if parts.username is not None or parts.password is not None:
        raise ValueError("Leave user name and password out of the address; the key has a field of its own.")
    if parts.query or parts.fragment:
        raise ValueError("Enter the address without anything after ? or #.")
    try:
        host = host_of(named)
    except ValueError:
        raise ValueError(
            "This is not the name of a server. Enter it as your browser shows it, such as https://tryton.example.com."
        ) from None
    local = is_loopback(host)
    if parts.scheme == "http" and not local:
        raise ValueError("The address must start with https://, or the key could be read on the way.")
    if port is not None and port < 1024 and port != 443 and not local:
        raise ValueError(f"No Tryton answers at port {port}. Leave it out, or enter 443 or one from 1024 on.")
    # One spelling for one place, or the same company could be bound twice (EXP-ENT-01).
    place = f"[{host}]" if ":" in host else host
    shown_port = "" if port in (None, _DEFAULT_PORTS[parts.scheme]) else f":{port}"
    return f"{parts.scheme}://{place}{shown_port}{parts.path}"


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


_ACCESS: Mapping[str, Callable[[object], object]] = {"base_url": _base_url, "database": _database, "api_key": _api_key}
