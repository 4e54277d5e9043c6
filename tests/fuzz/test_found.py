"""What the fuzzers found, each once more by itself: a regression says which of these came back."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import httpx
import pytest

from ledgerbridge.bookkeeping.problem import Failure
from ledgerbridge.clock import utcnow
from ledgerbridge.erp.port import ErpError
from ledgerbridge.erp.tryton import wire as tryton_wire
from ledgerbridge.pleo.chart_of_accounts import AccountsApi
from ledgerbridge.pleo.export import ExportApi
from ledgerbridge.pleo.signature import sign, verify
from ledgerbridge.pleo.wire import Answer, NotJson, read_json
from tests.fuzz.test_pleo_answers import ACCOUNT, called
from tests.integration.web.mailbox import VECTOR_SECRET
from tests.support.tryton_stage import healthy, page
from tests.unit.pleo.conftest import Samples

S = Samples()


def _answer(body: bytes) -> Answer:
    return Answer(200, httpx.Headers(), body)


def test_a_job_with_absurd_numbers_is_still_a_job() -> None:
    """An `expiresIn` beyond reckoning made its end raise, and a count beyond the column's reach every look fail."""
    job = S.job(expiresIn=10**15, numberOfItems=10**20)
    (read,) = asyncio.run(
        called(lambda c: ExportApi(c).list_jobs(S.company, ["pending"]), httpx.Response(200, json=S.page(job)))
    )
    assert read.expires_at > read.created_at
    assert read.number_of_items < 2**31


def test_characters_that_no_database_holds_do_not_come_in() -> None:
    """A NUL in a job's `createdBy` or an item's reason was refused when it was stored, and stopped the company."""
    assert read_json(_answer(rb'{"a\u0000": ["x\ud800y", "\ud83e\uddfe"]}')) == {"a\ufffd": ["x\ufffdy", "🧾"]}
    assert tryton_wire.loads(rb'{"name": "A\u0000S"}') == {"name": "A\ufffdS"}


def test_a_page_with_a_nul_from_a_proxy_can_be_told_to_operators() -> None:
    stage = healthy()
    stage.answers["account.account"] = page(500, "out of \0 order")

    async def read() -> None:
        async with stage.opened() as erp:
            await erp.accounts()

    with pytest.raises(ErpError) as caught:
        asyncio.run(read())
    assert "\0" not in caught.value.problem.internal


def test_a_delivery_whose_id_no_index_takes_is_refused_once_and_for_all() -> None:
    """It was believed, could not be stored, and got 503 each time it was sent again."""
    at = int(utcnow().timestamp())
    for webhook_id, ok in (("m" * 255, True), ("m" * 256, False)):
        names = ("webhook-id", "webhook-timestamp", "webhook-signature")
        values = (webhook_id, str(at), sign(VECTOR_SECRET, webhook_id, at, b"{}"))
        assert verify(dict(zip(names, values, strict=True)), b"{}", [VECTOR_SECRET], utcnow()).ok is ok


def test_other_encodings_than_utf_8_are_no_json() -> None:
    with pytest.raises(NotJson):
        read_json(_answer('{"a": 1}'.encode("utf-16")))
    assert read_json(_answer(b'\xef\xbb\xbf{"a": 1}')) == {"a": 1}


def test_numbers_in_an_accounts_metadata_go_back_as_they_came() -> None:
    """They were read as binary floats, which we refuse to send: the account could never be updated (ACC-085)."""
    account = ACCOUNT | {"metadata": {"weight": 0.1}}
    sent: list[bytes] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request.content)
        return httpx.Response(200, json=S.page(account) if request.method == "POST" else {"data": account})

    async def rename(client: object) -> None:
        api = AccountsApi(client)  # type: ignore[arg-type]
        (found, *_) = await api.all(S.company)
        await api.update(found, name="Other", code=None, tax_code=None, archived=False)

    asyncio.run(called(rename, answer))
    assert b'"metadata":{"weight":0.1}' in sent[-1]


def test_a_number_that_would_fill_the_memory_when_it_is_sent_back_is_refused() -> None:
    with pytest.raises(NotJson):
        read_json(_answer(b'{"rate": 1e999999999}'), exact=True)
    assert read_json(_answer(b'{"rate": 0.250}'), exact=True) == {"rate": Decimal("0.250")}


@pytest.mark.parametrize("body", [b'{"__class__": "Decimal", "decimal": "NaN"}', b"NaN", b"[-Infinity]"])
def test_an_amount_of_tryton_is_a_number(body: bytes) -> None:
    with pytest.raises(ValueError):
        tryton_wire.loads(body)


@pytest.mark.parametrize("odd", [[1], "1", None, True])
def test_records_without_a_number_of_their_own_are_no_records(odd: object) -> None:
    """They were compared with each other, and whoever counts them put them into a set."""
    stage = healthy()
    stage.answers["account.account"] = httpx.Response(200, json=[{"id": odd}])

    async def read() -> None:
        async with stage.opened() as erp:
            await erp.accounts()

    with pytest.raises(ErpError) as caught:
        asyncio.run(read())
    assert caught.value.problem.failure is Failure.ERP_UNREACHABLE
