"""What a run did, counted while it works, with the reason of each record that failed or was left alone (ACC-121).

Kept in memory; `rows` writes it to `sync_runs`. A preview fills one the same way with what a run would do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ledgerbridge.redaction import redact
from ledgerbridge.store.tables import SyncKind

MOST_PROBLEMS = 500
MOST_FORESEEN = 200
_TEXT_LENGTH = 500


class Action(StrEnum):
    """What became of one record; each is a column of `sync_runs`."""

    CREATED = "created"
    UPDATED = "updated"
    UNARCHIVED = "unarchived"
    """Brought back, with or without a change; for vendors, activated."""
    ARCHIVED = "archived"
    UNCHANGED = "unchanged"
    SKIPPED = "skipped"
    """Left alone on purpose; for vendors, parked."""
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Trouble:
    """One record that failed or was left alone."""

    record: str
    """The record as people know it: `account 6000 Rent`."""
    action: str
    """What was wanted: `create`, `update`, `unarchive`, `archive`, `read`, or `none` when nothing was tried."""
    code: str
    """A short, stable word: `code_taken`, `name_empty`, `pleo_404`."""
    text: str
    """What is wrong and where to put it right, in a sentence for a person."""

    def as_json(self) -> dict[str, Any]:
        return {
            "record": self.record[:_TEXT_LENGTH],
            "action": self.action,
            "code": self.code,
            "text": redact(self.text[:_TEXT_LENGTH]),
        }


@dataclass(frozen=True, slots=True)
class Foreseen:
    """One record that a run would write, in a preview."""

    record: str
    """As people know it."""
    action: Action


class Record:
    """Collects what one run does."""

    def __init__(self, most_problems: int = MOST_PROBLEMS) -> None:
        self._most = most_problems
        self.counts: Counter[Action] = Counter()
        self.problems: list[Trouble] = []
        self.left_out = 0
        """Problems beyond the limit; they are counted but not told."""
        self.calls = 0
        """Calls made to Pleo, repeats included (TAG-117)."""
        self.held: set[str] = set()
        """Pleo's ids of the records whose archiving waits for a person."""
        self.permitted = 0
        """Records archived only because a person allowed it; used up of the number allowed."""
        self.gone: set[str] = set()
        """Accounts archived in this run, by the code people know (by external id without one)."""
        self._named: Counter[Action] = Counter()
        self.foreseen: list[Foreseen] = []
        """In a preview: what would be written, `MOST_FORESEEN` of each action at most."""
        self.then: set[SyncKind] = set()
        """Kinds that should run next, because this run made work for them."""

    def done(self, action: Action, count: int = 1) -> None:
        """Count records that came to this end."""
        if count:
            self.counts[action] += count

    def would(self, action: Action, records: Sequence[str]) -> None:
        """In a preview: a run would do this with these records, named as people know them."""
        self.done(action, len(records))
        room = MOST_FORESEEN - self._named[action]
        self._named[action] += len(records)
        self.foreseen += [Foreseen(one, action) for one in records[: max(0, room)]]

    def failed(self, record: str, action: str, code: str, text: str, *, count: int = 1) -> None:
        """A record (or `count` of them for one reason) could not be brought in step."""
        self.done(Action.FAILED, count)
        self.note(record, action, code, text)

    def skipped(self, record: str, code: str, text: str, *, count: int = 1) -> None:
        """A record was left alone on purpose, and a person should know why."""
        self.done(Action.SKIPPED, count)
        self.note(record, "none", code, text)

    def note(self, record: str, action: str, code: str, text: str) -> None:
        """Tell a person something without counting it."""
        if len(self.problems) < self._most:
            self.problems.append(Trouble(record, action, code, text))
        else:
            self.left_out += 1

    def tell(self, troubles: Iterable[Trouble]) -> None:
        """Records a plan left alone."""
        for one in troubles:
            self.skipped(one.record, one.code, one.text)

    def hold_back(self, ids: Iterable[str]) -> None:
        """These records of Pleo are not archived before a person allows it."""
        self.held.update(ids)

    @property
    def to_archive(self) -> int | None:
        """How many records wait for a person; None when none does."""
        return len(self.held) or None

    @property
    def counters(self) -> dict[str, Any]:
        """What `sync_runs` shows while the run is under way."""
        return {**{action.value: self.counts[action] for action in Action}, "calls": self.calls}

    @property
    def columns(self) -> dict[str, Any]:
        """As `sync_runs` keeps it."""
        return {
            **self.counters,
            "problems": [one.as_json() for one in self.problems],
            "problems_left_out": self.left_out,
            "to_archive": self.to_archive,
            "held": sorted(self.held) or None,
        }
