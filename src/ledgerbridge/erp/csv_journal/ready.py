"""The templates that come with the service, read once."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType

from ledgerbridge.erp.csv_journal.reading import read
from ledgerbridge.erp.csv_journal.template import Template


@cache
def ready() -> Mapping[str, Template]:
    """By the name of their file; the plain one first, then by what people call them."""
    folder = files(__package__) / "templates"
    found = {
        one.name.removesuffix(".toml"): read(one.read_bytes()) for one in folder.iterdir() if one.name.endswith(".toml")
    }
    ordered = sorted(found, key=lambda name: (name != "generic", found[name].name))
    return MappingProxyType({name: found[name] for name in ordered})
