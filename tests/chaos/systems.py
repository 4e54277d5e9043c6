"""The accounting systems of a world: what can be broken of each, and how a company's books are reached and read."""

from __future__ import annotations

import base64
import secrets
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import asyncssh
from examples.http_target.records import vendor
from examples.http_target.server import Books as ReferenceBooks

from ledgerbridge.demo.books import bookkeeping, seed_chart
from ledgerbridge.demo.erps import ERPS, chart, reference
from ledgerbridge.demo.erps.base import DemoErp
from pleo_sandbox.core.employees import PEOPLE
from tests.chaos import held
from tests.chaos.held import Held
from tests.chaos.line import Line, Told, line
from tests.chaos.parts import Server, Tryton
from tests.support.ports import free_port
from tests.support.sftp_server import PASSWORD, USER
from tryton_sandbox import Template, TrytonServer

if TYPE_CHECKING:
    from tests.chaos.company import Company

KINDS = ("tryton", "sie", "csv", "http")
_ROOT = Path(__file__).parents[2]


class Books(Protocol):
    """The books of one company."""

    kind: str
    payables: bool
    """Whether bills, payments and credit notes are booked."""

    def settings(self) -> dict[str, Any]:
        """What the customer enters to bind it."""
        ...

    def configuration(self) -> dict[str, Any]: ...

    def seed_chart(self) -> dict[str, Any]:
        """Codes that Pleo's expenses carry."""
        ...

    def supplier(self) -> str | None:
        """A vendor's code, where there is one."""
        ...

    def read(self, company: Company) -> Held:
        """What they hold, by a way that is not the service's own."""
        ...


@dataclass(frozen=True)
class Wire:
    """What calls of a system look like on the line."""

    writes: str
    """Paths at which something of an item is written; the questions before the first item are asked elsewhere."""
    creates: str
    reads: tuple[str, str]
    """Method and path."""
    many: int
    """About how many writes a wave makes, so that faults in the middle are in the middle."""


TRYTON = Wire(
    r"/model/(account|party|ir\.attachment)(?!.*search_count)", r"/model/account\.(move|invoice)$", ("GET", r".*"), 12
)
HTTP = Wire(r"/v1/(book|attachments/)", r"/v1/book$", ("POST", r"/v1/(?!book)"), 1)


@dataclass
class System:
    """A system that answers calls, with the line that leads to it."""

    part: Tryton | Server
    line: Line
    wire: Wire


# ------------------------------------------------------------------ books


class TrytonBooks:
    """A company of the Tryton of all companies."""

    kind, payables = "tryton", True

    def __init__(self, server: TrytonServer, url: str) -> None:
        self.server, self._url = server, url

    def settings(self) -> dict[str, Any]:
        return {**self.server.binding(), "base_url": self._url}

    def configuration(self) -> dict[str, Any]:
        return bookkeeping(self.server.facts)

    def seed_chart(self) -> dict[str, Any]:
        return seed_chart(self.server.facts)

    def supplier(self) -> str | None:
        return str(self.server.facts["vendors"]["plain_code"])

    def read(self, company: Company) -> Held:
        return held.in_tryton(self.server)


class HttpBooks:
    """A company at a partner of its own: the reference server."""

    kind, payables = "http", True
    _SUPPLIER = "V-100"

    def __init__(self, path: Path, secret: str, url: str) -> None:
        self._path, self._secret, self._url = path, secret, url
        # Bills are owed on an account that wants a vendor; invoices that are journal entries on one that does not.
        books, owed = ReferenceBooks(path), {"payable": "6800"}
        with books.records.db:
            books.records.put("vendors", vendor("100", self._SUPPLIER, "Supplies") | owed)
            for name, number, *_ in PEOPLE:
                books.records.put("vendors", vendor(number, number, name) | owed)
        books.records.db.close()

    def settings(self) -> dict[str, Any]:
        return {"base_url": self._url, "secret": self._secret, "company": "1"}

    def configuration(self) -> dict[str, Any]:
        return reference.configuration()

    def seed_chart(self) -> dict[str, Any]:
        return reference.seed_chart()

    def supplier(self) -> str | None:
        return self._SUPPLIER

    def read(self, company: Company) -> Held:
        return held.in_reference(self._path)


class FileBooks:
    """A company whose accounting takes files; `folder` is where they are put for it, if they are."""

    payables = False

    def __init__(self, kind: str, delivery: dict[str, Any], folder: Path | None) -> None:
        self.kind = kind
        self._delivery, self._folder = delivery, folder
        # Nothing is started for it: what it is made of is uploaded.
        opening: Callable[..., AbstractContextManager[DemoErp]] = ERPS[kind]
        with opening(None, lambda _: None) as company:
            self._company = company
        self._seen: dict[str, list[held.Seen]] = {}

    def settings(self) -> dict[str, Any]:
        return {**self._company.settings(), **self._delivery}

    def configuration(self) -> dict[str, Any]:
        return chart.configuration()

    def seed_chart(self) -> dict[str, Any]:
        return self._company.seed_chart()

    def supplier(self) -> str | None:
        return None

    def read(self, company: Company) -> Held:
        return held.in_files(company, held.READERS[self.kind], self._seen, self._folder)


# ------------------------------------------------------------------ bringing them up


class Folder:
    """An SFTP server with a folder for each company; what lies there survives it."""

    def __init__(self, stack: ExitStack, place: Path) -> None:
        self._place, self._key = place / "sftp", asyncssh.generate_private_key("ssh-ed25519")
        self._place.mkdir()
        key = place / "sftp.key"
        key.write_bytes(self._key.export_private_key())
        port = free_port()
        self.address = f"sftp://127.0.0.1:{port}"
        arguments = ["-m", "tests.chaos.sftp", str(port), str(self._place), str(key)]
        self.part = Server("sftp", [sys.executable, *arguments], port, place, _ROOT)
        stack.callback(self.part.stop)

    def room(self, name: str) -> tuple[dict[str, Any], Path]:
        """A folder for one company: the settings that lead there, and the folder."""
        (self._place / name).mkdir()
        settings = {
            "delivery": "sftp",
            "sftp_address": f"{self.address}/{name}",
            "sftp_user": USER,
            "sftp_secret": PASSWORD,
            "sftp_host_key": self._key.get_fingerprint(),
        }
        return settings, self._place / name


@dataclass
class Systems:
    """All of a world."""

    answering: list[System]
    books: list[Books]
    """In the order of the companies."""
    folder: Folder | None


def opened(
    stack: ExitStack, kinds: Sequence[str], template: Template | None, place: Path, told: Told, *, handover: bool
) -> Systems:
    """Books of these kinds, one a company; with `handover` SIE files are put into folders of an SFTP server."""
    found = Systems([], [], Folder(stack, place) if handover and "sie" in kinds else None)
    tryton = iter(_tryton(stack, found, template, kinds.count("tryton"), told))
    for number, kind in enumerate(kinds, 1):
        if kind == "tryton":
            found.books.append(next(tryton))
        elif kind == "http":
            found.books.append(_http(stack, found, place, number, told))
        else:
            delivery, folder = found.folder.room(str(number)) if found.folder and kind == "sie" else ({}, None)
            found.books.append(FileBooks(kind, delivery, folder))
    return found


def _tryton(
    stack: ExitStack, found: Systems, template: Template | None, companies: int, told: Told
) -> Sequence[TrytonBooks]:
    if not companies:
        return []
    assert template is not None
    part = Tryton(template, companies)
    stack.callback(part.stop)
    leads = stack.enter_context(line(part.url, told=told))
    found.answering.append(System(part, leads, TRYTON))
    return [TrytonBooks(server, leads.url) for server in part.books]


def _http(stack: ExitStack, found: Systems, place: Path, number: int, told: Told) -> HttpBooks:
    secret, port = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode(), free_port()
    path = place / f"reference-{number}.sqlite"
    leads = stack.enter_context(line(f"http://127.0.0.1:{port}", told=told))
    books = HttpBooks(path, secret, leads.url)
    arguments = ["-m", "examples.http_target.server", "--port", str(port), "--books", str(path), "--secret", secret]
    part = Server(f"reference-{number}", [sys.executable, *arguments], port, place, _ROOT)
    stack.callback(part.stop)
    found.answering.append(System(part, leads, HTTP))
    return books
