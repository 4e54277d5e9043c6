"""The receipts of a voucher file as one ZIP beside it, named by voucher, made piece by piece.

Neither format we write has a place for files, so they lie beside it: `P-17-1.pdf` is the first receipt of voucher P17,
and `index.csv` tells what each was called, which expense it is of, and its SHA-256. The same vouchers make the same
bytes: nothing is compressed, and every time stamp is the same.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from ledgerbridge.erp.files.book import Receipt, Voucher
from ledgerbridge.erp.files.filed import Filed

INDEX = "index.csv"
_HEADINGS = ("voucher", "date", "expense", "file", "name", "type", "bytes", "sha256")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_EPOCH = (1980, 1, 1, 0, 0, 0)

Read = Callable[[str, str], AsyncIterator[bytes]]
"""The bytes of a receipt in pieces, by voucher id and name: `VoucherBook.receipt`."""


@dataclass(frozen=True, slots=True)
class Member:
    """A receipt with the name it has in the ZIP."""

    name: str
    voucher: Voucher
    receipt: Receipt


def members(vouchers: Sequence[Voucher]) -> Iterator[Member]:
    """All receipts of these vouchers, which are of one series and year, in order."""
    for voucher in sorted(vouchers, key=lambda one: (one.year, one.series, one.number)):
        for position, receipt in enumerate(voucher.receipts, 1):
            yield Member(name_of(voucher, position, receipt), voucher, receipt)


def name_of(voucher: Voucher | Filed, position: int, receipt: Receipt) -> str:
    """`P-17-1.pdf`; the position counts from 1."""
    ending = PurePosixPath(receipt.name).suffix.lower()
    plain = ending if ending.isascii() and ending[1:].isalnum() and len(ending) <= 8 else ""
    return f"{voucher.series}-{voucher.number}-{position}{plain}"


async def archive(vouchers: Sequence[Voucher], read: Read) -> AsyncIterator[bytes]:
    """The ZIP of these vouchers' receipts, in pieces; its index alone where there are none.

    Raises what `read` does. A receipt that is shorter or longer than it was is a ValueError.
    """
    sink = _Sink()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED) as made:
        with made.open(_info(INDEX), "w") as target:
            target.write(_index(vouchers))
        yield sink.taken()
        for member in members(vouchers):
            done = 0
            with made.open(_info(member.name), "w", force_zip64=True) as target:
                async for piece in read(member.voucher.id, member.receipt.name):
                    done += len(piece)
                    target.write(piece)
                    yield sink.taken()
            if done != member.receipt.size:
                raise ValueError(f"receipt {member.name} has {done} bytes instead of {member.receipt.size}")
    yield sink.taken()


def _info(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, _EPOCH)
    info.create_system, info.external_attr = 3, 0o644 << 16  # alike on every machine
    return info


def _index(vouchers: Sequence[Voucher]) -> bytes:
    target = io.StringIO(newline="")
    writer = csv.writer(target, delimiter=";", lineterminator="\r\n")
    writer.writerow(_HEADINGS)
    for one in members(vouchers):
        voucher, receipt = one.voucher, one.receipt
        cells = (
            f"{voucher.series}{voucher.number}",
            voucher.date.isoformat(),
            voucher.key.accounting_entry_id,
            one.name,
            receipt.name,
            receipt.type,
            receipt.size,
            receipt.sha256,
        )
        writer.writerow(_harmless(cell) for cell in cells)
    return target.getvalue().encode("utf-8-sig")


def _harmless(cell: object) -> str:
    """A spreadsheet takes no cell for a formula."""
    text = str(cell)
    return f"'{text}" if text.startswith(_FORMULA) else text


class _Sink(io.RawIOBase):
    """What is written and was not taken yet. It cannot be wound back, so that sizes follow their bytes."""

    def __init__(self) -> None:
        super().__init__()
        self._pieces: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, piece: object) -> int:
        found = bytes(piece)  # type: ignore[call-overload]
        self._pieces.append(found)
        return len(found)

    def taken(self) -> bytes:
        found = b"".join(self._pieces)
        self._pieces.clear()
        return found
