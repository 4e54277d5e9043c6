"""Whatever a Tryton, or what stands in its place, answers: every read and write gives a value or an `ErpError`."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Coroutine
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledgerbridge.bookkeeping.master_data import NewVendor, VendorLookup
from ledgerbridge.erp.adapter import SettingsError
from ledgerbridge.erp.port import Erp, ErpError
from ledgerbridge.erp.tryton import TrytonAdapter, wire
from tests.fuzz.shapes import gone_wrong, sent
from tests.fuzz.test_pleo_answers import HEADERS, can_be_kept
from tests.fuzz.trying import Count, tries
from tests.support.tryton_stage import COMPANY_ROW, Stage, healthy, period_row
from tests.unit.bookkeeping.books import item, result

DATE = {"__class__": "date", "year": 2026, "month": 11, "day": 1}
DECIMAL = {"__class__": "Decimal", "decimal": "12.50"}
MOMENT = {"__class__": "datetime", "year": 2026, "month": 11, "day": 1, "hour": 1, "minute": 2, "second": 3}
ROWS: dict[str, Any] = {
    "company.company": COMPANY_ROW,
    "account.account": {
        "id": 5, "code": "4010", "name": "Travel", "party_required": False, "type": {"statement": "income"},
        "type.": {"statement": "income"}, "closed": False, "deferral": False,
    },
    "account.journal": {"id": 3, "code": "EXP", "name": "Expenses"},
    "account.tax": {
        "id": 9, "name": "25 %", "rate": DECIMAL, "type": "percentage", "amount": None, "parent": None,
        "active": True,
        "start_date": DATE, "end_date": None, "invoice_account": {"id": 5, "code": "6730"},
        "group": {"kind": "purchase"},
        "credit_note_account": {"id": 5, "code": "6730"}, "childs": [], "sequence": 1, "group.": {"kind": "purchase"},
        "legal_notice": "", "invoice_base_tax_code": None, "description": "x", "update_unit_price": False,
    },
    "account.period": period_row(),
    "analytic_account.account": {
        "id": 2, "code": "CC", "name": "Cost", "type": "root", "root": None, "state": "opened",
    },
    "analytic_account.rule": {"id": 1, "account": 5, "journal": None, "party": None},
    "ir.model": {"id": 1, "name": "analytic_account.line"},
    "ir.module": {"id": 1, "name": "account_invoice", "state": "activated"},
    "ir.model.button": {"id": 29, "groups": [7]},
    "currency.currency": {"id": 1, "code": "DKK", "digits": 2},
    "party.party": {
        "id": 4, "code": "4", "name": "Acme", "active": True, "replaced_by": None, "categories": [],
        "account_payable": {"id": 5, "code": "6800"}, "tax_identifier": None,
        "identifiers": [{"type": "dk_cvr", "code": "1"}],
        "addresses": [{"country": {"code": "DK"}}],
    },
    "account.move": {
        "id": 7, "number": "1", "post_number": "2", "state": "posted", "description": "x [PLEO:a/b/1]", "date": DATE,
        "lines": [], "journal": {"id": 3}, "create_date": MOMENT, "write_date": None,
        "create_uid": 1, "write_uid": None, "origin": None, "period": {"id": 47, "state": "open"}, "company": 1,
    },
    "account.invoice": {
        "id": 8, "number": "1", "reference": "x", "state": "draft", "description": "[PLEO:a/b/1]",
        "invoice_date": DATE,
        "lines": [], "taxes": [], "move": None, "total_amount": DECIMAL, "create_uid": 1, "write_uid": None,
        "create_date": MOMENT, "write_date": None,
    },
}  # fmt: skip
ENTRY = result(item())
READS: dict[str, Callable[[Erp], Coroutine[Any, Any, Any]]] = {
    "company": lambda erp: erp.company(),
    "preflight": lambda erp: erp.preflight(final=True, bills=True),
    "chart": lambda erp: erp.chart(),
    "find": lambda erp: erp.find("entry-1", "company-1"),
    "book": lambda erp: erp.book(ENTRY, (), final=True),  # type: ignore[arg-type]
    "accounts": lambda erp: erp.accounts(),
    "tax codes": lambda erp: erp.tax_codes(),
    "dimensions": lambda erp: erp.dimensions(),
    "values": lambda erp: erp.dimension_values("2"),
    "vendors": lambda erp: erp.vendors(),
    "lookup": lambda erp: erp.find_vendors(VendorLookup(ids=("4",), codes=("4",), registration_number="1")),
    "new vendor": lambda erp: erp.create_vendor(NewVendor("entry", "AWS", "EUR", "DE", None, "DE129273398")),
    "limits": lambda erp: erp.matching_limits(),
}
PLAIN = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
STATUSES = st.sampled_from((200, 200, 200, 200, 200, 204, 301, 400, 401, 403, 404, 413, 429, 500, 502, 503))


@pytest.mark.parametrize("name", READS)
def test_tryton_may_answer_anything(name: str, tried: Count) -> None:
    """All answers but one are those of a healthy Tryton, so that the odd one is reached; or all are odd."""

    @tries(8)
    @given(st.data(), STATUSES, HEADERS, st.sampled_from(("", *ROWS)), st.integers(0, 700))
    def answer(data: st.DataObject, status: int, headers: dict[str, bytes], odd: str, count: int) -> None:
        tried()
        row = ROWS.get(odd) or data.draw(st.sampled_from(list(ROWS.values())))
        body = data.draw(sent([row], [row, row], row, {"message": "No", "status": 400}, 3))
        stage = healthy()
        stage.answers |= {model: _json([known]) for model, known in ROWS.items()}
        stage.answers |= {f"{model}/search_count": _json(1) for model in ROWS}
        strange = _response(status, body, headers)
        for path in stage.answers if not odd else [odd, f"{odd}/search_count"]:
            stage.answers[path] = strange
        if not odd or count % 2:
            stage.answers |= dict.fromkeys(("account.move/7/post", "account.move.line", "ir.attachment"), strange)
        try:
            asyncio.run(_asked(stage, name))
        except ErpError as error:
            speaks_plainly(f"{error!r} {error.problem!r}", error.problem.text)
        assert len(stage.asked) < 500

    answer()


async def _asked(stage: Stage, name: str) -> Any:
    async with stage.opened() as erp:
        return await READS[name](erp)


def speaks_plainly(all_of_it: str, *sentences: str) -> None:
    assert sentences
    assert all(sentences)
    assert not re.search("secret-key|k3yk3y", all_of_it)


def _json(value: Any) -> Callable[[httpx.Request], httpx.Response]:
    return lambda _: httpx.Response(200, json=value)


def _response(status: int, body: bytes, headers: dict[str, bytes]) -> Callable[[httpx.Request], httpx.Response]:
    given_headers = {"Content-Type": b"application/json"} | headers
    return lambda _: httpx.Response(status, headers=list(given_headers.items()), stream=httpx.ByteStream(body))


def test_its_json_is_read_or_is_a_value_error(tried: Count) -> None:
    tagged = [DATE, DECIMAL, MOMENT, {"__class__": "bytes", "base64": "AA=="}, {"__class__": "timedelta", "seconds": 1}]

    @tries(75)
    @given(sent(*tagged, tagged))
    def read(body: bytes) -> None:
        tried()
        try:
            found = wire.loads(body)
        except ValueError as error:
            str(error)
        else:
            can_be_kept(found)

    read()


def test_what_is_written_is_read_as_it_was(tried: Count) -> None:
    values = st.recursive(
        st.none() | st.booleans() | st.integers() | PLAIN | st.binary() | st.dates()
        | st.decimals(allow_nan=False, allow_infinity=False, places=4),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(PLAIN, inner, max_size=3),
        max_leaves=10,
    )  # fmt: skip

    @tries(30)
    @given(values)
    def turn_round(value: Any) -> None:
        tried()
        assert wire.loads(wire.dumps(value)) == value

    turn_round()


def test_settings_may_be_anything(tried: Count) -> None:
    """What a person enters to bind a Tryton is taken, or refused field by field, and the key is not repeated."""
    good = {"base_url": "https://tryton.example.com", "database": "b", "api_key": "k3y" * 9, "company": 1}

    @tries(75)
    @given(gone_wrong(good))
    def enter(raw: Any) -> None:
        tried()
        if not isinstance(raw, dict):
            return
        try:
            json.dumps(TrytonAdapter().check_settings(raw))
        except SettingsError as error:
            speaks_plainly(str(error), *error.errors.values())

    enter()
