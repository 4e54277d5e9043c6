"""Batches where Tryton answers as a real server does only by chance, and what a batch costs in calls."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

import httpx
import pytest

from ledgerbridge.bookkeeping.problem import Failure
from ledgerbridge.bookkeeping.words import EntryLine, PostingKey
from ledgerbridge.erp.port import Booked, ErpError, Wanted
from ledgerbridge.erp.tryton.company import CAPABILITIES
from tests.support.tryton_stage import Stage, domain, healthy, page, records, refusal
from tests.unit.erp.test_tryton_booking import ENTRY, amount, moment

LONGEST_ADDRESS = 4_094
"""What gunicorn takes."""
Fault = Callable[[httpx.Request], httpx.Response | None]


@dataclass
class Books(Stage):
    """Moves that are searched, created together or alone, posted and deleted."""

    moves: dict[int, dict[str, Any]] = field(default_factory=dict)
    fault: Fault = lambda request: None
    """Answers instead of the books, or breaks the line."""
    meanwhile: Callable[[], None] = lambda: None
    """What somebody else does before the first post."""

    def _answer(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.partition("/rest/model/account.move")[2]
        if "/rest/model/account.move" not in request.url.path:
            return super()._answer(request)
        self.asked.append(request)
        if path.endswith("/post"):
            self.meanwhile, meanwhile = lambda: None, self.meanwhile
            meanwhile()
        if (broken := self.fault(request)) is not None:
            return broken
        return self._books(request, path)

    def _books(self, request: httpx.Request, path: str) -> httpx.Response:
        body = json.loads(request.content) if request.content else None
        if request.method == "GET":
            return self._found(domain(request))
        if path == "/search_read":
            return self._found(body["domain"], dotted=True)
        if path == "/create":
            return httpx.Response(200, json=[self.add(values) for values in body["vlist"]])
        if not path:
            return httpx.Response(200, json=self.moves[self.add(body)])
        number = int(path.split("/")[1])
        if number not in self.moves:
            return page(404)
        if request.method == "DELETE":
            del self.moves[number]
            return httpx.Response(204)
        self.moves[number] |= {"state": "posted", "number": f"2026-{number}", "write_date": moment(1)}
        return httpx.Response(200, json=self.moves[number])

    def add(self, values: dict[str, Any], user: int = 4) -> int:
        number = max(self.moves, default=100) + 1
        times = {"create_date": moment(), "write_date": None}
        lines = [
            {"id": at, "account": line["account"], "debit": line["debit"], "credit": line["credit"], **times}
            for at, line in enumerate(values["lines"][0][1])
        ]
        row = {"id": number, "state": "draft", "number": None, "description": values["description"], "origin": None}
        self.moves[number] = row | {"create_uid": user, "lines": lines, **times}
        return number

    def _found(self, wanted: Any, *, dotted: bool = False) -> httpx.Response:
        patterns = [clause[2] for clause in wanted[1][1:]] if wanted[1][0] == "OR" else []
        tests = [re.compile(re.escape(pattern).replace("%", ".*") + r"\Z") for pattern in patterns]
        rows = [row for row in self.moves.values() if any(test.match(row["description"]) for test in tests)]
        # A class-level method marks what is nested by a dot.
        marked = ({name + "." * (name == "lines"): value for name, value in row.items()} for row in rows)
        return records(*(marked if dotted else rows))

    def of(self, one: Wanted) -> list[str]:
        """The states of the moves that stand for an entry."""
        suffix = f"[PLEO:{one.document.key.accounting_entry_id}]"
        return [row["state"] for row in self.moves.values() if row["description"].endswith(suffix)]

    def calls(self) -> Counter[str]:
        """How often was called what, by method and the end of the path; posts of all moves together."""
        paths = (request.url.path.partition("/rest/model/")[2] for request in self.asked)
        kinds = (re.sub(r"/\d+", "", path) for path in paths)
        return Counter(f"{request.method} {kind}" for request, kind in zip(self.asked, kinds, strict=True))


CREATE = "POST account.move/create"
POST = "POST account.move/post"


def books(fault: Fault = lambda request: None) -> Books:
    answers = healthy().answers | {
        "ir.module": records({"id": 1, "name": "account_invoice"}),
        "account.account": records({"id": 10, "party_required": False}, {"id": 20, "party_required": False}),
    }
    return Books(answers, fault=fault)


def several(number: int = 4) -> list[Wanted]:
    return [Wanted(replace(ENTRY, key=PostingKey("pleo-company", f"e-{at}"))) for at in range(number)]


async def book(made: Books, wanted: Sequence[Wanted], *, final: bool = True) -> Sequence[Booked | ErpError]:
    async with made.opened(tries=4) as erp:
        return await erp.book_many(wanted, final=final)


def told(outcomes: Sequence[Booked | ErpError]) -> list[tuple[Failure, bool] | str]:
    """Of each its number, or its failure and whether its outcome is unknown."""
    return [
        (one.problem.failure, one.outcome_unknown) if isinstance(one, ErpError) else str(one.number) for one in outcomes
    ]


def once(path: str, answer: httpx.Response | Exception) -> Fault:
    """The first call whose path ends so is answered this way, and has no effect."""
    left = [answer]

    def fault(request: httpx.Request) -> httpx.Response | None:
        if not left or request.method != "POST" or not request.url.path.endswith(path):
            return None
        found = left.pop()
        if isinstance(found, Exception):
            raise found
        return found

    return fault


@pytest.mark.parametrize("number", [2, 10, CAPABILITIES.batch])
async def test_a_batch_costs_a_post_an_entry_and_nothing_else_that_grows(number: int) -> None:
    made = books()
    wanted = several(number)
    assert all(isinstance(one, Booked) for one in await book(made, wanted))
    calls = made.calls()
    looks = calls["GET account.move"] + calls["POST account.move/search_read"]
    bills = calls["GET account.invoice"] + calls["POST account.invoice/search_read"]
    assert (calls[CREATE], calls[POST], looks, bills, calls["GET account.period"]) == (1, number, 2, 1, 1)
    assert calls.total() - number <= 9
    assert all(len(str(request.url)) < LONGEST_ADDRESS for request in made.asked)


async def test_entries_of_many_lines_go_in_portions_that_a_request_holds() -> None:
    made = books()
    cents = [replace(ENTRY.lines[0], debit=Decimal("0.25"))] * 400
    wanted = [Wanted(replace(one.document, lines=(*cents, ENTRY.lines[1]))) for one in several(5)]
    assert all(isinstance(one, Booked) for one in await book(made, wanted))
    assert (made.calls()[CREATE], made.calls()["POST account.move"]) == (2, 1)
    assert max(len(request.content) for request in made.asked) < 1_000_000


async def test_a_batch_that_stands_already_costs_one_look() -> None:
    made = books()
    wanted = several(10)
    await book(made, wanted)
    made.asked.clear()
    assert all(isinstance(one, Booked) and one.already_there for one in await book(made, wanted))
    calls = made.calls()
    assert (calls[CREATE], calls[POST], calls["GET account.period"]) == (0, 0, 0)


@pytest.mark.parametrize("answer", [refusal("The value is not valid."), page(413)], ids=["refused", "too large"])
async def test_a_batch_refused_for_one_entry_is_made_without_it(answer: httpx.Response) -> None:
    wanted = several(9)
    line = EntryLine(replace(ENTRY.lines[0].account, id="666"), Decimal(1), Decimal(0), "bad")
    guilty = replace(ENTRY, key=wanted[5].document.key, lines=(line, replace(ENTRY.lines[1], credit=Decimal(1))))
    wanted[5] = Wanted(guilty)

    def fault(request: httpx.Request) -> httpx.Response | None:
        return answer if request.method == "POST" and b":666," in request.content else None

    made = books(fault)
    made.answers["account.account"] = records(*({"id": number, "party_required": False} for number in (10, 20, 666)))
    outcomes = await book(made, wanted)
    refused = [at for at, one in enumerate(outcomes) if isinstance(one, ErpError)]
    assert (refused, told(outcomes)[5]) == ([5], (Failure.ERP_REFUSED, False))
    assert [made.of(one) for at, one in enumerate(wanted) if at != 5] == [["posted"]] * 8
    assert made.of(wanted[5]) == []
    assert (made.calls()[CREATE], made.calls()["POST account.move"]) == (5, 2)


@pytest.mark.parametrize(
    "lost", [httpx.ReadTimeout("slow"), httpx.ReadError("broken"), page(502), page(504), page(200)]
)
async def test_a_create_without_a_clear_answer_is_looked_for_and_never_repeated(
    lost: httpx.Response | Exception,
) -> None:
    made = books(once("/create", lost))
    assert told(await book(made, several())) == [(Failure.OUTCOME_UNKNOWN, True)] * 4
    assert (made.calls()[CREATE], made.calls()["POST account.move"]) == (1, 0)
    assert len(made.waited) == 3


async def test_a_create_that_shows_up_late_is_ours() -> None:
    made = books(once("/create", httpx.ReadTimeout("slow")))
    wanted = several()
    late = made.opened

    def arrives(request: httpx.Request) -> None:
        if len(made.waited) == 2 and not made.moves:
            first = next(each for each in made.asked if each.url.path.endswith("/create"))
            for values in json.loads(first.content)["vlist"]:
                made.add(values)

    before = made.fault

    def fault(request: httpx.Request) -> httpx.Response | None:
        arrives(request)
        return before(request)

    made.fault = fault
    async with late(tries=4) as erp:
        outcomes = await erp.book_many(wanted, final=True)
    assert [isinstance(one, Booked) and not one.already_there for one in outcomes] == [True] * 4
    assert made.calls()[CREATE] == 1
    assert [made.of(one) for one in wanted] == [["posted"]] * 4


async def test_an_answer_of_too_few_ids_is_no_proof_and_the_drafts_are_looked_for() -> None:
    made = books()

    def fault(request: httpx.Request) -> httpx.Response | None:
        if not request.url.path.endswith("/create"):
            return None
        made._books(request, "/create")
        return httpx.Response(200, json=[101])

    made.fault = fault
    assert told(await book(made, several())) == ["2026-101", "2026-102", "2026-103", "2026-104"]
    assert made.calls()[CREATE] == 1


async def test_once_tryton_is_silent_the_rest_are_not_begun_and_their_drafts_are_in_doubt() -> None:
    posts = 0

    def fault(request: httpx.Request) -> httpx.Response | None:
        nonlocal posts
        posts += request.url.path.endswith("/post")
        if posts > 1:
            raise httpx.ReadTimeout("stuck")
        return None

    made = books(fault)
    wanted = several(20)
    outcomes = await book(made, wanted)
    assert told(outcomes) == ["2026-101", *[(Failure.OUTCOME_UNKNOWN, True)] * 19]
    assert [made.of(one) for one in wanted[1:]] == [["draft"]] * 19
    assert made.calls()[POST] == 2
    made.fault = lambda request: None
    assert all(isinstance(one, Booked) for one in await book(made, wanted))
    assert [made.of(one) for one in wanted] == [["posted"]] * 20


async def test_drafts_that_were_made_and_could_not_be_looked_at_again_are_in_doubt() -> None:
    def fault(request: httpx.Request) -> httpx.Response | None:
        if made.moves:
            raise httpx.ConnectError("refused")
        return None

    made = books(fault)
    wanted = several()
    assert told(await book(made, wanted)) == [(Failure.OUTCOME_UNKNOWN, True)] * 4
    assert [made.of(one) for one in wanted] == [["draft"]] * 4


async def test_entries_in_doubt_are_told_as_such_also_when_tryton_is_silent() -> None:
    made = books()
    await book(made, several(6)[1::3], final=False)

    def fault(request: httpx.Request) -> httpx.Response | None:
        if made.calls()[CREATE] > 1:
            raise httpx.ReadTimeout("stuck")
        return None

    made.fault = fault
    twice = [Wanted(replace(ENTRY, key=PostingKey("pleo-company", "e-9", revision))) for revision in (1, 2)]
    outcomes = await book(made, [*several(6), *twice])
    doubt, silent = (Failure.OUTCOME_UNKNOWN, True), (Failure.ERP_TIMEOUT, False)
    assert told(outcomes) == [*[doubt] * 6, silent, silent]


async def test_a_connection_that_was_never_made_leaves_nothing_in_doubt() -> None:
    def fault(request: httpx.Request) -> httpx.Response | None:
        if request.url.path.endswith("/create"):
            raise httpx.ConnectError("refused")
        return None

    made = books(fault)
    assert told(await book(made, several())) == [(Failure.ERP_UNREACHABLE, False)] * 4
    assert made.calls()[CREATE] == 4


async def test_a_draft_that_tryton_changed_is_taken_away_and_costs_the_others_nothing() -> None:
    made = books()
    add = made.add

    def changed(values: dict[str, Any], user: int = 4) -> int:
        number = add(values, user)
        if values["description"].endswith("[PLEO:e-2]"):
            made.moves[number]["lines"][0] |= {"debit": amount("99.00")}
        return number

    made.add = changed  # type: ignore[method-assign]
    wanted = several()
    outcomes = await book(made, wanted)
    assert told(outcomes)[2] == (Failure.ERP_FAULT, False)
    assert [made.of(one) for one in wanted] == [["posted"], ["posted"], [], ["posted"]]


async def test_a_draft_that_somebody_took_away_before_its_post_is_made_anew() -> None:
    made = books()
    made.meanwhile = lambda: made.moves.pop(103) and None
    wanted = several()
    assert all(isinstance(one, Booked) for one in await book(made, wanted))
    assert [made.of(one) for one in wanted] == [["posted"]] * 4


async def test_a_draft_of_a_writer_who_came_before_us_is_kept_and_ours_cleared_away() -> None:
    made = books()

    def fault(request: httpx.Request) -> httpx.Response | None:
        if request.url.path.endswith("/create") and not made.moves:
            for values in json.loads(request.content)["vlist"]:
                made.add(values)  # another writer's, committed before ours
        return None

    made.fault = fault
    wanted = several()
    outcomes = await book(made, wanted)
    assert told(outcomes) == ["2026-101", "2026-102", "2026-103", "2026-104"]
    assert [one.already_there for one in outcomes if isinstance(one, Booked)] == [True] * 4
    assert [made.of(one) for one in wanted] == [["posted"]] * 4


async def test_two_revisions_of_one_accounting_entry_are_not_made_together() -> None:
    made = books()
    one, other, last = several(3)
    again = Wanted(replace(ENTRY, key=replace(one.document.key, revision=2)))
    outcomes = await book(made, [one, other, again, last])
    assert told(outcomes) == ["2026-103", "2026-101", (Failure.BOOKED_ELSEWHERE, False), "2026-102"]


async def test_after_a_fault_at_the_create_each_is_looked_for_and_booked_by_itself() -> None:
    made = books(once("/create", page(500)))
    wanted = several()
    assert all(isinstance(one, Booked) for one in await book(made, wanted))
    assert (made.calls()[CREATE], made.calls()["POST account.move"]) == (1, 4)
    assert [made.of(one) for one in wanted] == [["posted"]] * 4


async def test_a_key_that_is_refused_is_asked_once() -> None:
    made = books(once("/create", page(401)))
    assert told(await book(made, several())) == [(Failure.ERP_AUTHENTICATION, False)] * 4
    assert (made.calls()[CREATE], made.calls()["POST account.move"]) == (1, 0)


async def test_while_tryton_is_too_busy_to_post_only_the_first_is_waited_for() -> None:
    made = books(lambda request: page(503) if request.url.path.endswith("/post") else None)
    wanted = several(10)
    assert told(await book(made, wanted)) == [(Failure.ERP_BUSY, False)] * 10
    assert made.calls()[POST] == 4 + 9
    assert len(made.waited) == 3
    assert not made.moves


async def test_a_batch_of_drafts_posts_nothing() -> None:
    made = books()
    wanted = several()
    outcomes = await book(made, wanted, final=False)
    assert [one.final for one in outcomes if isinstance(one, Booked)] == [False] * 4
    assert made.calls()[POST] == 0
