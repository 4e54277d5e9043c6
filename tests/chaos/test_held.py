"""The judge of files sees what a bookkeeper would be angry about, so that a table of zeros means something."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import cast

from examples.http_target.server import Books

from tests.chaos.company import Company
from tests.chaos.held import Held, in_files, in_reference, read_csv

_HEAD = "Voucher,Date,Voucher text,Account,Debit,Credit,Reference\n"


def voucher(number: int, entry: str, *, credit: str = "100.00", day: str = "2026-11-02") -> str:
    lines = [("6540", "100.00", "0.00"), ("1940", "0.00", credit)]
    return "".join(f"P{number},{day},Fee,{account},{debit},{back},{entry}\n" for account, debit, back in lines)


class Shelf:
    """As much of a company as has files."""

    def __init__(self, *contents: str) -> None:
        self.contents = {f"{at}": (_HEAD + one).encode() for at, one in enumerate(contents)}
        self.told = {at: hashlib.sha256(content).hexdigest() for at, content in self.contents.items()}

    def files(self) -> list[dict[str, str]]:
        return [{"id": at, "name": f"P-{at}.csv", "sha256": digest} for at, digest in self.told.items()]

    def content(self, file_id: str) -> bytes:
        return self.contents[file_id]


def held(shelf: Shelf, folder: Path | None = None) -> Held:
    return in_files(cast("Company", shelf), read_csv, {}, folder)


def test_sound_files_are_found_sound() -> None:
    found = held(Shelf(voucher(1, "a") + voucher(2, "b"), voucher(3, "c") + voucher(1, "d", day="2027-01-04")))
    assert (found.unsound, found.numbers) == ([], {"a": ["P1"], "b": ["P2"], "c": ["P3"], "d": ["P1"]})


def test_an_expense_in_two_vouchers_and_a_voucher_in_two_files_are_seen() -> None:
    assert held(Shelf(voucher(1, "a") + voucher(2, "a"))).documents == {"a": ["posted", "posted"]}
    found = held(Shelf(voucher(1, "a"), voucher(1, "a")))
    assert found.documents == {"a": ["posted", "posted"]}
    assert found.unsound == ["series P of 2026: not each number from 1 to 2 once"]


def test_a_missing_number_a_wrong_sum_and_other_bytes_are_seen() -> None:
    assert held(Shelf(voucher(1, "a") + voucher(3, "b"))).unsound == [
        "series P of 2026: not each number from 1 to 2 once"
    ]
    assert held(Shelf(voucher(1, "a", credit="99.99"))).unsound == ["P1: debits and credits differ"]
    shelf = Shelf(voucher(1, "a"))
    shelf.contents["0"] += voucher(2, "b").encode()
    assert held(shelf).unsound == ["P-0.csv: other bytes than were closed"]


def test_what_lies_where_files_are_put_must_be_the_files(tmp_path: Path) -> None:
    shelf = Shelf(voucher(1, "a"))
    assert held(shelf, tmp_path).unsound == ["P-0.csv: not as it is where it was to be put"]
    (tmp_path / "P-0.csv").write_bytes(shelf.contents["0"])
    (tmp_path / "P-0.zip").write_bytes(b"receipts")
    (tmp_path / ".P-1.csv.part").write_bytes(b"was not finished")
    assert held(shelf, tmp_path).unsound == []
    (tmp_path / "P-7.csv").write_bytes(b"?")
    assert held(shelf, tmp_path).unsound == ["P-7.csv: a file of ours that nobody closed"]


def test_two_documents_at_a_partner_are_seen(tmp_path: Path) -> None:
    books = Books(tmp_path / "books.sqlite")
    line = {"debit": "5.00", "credit": "0.00"}
    body = {"kind": "journal_entry", "key": {"company": "1", "entry": "a", "revision": 1}, "date": "2026-11-02"}
    body |= {
        "total": "5.00",
        "lines": [line, {"debit": "0.00", "credit": "4.00"}],
        "attachments": [{"sha256": "x"}] * 2,
    }
    with books.records.db as db:
        db.execute("DROP INDEX one_in_force")
        for _ in range(2):
            books.ledger.insert(body)
    db.close()
    found = in_reference(tmp_path / "books.sqlite")
    assert found.documents == {"a": ["draft", "draft"]}
    assert len(found.unsound) == 2
    assert found.file_twice("a")
