"""Rows as operators' pages show them: states as words with a tone, and what was refused in words."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from ledgerbridge.exports.glance import NOT_BOOKED
from ledgerbridge.exports.queries import JobSummary
from ledgerbridge.ops.overview import Overview
from ledgerbridge.ops.roster import Trouble
from ledgerbridge.store.tables import ItemState, JobEvent, PostingState, SyncRun
from ledgerbridge.syncs.freshness import Freshness
from ledgerbridge.web.console import tones
from ledgerbridge.web.console.customer.showing import State as Shown
from ledgerbridge.web.console.customer.showing import word
from ledgerbridge.web.console.page import FieldError
from ledgerbridge.web.problems import HttpProblem
from ledgerbridge.web.refusals import problem_of
from ledgerbridge.web.texts import text

PAGE = 50
"""Rows on a page."""
_POSTING: Mapping[str, str] = {
    PostingState.BOOKED: "good",
    PostingState.UNKNOWN: "bad",
    PostingState.INTENDED: "wait",
}
_GRAVE = (Trouble.UNKNOWN, Trouble.RECONNECT, Trouble.LAST_EXPORT)
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_MOST_OF_A_DETAIL = 400


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a job's timeline with everything that was noted."""

    row: JobEvent
    name: str
    details: Sequence[tuple[str, str]]


def connection(status: str) -> Shown:
    """The status of a connection."""
    return Shown(word("common.connection.", status), tones.CONNECTION.get(status, "off"))


def trouble(one: Trouble) -> Shown:
    """Something that is wrong with a connection."""
    return Shown(text(f"admin.trouble.{one}"), "bad" if one in _GRAVE else "wait")


def freshness(one: Freshness) -> Shown:
    """How far to trust what Pleo shows of a kind."""
    return Shown(text(f"common.sync.{one.state}"), tones.FRESHNESS.get(one.state, "off"))


def job(status: str) -> Shown:
    """Of an export job at Pleo."""
    return Shown(word("common.job.", status), tones.JOB.get(status, "off"))


def item(state: str) -> Shown:
    """Of an item; customers read that an unknown one is being checked, operators are the ones who check."""
    said = text("common.posting.unknown") if state == ItemState.UNKNOWN else word("common.item.", state)
    return Shown(said, "bad" if state == ItemState.UNKNOWN else tones.ITEM.get(state, "off"))


def posting(state: str) -> Shown:
    """Of a posting."""
    return Shown(word("common.posting.", state), _POSTING.get(state, "off"))


def reversal(state: str) -> Shown:
    """Of taking a posting back."""
    return Shown(word("admin.reversal.", state), "off" if state == "reversed" else "bad")


def run(row: SyncRun) -> Shown:
    """Of a sync run."""
    return Shown(word("common.sync.", row.status), tones.RUN.get(row.status, "off"))


def counts(found: JobSummary) -> str:
    """What became of the items: "120 items: 117 booked, 3 failed"."""
    numbers = found.items
    parts = [
        ("booked", numbers.get(ItemState.BOOKED, 0)),
        ("nothing", numbers.get(ItemState.NOTHING_TO_POST, 0)),
        ("failed", sum(numbers.get(state, 0) for state in NOT_BOOKED)),
        ("unknown", numbers.get(ItemState.UNKNOWN, 0)),
        ("waiting", numbers.get(ItemState.WAITING, 0)),
    ]
    said = [text(f"admin.counts.{name}", number=f"{number:,}") for name, number in parts if number]
    total = text("admin.counts.items", count=found.job.number_of_items)
    return f"{total}: {', '.join(said)}" if said else total


def steps(rows: Sequence[JobEvent]) -> list[Step]:
    """A timeline, nothing left out of it."""
    return [
        Step(row, _plain(row.name), [(_plain(name), _short(value)) for name, value in row.detail.items()])
        for row in rows
    ]


def name_of(found: Overview) -> str:
    """What a connection is called: its company's name, or its id."""
    return found.connection.company_name or found.connection.company_id


def sample(words: str) -> list[tuple[str, str | None]]:
    """A violation's ids with the page each leads to: first the company, then what the word before it says."""
    shown: list[tuple[str, str | None]] = []
    parts, before = words.split(" "), ""
    for position, part in enumerate(parts):
        path = None
        if position == 0 and _UUID.fullmatch(part):
            path = f"/admin/connections/{part}"
        elif before in _PATHS and _UUID.fullmatch(part):
            path = _PATHS[before].format(part)
        elif before == "entry" and "job" in parts:
            path = f"/admin/exports/{parts[parts.index('job') + 1]}/items/{quote(part, safe='')}"
        shown.append((part, path))
        before = part
    return shown


_PATHS = {"job": "/admin/exports/{}", "jobs": "/admin/exports/{}", "run": "/admin/syncs/{}"}


async def refused(work: Awaitable[object]) -> list[FieldError]:
    """Do what was pressed; what kept it from being done, in words, or nothing. Raises what is nobody's refusal."""
    try:
        await work
    except Exception as error:
        problem = error if isinstance(error, HttpProblem) else problem_of(error)
        if problem.errors:
            return [FieldError(one.path, f"{problem.detail} {one.message}") for one in problem.errors]
        return [FieldError("", problem.detail)]
    return []


def _plain(name: str) -> str:
    return name.replace("_", " ").capitalize()


def _short(value: object) -> str:
    said = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return said if len(said) <= _MOST_OF_A_DETAIL else f"{said[:_MOST_OF_A_DETAIL]} …"
