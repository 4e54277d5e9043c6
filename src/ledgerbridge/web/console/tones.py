"""The colour of each state, the same on every page: `good`, `wait`, `bad`; what is not listed is `off`."""

from __future__ import annotations

from collections.abc import Mapping

from ledgerbridge.store.tables import ConnectionStatus, ItemState, SyncStatus
from ledgerbridge.syncs.freshness import State

CONNECTION: Mapping[str, str] = {
    ConnectionStatus.ACTIVE: "good",
    ConnectionStatus.SETTING_UP: "wait",
    ConnectionStatus.PAUSED: "wait",
    ConnectionStatus.RECONNECT_NEEDED: "bad",
}
FRESHNESS: Mapping[str, str] = {State.ON_TIME: "good", State.LATE: "wait", State.FAILING: "bad"}
JOB: Mapping[str, str] = {
    "completed": "good",
    "completed_with_errors": "wait",
    "failed": "bad",
    "in_progress": "wait",
    "pending": "wait",
}
ITEM: Mapping[str, str] = {
    ItemState.BOOKED: "good",
    ItemState.NOTHING_TO_POST: "good",
    ItemState.FAILED: "bad",
    ItemState.UNKNOWN: "wait",
    ItemState.WAITING: "wait",
}
RUN: Mapping[str, str] = {
    SyncStatus.SUCCEEDED: "good",
    SyncStatus.RUNNING: "wait",
    SyncStatus.WITH_FAILURES: "wait",
    SyncStatus.NEEDS_CONFIRMATION: "wait",
    SyncStatus.FAILED: "bad",
    SyncStatus.INTERRUPTED: "wait",
}
