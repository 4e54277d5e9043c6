"""What a person entered as the access to an ERP, before it is tried: texts, secrets and files.

A file is kept as it was uploaded until its adapter has read it; then what the adapter made of it is kept instead.
"""

from __future__ import annotations

import base64
from collections.abc import Container, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ledgerbridge.connections import erp_settings
from ledgerbridge.erp.adapter import MAX_FILE_BYTES, Adapter, SettingsError

_UNREAD, _TOLD = "unread", "told"
"""Members of what stands for a file until its adapter has read it: its bytes, and what is shown of it."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A file as a form brought it."""

    name: str
    """As the person called it."""
    content: bytes
    """Of one that is too large no more than shows it."""


Given = Mapping[str, str | Upload | None]
"""A form as it was sent, by setting; None for a secret or file that is to be forgotten."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What a form says, beside what is stored."""

    adapter: Adapter
    settings: Mapping[str, Any]
    """Entered, without what was left out."""
    stored: Mapping[str, Any]
    """Tried before, else bound; with secrets and files, without what is to be forgotten."""

    @classmethod
    def of(cls, adapter: Adapter, given: Given) -> Entry:
        """What a form says of the settings that are asked for."""
        plain = {name: value for name, value in given.items() if isinstance(value, str)}
        wanted = {one.name for one in erp_settings.asked(adapter, plain)}
        return cls(adapter, {name: _unread(value) for name, value in given.items() if value and name in wanted}, {})

    @property
    def may_be_left_out(self) -> bool:
        """Whether a secret or file was left out that may be stored."""
        wanted = {one.name for one in erp_settings.asked(self.adapter, self.settings)}
        return bool(erp_settings.held(self.adapter) & wanted - self.settings.keys())

    def beside(self, stored: Mapping[str, Any], forgotten: Container[str]) -> Entry:
        """The same with what is stored."""
        return replace(self, stored={name: value for name, value in stored.items() if name not in forgotten})

    def without(self, faulty: Container[str]) -> Entry:
        """The same without uploaded files that are at fault."""
        good = {name: value for name, value in self.settings.items() if name not in faulty or not is_unread(value)}
        return replace(self, settings=good)


def refuse_files(given: Given) -> None:
    """Raises `SettingsError` for files that no adapter is asked to read."""
    files = {name: len(value.content) for name, value in given.items() if isinstance(value, Upload)}
    errors = {name: erp_settings.TOO_LARGE for name, size in files.items() if size > MAX_FILE_BYTES}
    if errors := errors | {name: erp_settings.EMPTY for name, size in files.items() if not size}:
        raise SettingsError(errors)


async def read(adapter: Adapter, whole: Mapping[str, Any]) -> dict[str, Any]:
    """The same with files read as far as they can be while a company is to be chosen yet.

    Raises `SettingsError` for what is at fault where there is none to choose.
    """
    try:
        checked = await erp_settings.checked(adapter, handed_on(adapter, whole))
    except SettingsError:
        if erp_settings.company_field(adapter) is None:
            raise
        return dict(whole)
    return {name: checked[name] if is_unread(value) else value for name, value in whole.items()}


def handed_on(adapter: Adapter, settings: Mapping[str, Any]) -> dict[str, Any]:
    """As the adapter takes them, without the company that is to be chosen."""
    field = erp_settings.company_field(adapter)
    return {
        name: value[_UNREAD] if is_unread(value) else value
        for name, value in settings.items()
        if field is None or name != field.name
    }


def texts(adapter: Adapter, settings: Mapping[str, Any]) -> dict[str, Any]:
    """What of them is shown as it was entered."""
    hidden = erp_settings.held(adapter)
    return {name: value for name, value in settings.items() if name not in hidden}


def told(value: Mapping[str, Any]) -> str:
    """What is shown of a file, whether its adapter has read it or not."""
    return str(value.get(_TOLD) or value.get(erp_settings.SUMMARY) or "")


def _unread(value: str | Upload | None) -> object:
    if not isinstance(value, Upload):
        return value
    told = f"{value.name} ({max(1, round(len(value.content) / 1024)):,} kB)"
    return {_UNREAD: base64.b64encode(value.content).decode(), _TOLD: told}


def is_unread(value: object) -> bool:
    return isinstance(value, dict) and _UNREAD in value
