"""Settings of an ERP between a person and its adapter: what is asked for, what of it is shown, what stays.

A file is kept sealed with the secrets, because it is large and nobody's business; all that is shown of it is its
`summary`. Left out, both stay: a file always, a secret only at the place it was entered for.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import Mapping
from typing import Any

from ledgerbridge.erp.adapter import MAX_FILE_BYTES, Adapter, SettingField, SettingKind, SettingsError
from ledgerbridge.erp.port import Capabilities

SUMMARY = "summary"
_MEGABYTES = MAX_FILE_BYTES // (1024 * 1024)
TOO_LARGE = f"This file is larger than {_MEGABYTES} MB. Choose a smaller one, such as an export without entries."
EMPTY = "This file is empty. Choose the file you exported."
_NO_FILE = "Send the bytes of the file as base64 text, or the object that was made of it."
_SUMMARY_ALONE = "Send the file itself, or leave it out to keep the one that is stored. This is only its summary."


def asked(adapter: Adapter, settings: Mapping[str, Any]) -> tuple[SettingField, ...]:
    """The settings that are asked for beside these: one that belongs to a choice only while that choice is made."""
    form = adapter.form()
    made = {one.name: settings.get(one.name) or one.default for one in form if one.kind is SettingKind.CHOICE}
    return tuple(one for one in form if one.when is None or made.get(one.when[0]) == one.when[1])


def company_field(adapter: Adapter) -> SettingField | None:
    """The setting that names the company; None where an access belongs to one company alone."""
    return next((one for one in adapter.form() if one.kind is SettingKind.COMPANY), None)


def held(adapter: Adapter) -> frozenset[str]:
    """Names of the settings that are kept sealed and never sent back: secrets and files."""
    return adapter.secret_fields() | _files(adapter)


def needed(adapter: Adapter, settings: Mapping[str, Any]) -> frozenset[str]:
    """Secrets and files that were left out and without which it cannot go on."""
    must = {one.name for one in asked(adapter, settings) if one.required}
    return frozenset(held(adapter) & must - settings.keys())


def given(adapter: Adapter, sent: Mapping[str, Any]) -> dict[str, Any]:
    """What was sent of what is asked for, without what was left empty; what there is no setting for stays, to be
    refused."""
    meant = {name: value for name, value in sent.items() if value is not None and value != ""}
    wanted, known = {one.name for one in asked(adapter, meant)}, {one.name for one in adapter.form()}
    return {name: value for name, value in meant.items() if name in wanted or name not in known}


def removed(adapter: Adapter, sent: Mapping[str, Any]) -> frozenset[str]:
    """Secrets and files that may be missing and are to be forgotten: those sent as None."""
    optional = {one.name for one in adapter.form() if not one.required}
    return frozenset(name for name in held(adapter) & optional & sent.keys() if sent[name] is None)


def uploaded(adapter: Adapter, sent: Mapping[str, Any], stored: Mapping[str, Any]) -> dict[str, Any]:
    """The same with files as adapters take them. One that is sent back as it was shown counts as left out.

    Raises `SettingsError` for what is no file.
    """
    settings, errors = dict(sent), {}
    for name in _files(adapter) & settings.keys():
        if settings[name] == _told(stored.get(name)):
            del settings[name]
            continue
        try:
            settings[name] = _file(settings[name])
        except ValueError as error:
            errors[name] = str(error)
    if errors:
        raise SettingsError(errors)
    return settings


def left_out(adapter: Adapter, settings: Mapping[str, Any], stored: Mapping[str, Any]) -> dict[str, Any]:
    """The stored secrets and files that were left out and are asked for."""
    wanted = held(adapter) & {one.name for one in asked(adapter, settings)}
    return {name: stored[name] for name in wanted & stored.keys() - settings.keys()}


def completed(adapter: Adapter, settings: Mapping[str, Any], stored: Mapping[str, Any]) -> dict[str, Any]:
    """These with stored files and secrets that were left out.

    Raises `SettingsError` where a stored secret belongs to another place.
    """
    left = left_out(adapter, settings, stored)
    secrets = adapter.secret_fields() & left.keys()
    if secrets and (changed := moved(adapter, settings, stored)):
        labels = {one.name: one.label for one in adapter.form()}
        because = f"because this changed: {', '.join(labels[name] for name in changed)}."
        raise SettingsError({name: f"Enter “{labels[name]}” again, {because}" for name in sorted(secrets)})
    return {**settings, **left}


def kept(adapter: Adapter, settings: Mapping[str, Any], stored: Mapping[str, Any]) -> dict[str, Any] | None:
    """What is worth keeping sealed of what was entered, whether or not it works; None when nothing is.

    A stored secret stays beside the place it was entered for, whatever was entered since.
    """
    left = left_out(adapter, settings, stored)
    if adapter.secret_fields() & left.keys() and moved(adapter, settings, stored):
        if adapter.secret_fields() & settings.keys():
            return {**settings, **{name: left[name] for name in _files(adapter) & left.keys()}}
        return {**stored, **{name: settings[name] for name in _files(adapter) & settings.keys()}}
    whole = {**settings, **left}
    return whole if held(adapter) & whole.keys() else None


def moved(adapter: Adapter, settings: Mapping[str, Any], stored: Mapping[str, Any]) -> list[str]:
    """The settings by which these stand at another place than the stored ones."""
    names = {one.name for one in asked(adapter, settings) if _is_place(one)}
    return [one.name for one in adapter.form() if one.name in names and stored.get(one.name) != settings.get(one.name)]


async def checked(adapter: Adapter, settings: Mapping[str, Any]) -> dict[str, Any]:
    """As the adapter stores them. Raises `SettingsError`.

    Reading a large file takes its time, and deliveries must not wait for it.
    """
    return await asyncio.to_thread(adapter.check_settings, dict(settings))


def shown(adapter: Adapter, settings: Mapping[str, Any]) -> dict[str, Any]:
    """What may be shown of checked settings: no secret, and of a file its summary."""
    files = _files(adapter)
    return {
        name: _told(value) if name in files else value
        for name, value in settings.items()
        if name not in adapter.secret_fields()
    }


def replaced(adapter: Adapter, settings: Mapping[str, Any], stored: Mapping[str, Any]) -> dict[str, str]:
    """The summaries of checked files that are others than the stored ones; none where nothing was stored."""
    return {
        name: settings[name][SUMMARY]
        for name in sorted(_files(adapter) & settings.keys() & stored.keys())
        if settings[name] != stored[name]
    }


def place(adapter: Adapter, able: Capabilities, settings: Mapping[str, Any], connection: object) -> dict[str, Any]:
    """What tells one ERP company from another of the same id.

    A company that was read from a file has no place of its own, and nobody proved that the file is theirs: it is one
    company within its connection.
    """
    if able.files:
        return {"connection": str(connection)}
    names = {one.name for one in adapter.form() if _is_place(one) or one.kind is SettingKind.COMPANY}
    return {name: value for name, value in settings.items() if name in names}


def _is_place(field: SettingField) -> bool:
    return field.place or field.kind is SettingKind.URL


def _files(adapter: Adapter) -> frozenset[str]:
    return frozenset(one.name for one in adapter.form() if one.kind is SettingKind.FILE)


def _told(file: object) -> dict[str, str] | None:
    return {SUMMARY: str(file[SUMMARY])} if isinstance(file, Mapping) and SUMMARY in file else None


def _file(value: object) -> object:
    if isinstance(value, Mapping):
        if value.keys() <= {SUMMARY}:
            raise ValueError(_SUMMARY_ALONE)
        return dict(value)
    if not isinstance(value, str):
        raise ValueError(_NO_FILE)
    text = "".join(value.split())
    if len(text) > MAX_FILE_BYTES // 3 * 4 + 4:
        raise ValueError(TOO_LARGE)
    try:
        content = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError(_NO_FILE) from None
    if len(content) > MAX_FILE_BYTES:
        raise ValueError(TOO_LARGE)
    if not content:
        raise ValueError(EMPTY)
    return text
