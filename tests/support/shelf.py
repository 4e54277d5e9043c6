"""An accounting system of files in memory that asks for every kind of setting, for tests of forms."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from ledgerbridge.erp.adapter import SettingField, SettingKind, SettingsError
from ledgerbridge.erp.port import ErpCompany
from tests.support.erp_double import CAPABILITIES, Books, DoubleErp

FORM = (
    SettingField("chart", "Chart", "Export it from your program.", SettingKind.FILE),
    SettingField("extra", "Cost centres", "", SettingKind.FILE, required=False),
    SettingField("rows", "Longest text", "", SettingKind.NUMBER, required=False, default="50"),
    SettingField("codes", "Tax codes", "One a line.", SettingKind.LONG_TEXT, required=False),
    SettingField(
        "way", "Where files go", "", SettingKind.CHOICE, default="download", place=True,
        choices=(("download", "I download them"), ("server", "To a server")),
    ),
    SettingField("address", "Address", "", SettingKind.URL, when=("way", "server")),
    SettingField("password", "Password", "", SettingKind.SECRET, when=("way", "server")),
)  # fmt: skip
FILES = replace(CAPABILITIES, drafts=False, dimensions=False, files=True)


def chart(name: str = "Demo AB", number: str = "556000-0001", accounts: int = 3) -> bytes:
    """A file that the shelf takes."""
    return f"{name};{number}\n{chr(10).join(str(1000 + one) for one in range(accounts))}".encode()


class _Shelved(DoubleErp):
    """The books, with the company that stands in the file."""

    def __init__(self, books: Books, company: ErpCompany) -> None:
        super().__init__(books)
        self._of_file = company

    async def company(self) -> ErpCompany:
        return self._of_file


class ShelfAdapter:
    """The adapter of kind `shelf`. `tried` holds the settings of every access that was tried."""

    kind = "shelf"
    name = "Shelf files"
    about = "For programs that take files."

    def __init__(self, books: Books) -> None:
        self.books = books
        self.tried: list[dict[str, Any]] = []
        self.number_is_id = True
        """Whether a company is known by its number; else all are known by 1."""

    def form(self) -> tuple[SettingField, ...]:
        return FORM

    def secret_fields(self) -> frozenset[str]:
        return frozenset({"password"})

    def check_settings(self, settings: dict[str, Any]) -> dict[str, Any]:
        errors: dict[str, str] = {}
        good: dict[str, Any] = {"way": settings.get("way") or "download", "rows": str(settings.get("rows") or 50)}
        for one in ("chart", "extra"):
            try:
                if settings.get(one):
                    good[one] = _read(settings[one])
            except ValueError as error:
                errors[one] = str(error)
        if not settings.get("chart"):
            errors["chart"] = "Choose your chart."
        if good["way"] == "server":
            good |= {name: settings[name] for name in ("address", "password") if settings.get(name)}
            errors |= {name: "Enter it." for name in ("address", "password") if not settings.get(name)}
        errors |= {name: "There is no such setting." for name in settings if name not in {one.name for one in FORM}}
        if not good["rows"].isdecimal():
            errors["rows"] = "Enter a number."
        if errors:
            raise SettingsError(errors)
        return good | {name: settings[name] for name in ("codes",) if settings.get(name)}

    async def companies(self, settings: dict[str, Any], observe: object = None) -> Sequence[ErpCompany]:
        self.tried.append(settings)
        if settings.get("address", "").startswith("https://down"):
            raise SettingsError({"address": "Nothing answers there."})
        return [self._company(self.check_settings(settings))]

    @asynccontextmanager
    async def open(
        self, settings: dict[str, Any], observe: object = None, *, book: object = None
    ) -> AsyncIterator[DoubleErp]:
        yield _Shelved(self.books, self._company(settings))

    def _company(self, checked: dict[str, Any]) -> ErpCompany:
        number = checked["chart"]["number"]
        return ErpCompany(number if self.number_is_id else "1", checked["chart"]["name"], number, "SEK")


def _read(value: object) -> dict[str, Any]:
    if isinstance(value, dict):
        if value.keys() != {"summary", "name", "number", "accounts"}:
            raise ValueError("This is not a chart we made.")
        return value
    lines = base64.b64decode(str(value)).decode().splitlines()
    name, _, number = lines[0].partition(";")
    if not number:
        raise ValueError("Line 1: the number of the company is missing.")
    accounts = lines[1:]
    return {"summary": f"{name}, {len(accounts)} accounts", "name": name, "number": number, "accounts": accounts}
