"""A book of vouchers in memory, for tests of file targets without a database. Same manners as the stored one."""

from __future__ import annotations

import asyncio
import datetime as dt
import hashlib
import itertools
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from decimal import Decimal

from ledgerbridge.bookkeeping.problem import Failure, problem
from ledgerbridge.erp.files.book import KeyTaken, MadeFile, NewVoucher, Receipt, Voucher, digest_of
from ledgerbridge.erp.port import ErpError

Made = tuple[MadeFile, bytes]


class MemoryBook:
    """One book. What a test may look at: `vouchers` in order of recording, `files` by name."""

    def __init__(self) -> None:
        self.vouchers: list[Voucher] = []
        self.files: dict[str, Made] = {}
        self.receipts: dict[tuple[str, str], bytes] = {}
        """Bytes by voucher id and name."""
        self.down = False
        """Set it, and every method fails as with the database away."""
        self._ids = itertools.count(1)
        self._last: dict[tuple[str, str], int] = {}

    async def record(self, wanted: Sequence[NewVoucher]) -> Sequence[Voucher | KeyTaken]:
        await self._asked()
        before = len(self.vouchers), dict(self._last)
        try:
            return [self._record(one) for one in wanted]
        except ValueError:
            del self.vouchers[before[0] :]
            self._last = before[1]
            raise

    def _record(self, one: NewVoucher) -> Voucher | KeyTaken:
        digest = digest_of(one)
        standing = next((v for v in self.vouchers if v.key == one.key and bool(v.reverses) == bool(one.reverses)), None)
        if standing is not None:
            return replace(standing, already_there=True) if standing.digest == digest else KeyTaken(standing)
        if one.reverses is None and (other := next((v for v in self.vouchers if _in_force(v, one)), None)):
            return KeyTaken(other)
        if one.reverses is not None and not any(v.id == one.reverses and v.key == one.key for v in self.vouchers):
            raise ValueError("there is no such voucher to take back")
        number = self._last[one.series, one.year] = self._last.get((one.series, one.year), 0) + 1
        made = Voucher(
            id=f"00000000-0000-4000-8000-{next(self._ids):012d}",
            series=one.series,
            year=one.year,
            number=number,
            key=one.key,
            date=one.date,
            total=one.total,
            body=one.body,
            digest=digest,
            recorded_at=dt.datetime.now(dt.UTC),
            receipts=[_receipt(file.name, file.type, file.file.whole()) for file in one.attachments],
            reverses=one.reverses,
        )
        for file in one.attachments:
            self.receipts[made.id, file.name] = file.file.whole()
        self.vouchers.append(made)
        if one.reverses is not None:
            self.vouchers = [replace(v, reversed_by=made.id) if v.id == one.reverses else v for v in self.vouchers]
        return made

    async def find(self, accounting_entry_id: str, company_id: str) -> Sequence[Voucher]:
        await self._asked()
        wanted = (company_id, accounting_entry_id)
        return [v for v in self.vouchers if (v.key.company_id, v.key.accounting_entry_id) == wanted]

    async def get(self, voucher_id: str) -> Voucher | None:
        await self._asked()
        return next((v for v in self.vouchers if v.id == voucher_id), None)

    async def between(self, first: dt.date, last: dt.date, company_id: str) -> Sequence[Voucher]:
        await self._asked()
        return [v for v in self.vouchers if v.key.company_id == company_id and first <= v.date <= last]

    async def waiting(self) -> Sequence[Voucher]:
        await self._asked()
        return sorted((v for v in self.vouchers if v.file is None), key=lambda v: (v.year, v.series, v.number))

    async def close(self, name: str, content: bytes, vouchers: Sequence[str]) -> MadeFile:
        await self._asked()
        if not vouchers:
            raise ValueError("a file without vouchers")
        chosen = [v for v in self.vouchers if v.id in vouchers]
        if name in self.files:
            if {v.id for v in self.vouchers if v.file == name} != set(vouchers):
                raise ValueError(f"{name} holds other vouchers")
            return self.files[name][0]
        if len(chosen) != len(set(vouchers)) or any(v.file is not None for v in chosen):
            raise ValueError("a voucher went into another file in the meantime, or is not in this book")
        digest = hashlib.sha256(content).hexdigest()
        debit = sum((v.total for v in chosen), Decimal(0))
        made = MadeFile(f"file-{len(self.files) + 1}", name, digest, len(chosen), debit)
        self.files[name] = made, content
        self.vouchers = [replace(v, file=name) if v in chosen else v for v in self.vouchers]
        return made

    async def receipt(self, voucher_id: str, name: str) -> AsyncIterator[bytes]:
        await self._asked()
        content = self.receipts[voucher_id, name]
        for start in range(0, len(content), 64 * 1024):
            yield content[start : start + 64 * 1024]

    async def _asked(self) -> None:
        await asyncio.sleep(0)
        if self.down:
            raise ErpError(problem(Failure.BOOK_AWAY, "the database is away"))


def _in_force(standing: Voucher, wanted: NewVoucher) -> bool:
    """Whether it is of the same accounting entry and nothing takes it back."""
    same = replace(standing.key, revision=wanted.key.revision) == wanted.key
    return same and standing.reverses is None and standing.reversed_by is None


def _receipt(name: str, type_: str, content: bytes) -> Receipt:
    return Receipt(name, type_, len(content), hashlib.sha256(content).hexdigest())
