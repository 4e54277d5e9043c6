"""The chart of accounts: complete in Pleo in few calls, kept in step record by record, never emptied by mistake."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace

import pytest

from ledgerbridge.store.tables import SyncRun
from tests.integration.syncs.stage import Stage, accounts, counts, taxes
from tests.support.erp_double import down, refused


@pytest.mark.rule("ACC-073", "ACC-074", "ACC-075", "ACC-076", "ACC-020")
async def test_2500_accounts_are_created_in_three_calls(stage: Stage) -> None:
    stage.master.accounts = accounts(2500)

    row = await stage.run("accounts")

    assert (row.status, counts(row)) == ("succeeded", {"created": 2500})
    assert stage.writes() == ["POST /v1/chart-of-accounts/batch"] * 3
    sizes = [len(json.loads(body)["items"]) for body in stage.bodies("POST", "/v1/chart-of-accounts/batch")]
    assert sorted(sizes) == [500, 1000, 1000]
    assert len(stage.pleo("accounts")) == 2500


@pytest.mark.rule("ACC-050", "ACC-052", "ACC-053", "ACC-054", "ACC-082", "ACC-104", "ACC-106")
async def test_a_second_run_with_nothing_changed_writes_nothing(stage: Stage) -> None:
    stage.master.accounts = accounts(300)
    await stage.run("accounts")

    row = await stage.run("accounts")

    assert (counts(row), stage.writes()) == ({"unchanged": 300}, [])
    sent = [json.loads(body) for body in stage.bodies("POST", "/v1/chart-of-accounts")]
    assert [one["archived"] for one in sent] == [False] * 3 + [True]
    assert not any(one["excludeIfAssignedToCategory"] or one["excludeIfAssignedToContraAccount"] for one in sent)
    assert not any("includeArchived" in one for one in sent)


@pytest.mark.rule("ACC-024", "ACC-041", "TAX-040")
@pytest.mark.rule("ACC-077", "ACC-079", "ACC-081", "ACC-083", "ACC-084", "ACC-088", "ACC-092")
async def test_one_per_cent_changed_sends_exactly_that_many_in_order(stage: Stage) -> None:
    stage.master.accounts = accounts(400)
    await stage.run("accounts")
    first, second, third, *rest = stage.master.accounts
    renamed, gone = replace(first, name="Renamed"), replace(second, active=False)
    stage.master.accounts = [renamed, gone, *rest, *accounts(1, first=900)]

    row = await stage.run("accounts")

    assert counts(row) == {"created": 1, "updated": 1, "archived": 2, "unchanged": 397}
    assert [call.split("/")[0] for call in stage.writes()] == ["POST ", "PUT ", "PUT ", "PUT "]
    puts = [json.loads(body) for body in stage.bodies("PUT")]
    assert [put["archived"] for put in puts] == [False, True, True]
    assert {put["name"] for put in puts} == {"Renamed", second.name, third.name}
    assert all(put["code"] for put in puts)

    assert {one.split("/")[2].partition(":")[0] for one in stage.calls()} == {"chart-of-accounts"}

    stage.master.accounts[1] = replace(second, name="Back")
    assert counts(await stage.run("accounts")) == {"unarchived": 1, "unchanged": 399}
    (put,) = (json.loads(body) for body in stage.bodies("PUT"))
    assert (put["archived"], put["name"], put["code"]) == (False, "Back", second.code)


@pytest.mark.rule("ACC-090")
async def test_an_empty_chart_archives_nothing(stage: Stage) -> None:
    stage.master.accounts = accounts(30)
    await stage.run("accounts")
    stage.master.accounts = []

    for allowed in (None, 30):
        row = await stage.run("accounts", archive_allowed=allowed)
        assert (row.status, row.failure, stage.writes()) == ("failed", "erp_empty", [])
        assert "shows no accounts" in (row.reason or "")


@pytest.mark.rule("ACC-090")
@pytest.mark.parametrize("error", [down, refused], ids=["down", "refused"])
async def test_a_failed_read_of_the_erp_archives_nothing_and_says_why(stage: Stage, error: object) -> None:
    stage.master.accounts = accounts(30)
    await stage.run("accounts")
    stage.master.accounts = accounts(3)
    stage.rig.books.before["accounts"] = [error()]  # type: ignore[operator]

    row = await stage.run("accounts")

    assert (row.status, stage.writes()) == ("failed", [])
    assert row.failure in ("erp_unreachable", "erp_refused")
    assert row.reason


@pytest.mark.rule("ACC-090")
async def test_pages_of_pleo_that_break_off_create_and_archive_nothing(stage: Stage) -> None:
    stage.master.accounts = accounts(250)
    await stage.run("accounts")
    stage.master.accounts = accounts(200)
    stage.fault("truncate", "POST", "/v1/chart-of-accounts:search", skip=1, times=None)

    row = await stage.run("accounts")

    assert (row.status, row.failure, stage.writes()) == ("failed", "pleo_unavailable", [])


@pytest.mark.rule("ACC-091")
async def test_an_unusual_number_of_archives_waits_for_a_person_and_the_rest_is_done(stage: Stage) -> None:
    stage.master.accounts = accounts(40)
    await stage.run("accounts")
    stage.master.accounts = [*accounts(29), *accounts(1, first=90)]

    row = await stage.run("accounts")
    assert (row.status, row.to_archive, counts(row)) == ("needs_confirmation", 11, {"created": 1, "unchanged": 29})

    ended = await stage.ended("accounts", "confirmed", archive_allowed=11, allowed_by="admin:eva")
    assert (ended.status, ended.to_archive) == ("succeeded", None)
    assert sum(one["archived"] for one in stage.pleo("accounts")) == 11


async def test_a_persons_word_is_for_the_accounts_that_were_shown_and_for_no_others(stage: Stage) -> None:
    stage.master.accounts = accounts(40)
    await stage.run("accounts")
    stage.master.accounts = accounts(29)
    asked = await stage.run("accounts")
    assert [one["record"] for one in asked.problems][1:] == [f"account {n:05} Account {n}" for n in range(30, 41)]

    stage.master.accounts = accounts(29, first=12)
    word = {"archive_allowed": asked.to_archive, "allowed_by": "admin:eva", "asked_in": asked.id}
    row = await stage.run("accounts", "confirmed", **word)
    assert (row.status, row.to_archive, row.archived) == ("needs_confirmation", 11, 0)

    stage.master.accounts = accounts(30)
    row = await stage.run("accounts", "confirmed", **word)
    assert (row.status, row.archived) == ("succeeded", 10), "those back in the chart stay"


async def test_what_a_run_asked_is_forgotten_once_a_newer_one_has_looked(stage: Stage) -> None:
    stage.master.accounts = accounts(40)
    await stage.run("accounts")
    stage.master.accounts = accounts(29)
    asked, moment = await stage.run("accounts"), await stage.run("accounts")
    async with stage.rig.db.transaction() as session:
        (await session.get_one(SyncRun, asked.id)).started_at = asked.started_at - dt.timedelta(hours=2)

    newest = await stage.run("accounts")

    assert [bool((await stage.row(one.id)).held) for one in (asked, moment, newest)] == [False, True, True]


@pytest.mark.rule("ACC-121", "ACC-110")
async def test_one_failing_account_does_not_stop_the_others(stage: Stage) -> None:
    stage.master.accounts = accounts(20)
    await stage.run("accounts")
    stage.master.accounts = [replace(one, name=f"New {one.id}") for one in stage.master.accounts]
    stage.fault("status", "PUT", "/v1/chart-of-accounts/*", status=400, skip=7)

    row = await stage.run("accounts")

    assert (row.status, counts(row)) == ("with_failures", {"updated": 19, "failed": 1})
    (told,) = row.problems
    assert (told["action"], told["code"]) == ("update", "pleo_400")
    assert told["record"].startswith("account 000")
    assert "Look at its name and number in the accounting system" in told["text"]
    assert counts(await stage.run("accounts")) == {"updated": 1, "unchanged": 19}


@pytest.mark.rule("ACC-072", "ACC-118", "ACC-119")
async def test_an_external_id_taken_meanwhile_is_found_and_brought_in_step(stage: Stage) -> None:
    """A16: the account came up after Pleo was read."""
    stage.master.accounts = accounts(8, tax_code="I25")
    stage.master.tax_codes = taxes("I25")
    _create_after_reading(stage, {"externalId": "3", "name": "By hand", "code": "3"})

    row = await stage.run("accounts")

    assert (row.status, counts(row)) == ("succeeded", {"created": 7, "updated": 1})
    assert counts(await stage.run("accounts")) == {"unchanged": 8}


@pytest.mark.rule("ACC-071", "ACC-072")
@pytest.mark.parametrize("repeat", ["match", "conflict"], ids=["A15", "A16"])
async def test_a_single_account_taken_meanwhile_is_compared(stage: Stage, repeat: str) -> None:
    stage.choose(account_repeat=repeat)
    stage.master.accounts = accounts(2, tax_code="I25")
    stage.master.tax_codes = taxes("I25")
    _create_after_reading(stage, {"externalId": "2", "name": "Account 2", "code": "00002", "archived": True})

    row = await stage.run("accounts")

    assert (row.status, counts(row)) == ("succeeded", {"created": 1, "unarchived": 1})


def _create_after_reading(stage: Stage, item: dict[str, object]) -> None:
    """An account comes up at Pleo between our read, which is two searches, and our first write."""
    stage.after("/v1/chart-of-accounts:search", 2, lambda: stage.put("accounts", items=[item]))


@pytest.mark.rule("ACC-117")
@pytest.mark.parametrize("count", [3, 1200], ids=["singly", "in-batches"])
@pytest.mark.parametrize("effect", [True, False], ids=["arrived", "lost"])
async def test_an_unanswered_create_is_looked_for_before_it_is_sent_again(
    stage: Stage, count: int, effect: bool
) -> None:
    stage.master.accounts = accounts(count)
    stage.fault("drop", "POST", "/v1/chart-of-accounts**", skip=2, times=1, after_effect=effect)

    row = await stage.run("accounts")

    assert (row.status, counts(row)) == ("succeeded", {"created": count})
    assert len(stage.pleo("accounts")) == count
    creates = [call for call in stage.writes() if "POST" in call]
    assert len(creates) == {3: 3, 1200: 2}[count] + (0 if effect else 1)


@pytest.mark.rule("ACC-114")
async def test_a_pleo_account_that_has_gone_is_left_to_the_next_run(stage: Stage) -> None:
    """A17."""
    stage.master.accounts = accounts(3)
    await stage.run("accounts")
    stage.master.accounts[0] = replace(stage.master.accounts[0], name="New")
    stage.fault("status", "PUT", "/v1/chart-of-accounts/*", status=404, after_effect=False)

    row = await stage.run("accounts")

    assert (row.status, counts(row), row.problems[0]["code"]) == ("succeeded", {"skipped": 1, "unchanged": 2}, "gone")
    assert len(stage.writes()) == 1


@pytest.mark.rule("ACC-111")
async def test_an_account_whose_tax_code_pleo_refuses_goes_without(stage: Stage) -> None:
    """A18."""
    stage.master.tax_codes = taxes("I25")
    stage.master.accounts = accounts(1, tax_code="I25")
    await stage.run("accounts")
    stage.master.accounts = [replace(stage.master.accounts[0], name="New")]
    stage.fault("status", "PUT", "/v1/chart-of-accounts/*", status=400, after_effect=False)

    row = await stage.run("accounts")

    assert (row.status, counts(row), row.problems[0]["code"]) == ("succeeded", {"updated": 1}, "tax_code_refused")
    assert [json.loads(body)["taxCodeExternalId"] for body in stage.bodies("PUT")] == ["I25", None]


@pytest.mark.rule("ACC-085")
async def test_archiving_sends_back_what_pleo_holds(stage: Stage) -> None:
    await stage.went_through_before("accounts")
    stage.choose(account_tax_code_checked="never")
    stage.master.accounts = accounts(12)
    stage.put("accounts", items=[{"externalId": "x", "name": "By hand", "code": None, "taxCodeExternalId": "T",
                                  "metadata": {"a": {"b": 1}}}])  # fmt: skip

    await stage.run("accounts")

    (put,) = (json.loads(body) for body in stage.bodies("PUT"))
    assert (put["archived"], put["name"], put["code"], put["taxCodeExternalId"]) == (True, "By hand", None, "T")


@pytest.mark.rule("ACC-034", "ACC-078")
async def test_accounts_pleo_cannot_hold_are_told_and_not_sent(stage: Stage) -> None:
    stage.master.accounts = [*accounts(2), replace(accounts(1)[0], id="x" * 300), *accounts(1, first=2)]

    row = await stage.run("accounts")

    assert (row.status, counts(row)) == ("succeeded", {"created": 1, "skipped": 2})
    assert {one["code"] for one in row.problems} == {"id_length", "id_collision"}


@pytest.mark.rule("ACC-113")
async def test_a_missing_right_ends_the_run_at_once(stage: Stage) -> None:
    stage.master.accounts = accounts(30)
    await stage.run("accounts")
    stage.master.accounts = [replace(one, name="New") for one in stage.master.accounts]
    stage.fault("status", "PUT", "/v1/chart-of-accounts/*", status=403, times=None)

    ended = await stage.ended("accounts")

    assert ended.cause is not None
    assert (ended.status, ended.cause.failure, ended.cause.retry) == ("failed", "pleo_forbidden", False)
    assert len(stage.writes()) <= stage.syncs.writers
    assert ended.run_id is not None
    row = await stage.row(ended.run_id)
    assert counts(row) == {"failed": len(stage.writes())}, "what it stopped at is counted"
    assert {one["code"] for one in row.problems} == {"pleo_403"}
    assert "does not allow this integration" in row.problems[0]["text"]


@pytest.mark.rule("ACC-115")
async def test_a_pleo_that_is_down_ends_the_run_instead_of_trying_every_account(stage: Stage) -> None:
    stage.master.accounts = accounts(60)
    await stage.run("accounts")
    stage.master.accounts = [replace(one, name="New") for one in stage.master.accounts]
    stage.fault("status", "PUT", "/v1/chart-of-accounts/*", status=503, times=None)

    ended = await stage.ended("accounts")

    assert ended.cause is not None
    assert (ended.cause.failure, ended.cause.retry) == ("pleo_unavailable", True)
    assert len(set(stage.writes())) < 20
    assert ended.run_id is not None
    assert counts(await stage.row(ended.run_id)) == {"failed": len(set(stage.writes()))}, "each it tried is counted"


async def test_a_preview_counts_what_the_run_then_does_and_writes_nothing(stage: Stage) -> None:
    stage.put("accounts", items=[{"externalId": "1", "name": "x"}, {"externalId": "2", "name": "y", "archived": True},
                                 {"externalId": "z", "name": "z"}])  # fmt: skip
    stage.master.accounts = accounts(12)

    foreseen = await stage.foreseen("accounts")

    assert stage.writes() == []
    assert foreseen == counts(await stage.run("accounts"))
