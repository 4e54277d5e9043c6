"""Booking where Tryton's answers come in an order that a real server gives only by chance."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import httpx
import pytest

from ledgerbridge.bookkeeping.problem import Failure
from ledgerbridge.bookkeeping.words import Account, EntryLine, Journal, JournalEntry, PostingKey, TaxPosting
from ledgerbridge.erp.port import Attachment, Booked, ErpError
from ledgerbridge.outgoing.files import HeldFile
from tests.support.tryton_stage import SETTINGS, Answer, Stage, healthy, page, period_row, records, refusal, rights

KEY = PostingKey("pleo-company", "e-1")
FILE = Attachment("R-1.pdf", "application/pdf", HeldFile.of(b"content"))
ENTRY = JournalEntry(
    key=KEY,
    journal=Journal("2", "EXP", "Expense"),
    date=dt.date(2026, 11, 5),
    original_date=dt.date(2026, 11, 5),
    currency="DKK",
    description="AWS",
    lines=(
        EntryLine(Account("10", "6000", "Software"), Decimal("100.00"), Decimal(0), "AWS"),
        EntryLine(Account("20", "5820", "Wallet"), Decimal(0), Decimal("100.00"), "AWS"),
    ),
)


def moment(second: int = 0) -> dict[str, Any]:
    return {
        "__class__": "datetime", "year": 2026, "month": 11, "day": 21, "hour": 2, "minute": 0, "second": second,
        "microsecond": 0,
    }  # fmt: skip


def amount(value: str) -> dict[str, Any]:
    return {"__class__": "Decimal", "decimal": value}


def move(id_: int = 7, **changes: Any) -> dict[str, Any]:
    """The entry as Tryton answers it once it is there."""
    times = {"create_date": moment(), "write_date": None}
    lines = [
        {"id": 1, "account": 10, "debit": amount("100.00"), "credit": amount("0"), **times},
        {"id": 2, "account": 20, "debit": amount("0"), "credit": amount("100.00"), **times},
    ]
    row = {"id": id_, "state": "draft", "number": None, "description": "AWS [PLEO:e-1]", "origin": None}
    return row | {"create_uid": 4, "lines": lines, **times} | changes


POSTED = move(state="posted", number="2026-1", write_date=moment(1))


def one(row: dict[str, Any]) -> httpx.Response:
    return httpx.Response(200, json=row)


def writing(search: list[httpx.Response], create: list[Answer] | None = None) -> Answer:
    """`account.move`: searches and creates share the path."""

    def answer(request: httpx.Request) -> httpx.Response:
        queue: list[Any] = search if request.method == "GET" else (create or [one(move())])
        found = queue.pop(0) if len(queue) > 1 else queue[0]
        if isinstance(found, Exception):
            raise found
        assert isinstance(found, httpx.Response)
        return found

    return answer


def stage(search: list[httpx.Response], create: list[Answer] | None = None, **answers: Answer | list[Answer]) -> Stage:
    made = healthy()
    made.answers["account.move"] = writing(search, create)
    made.answers["account.move/7"] = httpx.Response(204)
    made.answers["account.account"] = records({"id": 10, "party_required": False}, {"id": 20, "party_required": False})
    made.answers |= {name.replace("__", ".").replace("_to_", "/"): answer for name, answer in answers.items()}
    return made


async def book(made: Stage, entry: JournalEntry = ENTRY, *files: Attachment, final: bool = True) -> Booked:
    async with made.opened(tries=4) as erp:
        return await erp.book(entry, files, final=final)


async def failed(made: Stage, *files: Attachment, entry: JournalEntry = ENTRY) -> ErpError:
    with pytest.raises(ErpError) as caught:
        await book(made, entry, *files)
    return caught.value


def sent(made: Stage, method: str, path: str) -> list[Any]:
    return [
        json.loads(request.content) if request.content else None
        for request in made.asked
        if request.method == method and request.url.path.endswith(f"/model/{path}")
    ]


NOTHING = records()
POST = "account.move/7/post"


async def test_the_clear_run_looks_creates_looks_posts() -> None:
    made = stage([NOTHING, records(move())])
    made.answers[POST] = one(POSTED)
    booked = await book(made)
    assert (booked.id, booked.number, booked.final, booked.already_there) == ("7", "2026-1", True, False)
    assert booked.booked_at == dt.datetime(2026, 11, 21, 2, 0, 0, tzinfo=dt.UTC)
    assert booked.url == f"{SETTINGS['base_url']}/#books/model/account.move/7"
    (values,) = sent(made, "POST", "account.move")
    assert values["description"] == "AWS [PLEO:e-1]"
    assert (values["company"], values["journal"], values["period"]) == (1, 2, 47)


async def test_every_call_carries_key_language_and_the_company_alone() -> None:
    made = stage([records(POSTED)])
    await book(made)
    for request in made.asked:
        assert request.headers["authorization"] == f"bearer {SETTINGS['api_key']}"
        assert request.headers["accept-language"] == "en"
        assert request.headers["x-tryton-context"] == "eyJjb21wYW55IjoxfQ=="
        assert SETTINGS["api_key"] not in str(request.url)


@pytest.mark.parametrize(
    "lost", [httpx.ReadTimeout("slow"), httpx.ReadError("broken"), page(502), page(504), page(200)]
)
async def test_a_create_without_a_clear_answer_is_looked_for_and_never_repeated(lost: Answer) -> None:
    made = stage([NOTHING], [lost])
    error = await failed(made)
    assert error.outcome_unknown
    assert error.problem.failure is Failure.OUTCOME_UNKNOWN
    assert "[PLEO:e-1]" in error.problem.text
    assert len(sent(made, "POST", "account.move")) == 1
    assert len(made.waited) == 3


async def test_a_create_that_shows_up_late_is_ours() -> None:
    made = stage([NOTHING, NOTHING, records(move())], [httpx.ReadTimeout("slow")])
    made.answers[POST] = one(POSTED)
    assert not (await book(made)).already_there
    assert len(sent(made, "POST", "account.move")) == 1


async def test_a_connection_that_was_never_made_is_no_unknown_outcome() -> None:
    made = stage([NOTHING], [httpx.ConnectError("refused")])
    error = await failed(made)
    assert (error.problem.failure, error.outcome_unknown) == (Failure.ERP_UNREACHABLE, False)
    assert len(sent(made, "POST", "account.move")) == 4


async def test_post_refused_because_it_is_posted_already_is_success() -> None:
    made = stage([records(move()), records(POSTED)])
    made.answers[POST] = refusal("You can not call post on 7.")
    booked = await book(made)
    assert (booked.number, booked.final) == ("2026-1", True)


async def test_a_post_without_a_clear_answer_stays_unknown_while_the_draft_shows() -> None:
    made = stage([records(move())])
    made.answers[POST] = httpx.ReadTimeout("slow")
    error = await failed(made)
    assert error.outcome_unknown
    assert not sent(made, "DELETE", "account.move/7")


async def test_a_lost_post_followed_by_an_outage_stays_unknown() -> None:
    made = stage([records(move()), records(move()), page(503)])
    made.answers[POST] = httpx.ReadTimeout("slow")
    error = await failed(made)
    assert error.outcome_unknown
    assert not sent(made, "DELETE", "account.move/7")


async def test_a_refused_post_leaves_no_draft() -> None:
    made = stage([NOTHING, records(move())])
    made.answers[POST] = refusal("To post move, you must set an account", "more")
    error = await failed(made)
    assert error.problem.failure is Failure.ERP_REFUSED
    assert "To post move, you must set an account more." in error.problem.text
    assert len(sent(made, "DELETE", "account.move/7")) == 1


async def test_a_draft_that_cannot_be_deleted_because_it_is_posted_is_unknown() -> None:
    made = stage([NOTHING, records(move())])
    made.answers |= {POST: refusal("no"), "account.move/7": refusal("You cannot modify posted move.")}
    assert (await failed(made)).outcome_unknown


async def test_a_draft_that_nobody_can_take_away_because_tryton_is_gone_is_unknown() -> None:
    made = stage([NOTHING, records(move())])
    made.answers |= {POST: httpx.ConnectError("refused"), "account.move/7": httpx.ConnectError("refused")}
    assert (await failed(made)).outcome_unknown


async def test_a_draft_that_nobody_can_look_for_because_tryton_is_gone_is_unknown() -> None:
    searches = [NOTHING, records(move()), httpx.ConnectError("refused")]
    made = stage(searches)  # type: ignore[arg-type]
    made.answers |= {POST: httpx.ConnectError("refused"), "account.move/7": httpx.ConnectError("refused")}
    assert (await failed(made)).outcome_unknown


async def test_a_draft_that_stays_is_told_to_operators() -> None:
    made = stage([NOTHING, records(move())])
    made.answers |= {POST: page(403), "account.move/7": page(503)}
    error = await failed(made)
    assert (error.problem.failure, error.outcome_unknown) == (Failure.ERP_FORBIDDEN, False)
    assert "draft 7 stayed" in error.problem.internal


async def test_a_fault_of_ours_is_not_repeated_and_leaves_no_draft() -> None:
    made = stage([NOTHING, records(move())])
    made.answers[POST] = page(500, "'nofield'")
    error = await failed(made)
    assert error.problem.failure is Failure.ERP_FAULT
    assert len(sent(made, "POST", POST)) == len(sent(made, "DELETE", "account.move/7")) == 1


async def test_a_create_that_was_done_though_a_500_was_answered_is_ours() -> None:
    made = stage([NOTHING, records(move())], [page(500)])
    made.answers[POST] = one(POSTED)
    booked = await book(made)
    assert (booked.number, booked.already_there) == ("2026-1", False)
    assert len(sent(made, "POST", "account.move")) == 1


async def test_a_create_answered_with_500_of_which_nothing_stands_fails_the_item() -> None:
    made = stage([NOTHING], [page(500)])
    error = await failed(made)
    assert (error.problem.failure, error.outcome_unknown) == (Failure.ERP_FAULT, False)


async def test_a_post_that_was_done_though_a_500_was_answered_is_booked() -> None:
    made = stage([NOTHING, records(move()), records(POSTED)])
    made.answers[POST] = page(500)
    booked = await book(made)
    assert (booked.number, booked.final) == ("2026-1", True)
    assert not sent(made, "DELETE", "account.move/7")


@pytest.mark.parametrize("step", ["account.move", POST])
async def test_a_write_answered_with_500_that_cannot_be_looked_for_is_unknown(step: str) -> None:
    made = stage([NOTHING, page(500)] if step == "account.move" else [NOTHING, records(move()), page(500)])
    made.answers[POST] = page(500)
    if step == "account.move":
        made.answers["account.move"] = writing([NOTHING, page(500)], [page(500)])
    error = await failed(made)
    assert error.outcome_unknown
    assert not sent(made, "DELETE", "account.move/7")


async def test_an_earlier_draft_survives_an_outage_of_the_erp() -> None:
    made = stage([records(move())])
    made.answers[POST] = page(503)
    error = await failed(made)
    assert error.problem.failure is Failure.ERP_BUSY
    assert not sent(made, "DELETE", "account.move/7")


async def test_a_draft_gone_before_post_is_made_again() -> None:
    made = stage([records(move()), NOTHING, records(move(8))], [one(move(8))])
    made.answers |= {POST: page(404), "account.move/8/post": one(POSTED | {"id": 8})}
    assert (await book(made)).id == "8"


@pytest.mark.rule("EXP-ERR-01")
@pytest.mark.parametrize(
    ("path", "answer", "failure", "words"),
    [
        ("account.period", [records(period_row()), records(period_row("closed"))], Failure.PERIOD_CLOSED, "2026-11-05"),
        ("ir.model.access/get_access", rights(create="account.move"), Failure.ERP_FORBIDDEN, "create journal entries"),
        ("account.account", records({"id": 20, "party_required": False}), Failure.ACCOUNT_UNKNOWN, "6000 (Software)"),
        (
            "account.account",
            records({"id": 10, "party_required": False}, {"id": 20, "party_required": True}),
            Failure.ACCOUNT_NEEDS_PARTY,
            "5820",
        ),
        (
            "account.account",
            records({"id": 10, "party_required": False}, {"id": 20, "party_required": False}),
            Failure.ERP_REFUSED,
            "Trytons Satz.",
        ),
    ],
)
async def test_a_refusal_is_explained_by_what_stands_not_by_its_words(
    path: str, answer: Answer | list[Answer], failure: Failure, words: str
) -> None:
    made = stage([NOTHING], [refusal("Trytons Satz")])
    made.answers[path] = answer
    error = await failed(made)
    assert error.problem.failure is failure
    assert words in error.problem.text
    assert "Trytons Satz" in error.problem.internal


@pytest.mark.parametrize(
    "odd",
    [
        move(lines=[]),
        move(lines=[*move()["lines"], *move()["lines"]]),
        move(lines=[move()["lines"][0] | {"account": 11}, move()["lines"][1]]),
    ],
    ids=["no lines", "lines twice", "another account"],
)
async def test_a_draft_that_is_not_what_was_sent_is_never_posted(odd: dict[str, Any]) -> None:
    made = stage([NOTHING, records(odd)], [one(odd)])
    error = await failed(made)
    assert error.problem.failure is Failure.ERP_FAULT
    assert not sent(made, "POST", POST)
    assert len(sent(made, "DELETE", "account.move/7")) == 1


@pytest.mark.rule("EXP-ATT-05")
async def test_files_are_on_the_entry_before_it_is_posted() -> None:
    made = stage([NOTHING, records(move())], ir__attachment=_attachments([]))
    made.answers[POST] = one(POSTED)
    await book(made, ENTRY, FILE)
    written = [request.url.path.partition("/model/")[2] for request in made.asked if request.method == "POST"]
    assert written[-3:] == ["account.move", "ir.attachment", POST]


@pytest.mark.rule("EXP-IDEM-04")
async def test_files_already_there_are_not_sent_again_and_the_largest_goes_first() -> None:
    files = [replace(FILE, name=f"R-{size}.pdf", file=HeldFile.of(b"x" * size)) for size in (3, 2, 9)]
    made = stage([records(move())], ir__attachment=_attachments([{"id": 1, "name": "R-2.pdf"}]))
    made.answers[POST] = one(POSTED)
    await book(made, ENTRY, *files)
    assert [values["name"] for values in sent(made, "POST", "ir.attachment")] == ["R-9.pdf", "R-3.pdf"]


async def test_two_files_of_one_name_are_two_files() -> None:
    made = stage([records(move())], ir__attachment=_attachments([{"id": 1, "name": FILE.name}]))
    made.answers[POST] = one(POSTED)
    await book(made, ENTRY, FILE, FILE)
    assert len(sent(made, "POST", "ir.attachment")) == 1


def _attachments(there: list[dict[str, Any]], create: Answer | None = None) -> Answer:
    return writing([records(*there)], [create or one({"id": 2, "name": "x"})])


@pytest.mark.rule("EXP-ATT-14")
@pytest.mark.parametrize(
    ("answer", "failure", "words"),
    [
        (page(413), Failure.RECEIPT_TOO_LARGE, "0.0 MB"),
        (refusal("No files on Fridays"), Failure.RECEIPT_UPLOAD, "No files on Fridays."),
        (page(403), Failure.ERP_FORBIDDEN, "create journal entries"),
    ],
)
async def test_a_refused_file_fails_the_item(answer: Answer, failure: Failure, words: str) -> None:
    made = stage([NOTHING, records(move())], ir__attachment=_attachments([], answer))
    error = await failed(made, FILE)
    assert error.problem.failure is failure
    assert words in error.problem.text
    assert len(sent(made, "DELETE", "account.move/7")) == 1


async def test_a_file_refused_for_an_entry_posted_by_hand_says_that_it_stands_there() -> None:
    made = stage([records(POSTED)], ir__attachment=_attachments([], page(413)))
    error = await failed(made, FILE)
    assert error.problem.failure is Failure.RECEIPT_UPLOAD
    assert "2026-1" in error.problem.text
    assert not sent(made, "DELETE", "account.move/7")


async def test_an_upload_without_a_clear_answer_is_looked_for_and_not_repeated() -> None:
    made = stage([records(move())], ir__attachment=_attachments([], httpx.ReadTimeout("slow")))
    error = await failed(made, FILE)
    assert error.outcome_unknown
    assert len(sent(made, "POST", "ir.attachment")) == 1


async def test_unfit_entries_are_not_sent() -> None:
    first, second = ENTRY.lines
    unfit = [
        replace(ENTRY, lines=(replace(first, debit=Decimal("NaN")), second)),
        replace(ENTRY, lines=(replace(first, credit=Decimal("100.00")), second)),
        replace(ENTRY, lines=(replace(first, taxes=(TaxPosting("1", "base", Decimal("0.001")),)), second)),
        replace(ENTRY, lines=(replace(first, taxes=(TaxPosting("x", "base", Decimal(1)),)), second)),
        replace(ENTRY, lines=(replace(first, dimensions=(("CC", "A"), ("CC", "B"))), second)),
        replace(ENTRY, lines=(replace(first, account=Account("²", "6000", "x")), second)),
        replace(ENTRY, journal=Journal("EXP", "EXP", "Expense")),
        replace(ENTRY, key=PostingKey("c", "a]b")),
    ]
    made = healthy()
    for entry in unfit:
        assert (await failed(made, entry=entry)).problem.failure is Failure.UNEXPECTED
    assert not made.asked


async def test_calls_are_told_to_the_observer() -> None:
    made = stage([NOTHING, records(move())])
    made.answers[POST] = [page(503), one(POSTED)]
    seen: list[tuple[str, str]] = []
    async with made.opened(lambda operation, outcome, seconds: seen.append((operation, outcome))) as erp:
        await erp.book(ENTRY, (), final=True)
    assert seen.count(("account.move post", "503")) == 1
    assert seen.count(("account.move post", "200")) == 1
    assert ("account.move create", "200") in seen
    assert not any("7" in operation for operation, _ in seen)
