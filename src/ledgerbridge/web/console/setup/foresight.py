"""What the first syncs would do, looked up one kind after the other, so that a page can show each as it is found."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ledgerbridge.connections.config_body import ConfigurationBody
from ledgerbridge.ops.logging import get_logger
from ledgerbridge.store.tables import SyncKind
from ledgerbridge.syncs import schedule
from ledgerbridge.syncs.context import Syncs
from ledgerbridge.syncs.failing import UNEXPECTED, cause_of
from ledgerbridge.syncs.record import Action, Record
from ledgerbridge.syncs.run import preview
from ledgerbridge.web.texts import text

_WRITES = (Action.CREATED, Action.UPDATED, Action.UNARCHIVED, Action.ARCHIVED)
_log = get_logger(__name__)


@dataclass
class Foresight:
    """The kinds that are switched on, with what was found of them so far."""

    syncs: Syncs
    connection_id: uuid.UUID
    kinds: Sequence[SyncKind]
    found: dict[SyncKind, Record | str] = field(default_factory=dict)
    """A record, or the sentence why there is none."""

    @property
    def over(self) -> bool:
        """Whether every kind was looked at."""
        return len(self.found) == len(self.kinds)

    async def look(self) -> None:
        """Look at the next kind. What a person must set right is kept as a sentence; nothing is written anywhere."""
        kind = next((one for one in self.kinds if one not in self.found), None)
        if kind is None:
            return
        try:
            self.found[kind] = await preview(self.syncs, self.connection_id, kind)
        except Exception as error:
            cause = cause_of(error)
            if cause.failure == UNEXPECTED:
                _log.exception("unexpected failure in a preview")
            self.found[kind] = cause.text

    def shown(self) -> list[dict[str, Any]]:
        """Each kind as the page shows it."""
        return [_shown(kind, self.found.get(kind)) for kind in self.kinds]


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
        "counts": [(text(f"syncs.count.{action.value}"), found.counts[action]) for action in _WRITES],
        "unchanged": found.counts[Action.UNCHANGED],
        "nothing": not any(found.counts[action] for action in _WRITES) and not found.held,
        "lists": [
            {
                "name": text(f"syncs.count.{action.value}"),
                "records": records,
                "more": found.counts[action] - len(records),
            }
            for action in _WRITES
            if (records := [one.record for one in found.foreseen if one.action is action])
        ],
        "held": len(found.held),
        "asked": [one.record for one in asked],
        "troubles": [one for one in found.problems if one.code != "needs_confirmation"],
        "left_out": found.left_out,
    }
