"""Fields of a configuration in a bookkeeper's words: what they are called, and what their values mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ledgerbridge.connections.config_diff import OTHERS, Change, Names, Path, Value
from ledgerbridge.web.texts import known, text

_DAY, _HOUR = 1440, 60
"""Minutes."""
_BY_CODE: dict[Path, str] = {("accounts", "wallet"): "currency", ("tax", "codes"): "code"}
"""Members that are named by the customer: the value each text takes."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field with its value."""

    label: str
    value: str


@dataclass(frozen=True, slots=True)
class Changed:
    """One field that changed."""

    label: str
    old: str
    new: str


def changed(found: Sequence[Change], names: Names | None = None) -> list[Changed]:
    """Changes in words; with `names` codes are followed by what the accounting system calls them."""
    return [Changed(label(one.path), value(one.path, one.old, names), value(one.path, one.new, names)) for one in found]


def shown(found: Sequence[tuple[Path, Value]], names: Names | None = None) -> list[Field]:
    """Fields in words."""
    return [Field(label(path), value(path, one, names)) for path, one in found]


def label(path: Path) -> str:
    """What a field is called; one we have no word for by its own name."""
    if path[:-1] in _BY_CODE:
        last = text("versions.other_currencies") if path[-1] == OTHERS else path[-1]
        return text(f"versions.field.{'.'.join(path[:-1])}", **{_BY_CODE[path[:-1]]: last})
    if path[0] == "syncs" and len(path) == 3:
        return text(f"versions.field.syncs.{path[2]}", kind=text(f"common.kind.{path[1]}"))
    name = f"versions.field.{'.'.join(path)}"
    return text(name) if known(name) else ".".join(path)


def value(path: Path, found: Value, names: Names | None = None) -> str:
    """What a value means."""
    match found:
        case None:
            return text("versions.open_dimensions") if path == ("dimensions",) else text("versions.not_set")
        case bool():
            return text("versions.on" if found else "versions.off")
        case int():
            return _interval(found)
        case tuple():
            return ", ".join(_named(path, one, names) for one in found) or text("common.none")
    word = f"versions.value.{'.'.join(path)}.{found}"
    return text(word) if known(word) else _named(path, found, names)


def fault(path: str, said: str) -> str:
    """What is wrong with a field, beginning with its name."""
    return f"{label(members(path))}: {said}" if path else said


def members(dotted: str) -> Path:
    """The members of a dotted path; a code that the customer chose may hold dots itself."""
    for above in _BY_CODE:
        prefix = ".".join(above) + "."
        if dotted.startswith(prefix):
            return (*above, dotted.removeprefix(prefix))
    return tuple(dotted.split("."))


def _interval(minutes: int) -> str:
    if minutes % _DAY == 0:
        return text("versions.days", count=minutes // _DAY)
    if minutes % _HOUR == 0:
        return text("versions.hours", count=minutes // _HOUR)
    return text("versions.minutes", count=minutes)


def _named(path: Path, code: str, names: Names | None) -> str:
    name = names.of(path, code) if names else None
    return f"{code} {name}" if name and name != code else code
