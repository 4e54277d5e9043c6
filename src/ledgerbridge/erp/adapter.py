"""What an adapter is to the service: how it asks for its settings, checks them, and opens one company."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from ledgerbridge.erp.files.book import VoucherBook
from ledgerbridge.erp.port import Erp, ErpCompany, Observe

MAX_FILE_BYTES = 5 * 1024 * 1024
"""Of an uploaded setting; nothing larger reaches an adapter."""


class SettingKind(StrEnum):
    """How a setting is asked for."""

    TEXT = "text"
    URL = "url"
    SECRET = "secret"  # noqa: S105
    """Never shown again; one of `secret_fields`."""
    NUMBER = "number"
    CHOICE = "choice"
    """One of `choices`."""
    LONG_TEXT = "long_text"
    """Several lines."""
    FILE = "file"
    """A file that is uploaded. It arrives as base64 of its bytes (checked, at most `MAX_FILE_BYTES`), also in
    `companies`; `check_settings` turns it into an object with at least `summary`, a sentence that is all that is shown
    of it, and takes that object as it is. Left out, the stored one stays."""
    COMPANY = "company"
    """The id of one of `companies`, chosen once they can be read. At most one setting is of this kind."""


@dataclass(frozen=True, slots=True)
class SettingField:
    """One setting of an adapter, for a form that a bookkeeper fills in."""

    name: str
    """As in the settings."""
    label: str
    help: str
    """Where in the ERP to find it, in a sentence or two; may be empty."""
    kind: SettingKind
    required: bool = True
    placeholder: str = ""
    """An example."""
    choices: tuple[tuple[str, str], ...] = ()
    """Value and label of each."""
    default: str = ""
    """What stands in the form at first."""
    place: bool = False
    """Whether it tells where the ERP is: a stored secret is never sent there once it changed."""
    when: tuple[str, str] | None = None
    """Name of a setting of the kind `CHOICE` and the value with which alone this one is asked for, shown and handed on;
    None for always."""


class Adapter(Protocol):
    """A kind of ERP: checks its settings and opens one company."""

    kind: str
    """As in `{"kind": ..., "settings": ...}`."""
    name: str
    """As people call the ERP."""
    about: str
    """What it is and for whom, in a sentence, for somebody who chooses among all kinds."""

    def form(self) -> tuple[SettingField, ...]:
        """All settings, in the order in which a person is asked for them."""
        ...

    async def companies(self, settings: dict[str, Any], observe: Observe | None = None) -> Sequence[ErpCompany]:
        """The companies that the given access may work in, by name; `settings` need not name one yet. Never empty.

        Raises `SettingsError` for what can be told apart field by field, an address that is not this ERP's and a key it
        refuses included, and `ErpError` otherwise, also for a key without the rights that booking needs.
        """
        ...

    def check_settings(self, settings: dict[str, Any]) -> dict[str, Any]:
        """Validate and normalise what a person entered; raises `SettingsError` naming field and fault."""
        ...

    def secret_fields(self) -> frozenset[str]:
        """Names of the settings that are never shown again."""
        ...

    def open(
        self, settings: dict[str, Any], observe: Observe | None = None, *, book: VoucherBook | None = None
    ) -> AbstractAsyncContextManager[Erp]:
        """Open a company without calling it yet; connections are closed when the context ends.

        `book` is the company's book of vouchers, for adapters that book into files; others leave it alone.
        """
        ...


class SettingsError(ValueError):
    """Settings a person can correct: `errors` maps a field name to a sentence."""

    def __init__(self, errors: dict[str, str]) -> None:
        super().__init__("; ".join(f"{name}: {text}" for name, text in errors.items()))
        self.errors = errors
