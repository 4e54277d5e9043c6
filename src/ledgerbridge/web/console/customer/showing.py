"""Rows as a customer's pages show them: states as words with a tone, amounts, links, and what to do next."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from ledgerbridge.bookkeeping.failures import CONFIG_PAGE
from ledgerbridge.bookkeeping.period import local_date
from ledgerbridge.bookkeeping.problem import TABLE, Failed, Failure, Kind
from ledgerbridge.exports.glance import GOOD, NOT_BOOKED
from ledgerbridge.exports.queries import ItemSummary, JobSummary
from ledgerbridge.pleo.items import UnreadableItem, parse_item
from ledgerbridge.store import tables
from ledgerbridge.store.tables import ItemState, PostingState, ReversalState
from ledgerbridge.web.console import tones
from ledgerbridge.web.texts import known, text

_SETTINGS_CAN_MEND = (Kind.CONFIG, Kind.AUTH)
"""And what tells people of our settings in its own words."""


@dataclass(frozen=True, slots=True)
class State:
    """A state as people read it."""

    word: str
    tone: str
    """good, wait, bad or off."""


@dataclass(frozen=True, slots=True)
class Job:
    """An export job on a page."""

    row: tables.ExportJob
    state: State
    booked: int
    nothing: int
    """Done with nothing to book."""
    failed: int
    unknown: int
    waiting: int
    open: bool
    """Not closed yet."""

    @property
    def items(self) -> int:
        """As many as there are, or as Pleo announced while not all are known."""
        return max(self.row.number_of_items, self.done + self.unknown + self.waiting)

    @property
    def done(self) -> int:
        """Items whose outcome is known."""
        return self.booked + self.nothing + self.failed


@dataclass(frozen=True, slots=True)
class Spent:
    """What the expense is, as far as we hold it."""

    who: str | None = None
    """The merchant or vendor."""
    about: str | None = None
    """What the employee wrote."""
    day: dt.date | None = None
    """Of the expense; an entry has a day of its own."""
    amount: Decimal | None = None
    currency: str = ""
    kind: str | None = None
    """In words."""


@dataclass(frozen=True, slots=True)
class Item:
    """An item of an export job on a page."""

    row: tables.ExportItem
    posting: tables.Posting | None
    state: State
    spent: Spent
    reason: str | None
    settings_can_mend: bool
    """The reason is one that our own settings page is the place for."""
    booked_since: bool
    """It failed here, and stands in the ERP by now."""
    next: str | None
    """Name of the text that says whether to export it again."""
    reversed: bool


def job(summary: JobSummary) -> Job:
    """A job with its counts."""
    row, counts = summary.job, summary.items
    return Job(
        row=row,
        state=State(word("common.job.", row.pleo_status), tones.JOB.get(row.pleo_status, "wait")),
        booked=counts.get(ItemState.BOOKED, 0),
        nothing=counts.get(ItemState.NOTHING_TO_POST, 0),
        failed=_sum(counts, NOT_BOOKED),
        unknown=counts.get(ItemState.UNKNOWN, 0),
        waiting=counts.get(ItemState.WAITING, 0),
        open=row.phase != tables.JobPhase.CLOSED,
    )


def item(found: ItemSummary, time_zone: str, *, booked_since: bool = False) -> Item:
    """An item, its day that of the company's time zone; `booked_since`: its entry stands in the ERP, whatever became
    of it in this job."""
    row, posting = found.item, found.posting
    taken_back = posting is not None and posting.state == PostingState.REVERSED
    return Item(
        row=row,
        posting=posting if posting is not None and posting.state != PostingState.NOT_BOOKED else None,
        state=_item_state(row.state, posting),
        spent=spent(row, posting, time_zone),
        reason=row.failure_reason,
        settings_can_mend=_settings_can_mend(row.failure),
        booked_since=booked_since and row.state in NOT_BOOKED,
        next=_next(row, posting, booked_since=booked_since),
        reversed=taken_back and posting is not None and posting.reversal_state == ReversalState.REVERSED,
    )


def spent(row: tables.ExportItem, posting: tables.Posting | None, time_zone: str) -> Spent:
    """From the payload while the job is open; later from what was kept of it, the amount from the ledger."""
    if row.payload is not None:
        try:
            read = parse_item(row.payload)
        except UnreadableItem:
            return Spent()
        who = read.vendor.name if read.vendor else read.supplier.name if read.supplier else None
        money = read.amount.wallet
        day = local_date(read.date, time_zone)
        known_day = read.date.date() if isinstance(day, Failed) else day
        return Spent(who, read.note, known_day, money.decimal, money.currency, kind(read.type))
    kept = _glanced(row.glance or {}, time_zone)
    if posting is None or posting.state == PostingState.NOT_BOOKED:
        return kept
    return replace(kept, amount=Decimal(posting.total), currency=posting.currency)


def _glanced(kept: Mapping[str, Any], time_zone: str) -> Spent:
    minor, said, name = kept.get("minor"), kept.get("date"), kept.get("type")
    day = None
    with contextlib.suppress(ValueError, TypeError):
        read = dt.datetime.fromisoformat(said or "")
        found = local_date(read if read.tzinfo else read.replace(tzinfo=dt.UTC), time_zone)
        day = read.date() if isinstance(found, Failed) else found
    return Spent(
        day=day,
        amount=Decimal(minor).scaleb(-2) if minor is not None else None,
        currency=kept.get("currency") or "",
        kind=kind(name) if name else None,
    )


def kind(name: str) -> str:
    """A type of Pleo's in words, also one that nobody has told us of."""
    return text(f"exports.type.{name}") if known(f"exports.type.{name}") else name.replace("_", " ").capitalize()


def word(table: str, name: str) -> str:
    """The word for a state, from the texts whose names begin with `table`; the state itself where there is none, since
    Pleo may invent one."""
    return text(f"{table}{name}") if known(f"{table}{name}") else name.replace("_", " ").capitalize()


def steps(found: Sequence[tables.JobEvent]) -> list[dict[str, Any]]:
    """A timeline in words; reports that follow each other are one step."""
    shown: list[dict[str, Any]] = []
    for row in found:
        if shown and row.name == "reported" == shown[-1]["name"]:
            shown[-1]["until"] = row.at
            shown[-1]["values"]["count"] += _whole(row.detail.get("items"))
            continue
        shown.append({"name": row.name, "at": row.at, "until": None, "values": _values(row)})
    return [{"at": one["at"], "until": one["until"], "text": _said(one)} for one in shown]


def _said(step: Mapping[str, Any]) -> str:
    name = f"exports.step.{step['name']}"
    return text(name, **step["values"]) if known(name) else str(step["name"]).replace("_", " ").capitalize()


def _values(row: tables.JobEvent) -> dict[str, Any]:
    detail = row.detail
    count = detail.get("groups") if row.name == "settled" else detail.get("items")
    return {
        "count": _whole(count),
        "version": detail.get("config_version", ""),
        "reason": detail.get("reason") or "",
        "found_by": word("exports.found_by.", str(detail.get("found_by", ""))),
    }


def _whole(value: object) -> int:
    return value if isinstance(value, int) else 0


def _item_state(state: str, posting: tables.Posting | None) -> State:
    if posting is not None and state in GOOD and posting.state == PostingState.REVERSED:
        return State(text("common.posting.reversed"), "off")
    if posting is not None and state in NOT_BOOKED and posting.state == PostingState.UNKNOWN:
        return State(text("common.item.unknown"), "wait")
    return State(word("common.item.", state), tones.ITEM.get(ItemState(state), "off"))


def _settings_can_mend(failure: str | None) -> bool:
    if failure not in set(Failure):
        return False
    row = TABLE[Failure(failure)]
    return row.kind in _SETTINGS_CAN_MEND or CONFIG_PAGE in row.text


def _next(row: tables.ExportItem, posting: tables.Posting | None, *, booked_since: bool) -> str | None:
    if posting is not None and posting.state == PostingState.REVERSED:
        return "exports.next.reversed"
    if row.state in NOT_BOOKED:
        if booked_since:
            return "exports.next.booked_since"
        if posting is not None and posting.state == PostingState.UNKNOWN:
            return "exports.next.unknown"
        return "exports.next.not_worked" if row.state == ItemState.ABANDONED else "exports.next.failed"
    return "exports.next.unknown" if row.state == ItemState.UNKNOWN else None


def _sum(counts: Mapping[str, int], states: Sequence[ItemState]) -> int:
    return sum(counts.get(state, 0) for state in states)
