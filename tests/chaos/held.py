"""What the books of a company hold, read in the accounting system itself or in the files it takes."""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import io
import json
import re
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.support import sie_reader
from tryton_sandbox import TrytonServer
from tryton_sandbox.books import read

if TYPE_CHECKING:
    from tests.chaos.company import Company

_KEY = re.compile(r"\[PLEO:([^\[\]#]+)(?:#([0-9a-z-]+))?\]")
_STANDING = """
    select role, entry, final, number, body from documents
    where role != 'counter' and by_hand = 0 and taken_back_by is null order by id
"""


@dataclass
class Held:
    """What the books hold of a company."""

    documents: dict[str, list[str]] = field(default_factory=dict)
    """Accounting entry to the states of its documents."""
    payments: Counter[str] = field(default_factory=Counter)
    """Accounting entry to the number of payments beside its bill."""
    numbers: dict[str, list[str]] = field(default_factory=dict)
    """Accounting entry to the numbers its documents show."""
    unsound: list[str] = field(default_factory=list)
    """What is wrong with the books, whatever was exported: sums, numbers, files."""
    files: Callable[[str], Iterable[list[str]]] = lambda entry: ()
    """The names of the files at each document of an accounting entry."""

    def add(self, entry: str, state: str, number: str) -> None:
        self.documents.setdefault(entry, []).append(state)
        self.numbers.setdefault(entry, []).append(number)

    def file_twice(self, entry: str) -> bool:
        return any(len(set(names)) < len(names) for names in self.files(entry))


# ------------------------------------------------------------------ Tryton


def in_tryton(books: TrytonServer) -> Held:
    """Everything in force under a key of ours, drafts included."""
    held, places = Held(), defaultdict[str, list[str]](list)

    def add(text: str | None, row: dict[str, Any], model: str) -> None:
        for entry, mark in _KEY.findall(text or ""):
            if mark.endswith("payment"):
                held.payments[entry] += 1
            else:
                held.add(entry, "posted" if row["state"] == "paid" else row["state"], row["number"])
                places[entry].append(f"{model},{row['id']}")

    company = ["company", "=", books.company_id()]
    moves = [company, ["description", "like", "%[PLEO:%"]]
    for row in read(books, "account.move", moves, ["number", "description", "state"]):
        add(row["description"], row, "account.move")
    bills = [company, ["type", "=", "in"], ["state", "!=", "cancelled"]]
    for row in read(books, "account.invoice", bills, ["number", "description", "reference", "state"]):
        keyed = row["description"] if _KEY.search(row["description"] or "") else row["reference"]
        add(keyed, row, "account.invoice")
    held.files = lambda entry: [
        [row["name"] for row in read(books, "ir.attachment", [["resource", "=", place]], ["name"])]
        for place in places[entry]
    ]
    return held


# ------------------------------------------------------------------ the reference server


def in_reference(path: Path) -> Held:
    """The same in the database of the reference server."""
    held, names = Held(), defaultdict[str, list[list[str]]](list)
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as books:
        rows = books.execute(_STANDING).fetchall()
    for role, entry, final, number, text in rows:
        body = json.loads(text)
        if sum(Decimal(line["debit"]) - Decimal(line["credit"]) for line in body["lines"]):
            held.unsound.append(f"{number}: debits and credits differ")
        if role == "payment":
            held.payments[entry] += 1
            continue
        held.add(entry, "posted" if final else "draft", number)
        names[entry].append([file["sha256"] for file in body["attachments"]])
    held.files = lambda entry: names[entry]
    return held


# ------------------------------------------------------------------ files


@dataclass(frozen=True)
class Seen:
    """A voucher as a file shows it to whoever did not write it."""

    entry: str
    series: str
    year: int
    number: int
    balance: Decimal


def read_sie(content: bytes) -> list[Seen]:
    """Raises `NotSie` for what programs refuse, a voucher without balance among it."""
    found = sie_reader.read(content)
    assert found.year is not None
    year = found.year[0].year
    return [
        Seen(_entry(one.all_text), one.series, year, one.number, sum((row.amount for row in one.rows), Decimal(0)))
        for one in found.vouchers
    ]


def read_csv(content: bytes) -> list[Seen]:
    """Of the plain template."""
    balances: dict[tuple[str, str, int], Decimal] = defaultdict(Decimal)
    for row in csv.DictReader(io.StringIO(content.decode(), newline="")):
        which = (row["Reference"], row["Voucher"], dt.date.fromisoformat(row["Date"]).year)
        balances[which] += Decimal(row["Debit"]) - Decimal(row["Credit"])
    return [Seen(entry, voucher[0], year, int(voucher[1:]), left) for (entry, voucher, year), left in balances.items()]


READERS: Mapping[str, Callable[[bytes], list[Seen]]] = {"sie": read_sie, "csv": read_csv}


def in_files(
    company: Company, reader: Callable[[bytes], list[Seen]], seen: dict[str, list[Seen]], folder: Path | None
) -> Held:
    """Every voucher of every file, as the files are downloaded; `seen` are those of files read before."""
    held, vouchers = Held(), list[Seen]()
    there = {} if folder is None else {one.name: one for one in folder.iterdir()}
    files = company.files()
    for one in files:
        if one["id"] not in seen or folder is not None:
            content = company.content(one["id"])
            if hashlib.sha256(content).hexdigest() != one["sha256"]:
                held.unsound.append(f"{one['name']}: other bytes than were closed")
            if folder is not None and (one["name"] not in there or there[one["name"]].read_bytes() != content):
                held.unsound.append(f"{one['name']}: not as it is where it was to be put")
            try:
                seen[one["id"]] = reader(content)
            except sie_reader.NotSie as wrong:
                held.unsound.append(f"{one['name']}: {wrong}")
        vouchers += seen.get(one["id"], [])
    known = {one["name"] for one in files}
    held.unsound += [f"{name}: a file of ours that nobody closed" for name in _strange(there, known)]
    for each in vouchers:
        held.add(each.entry, "posted", f"{each.series}{each.number}")
        if each.balance:
            held.unsound.append(f"{each.series}{each.number}: debits and credits differ")
    held.unsound += _gaps(vouchers)
    return held


def _strange(there: Iterable[str], known: set[str]) -> list[str]:
    """Receipts are packed beside a file under its name; what was never finished has another ending."""
    stems = {name.rpartition(".")[0] for name in known}
    finished = [name for name in there if not name.startswith(".") and not name.endswith(".part")]
    return [name for name in finished if name not in known and not any(name.startswith(stem) for stem in stems)]


def _gaps(vouchers: Iterable[Seen]) -> list[str]:
    numbers = defaultdict[tuple[str, int], list[int]](list)
    for one in vouchers:
        numbers[one.series, one.year].append(one.number)
    return [
        f"series {series} of {year}: not each number from 1 to {len(found)} once"
        for (series, year), found in numbers.items()
        if sorted(found) != list(range(1, len(found) + 1))
    ]


def _entry(text: str) -> str:
    found = _KEY.findall(text)
    return str(found[-1][0]) if found else ""
