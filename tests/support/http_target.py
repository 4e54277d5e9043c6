"""The bench of the HTTP target: the reference server on a real socket, faults on the wire, eyes and hands in its books.

What is on the wire is held against the published document on the way (`tests/support/http_document.py`).
"""

from __future__ import annotations

import asyncio
import base64
import json
import threading
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
from examples.http_target.records import LISTS, account, vendor
from examples.http_target.server import Books, serving

from ledgerbridge.bookkeeping.problem import Failure
from ledgerbridge.bookkeeping.words import Chart
from ledgerbridge.clock import utcnow
from ledgerbridge.erp.conformance.bench import Facts, Fate, Fault, Killed, Lack, Record, Standing, StandingBill, Step
from ledgerbridge.erp.http_target import HttpAdapter
from ledgerbridge.erp.http_target.patience import Patience
from ledgerbridge.erp.http_target.target import capabilities
from ledgerbridge.erp.http_target.wire_master import CapabilitiesAnswer
from ledgerbridge.erp.port import Erp
from ledgerbridge.outgoing.addresses import Reach
from tests.support.canaries import MARK
from tests.support.http_document import Checked

SECRET = "whsec_" + base64.b64encode(base64.b64decode(MARK) + b"the secret of the tests...").decode()
OTHER_SECRET = "whsec_" + base64.b64encode(base64.b64decode(MARK) + b"another secret of the test").decode()
IMPATIENT = Patience(tries=5, first=0.02, longest=0.2, reply=30.0)
LARGEST_FILE = 2 * 1024 * 1024


@contextmanager
def running(folder: Path, *, secret: str = SECRET, **declared: Any) -> Iterator[tuple[Books, str]]:
    """A reference server with books of its own in `folder`, and where it answers."""
    books = Books(folder / "books.sqlite", largest_file=LARGEST_FILE, **declared)
    server = serving(books, secret)
    thread = threading.Thread(target=lambda: server.serve_forever(0.02), daemon=True)
    thread.start()
    try:
        yield books, f"http://127.0.0.1:{server.server_port}/erp"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
        books.ledger.db.close()


class FaultyTransport(httpx.AsyncBaseTransport):
    """The real wire, with a fault on the first calls of one step."""

    def __init__(self, fault: Fault | None) -> None:
        self._wire = Checked(httpx.AsyncHTTPTransport())
        self._fault = fault
        self._spared = fault.spared if fault else 0
        self._left = fault.times if fault else 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if not self._fault or not self._left or self._fault.step not in await _steps(request):
            return await self._wire.handle_async_request(request)
        if self._spared:
            self._spared -= 1
            return await self._wire.handle_async_request(request)
        self._left -= 1
        match self._fault.fate:
            case Fate.NEVER_ARRIVED:
                raise httpx.ReadError("connection broken", request=request)
            case Fate.BUSY:
                return httpx.Response(503, json={"code": "busy"}, request=request)
            case Fate.SLOW:
                await asyncio.sleep(0.5)
                return await self._wire.handle_async_request(request)
            case Fate.TWICE:
                first = await self._wire.handle_async_request(request)
                await first.aread()
                return await self._wire.handle_async_request(request)
        response = await self._wire.handle_async_request(request)
        await response.aread()
        assert response.status_code in (200, 201), response.text
        match self._fault.fate:
            case Fate.KILLED:
                raise Killed
            case Fate.TIMED_OUT:
                raise httpx.ReadTimeout("too late", request=request)
        raise httpx.RemoteProtocolError("server disconnected without a reply", request=request)

    async def aclose(self) -> None:
        await self._wire.aclose()


async def _steps(request: httpx.Request) -> set[Step]:
    """What a request is in the words of the suite: one of ours does what other systems want several calls for."""
    operation = request.url.path.rpartition("/v1/")[2]
    if operation.startswith("attachments/"):
        await request.aread()
        return {Step.ATTACH}
    if operation == "book":
        asked = json.loads(await request.aread())
        bill = {Step.CREATE_BILL} if any(one["bill"] for one in asked["documents"]) else set()
        many = {Step.CREATE_MANY} if len(asked["documents"]) > 1 else set()
        return {Step.CREATE} | many | bill
    return {
        "reverse": {Step.CREATE, Step.POST, Step.CANCEL_BILL},
        "create_vendor": {Step.VENDOR},
        "settle": {Step.MATCH},
    }.get(operation, set())


@dataclass
class HttpBench:
    """The reference server as the suite sees it."""

    books: Books
    base_url: str
    secret: str = SECRET
    adapter: HttpAdapter = field(init=False)
    lacks: frozenset[Lack] = frozenset({Lack.UPLOADS_IN_DOUBT, Lack.POSTING, Lack.BILL_STEPS})
    _chart: Chart | None = None

    def __post_init__(self) -> None:
        self.adapter = HttpAdapter(reach=Reach(local=True), patience=IMPATIENT)
        self.capabilities = capabilities(CapabilitiesAnswer.model_validate(self.books.declared))
        if not self.capabilities.tax_codes:
            self.lacks |= {Lack.REVERSE_CHARGE}

    @property
    def settings(self) -> dict[str, Any]:
        return {"base_url": self.base_url, "secret": self.secret, "company": "1"}

    @property
    def refused(self) -> Mapping[str, tuple[dict[str, Any], Failure]]:
        good = self.settings
        return {
            "wrong secret": (good | {"secret": OTHER_SECRET}, Failure.ERP_AUTHENTICATION),
            "no such company": (good | {"company": "99"}, Failure.ERP_COMPANY_UNKNOWN),
            "nobody there": (good | {"base_url": "http://127.0.0.1:1"}, Failure.ERP_UNREACHABLE),
        }

    @property
    def refused_access(self) -> Mapping[str, tuple[dict[str, Any], str]]:
        good = self.settings
        return {
            "no address": (good | {"base_url": ""}, "base_url"),
            "wrong secret": (good | {"secret": OTHER_SECRET}, "secret"),
            "nobody there": (good | {"base_url": "http://127.0.0.1:1"}, "base_url"),
        }

    @property
    def facts(self) -> Facts:
        today = utcnow().date()
        opened = today.replace(day=5)
        closed = (
            opened.replace(year=today.year - 1, month=12) if today.month == 1 else opened.replace(month=today.month - 1)
        )
        return Facts(
            name="Reference ApS",
            registration_number="41414141",
            currency="DKK",
            journal="EXP",
            expense="6000",
            vat="1300",
            wallet="5820",
            wants_party="6800",
            tax="I25 Purchase VAT 25 %",
            reverse_charge="RC25 Reverse charge 25 %",
            dimensions=[("CC", "CC02"), ("PRJ", "PRJ01")] if self.capabilities.dimensions else [],
            open_date=opened,
            closed_date=closed,
            closable_date=opened.replace(year=today.year + 1, month=12),
            oversize=LARGEST_FILE + 1,
            tax_numbers=("DE129273398", "BE0428759497"),
            bad_tax_number="DE111111111",
            payable="6800",
        )

    def opened(self, fault: Fault | None = None) -> AbstractAsyncContextManager[Erp]:
        return HttpAdapter(reach=Reach(local=True), patience=IMPATIENT, transport=lambda: FaultyTransport(fault)).open(
            self.settings
        )

    async def chart(self) -> Chart:
        if self._chart is None:
            async with self.opened() as erp:
                self._chart = await erp.chart()
        return self._chart

    # ------------------------------------------------------------------ eyes

    def _rows(self, where: str, *values: object) -> list[Any]:
        with self.books.lock:
            rows = self.books.ledger.db.execute(f"SELECT * FROM documents WHERE {where} ORDER BY id", values).fetchall()
        return [{**dict(row), "body": json.loads(row["body"])} for row in rows]

    async def entries(self, accounting_entry_id: str) -> Sequence[Standing]:
        return [
            Standing(
                id=str(row["id"]),
                final=bool(row["final"]),
                number=row["number"],
                text=f"{row['body']['text']} {row['entry']}",
                total=sum((Decimal(line["debit"]) for line in row["body"]["lines"]), Decimal(0)),
                lines=len(row["body"]["lines"]),
            )
            for row in self._rows("kind = 'journal_entry' AND entry = ?", accounting_entry_id)
        ]

    async def files(self, erp_id: str) -> Sequence[tuple[str, bytes]]:
        (row,) = self._rows("id = ?", erp_id)
        return [(file["name"], (self.books.files / file["sha256"]).read_bytes()) for file in row["body"]["attachments"]]

    bill_files = files

    async def bills(self, accounting_entry_id: str) -> Sequence[StandingBill]:
        rows = self._rows("kind = 'bill' AND taken_back_by IS NULL AND entry = ?", accounting_entry_id)
        return [self._bill(row) for row in rows]

    def _bill(self, row: Any) -> StandingBill:
        body = row["body"]
        with self.books.lock:
            query = "SELECT count(*) FROM matches WHERE document = ?"
            (matched,) = self.books.ledger.db.execute(query, (row["id"],)).fetchone()
        taxes: dict[tuple[str, str], list[Decimal]] = {}
        for line in body["lines"]:
            for tax in line["taxes"]:
                taxes.setdefault((tax["tax"], tax["kind"]), []).append(_net(line))
        owed = Decimal(row["total"])
        return StandingBill(
            id=str(row["id"]),
            final=bool(row["final"]),
            paid=bool(row["final"] and matched),
            matched=bool(matched),
            number=row["number"],
            supplier_number=body["bill"]["number"],
            text=f"{body['text']} {row['entry']}",
            owed=-owed if body["bill"]["credit_note"] else owed,
            booked=_per_account(body["lines"]) if row["final"] else {},
            taxes=sorted((tax, kind, amount) for (tax, kind), amounts in taxes.items() for amount in amounts if amount),
            date=utcnow().date().fromisoformat(row["date"]),
        )

    async def net_of(self, accounting_entry_id: str) -> Mapping[str, Decimal]:
        lines = [
            line for row in self._rows("final AND entry = ?", accounting_entry_id) for line in row["body"]["lines"]
        ]
        return _per_account(lines)

    async def counted(self) -> Mapping[str, int]:
        with self.books.lock:
            return {name: len(self.books.records.all(name)) for name in LISTS}

    async def vendors_called(self, name: str) -> Sequence[str]:
        with self.books.lock:
            return [one["id"] for one in self.books.records.all("vendors") if one["name"] == name]

    # ------------------------------------------------------------------ hands

    async def cancel_bill(self, erp_id: str) -> None:
        await self.reverse(erp_id)

    async def reverse(self, erp_id: str) -> None:
        (row,) = self._rows("id = ?", erp_id)
        key = {name: row[name] for name in ("company", "entry", "revision")}
        with self.books.lock:
            self.books.ledger.reverse({"kind": row["kind"], "id": erp_id}, key, "by hand", None)

    async def change_amounts(self, erp_id: str) -> None:
        (row,) = self._rows("id = ?", erp_id)
        body = row["body"]
        for side in ("debit", "credit"):
            line = next(line for line in body["lines"] if Decimal(line[side]))
            line[side] = f"{Decimal(line[side]) + 1:.2f}"
        total = f"{Decimal(row['total']) + 1:.2f}"
        self._change(
            "UPDATE documents SET body = ?, total = ?, touched = 1 WHERE id = ?", json.dumps(body), total, erp_id
        )

    async def copy(self, erp_id: str) -> str:
        (row,) = self._rows("id = ?", erp_id)
        with self.books.lock, self.books.ledger.db:
            return str(self.books.ledger.insert(row["body"], by_hand=True))

    async def add(self, record: Record, code: str | None, name: str, *, below: Sequence[str] = ()) -> str:
        with self.books.lock, self.books.ledger.db:
            number = self.books.records.new_id()
            made = {
                Record.ACCOUNT: lambda: account(number, code, name),
                Record.VENDOR: lambda: vendor(number, code, name),
                Record.VALUE: lambda: {"id": number, "code": code, "name": name, "active": True},
            }[record]()
            self.books.records.put(f"values:{below[0]}" if below else f"{record}s", made)
        return number

    async def change(self, record: Record, erp_id: str, **values: Any) -> None:
        with self.books.lock, self.books.ledger.db:
            for one in ("accounts", "vendors", "values:1", "values:2"):
                if (found := self.books.records.get(one, erp_id)) is not None:
                    self.books.records.put(one, found | values)

    async def switch_off(self, record: Record, erp_id: str) -> None:
        await self.change(record, erp_id, active=False)

    async def set_default_taxes(self, account: str, tax_codes: Sequence[str]) -> None:
        await self.change(Record.ACCOUNT, account, tax_code=tax_codes[0] if len(tax_codes) == 1 else None)

    async def set_period(self, date: Any, *, open_: bool) -> None:
        with self.books.lock, self.books.ledger.db:
            for one in self.books.records.all("periods"):
                if one["start"] <= date.isoformat() <= one["end"]:
                    self.books.records.put("periods", one | {"open": open_})

    def _change(self, query: str, *values: object) -> None:
        with self.books.lock, self.books.ledger.db:
            self.books.ledger.db.execute(query, values)


def _net(line: Any) -> Decimal:
    return Decimal(line["debit"]) - Decimal(line["credit"])


def _per_account(lines: Sequence[Any]) -> dict[str, Decimal]:
    net: dict[str, Decimal] = {}
    for line in lines:
        code = line["account"]["code"]
        net[code] = net.get(code, Decimal(0)) + _net(line)
    return {code: amount for code, amount in net.items() if amount}


@asynccontextmanager
async def plain_http(base_url: str) -> AsyncIterator[httpx.AsyncClient]:
    """For tests that speak to a server without the adapter."""
    async with httpx.AsyncClient(base_url=f"{base_url}/v1/", trust_env=False) as http:
        yield http
