"""What goes over the wire to a partner, and what becomes of answers that a partner should never give."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import Any

import httpx
import pytest
from examples.http_target.records import COMPANY
from examples.http_target.server import CAPABILITIES
from standardwebhooks import Webhook, WebhookVerificationError

from ledgerbridge.bookkeeping.master_data import NewVendor, VendorLookup
from ledgerbridge.bookkeeping.problem import Failure
from ledgerbridge.bookkeeping.words import JournalEntry, PostingKey
from ledgerbridge.erp.adapter import SettingsError
from ledgerbridge.erp.http_target import HttpAdapter
from ledgerbridge.erp.http_target.patience import Patience
from ledgerbridge.erp.port import Attachment, Booked, DocumentKind, DocumentRef, Erp, ErpError, Wanted
from ledgerbridge.outgoing.addresses import Reach
from ledgerbridge.outgoing.files import HeldFile
from tests.support.erp_double import Books
from tests.support.http_target import OTHER_SECRET, SECRET
from tests.unit.erp.test_erp_double import entry as double_entry

Answer = Callable[[dict[str, Any]], httpx.Response | dict[str, Any]]
DAY = "2026-11-06T09:30:00+00:00"
MINE = {"operation", "company"}


async def _no_sleep(_: float) -> None:
    return None


class Partner(httpx.AsyncBaseTransport):
    """Answers by operation as a test says; what it was sent is kept."""

    def __init__(self, **answers: Answer | dict[str, Any] | httpx.Response | Exception) -> None:
        self.answers: dict[str, Any] = {
            "capabilities": CAPABILITIES,
            "companies": {"companies": [COMPANY]},
            "find": {"found": []},
            **answers,
        }
        self.requests: list[httpx.Request] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        self.requests.append(request)
        operation = request.url.path.removeprefix("/pleo/v1/").partition("/")[0]
        answer = self.answers[operation]
        if isinstance(answer, list):
            answer = answer.pop(0) if len(answer) > 1 else answer[0]
        if callable(answer):
            answer = answer(json.loads(request.content))
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, httpx.Response) else httpx.Response(200, json=answer)

    def sent(self, operation: str) -> list[httpx.Request]:
        return [one for one in self.requests if f"/v1/{operation}" in one.url.path]

    def opened(self, secret: str = SECRET) -> AbstractAsyncContextManager[Erp]:
        adapter = HttpAdapter(
            reach=Reach(local=True), patience=Patience(tries=3, sleep=_no_sleep), transport=lambda: self
        )
        return adapter.open({"base_url": "https://erp.example.com/pleo", "secret": secret, "company": "1"})


def entry(id_: str = "entry-1", amount: str = "125.00") -> JournalEntry:
    made = double_entry(Books(), id_, [("6000", amount), ("5820", f"-{amount}")], "1")
    return replace(made, key=PostingKey("pleo", id_))


def booked(asked: dict[str, Any]) -> dict[str, Any]:
    """The answer of a partner that books all."""
    return {
        "results": [
            {
                "key": one["key"],
                "booked": {
                    "document": {"kind": one["kind"], "id": str(number)},
                    "number": f"JE-{number}",
                    "final": asked["final"],
                    "booked_at": DAY,
                    "already_there": False,
                },
            }
            for number, one in enumerate(asked["documents"], 1)
        ]
    }


def found(of: JournalEntry, **more: Any) -> dict[str, Any]:
    return {
        "key": {"company": "pleo", "entry": of.key.accounting_entry_id, "revision": of.key.revision},
        "document": {"kind": "journal_entry", "id": "1"},
        "number": "JE-1", "final": True, "booked_at": DAY, "total": f"{of.total:.2f}", "complete": True, **more,
    }  # fmt: skip


def problem(code: str, status: int = 422, **more: Any) -> httpx.Response:
    kind = {"Content-Type": "application/problem+json"}
    return httpx.Response(status, json={"code": code, **more}, headers=kind)


async def book(partner: Partner, *files: Attachment, **options: Any) -> Booked:
    async with partner.opened(**options) as erp:
        return await erp.book(entry(), files, final=True)


async def refusal(partner: Partner, *files: Attachment) -> ErpError:
    with pytest.raises(ErpError) as caught:
        await book(partner, *files)
    return caught.value


# ------------------------------------------------------------------ signed


async def test_every_request_is_signed_as_an_independent_verifier_wants_it() -> None:
    partner = Partner(book=booked, attachments=httpx.Response(201))
    await book(partner, Attachment("R-1.pdf", "application/pdf", HeldFile.of(b"%PDF \xf0\x9f")))
    operations = [one.url.path.split("/")[3] for one in partner.requests]
    assert operations == ["capabilities", "companies", "find", "attachments", "book"]
    for request in partner.requests:
        headers = dict(request.headers)
        if request.method == "POST":
            Webhook(SECRET).verify(request.content, headers)
            with pytest.raises(WebhookVerificationError):
                Webhook(SECRET).verify(request.content + b" ", headers)
            assert json.loads(request.content)["operation"] == request.url.path.rpartition("/")[2]
        assert SECRET.removeprefix("whsec_") not in str(request.headers)


async def test_while_a_secret_is_replaced_both_sign() -> None:
    partner = Partner(book=booked)
    await book(partner, secret=f"{OTHER_SECRET} {SECRET}")
    for request in partner.requests:
        for secret in (SECRET, OTHER_SECRET):
            Webhook(secret).verify(request.content, dict(request.headers))


async def test_a_file_is_signed_and_sent_under_its_hash_before_the_entry_that_names_it() -> None:
    content = bytes(range(256)) * 1000
    partner = Partner(book=booked, attachments=httpx.Response(201))
    await book(partner, Attachment("R-1.pdf", "application/pdf", HeldFile.of(content)))
    (upload,) = partner.sent("attachments")
    sha256 = hashlib.sha256(content).hexdigest()
    assert (upload.method, upload.url.path) == ("PUT", f"/pleo/v1/attachments/{sha256}")
    assert (upload.content, upload.headers["content-length"]) == (content, "256000")
    assert upload.headers["webhook-id"] == f"attachment-{sha256}"
    (asked,) = (json.loads(one.content) for one in partner.sent("book"))
    (named,) = asked["documents"][0]["attachments"]
    assert named == {"name": "R-1.pdf", "type": "application/pdf", "size": 256000, "sha256": sha256}


async def test_a_file_of_a_strange_type_is_sent_as_bytes() -> None:
    partner = Partner(book=booked, attachments=httpx.Response(201))
    await book(partner, Attachment("R-1.bin", "té\r\nX-Evil: 1", HeldFile.of(b"x")))
    assert partner.sent("attachments")[0].headers["content-type"] == "application/octet-stream"


async def test_a_document_without_a_form_in_the_contract_costs_the_others_nothing() -> None:
    good, odd = entry("good"), entry("odd")
    odd = replace(odd, journal=replace(odd.journal, id=""))
    partner = Partner(book=booked)
    async with partner.opened() as erp:
        first, second = await erp.book_many([Wanted(odd), Wanted(good)], final=True)
        told = await erp.fits(odd, final=True)
    assert isinstance(first, ErpError)
    assert (first.problem.failure, first.outcome_unknown) == (Failure.UNEXPECTED, False)
    assert told == first.problem
    assert isinstance(second, Booked)


async def test_a_write_keeps_its_id_over_retries_and_its_key_over_jobs() -> None:
    busy = problem("busy", 503)
    partner = Partner(book=[busy, busy, booked])
    await book(partner)
    tries = partner.sent("book")
    assert len(tries) == 3
    assert len({one.headers["webhook-id"] for one in tries}) == 1
    assert len({one.headers["idempotency-key"] for one in tries}) == 1
    again = Partner(book=booked)
    await book(again)
    (other,) = again.sent("book")
    assert other.headers["idempotency-key"] == tries[0].headers["idempotency-key"]
    assert other.headers["webhook-id"] != tries[0].headers["webhook-id"]
    assert all("idempotency-key" not in one.headers for one in again.sent("find"))


async def test_amounts_travel_as_texts_with_two_decimals() -> None:
    partner = Partner(book=booked)
    async with partner.opened() as erp:
        await erp.book(entry(amount="0.10"), (), final=True)
    (asked,) = (json.loads(one.content) for one in partner.sent("book"))
    (document,) = asked["documents"]
    assert document["total"] == "0.10"
    assert [(line["debit"], line["credit"]) for line in document["lines"]] == [("0.10", "0.00"), ("0.00", "0.10")]


# ------------------------------------------------------------------ answers that do not fit


UNFIT: dict[str, tuple[object, str]] = {
    "no JSON": (httpx.Response(200, text="<html>"), "not JSON"),
    "a member missing": (
        lambda asked: {"results": [{"key": asked["documents"][0]["key"], "booked": {"number": "1"}}]},
        "/results/0/booked/document",
    ),
    "a number for a text": (
        lambda asked: {"results": [{**booked(asked)["results"][0], "key": {"company": 1}}]},
        "/results/0/key/company",
    ),
    "neither booked nor refused": (lambda asked: {"results": [{"key": asked["documents"][0]["key"]}]}, "/results/0"),
    "another document": (
        lambda asked: {
            "results": [booked(asked)["results"][0] | {"key": {"company": "pleo", "entry": "x", "revision": 1}}]
        },
        "/results",
    ),
    "no results": ({"results": []}, "/results"),
    "a draft for a final one": (lambda asked: booked(asked | {"final": False}), "/results/0/booked"),
    "a moment without a zone": (
        lambda asked: json.loads(json.dumps(booked(asked)).replace("+00:00", "")),
        "/results/0/booked/booked_at",
    ),
}


@pytest.mark.rule("EXP-REC-04")
@pytest.mark.parametrize("wrong", UNFIT)
async def test_an_answer_that_does_not_fit_names_operation_and_field_and_leaves_the_outcome_unknown(wrong: str) -> None:
    answer, place = UNFIT[wrong]
    partner = Partner(book=answer)
    error = await refusal(partner)
    assert (error.problem.failure, error.outcome_unknown) == (Failure.OUTCOME_UNKNOWN, True)
    assert "book" in error.problem.internal
    assert place in error.problem.internal
    assert len(partner.sent("book")) == 1, "what may have arrived is not sent again"
    assert len(partner.sent("find")) > 1, "it is looked for"


@pytest.mark.rule("EXP-REC-04")
@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(302, headers={"Location": "https://elsewhere.example.com"}),
        httpx.Response(500, text="oops"),
        httpx.Response(502, text="bad gateway"),
        httpx.Response(503, text="upstream connect error or disconnect/reset before headers"),
        httpx.Response(409, text="a request with this key is in progress"),
        httpx.Response(202, json={}),
        httpx.Response(200, content=b" " * (33 * 1024 * 1024)),
        httpx.ReadTimeout("too late"),
        httpx.RemoteProtocolError("gone"),
    ],
    ids=["redirect", "fault", "gateway", "proxy", "in progress", "accepted", "endless", "timeout", "lost"],
)
async def test_what_may_have_been_booked_is_looked_for_and_never_sent_again(answer: Any) -> None:
    partner = Partner(book=answer)
    error = await refusal(partner)
    assert (error.problem.failure, error.outcome_unknown) == (Failure.OUTCOME_UNKNOWN, True)
    assert [one.url.host for one in partner.requests] == ["erp.example.com"] * len(partner.requests)
    assert len(partner.sent("book")) == 1

    wanted = entry()
    seen = Partner(book=answer, find=[{"found": []}, {"found": []}, {"found": [found(wanted)]}])
    made = await book(seen)
    assert (made.id, made.number, made.already_there) == ("1", "JE-1", False)
    assert len(seen.sent("book")) == 1


@pytest.mark.rule("EXP-REC-04")
async def test_without_a_probe_a_lost_reply_waits_for_a_person() -> None:
    blind = CAPABILITIES | {"can_probe": False, "can_reverse": False}
    partner = Partner(capabilities=blind, book=httpx.ReadTimeout("too late"))
    error = await refusal(partner)
    assert error.outcome_unknown
    assert not partner.sent("find")
    assert len(partner.sent("book")) == 1


async def test_of_several_only_those_not_seen_stay_in_doubt() -> None:
    one, other = entry("one"), entry("other", "80.00")
    partner = Partner(book=httpx.ReadTimeout("too late"), find=[{"found": []}, {"found": [found(other)]}])
    async with partner.opened() as erp:
        first, second = await erp.book_many([Wanted(one), Wanted(other)], final=True)
    assert isinstance(first, ErpError)
    assert first.outcome_unknown
    assert isinstance(second, Booked)


async def test_a_partner_that_shows_the_entry_with_another_amount_is_never_written_to() -> None:
    partner = Partner(book=booked, find={"found": [found(entry(), total="99.00")]})
    error = await refusal(partner)
    assert error.problem.failure is Failure.BOOKED_ELSEWHERE
    assert not partner.sent("book")


async def test_a_probe_that_answers_another_key_is_not_believed() -> None:
    partner = Partner(book=booked, find={"found": [found(entry("entry-2"))]})
    error = await refusal(partner)
    assert (error.problem.failure, error.outcome_unknown) == (Failure.ERP_FAULT, False)
    assert not partner.sent("book")


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        (httpx.ConnectError("nobody"), Failure.ERP_UNREACHABLE),
        (problem("busy", 503), Failure.ERP_BUSY),
        (problem("too_many_requests", 429), Failure.ERP_RATE_LIMIT),
        (problem("unauthorised", 401), Failure.ERP_AUTHENTICATION),
        ({**CAPABILITIES, "protocol": 2}, Failure.ERP_FAULT),
        ({name: value for name, value in CAPABILITIES.items() if name != "attachments"}, Failure.ERP_FAULT),
        (CAPABILITIES | {"can_probe": False}, Failure.ERP_FAULT),
        (CAPABILITIES | {"batch": 0}, Failure.ERP_FAULT),
    ],
)
async def test_a_partner_that_does_not_say_what_it_can_do_is_sent_nothing(answer: Any, failure: Failure) -> None:
    """Or receipts would be left out because an answer was, or a lost reply be judged by a guess."""
    partner = Partner(capabilities=answer, book=booked)
    async with partner.opened() as erp:
        assert (erp.capabilities.told, erp.capabilities.can_probe) == (False, True), "and what is in doubt stays so"
        calls: list[Callable[[], Any]] = [
            erp.company, erp.preflight, erp.chart, erp.accounts, erp.tax_codes, erp.dimensions, erp.vendors,
            erp.matching_limits,
            lambda: erp.book(entry(), (), final=True),
            lambda: erp.find("entry-1", "pleo"),
            lambda: erp.find_vendors(VendorLookup(ids=("1",))),
            lambda: erp.create_vendor(NewVendor("p", "New")),
        ]  # fmt: skip
        for call in calls:
            with pytest.raises(ErpError) as caught:
                await call()
            assert (caught.value.problem.failure, caught.value.outcome_unknown) == (failure, False)
    assert not {one.url.path for one in partner.requests} - {"/pleo/v1/capabilities"}


# ------------------------------------------------------------------ refusals in words


async def test_a_partners_words_are_shown_short_on_one_line_and_without_secrets() -> None:
    detail = "Nope.\n\tAuthorization: Bearer abc.def " + "x" * 1000 + "\x00\x1b[31m"
    partner = Partner(book=lambda asked: {
        "results": [{"key": asked["documents"][0]["key"], "error": {"code": "refused", "detail": detail}}]
    })  # fmt: skip
    error = await refusal(partner)
    assert (error.problem.failure, error.outcome_unknown) == (Failure.ERP_REFUSED, False)
    assert "abc.def" not in error.problem.text + error.problem.internal
    assert len(error.problem.text) < 500
    assert error.problem.text.isprintable()


async def test_a_code_that_is_not_in_the_document_is_a_refusal_all_the_same() -> None:
    partner = Partner(book=lambda asked: {
        "results": [{"key": asked["documents"][0]["key"], "error": {"code": "tuesday", "detail": "Not on Tuesdays"}}]
    })  # fmt: skip
    error = await refusal(partner)
    assert (error.problem.failure, error.outcome_unknown) == (Failure.ERP_REFUSED, False)
    assert "Not on Tuesdays." in error.problem.text
    assert "tuesday" in error.problem.internal


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        (problem("attachment_too_large", 413, limit=1000), Failure.RECEIPT_TOO_LARGE),
        (httpx.Response(413, text="too large"), Failure.RECEIPT_TOO_LARGE),
        (problem("attachment_type", 415, detail="No PDF, please"), Failure.RECEIPT_UPLOAD),
        (problem("busy", 503), Failure.ERP_BUSY),
        (httpx.ReadTimeout("too late"), Failure.ERP_TIMEOUT),
    ],
)
async def test_a_file_that_does_not_arrive_leaves_nothing_in_doubt(answer: Any, failure: Failure) -> None:
    partner = Partner(book=booked, attachments=answer)
    error = await refusal(partner, Attachment("R-7.pdf", "application/pdf", HeldFile.of(b"x" * 2000)))
    assert (error.problem.failure, error.outcome_unknown) == (failure, False)
    assert not partner.sent("book")
    if failure in (Failure.RECEIPT_TOO_LARGE, Failure.RECEIPT_UPLOAD):
        assert "R-7.pdf" in error.problem.text


async def test_a_file_beyond_the_declared_size_is_not_even_sent() -> None:
    partner = Partner(capabilities=CAPABILITIES | {"max_attachment_bytes": 10}, book=booked)
    error = await refusal(partner, Attachment("R-7.pdf", "application/pdf", HeldFile.of(b"x" * 11)))
    assert error.problem.failure is Failure.RECEIPT_TOO_LARGE
    assert not partner.sent("attachments")


# ------------------------------------------------------------------ lists, links


@pytest.mark.rule("ACC-090")
@pytest.mark.parametrize(
    "pages",
    [
        [{"items": [], "next": None, "total": 1}],
        [{"items": [], "next": "2", "total": 0}],
        [{"items": [{"id": "1", "code": "EXP", "name": "x"}] * 2, "next": None, "total": 2}],
    ],
    ids=["shorter than told", "a page that leads nowhere", "a record twice"],
)
async def test_a_list_that_does_not_add_up_is_an_error_and_never_a_short_list(pages: list[Any]) -> None:
    partner = Partner(vendors=pages, accounts=pages)
    async with partner.opened() as erp:
        with pytest.raises(ErpError) as caught:
            await erp.accounts()
    assert caught.value.problem.failure is Failure.ERP_FAULT
    assert "accounts" in caught.value.problem.internal


@pytest.mark.parametrize(
    ("pattern", "link"),
    [
        ("https://erp.example.com/{kind}/{id}", "https://erp.example.com/journal_entry/a%2Fb%3F"),
        ("https://erp.example.com/", None),
        ("javascript:alert({id})", None),
        ("https://user:word@erp.example.com/{id}", None),
        ('https://erp.example.com/{id}" onclick=', None),
        (None, None),
    ],
)
async def test_a_link_for_people_is_made_only_of_a_plain_address(pattern: str | None, link: str | None) -> None:
    async with Partner(capabilities=CAPABILITIES | {"document_url": pattern}).opened() as erp:
        assert erp.url(DocumentRef(DocumentKind.JOURNAL_ENTRY, "a/b?")) == link


@pytest.mark.rule("VEN-066")
async def test_a_vendor_whose_reply_was_lost_is_looked_for_and_not_created_again() -> None:
    partner = Partner(find_vendors={"vendors": []}, create_vendor=httpx.ReadTimeout("too late"))
    async with partner.opened() as erp:
        with pytest.raises(ErpError) as caught:
            await erp.create_vendor(NewVendor("pleo-1", "New"))
    assert caught.value.outcome_unknown
    assert len(partner.sent("create_vendor")) == 1


# ------------------------------------------------------------------ set-up


@pytest.mark.parametrize(
    ("answers", "field", "said"),
    [
        ({"capabilities": {"protocol": 1}}, "base_url", "/name"),
        ({"companies": {"companies": [{"id": 1}]}}, "base_url", "/companies/0/id"),
        ({"capabilities": httpx.Response(302, headers={"Location": "https://x.example.com"})}, "base_url", "address"),
        ({"capabilities": httpx.Response(404, text="nothing here")}, "base_url", "address"),
        ({"capabilities": httpx.ConnectError("nobody")}, "base_url", "Nothing answers"),
        ({"capabilities": problem("unauthorised", 401)}, "secret", "signature"),
        ({"companies": {"companies": []}}, "secret", "any company"),
    ],
)
async def test_what_is_wrong_with_an_endpoint_is_told_in_the_set_up_beside_its_field(
    answers: dict[str, Any], field: str, said: str
) -> None:
    partner = Partner(**answers)
    adapter = HttpAdapter(reach=Reach(local=True), transport=lambda: partner)
    with pytest.raises(SettingsError) as caught:
        await adapter.companies({"base_url": "https://erp.example.com/pleo", "secret": SECRET})
    assert list(caught.value.errors) == [field]
    assert said in caught.value.errors[field]
