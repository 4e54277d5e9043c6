"""How fresh a kind is, in one word and a reason."""

import datetime as dt
import uuid
from typing import Any

import pytest

from ledgerbridge.connections.config_body import ConfigurationBody
from ledgerbridge.store.tables import Connection, ConnectionStatus, SyncKind, SyncSchedule
from ledgerbridge.syncs.freshness import freshness

NOW = dt.datetime(2026, 11, 21, 12, tzinfo=dt.UTC)
BODY = {"journal": "EXP", "accounts": {"wallet": {"*": "1"}, "out_of_pocket": "2", "contra": "3"}}
ACTIVE = Connection(id=uuid.uuid4(), status=ConnectionStatus.ACTIVE, activated_at=NOW - dt.timedelta(days=9))


def ago(**units: float) -> dt.datetime:
    return NOW - dt.timedelta(**units)


def shown(connection: Connection = ACTIVE, syncs: dict[str, Any] | None = None, **row: Any) -> tuple[str, str | None]:
    body = ConfigurationBody.read({**BODY, "syncs": syncs or {}})
    known = SyncSchedule(connection_id=connection.id, kind="tags", **{"failures": 0, "next_due_at": NOW, **row})
    found = freshness(connection, body, SyncKind.TAGS, known, NOW)
    return found.state.value, found.reason


@pytest.mark.parametrize(
    ("row", "state"),
    [
        ({"last_success_at": ago(minutes=50)}, "on_time"),
        ({"last_success_at": ago(minutes=95)}, "on_time"),
        ({"last_success_at": ago(minutes=101)}, "late"),
        ({}, "late"),
        ({"last_success_at": ago(minutes=5), "failures": 1, "note": "Down."}, "failing"),
        ({"last_success_at": ago(days=8), "switched_off_at": ago(days=1), "switched_off_reason": "Too long."}, "off"),
    ],
    ids=["recent", "within-the-grace", "overdue", "never", "failed-since", "switched-off"],
)
def test_the_state_of_an_hourly_kind(row: dict[str, Any], state: str) -> None:
    assert shown(**row)[0] == state


def test_the_reason_is_the_sentence_of_the_last_failure() -> None:
    assert shown(failures=3, note="The accounting system does not answer.") == (
        "failing",
        "The accounting system does not answer.",
    )


def test_a_kind_switched_off_in_the_configuration_is_off_and_plans_nothing() -> None:
    assert shown(syncs={"tags": {"enabled": False}}) == ("off", "Switched off in the configuration.")


@pytest.mark.parametrize("status", [one for one in ConnectionStatus if one is not ConnectionStatus.ACTIVE])
def test_nothing_is_fresh_while_the_connection_is_not_active(status: ConnectionStatus) -> None:
    connection = Connection(id=uuid.uuid4(), status=status, created_at=NOW)
    state, reason = shown(connection, last_success_at=ago(minutes=5))
    assert state == "off"
    assert status.replace("_", " ") in (reason or "")
