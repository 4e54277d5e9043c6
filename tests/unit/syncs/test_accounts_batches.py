"""What Pleo may answer to a batch of new accounts, item by item."""

from __future__ import annotations

import pytest

from ledgerbridge.pleo.chart_of_accounts import NewAccount
from ledgerbridge.store.leases import LeaseLost
from ledgerbridge.syncs.accounts.writing import create
from ledgerbridge.syncs.record import Action, Record
from tests.unit.syncs.fakes import FakeAccounts, desk
from tests.unit.syncs.make import pleo_account

NEW = [NewAccount(str(n), f"Account {n}", str(n)) for n in range(1, 9)]


def told(record: Record) -> dict[str, int]:
    return {action.value: count for action, count in record.counts.items()}


@pytest.mark.parametrize("reason", ["EXTERNAL_ID_TOO_LONG", "EXTERNAL_ID_EMPTY", "NAME_TOO_LONG", "NAME_EMPTY",
                                    "CODE_TOO_LONG", "SOMETHING_NEW"])  # fmt: skip
@pytest.mark.rule("ACC-118", "ACC-119", "ACC-120", "ACC-076")
async def test_a_reason_of_the_record_is_told_and_the_others_stand(reason: str) -> None:
    pleo, at = FakeAccounts(reasons={"3": [reason, "OTHER"]}), desk()
    await create(at, pleo.api, NEW)
    assert (told(at.record), pleo.calls) == ({"created": 7, "failed": 1}, ["batch 8"])
    assert (at.record.problems[0].record, at.record.problems[0].code) == ("account 3 Account 3", reason.lower())


@pytest.mark.rule("ACC-119")
async def test_other_is_tried_once_alone() -> None:
    pleo, at = FakeAccounts(reasons={"3": ["OTHER"], "5": ["OTHER"]}, poison=set()), desk()
    await create(at, pleo.api, NEW)
    assert pleo.calls == ["batch 8", "create 3", "create 5"]
    assert told(at.record) == {"created": 8}


@pytest.mark.parametrize("there", [
    pytest.param(pleo_account("3", "Account 3", "3"), id="A16-equal"),
    pytest.param(pleo_account("3", "Other", "3"), id="A16-differs"),
    pytest.param(pleo_account("3", "Account 3", "3", archived=True), id="A16-archived"),
    pytest.param(None, id="A16-not-shown"),
])  # fmt: skip
@pytest.mark.rule("ACC-072", "ACC-119")
async def test_an_external_id_that_exists_is_searched_for(there: object) -> None:
    pleo, at = FakeAccounts(reasons={"3": ["EXTERNAL_ID_ALREADY_EXISTS"]}), desk()
    if there is not None:
        pleo.there["3"] = there  # type: ignore[assignment]
    await create(at, pleo.api, NEW)
    assert pleo.calls[:2] == ["batch 8", "find 3"]
    assert not any(call.startswith("create") for call in pleo.calls)
    last = {Action.UNCHANGED, Action.UPDATED, Action.UNARCHIVED, Action.FAILED} & at.record.counts.keys()
    assert at.record.counts[Action.CREATED] == 7
    assert len(last) == 1


@pytest.mark.rule("ACC-117")
async def test_accounts_the_answer_does_not_name_are_searched_for_and_not_sent_again() -> None:
    pleo, at = FakeAccounts(silent={"2", "4"}), desk()
    await create(at, pleo.api, NEW)
    assert (pleo.calls, told(at.record)) == (["batch 8", "find 2", "find 4"], {"created": 8})


@pytest.mark.rule("ACC-121", "ACC-110")
async def test_a_batch_refused_whole_is_halved_until_the_guilty_account_stands_alone() -> None:
    pleo, at = FakeAccounts(poison={"6"}), desk()
    await create(at, pleo.api, NEW)
    assert told(at.record) == {"created": 7, "failed": 1}
    assert at.record.problems[0].record == "account 6 Account 6"
    assert len(pleo.calls) == 7


@pytest.mark.rule("ACC-107")
async def test_a_lost_lease_stops_between_two_writes() -> None:
    pleo, at = FakeAccounts(), desk(writes=2)
    with pytest.raises(LeaseLost):
        await create(at, pleo.api, NEW[:4])
    assert pleo.calls == ["create 1", "create 2"]
