"""Every text of the pages, in one catalogue: `en/*.toml`, one file a part of the console.

A text is named by file and key: `home.jobs.empty` is `empty` of table `jobs` in `home.toml`. Values go in by name,
`"{count} items"`. A text with a number of things is a table with `one` and `other`, chosen by `count`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

_HERE = Path(__file__).parent
_FORMS = frozenset({"one", "other"})


class TextMissing(KeyError):
    """No text of this name: a mistake of ours, found by the tests and never by a customer."""


@cache
def catalogue(language: str = "en") -> Mapping[str, str | Mapping[str, str]]:
    """All texts of a language by their full names; a plural is a mapping of its forms."""
    found: dict[str, str | Mapping[str, str]] = {}
    for path in sorted((_HERE / language).glob("*.toml")):
        found |= _flat(tomllib.loads(path.read_text(encoding="utf-8")), path.stem)
    return found


def text(name: str, /, **values: object) -> str:
    """The text of this name with its values. Raises `TextMissing`, and `KeyError` for a value that is left out."""
    found = catalogue().get(name)
    if found is None:
        raise TextMissing(name)
    if not isinstance(found, str):
        found = found["one" if values["count"] == 1 else "other"]
    return found.format_map(values) if values else found


def known(name: str) -> bool:
    """Whether there is a text of this name."""
    return name in catalogue()


def _flat(table: Mapping[str, object], prefix: str) -> dict[str, str | Mapping[str, str]]:
    return dict(_entries(table, prefix))


def _entries(table: Mapping[str, object], prefix: str) -> Iterator[tuple[str, str | Mapping[str, str]]]:
    for key, value in table.items():
        name = f"{prefix}.{key}"
        if isinstance(value, str):
            yield name, value
        elif isinstance(value, Mapping) and value.keys() == _FORMS:
            yield name, {form: str(said) for form, said in value.items()}
        elif isinstance(value, Mapping):
            yield from _entries(value, name)
        else:
            raise TypeError(f"{name} is no text")
