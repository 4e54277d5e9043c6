"""What going live would do: each kind of the first syncs, then the expenses that wait for export.

Looked up one after the other, so that a page can show each as it is found. Nothing is written anywhere.
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from ledgerbridge.connections.config_body import ConfigurationBody
from ledgerbridge.exports import preview as expenses
from ledgerbridge.exports.context import ExportContext
from ledgerbridge.exports.preview import Preview
from ledgerbridge.ops.logging import get_logger
from ledgerbridge.store.tables import SyncKind
from ledgerbridge.syncs import schedule
from ledgerbridge.syncs.context import Syncs
from ledgerbridge.syncs.failing import UNEXPECTED, cause_of
from ledgerbridge.syncs.record import Action, Record
from ledgerbridge.syncs.run import preview
from ledgerbridge.web.texts import text

WRITES = (Action.CREATED, Action.UPDATED, Action.UNARCHIVED, Action.ARCHIVED)
EXPENSES = 5
"""So many of the oldest waiting export job are shown."""
T = TypeVar("T")
_log = get_logger(__name__)


@dataclass
class Foresight:
    """The kinds that are switched on, with what was found of them so far."""

    syncs: Syncs
    exports: ExportContext
    connection_id: uuid.UUID
    kinds: Sequence[SyncKind]
    found: dict[SyncKind, Record | str] = field(default_factory=dict)
    """A record, or the sentence why there is none."""
    expenses: Preview | str | None = None
    """What waiting expenses would become, or the sentence why that cannot be told; None before it was looked at."""

    @property
    def over(self) -> bool:
        """Whether everything was looked at."""
        return len(self.found) == len(self.kinds) and self.expenses is not None

    async def look(self) -> None:
        """Look at what comes next. What a person must set right is kept as a sentence."""
        kind = next((one for one in self.kinds if one not in self.found), None)
        if kind is not None:
            self.found[kind] = await _found(preview(self.syncs, self.connection_id, kind))
        elif self.expenses is None:
            self.expenses = await _found(expenses.preview(self.exports, self.connection_id, limit=EXPENSES))

    def shown(self) -> list[dict[str, Any]]:
        """Each kind as the page shows it."""
        return [_shown(kind, self.found.get(kind)) for kind in self.kinds]


async def _found(looking: Awaitable[T]) -> T | str:
    try:
        return await looking
    except Exception as error:
        cause = cause_of(error)
        if cause.failure == UNEXPECTED:
            _log.exception("unexpected failure in a preview")
        return cause.text


def switched_on(body: ConfigurationBody) -> list[SyncKind]:
    """The kinds a configuration synchronises, in the order of work."""
    return [kind for kind in schedule.ORDER if schedule.rhythm(body, kind).enabled]


def _shown(kind: SyncKind, found: Record | str | None) -> dict[str, Any]:
    shown = {"kind": kind.value, "name": text(f"common.kind.{kind.value}"), "looking": found is None, "refusal": None}
    if isinstance(found, str):
        return shown | {"refusal": found}
    if found is None:
        return shown
    asked = [one for one in found.problems if one.code == "needs_confirmation"]
    return shown | {
        "counts": {action.value: found.counts[action] for action in Action},
        "lists": [
            {"action": action.value, "records": records, "count": found.counts[action]}
            for action in WRITES
            if (records := [one.record for one in found.foreseen if one.action is action])
        ],
        "held": len(found.held),
        "asked": [one.record for one in asked],
        "troubles": [one for one in found.problems if one.code != "needs_confirmation"],
        "left_out": found.left_out,
    }
