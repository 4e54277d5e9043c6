"""Any export item that Pleo might send becomes a balanced entry or problems in words; money is never made or lost."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ledgerbridge.bookkeeping import descriptions
from ledgerbridge.bookkeeping.mapping import book
from ledgerbridge.bookkeeping.payables import Bill
from ledgerbridge.bookkeeping.posting_table import TABLE
from ledgerbridge.bookkeeping.problem import Problem
from ledgerbridge.bookkeeping.words import ClosedPeriod, ExportItem, ItemFile, JournalEntry, NothingToPost
from ledgerbridge.exports.fitting import name_of
from ledgerbridge.exports.receipts import type_of
from ledgerbridge.outgoing.files import HeldFile
from ledgerbridge.pleo.downloads import DownloadedFile
from ledgerbridge.pleo.items import fetched
from ledgerbridge.pleo.reports import MAX_REASON, ItemUpdate
from tests.fuzz.shapes import ODD_TEXTS, gone_wrong, nested
from tests.fuzz.trying import Count, tries
from tests.unit.bookkeeping.books import TODAY, VENDORS, chart, config
from tests.unit.pleo.conftest import Samples

S = Samples()
TYPES = sorted({(kind, sub) for kind, sub in TABLE}, key=str)


def _samples() -> list[dict[str, Any]]:
    """An item of every type and method, with everything an item can carry."""
    full = {
        "reconciliationId": "R-1",
        "attendees": ["Anna", None],
        "reconciledEntries": ["R-2"],
        "invoiceInformation": {"invoiceNumber": "I-1", "invoiceDate": "2026-11-01", "dueDate": "2026-12-01"},
    }
    more = {
        "date": "2026-11-05T12:00:00Z",
        "additionalInformation": full,
        "supplier": {"name": "Acme", "account": "6801", "taxIdentifier": "DK12345678", "country": "DK"},
        "vendor": {"id": S.entry(3), "name": "Acme", "code": "V1", "externalId": "e1"},
        "user": {"id": S.entry(4), "name": "Anna Holm", "code": "E7"},
        "note": "Lunch",
        "servicePeriod": {"from": "2026-11-01", "to": "2026-11-30"},
        "files": [{"url": "https://files.example/x?sig=1", "type": "application/pdf", "size": 1000}],
    }
    made = []
    for kind, sub in TYPES:
        for method in ("journal", "accounts_payable"):
            item = S.item(type=kind, subType=sub, bookkeeping={"method": method}, **more)
            (line,) = item["accountingEntryLines"]
            line |= {"tags": [{"id": S.entry(9), "code": "SALES", "groupCode": "CC"}], "tax": None}
            line |= {"netAmount": line["lineAmount"]}
            made.append(item)
    return made


SAMPLES = _samples()
CONFIGS = st.builds(config, closed_period=st.sampled_from(list(ClosedPeriod)))


CASES = (
    S.item(amount=S.amount(1e308)),
    S.item(date="0001-01-01T00:00:00+23:59"),
    S.item(date="9999-12-31T23:59:59Z"),
    S.item(note=nested(500)),
)


def test_every_sample_is_read_and_some_are_booked() -> None:
    """Else the fuzzer below would only ever see refusals."""
    items = [fetched(raw).item for raw in SAMPLES]
    booked = [book(item, config(), chart(), today=TODAY, vendors=VENDORS) for item in items if item is not None]
    assert len(booked) == len(SAMPLES)
    assert sum(isinstance(one, JournalEntry | Bill) for one in booked) > len(SAMPLES) // 3


def test_any_item_books_or_says_why(tried: Count) -> None:
    @tries(150)
    @given(st.sampled_from(CASES) | gone_wrong(*SAMPLES), CONFIGS, st.booleans())
    def any_item(raw: Any, configuration: Any, with_vendors: bool) -> None:
        tried()
        item = _read(raw)
        if item is None:
            return
        result = book(item, configuration, chart(), today=TODAY, vendors=VENDORS if with_vendors else None)
        match result:
            case NothingToPost():
                assert item.amount.wallet.minor == 0
            case Bill():
                _balanced(result.entry)
                if result.payment:
                    _balanced(result.payment)
            case JournalEntry():
                _balanced(result)
            case _:
                assert result
                for one in result:
                    _in_words(one)

    any_item()


def test_descriptions_are_one_line_and_forge_no_key(tried: Count) -> None:
    @tries(30)
    @given(st.text() | st.sampled_from(ODD_TEXTS), st.integers(1, 200))
    def description(text: str, length: int) -> None:
        tried()
        cleaned = descriptions.clean(text)
        assert all(char == " " or not char.isspace() for char in cleaned)
        assert "[pleo:" not in cleaned.lower().replace(" ", "")
        assert len(descriptions.shortened(cleaned, length)) <= length
        descriptions.initials(cleaned)

    description()


def test_receipts_have_names_that_every_file_system_takes(tried: Count) -> None:
    @tries(30)
    @given(
        st.text() | st.sampled_from(ODD_TEXTS),
        st.none() | st.text() | st.sampled_from(["application/pdf; x=y", "a/b", "image/../../x", "text/html\0"]),
        st.none() | st.text(),
        st.binary(max_size=20),
    )
    def receipt(reference: str, kind: str | None, told: str | None, content: bytes) -> None:
        tried()
        item = fetched(SAMPLES[0] | {"additionalInformation": {"reconciliationId": reference}}).item
        assert item is not None
        name = name_of(
            item,
            1,
            type_of(ItemFile("https://files.example/x", kind, None), DownloadedFile(HeldFile.of(content), told)),
        )
        assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,120}", name)

    receipt()


def _read(raw: Any) -> ExportItem | None:
    """As the spool does it: what was read is stored as JSON, and gives the same when read again."""
    first = fetched(raw)
    again = fetched(json.loads(json.dumps(first.raw, allow_nan=False)))
    if first.raw:
        assert (again.item, again.accounting_entry_id) == (first.item, first.accounting_entry_id)
    if first.item is None:
        assert first.problem is not None
        _in_words(first.problem)
    return first.item


def _balanced(entry: JournalEntry) -> None:
    assert sum((line.debit - line.credit for line in entry.lines), Decimal(0)) == 0
    assert all(line.debit >= 0 and line.credit >= 0 for line in entry.lines)
    assert entry.description == descriptions.clean(entry.description)


def _in_words(found: Problem) -> None:
    assert found.text.strip()
    update = ItemUpdate.failed(
        "00000000-0000-4000-8000-000000000001", reason=found.text, reason_type=found.row.item_type
    )
    sent = json.dumps(update.body()).encode().decode()
    assert len(update.body()["failureReason"]) <= MAX_REASON
    assert "\\u0000" not in sent
