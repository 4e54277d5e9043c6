"""Accounting that takes files: the chart is uploaded, what was booked is downloaded and read here anew."""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from ledgerbridge.clock import utcnow
from ledgerbridge.demo.erps import chart
from ledgerbridge.demo.erps.base import ShownEntry, ShownLine
from ledgerbridge.store.embedded import EmbeddedPostgres

if TYPE_CHECKING:
    from ledgerbridge.demo.calls import Calls

_VOUCHER = re.compile(r'#VER "?(\w+)"? "?(\d+)"? (\d{8})')
_ROW = re.compile(r"#TRANS (\S+) \{([^}]*)\} (-?[\d.]+)")


class FileBooks:
    """What both formats share. Implements `base.DemoErp`."""

    vendors = False
    takes = frozenset({"bad_half_tagged"})

    def __init__(
        self, kind: str, name: str, settings: dict[str, Any], read: Callable[[bytes], list[ShownEntry]]
    ) -> None:
        self.kind, self.name = kind, name
        self._settings, self._read = settings, read

    def settings(self) -> dict[str, Any]:
        today = utcnow().date()
        return self._settings | {"taxes": chart.TAXES, "locked_until": chart.locked_until(today).isoformat()}

    def configuration(self) -> dict[str, Any]:
        return chart.configuration()

    def seed_chart(self) -> dict[str, Any]:
        return chart.seed_chart(utcnow().date())

    def count(self, calls: Calls) -> int:
        return len(self.entries(calls))

    def entries(self, calls: Calls) -> Sequence[ShownEntry]:
        """Of all files that were closed, as they are downloaded."""
        (connection,) = calls.admin("GET", "/connections")["data"]
        base = f"/connections/{connection['id']}/files"
        files = reversed(calls.admin("GET", base)["data"])
        return [entry for one in files for entry in self._read(calls.download(f"{base}/{one['id']}/content"))]

    def places(self) -> Sequence[tuple[str, str]]:
        return []


def read_sie(content: bytes) -> list[ShownEntry]:
    """The vouchers of a file, by what a person would see in it."""
    found: list[tuple[str, dt.date, list[ShownLine]]] = []
    for line in content.decode("cp437").splitlines():
        if voucher := _VOUCHER.match(line):
            found.append((voucher[1] + voucher[2], dt.date.fromisoformat(voucher[3]), []))
        elif row := _ROW.match(line.strip()):
            amount = Decimal(row[3])
            parts = row[2].replace('"', "").split()
            objects = " ".join(f"{code}:{value}" for code, value in zip(parts[::2], parts[1::2], strict=True))
            found[-1][2].append(ShownLine(row[1], max(amount, Decimal(0)), max(-amount, Decimal(0)), objects))
    return [ShownEntry(*one) for one in found]


def read_csv(content: bytes) -> list[ShownEntry]:
    """The vouchers of a file of the plain template."""
    found: dict[str, tuple[dt.date, list[ShownLine]]] = {}
    for row in csv.DictReader(io.StringIO(content.decode(), newline="")):
        lines = found.setdefault(row["Voucher"], (dt.date.fromisoformat(row["Date"]), []))[1]
        lines.append(ShownLine(row["Account"], Decimal(row["Debit"]), Decimal(row["Credit"]), row["Dimensions"]))
    return [ShownEntry(voucher, date, lines) for voucher, (date, lines) in found.items()]


@contextmanager
def sie_files(postgres: EmbeddedPostgres, progress: Callable[[str], None]) -> Iterator[FileBooks]:
    """A company whose program exports and imports SIE 4."""
    uploaded = chart.uploaded(chart.sie_file(utcnow().date()))
    yield FileBooks("sie", "SIE 4 files", {"chart": uploaded}, read_sie)


@contextmanager
def csv_files(postgres: EmbeddedPostgres, progress: Callable[[str], None]) -> Iterator[FileBooks]:
    """A company whose program imports a journal as CSV."""
    settings = {
        "company_name": chart.COMPANY,
        "registration_number": chart.NUMBER,
        "currency": chart.CURRENCY,
        "accounts": chart.uploaded(chart.accounts_list()),
        "dimensions": chart.uploaded(chart.dimensions_list()),
    }
    yield FileBooks("csv", "CSV files", settings, read_csv)
