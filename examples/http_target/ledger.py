"""The books of the reference server: documents under keys, in SQLite, so that they survive a kill.

Read `book` first: it is the whole of what keeps money from being booked twice. One transaction looks for the key,
checks the document and writes it, or does nothing.
"""

from __future__ import annotations

import datetime as dt
import json
import sqlite3
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

from .records import Record, Records, Refused

_SCHEMA = """
CREATE TABLE IF NOT EXISTS documents (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,                      -- journal_entry or bill
    role TEXT NOT NULL DEFAULT 'main',       -- main, payment (of a bill, from the same item), counter
    main INTEGER,                            -- the document that a payment or counter-entry belongs to
    company TEXT NOT NULL, entry TEXT NOT NULL, revision INTEGER NOT NULL,
    final INTEGER NOT NULL, touched INTEGER NOT NULL DEFAULT 0, by_hand INTEGER NOT NULL DEFAULT 0,
    number TEXT, date TEXT NOT NULL, booked_at TEXT NOT NULL, total TEXT NOT NULL,
    taken_back_by INTEGER,
    body TEXT NOT NULL                       -- as it was sent
);
-- At most one document in force for an accounting entry, whatever a program gets wrong.
CREATE UNIQUE INDEX IF NOT EXISTS one_in_force ON documents (company, entry)
    WHERE role = 'main' AND by_hand = 0 AND taken_back_by IS NULL;
CREATE TABLE IF NOT EXISTS matches (match INTEGER NOT NULL, document INTEGER NOT NULL UNIQUE);
"""
Row = sqlite3.Row


class Ledger:
    """The documents of one company. Each operation is one transaction, and they come one at a time."""

    def __init__(self, db: sqlite3.Connection, records: Records, uploaded: Callable[[str], int | None]) -> None:
        """`uploaded` answers the size of a file that was uploaded under a hash."""
        self.db, self.records, self._uploaded = db, records, uploaded
        db.executescript(_SCHEMA)

    # ------------------------------------------------------------------ booking

    def book(self, document: Record, *, final: bool) -> Record:
        """Book one document, or answer the one that stands under its key. Raises `Refused`."""
        with self.db:
            row = self._standing(document)
            if row is not None and row["final"]:
                self._match_own(row)
                return _booked(row, already_there=True)
            self.check(document, standing=row)
            before = row is not None
            row = self._write(document, row)
            if final:
                row = self._post(row)
            return _booked(row, already_there=before)

    def check(self, document: Record, *, standing: Row | None = None) -> None:
        """Raises `Refused` for a document that cannot be booked. A draft that somebody worked on is theirs."""
        if standing is None:
            standing = self._standing(document)
        if standing is not None and (standing["final"] or standing["touched"]):
            return
        bill = document["bill"]
        for part in (document, bill and bill["payment"]):
            if part:
                self._check_part(part)
        for file in document["attachments"]:
            if self._uploaded(file["sha256"]) != file["size"]:
                raise Refused("attachment_missing", "It was not uploaded.", attachment=file["sha256"])
        if bill:
            self._check_bill(document, bill)

    def _check_part(self, part: Record) -> None:
        if sum(_net(line) for line in part["lines"]):
            raise Refused("refused", "Debits and credits differ.")
        for line in part["lines"]:
            self.records.check_line(line)
        self.records.check_journal(part["journal"]["id"])
        self.records.check_period(part["date"])

    def _check_bill(self, document: Record, bill: Record) -> None:
        for row in self._rows("kind = 'bill' AND taken_back_by IS NULL AND by_hand = 0"):
            other = json.loads(row["body"])["bill"]
            same = (other["vendor"], other["number"]) == (bill["vendor"], bill["number"])
            if bill["number"] and same and row["entry"] != document["key"]["entry"]:
                raise Refused("similar_bill", "It is there already.", reference=row["number"] or str(row["id"]))

    def _standing(self, document: Record) -> Row | None:
        key = document["key"]
        rows = self._rows(
            "role = 'main' AND by_hand = 0 AND taken_back_by IS NULL AND company = ? AND entry = ?",
            key["company"], key["entry"],
        )  # fmt: skip
        for row in rows:
            asked = (key["revision"], document["kind"], document["total"])
            if (row["revision"], row["kind"], row["total"]) != asked:
                reference = row["number"] or str(row["id"])
                raise Refused("duplicate_key_other_content", "Booked with other content.", reference=reference)
        return rows[0] if rows else None

    def _write(self, document: Record, draft: Row | None) -> Row:
        """The draft of a document. One that stands is made anew, unless somebody worked on it."""
        if draft is not None and draft["touched"]:
            return draft
        if draft is not None:
            self.db.execute("DELETE FROM documents WHERE main = ?", (draft["id"],))
            changed = (json.dumps(document), document["date"], draft["id"])
            self.db.execute("UPDATE documents SET body = ?, date = ? WHERE id = ?", changed)
        made = draft["id"] if draft is not None else self.insert(document)
        payment = document["bill"] and document["bill"]["payment"]
        if payment:
            paid = {**document, **payment, "kind": "journal_entry", "bill": None, "attachments": []}
            paid["total"] = f"{sum(Decimal(line['debit']) for line in payment['lines']):.2f}"
            self.insert(paid, role="payment", main=made)
        return self.row(made)

    def insert(self, body: Record, *, role: str = "main", main: int | None = None, by_hand: bool = False) -> int:
        key, now = body["key"], dt.datetime.now(dt.UTC).isoformat()
        made = self.db.execute(
            "INSERT INTO documents (kind, role, main, company, entry, revision, final, by_hand, date, booked_at, total,"
            " body) VALUES (?, ?, ?, ?, ?, ?, 0, ?, ?, ?, ?, ?)",
            (
                body["kind"], role, main, key["company"], key["entry"], key["revision"], by_hand, body["date"], now,
                body["total"], json.dumps(body),
            ),
        )  # fmt: skip
        return int(made.lastrowid or 0)

    def _post(self, row: Row) -> Row:
        for one in (row, *self._own(row)):
            prefix = "BILL" if one["kind"] == "bill" else "JE"
            number = f"{prefix}-{one['id']}"
            self.db.execute("UPDATE documents SET final = 1, number = ? WHERE id = ?", (number, one["id"]))
        self._match_own(row)
        return self.row(row["id"])

    # ------------------------------------------------------------------ finding

    def find(self, pleo_company: str, entries: Iterable[str], *, taken_back: bool) -> list[Record]:
        found = []
        for entry in entries:
            for row in self._rows("role = 'main' AND by_hand = 0 AND company = ? AND entry = ?", pleo_company, entry):
                if row["taken_back_by"] is None or taken_back:
                    found.append(self._found(row))
        return found

    def _found(self, row: Row) -> Record:
        own = self._own(row)
        complete = bool(row["final"]) and all(self._partners(one) & {row["id"]} for one in own)
        counter = self.row(row["taken_back_by"]) if row["taken_back_by"] else None
        return _booked(row) | {
            "key": _key(row), "total": row["total"], "complete": complete,
            "taken_back_by": counter and _counter(counter),
        }  # fmt: skip

    def entries(self, pleo_company: str, first: str, last: str) -> list[Record]:
        """What carries a key in a period: copies made by hand included, counter-entries and what they undo not."""
        rows = self._rows(
            "role != 'counter' AND taken_back_by IS NULL AND company = ? AND date BETWEEN ? AND ?",
            pleo_company, first, last,
        )  # fmt: skip
        return [
            _booked(row) | {"key": _key(row), "total": row["total"], "date": row["date"],
                            "own_payment": row["role"] == "payment"}
            for row in rows
        ]  # fmt: skip

    # ------------------------------------------------------------------ taking back

    def reverse(self, ref: Record, key: Record, reason: str, day: str | None) -> Record:
        with self.db:
            rows = self._rows("id = ? AND kind = ? AND role = 'main'", ref["id"], ref["kind"])
            if not rows:
                return {"counter": None, "already_there": True}
            (row,) = rows
            reference = row["number"] or str(row["id"])
            if _key(row) != key:
                raise Refused("not_reversible", "It is another document's key.", reference=reference)
            if row["taken_back_by"]:
                return {"counter": _counter(self.row(row["taken_back_by"])), "already_there": True}
            if not row["final"]:
                if row["touched"]:
                    raise Refused("not_reversible", "Somebody has worked on this draft.", reference=reference)
                self.db.execute("DELETE FROM documents WHERE id = ? OR main = ?", (row["id"], row["id"]))
                return {"counter": None, "already_there": False}
            own = {row["id"], *(one["id"] for one in self._own(row))}
            if self._partners(row) - own:
                raise Refused("matched", "It is matched with other documents.", reference=reference)
            if row["kind"] == "bill":
                self.records.check_period(row["date"])
            self.records.check_period(day or row["date"])
            return {"counter": _counter(self._take_back(row, reason, day)), "already_there": False}

    def _take_back(self, row: Row, reason: str, day: str | None) -> Row:
        """One counter-entry for the document and what was booked with it."""
        undone = (row, *self._own(row))
        lines = [
            {**line, "debit": line["credit"], "credit": line["debit"], "taxes": []}
            for one in undone
            for line in json.loads(one["body"])["lines"]
        ]
        body = json.loads(row["body"]) | {
            "kind": "journal_entry", "bill": None, "attachments": [], "lines": lines, "date": day or row["date"],
            "text": f"Reverses {row['number']}: {reason} ({row['entry']})",
        }  # fmt: skip
        counter = self.insert(body, role="counter", main=row["id"])
        number = f"REV-{counter}"
        self.db.execute("UPDATE documents SET final = 1, number = ? WHERE id = ?", (number, counter))
        self._unmatch(one["id"] for one in undone)
        for one in undone:
            self.db.execute("UPDATE documents SET taken_back_by = ? WHERE id = ?", (counter, one["id"]))
        return self.row(counter)

    # ------------------------------------------------------------------ matching

    def settle(self, refs: Iterable[Record]) -> bool:
        with self.db:
            rows = self._named(refs)
            if not all(row["final"] and row["taken_back_by"] is None for row in rows):
                return False
            left = [row for row in rows if not self._partners(row)]
            return not left or self._match(left)

    def reopen(self, refs: Iterable[Record]) -> bool:
        with self.db:
            self._unmatch(row["id"] for row in self._named(refs))
            return True

    def _match_own(self, row: Row) -> None:
        own = [self.row(one["id"]) for one in self._own(row)]
        if own and not any(self._partners(one) for one in (row, *own)):
            self._match([row, *own])

    def _match(self, rows: Iterable[Row]) -> bool:
        owed = [line for row in rows for line in json.loads(row["body"])["lines"] if line["vendor"]]
        left = sum((_net(line) for line in owed), Decimal(0))
        if left or len({(line["vendor"], line["account"]["id"]) for line in owed}) != 1:
            return False
        (match,) = self.db.execute("SELECT coalesce(max(match), 0) + 1 FROM matches").fetchone()
        self.db.executemany("INSERT INTO matches VALUES (?, ?)", [(match, row["id"]) for row in rows])
        return True

    def _unmatch(self, documents: Iterable[int]) -> None:
        for one in documents:
            self.db.execute("DELETE FROM matches WHERE match IN (SELECT match FROM matches WHERE document = ?)", (one,))

    def _partners(self, row: Row) -> set[int]:
        """The documents it is matched with, itself included; empty for none."""
        return {
            one["document"]
            for one in self.db.execute(
                "SELECT document FROM matches WHERE match IN (SELECT match FROM matches WHERE document = ?)",
                (row["id"],),
            )
        }

    def _named(self, refs: Iterable[Record]) -> list[Row]:
        """These documents, and the payments that were booked with them."""
        rows = [row for ref in refs for row in self._rows("id = ? AND kind = ?", ref["id"], ref["kind"])]
        return [*rows, *(own for row in rows for own in self._own(row))]

    # ------------------------------------------------------------------ rows

    def row(self, number: int) -> Row:
        (row,) = self._rows("id = ?", number)
        return row

    def _own(self, row: Row) -> list[Row]:
        return self._rows("main = ? AND role = 'payment'", row["id"])

    def _rows(self, where: str, *values: Any) -> list[Row]:
        return self.db.execute(f"SELECT * FROM documents WHERE {where} ORDER BY id", values).fetchall()  # noqa: S608


def _net(line: Record) -> Decimal:
    return Decimal(line["debit"]) - Decimal(line["credit"])


def _key(row: Row) -> Record:
    return {"company": row["company"], "entry": row["entry"], "revision": row["revision"]}


def _counter(row: Row) -> Record:
    return {"id": str(row["id"]), "number": row["number"], "date": row["date"]}


def _booked(row: Row, *, already_there: bool = True) -> Record:
    return {
        "document": {"kind": row["kind"], "id": str(row["id"])}, "number": row["number"], "final": bool(row["final"]),
        "booked_at": row["booked_at"], "already_there": already_there,
    }  # fmt: skip
