"""A company's days of exporting, told step by step, and what must be true after each of them (design, section 4)."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from sqlalchemy import select, text, update

from ledgerbridge import faults
from ledgerbridge.clock import utcnow
from ledgerbridge.erp.port import ErpError
from ledgerbridge.exports import (
    booking,
    claims,
    closing,
    ledger,
    report,
    resolve,
    reversal,
    reverse,
    run,
    sets,
    spool,
    standing,
)
from ledgerbridge.exports.context import Patience
from ledgerbridge.exports.ledger import LIVE, FenceLost
from ledgerbridge.exports.run import look
from ledgerbridge.store.engine import Database
from ledgerbridge.store.leases import LeaseLost
from ledgerbridge.store.tables import Credential, ExportItem, ExportJob, ItemState, Lease, Posting
from pleo_sandbox.core.faults import Fault
from pleo_sandbox.core.jobs import Job
from pleo_sandbox.core.world import World
from tests.integration.exports.story_erp import StoryAdapter, StoryBooks
from tests.support.item_counts import counted_right
from tests.support.rig import Killed, Rig, company_rig

LONG = 200_000
"""Seconds after which no call is on its way any more, and no job of before is open."""
PATIENCE = Patience(erp_down=600, pause=(0.0, 0.0, 0.0), settling=LONG / 2, interrupted=LONG / 2, vendors=0)
TIMED = (booking, claims, closing, ledger, report, resolve, reversal, reverse, run, sets, spool, standing)
SETTLABLE = (ItemState.FAILED, ItemState.UNKNOWN, ItemState.ABANDONED)
ITEMS = "/v3/export-jobs/*/items"
CHANGED = "with other contents"


@dataclass
class Story:
    """One company, its bookkeeper in Pleo, its accounting system, and every trouble they can have."""

    rig: Rig
    world: World
    books: StoryBooks
    later: dt.timedelta = dt.timedelta()
    """How far the clock of the service is ahead of the real one."""
    ids: list[str] = field(default_factory=list)
    bad: set[str] = field(default_factory=set)
    """Expenses that can never be booked."""
    changed: set[str] = field(default_factory=set)
    """Expenses that were exported with different contents at different times."""
    by_hand: dict[str, str] = field(default_factory=dict)
    """What people entered in the accounting system themselves, without our key."""
    told: set[tuple[str, str]] = field(default_factory=set)
    """Jobs and expenses that Pleo shows as successful."""
    seconds_a_call: float = 0
    wrong: list[str] = field(default_factory=list)
    """What was seen in passing and must not be."""
    disturbed: bool = False
    """Whether a fault of Pleo or a death may have kept the present look from its work."""

    # ------------------------------------------------------------------ people

    def new(self, *seeds: str) -> None:
        """Employees spend money."""
        for seed in seeds:
            made = self.rig.pleo.queue(seed)
            self.ids += made
            self.bad |= set(made if seed.startswith("bad") else ())

    def free(self) -> list[str]:
        """Expenses in no unfinished job."""
        held = {item for job in self.open_jobs() for item in job.items}
        return [entry for entry in self.ids if entry not in held]

    def press(self, entries: list[str], expires_in: int) -> None:
        """Press Export, perhaps for what was exported before."""
        self.rig.pleo.export(entries, alongside=True, expires_in=expires_in)

    def change(self, entry: str) -> None:
        """Pleo's support un-exports an expense and somebody edits it."""
        self.changed.add(entry)
        self.rig.pleo.control("POST", f"/expenses/{entry}/unexport", {"changes": {"type": "personal_spend"}})

    def remove(self, entry: str) -> None:
        """A bookkeeper deletes it in the accounting system."""
        for one in self.books.live(entry):
            del self.books.entries[one.id]

    async def settle(self, entry: str, how: str) -> bool:
        """An operator settles an item by hand, after a careful look into the books; whether there was one to settle."""
        async with self.rig.db.reading() as session:
            found = await session.execute(
                select(ExportJob, ExportItem.state)
                .join(ExportItem, ExportItem.job_id == ExportJob.id)
                .where(ExportItem.accounting_entry_id == entry)
                .order_by(ExportJob.pleo_created_at.desc())
            )
            rows = [row for row in found if row[1] in SETTLABLE or (row[1] == ItemState.BOOKED and how == "not booked")]
        if not rows:
            return False
        try:
            await self._settle(rows[0][0], entry, how)
        except (resolve.CannotResolve, ErpError):
            return False
        return True

    async def take_back(self, entry: str, dies_at: int | None) -> None:
        """A bookkeeper has the newest booking of an expense taken back, or tries to."""
        async with self.rig.db.reading() as session:
            of = (
                select(ExportJob)
                .join(ExportItem, ExportItem.job_id == ExportJob.id)
                .where(ExportItem.accounting_entry_id == entry)
                .order_by(ExportJob.pleo_created_at.desc())
            )
            jobs = list(await session.scalars(of))
        if not jobs:
            return
        with deadly(dies_at), suppress(resolve.CannotResolve, ErpError, Killed):
            await reverse.reverse(self.rig.context, jobs[0], entry, reason="Wrong", actor="admin:anna")
        await self.expire_lease()

    async def rebooks(self, yes: bool) -> None:
        """What is changed after it was booked is to be reversed and booked anew, or to fail."""
        await self.rig.configure(changed_reexport="reverse_and_rebook" if yes else "fail")

    async def _settle(self, of: ExportJob, entry: str, how: str) -> None:
        context, there = self.rig.context, self.books.live(entry)
        coming = [one for one in self.books.on_its_way if one.entry.key.accounting_entry_id == entry]
        if how == "probe":
            await resolve.probe_item(context, of, entry, "admin:anna")
        elif how == "booked" and (there or not coming):
            number = f"JE-{there[0].id}" if there else self.by_hand.get(entry, f"HAND-{entry[:8]}")
            await resolve.mark_booked(context, of, entry, reference=number, reason="I looked", actor="admin:anna")
            if not there:
                self.by_hand[entry] = number
        elif how == "not booked" and not there:
            await resolve.mark_not_booked(context, of, entry, reason="I looked", actor="admin:anna")
            if coming:
                self.wrong.append("taken for not booked while a call was on its way")
            self.by_hand.pop(entry, None)
            self.books.history.append(("told", entry))

    # ------------------------------------------------------------------ time and trouble

    def now(self) -> dt.datetime:
        return utcnow() + self.later

    def pass_time(self, seconds: float) -> None:
        """On every clock but the database's."""
        self.later += dt.timedelta(seconds=seconds)
        self.world.clock.advance(seconds)

    def long_time(self) -> None:
        """Whatever was on its way arrives; what was open at Pleo expires."""
        self.books.arrive()
        self.pass_time(LONG)

    def calling(self, what: str) -> None:
        """The accounting system is being asked."""
        self.pass_time(self.seconds_a_call + (200 if what == "down" else 0))
        working = [job for job in self.open_jobs() if job.status == "in_progress"]
        if what == "book" and len(working) > 1:
            self.wrong.append("two jobs of a company in progress while an entry is booked")

    def trouble_at_pleo(self, path: str, how: str, times: int) -> None:
        """`how` is a status, `drop before` or `drop after` the effect, `truncate`, or `refuse` outcomes."""
        match how.split():
            case ["drop", when]:
                fault = Fault("drop", path=path, times=times, after_effect=when == "after")
            case ["refuse"]:
                fault = Fault("refuse_items", path=ITEMS, times=times)
            case [status] if status.isdigit():
                fault = Fault("status", path=path, times=times, status=int(status), retry_after=0)
            case _:
                fault = Fault("truncate", path=path, times=times)
        self.world.faults.add(fault)

    async def reconnect(self) -> None:
        """The customer connects again; the credential is another."""
        room, row = self.rig.context.connections, self.rig.connection_id
        key = str(self.rig.pleo.control("POST", "/api-keys", {"company_id": self.rig.pleo.company_id})["key"])
        sealed = room.vault.seal(key, table="credentials", column="api_key_sealed", row=row)
        async with self.rig.db.transaction() as session:
            await session.execute(
                update(Credential).where(Credential.connection_id == row).values(api_key_sealed=sealed)
            )

    # ------------------------------------------------------------------ the service

    async def work(self, found_by: str, dies_at: int | None) -> None:
        """One look at the company, which may die at a fault point it passes."""
        before = self.open_jobs()
        self.disturbed = dies_at is not None or any(not fault.spent for fault in self.world.faults.all())
        with deadly(dies_at):
            try:
                await self.rig.look(found_by)
            except Killed:
                self.disturbed = True
            except (FenceLost, LeaseLost):
                self.disturbed = True
            except Exception:
                if not self.disturbed:
                    raise
        await self.expire_lease()
        if not self.disturbed:
            for each in before:
                assert not each.is_open, "an undisturbed look leaves a job open"
                assert each.failure_reason_type != "job_expired", "a job expired in our hands (invariant 10)"

    async def taken_over(self) -> None:
        """Another worker takes the company while this one waits for an answer."""
        self.disturbed = True
        await self.expire_lease()
        other = replace(self.rig.context, worker="another")
        try:
            await asyncio.create_task(look(other, self.rig.connection_id, "recovery"))
        except Killed:
            pass
        except Exception as error:
            self.wrong.append(f"the other worker failed: {error!r}")

    async def expire_lease(self) -> None:
        async with self.rig.db.transaction() as session:
            await session.execute(update(Lease).values(expires_at=text("clock_timestamp()")))

    # ------------------------------------------------------------------ what must be true

    def open_jobs(self) -> list[Job]:
        return [each for each in self.jobs() if each.is_open]

    def jobs(self) -> list[Job]:
        """Oldest first."""
        return self.world.jobs.all()[::-1]

    async def holds(self) -> None:
        """Invariants 1 to 4, of which none may be broken at any moment."""
        assert not self.wrong, self.wrong
        assert not self.books.doubled, "taken back twice"
        self._once()
        self._never_blind()
        self._one_at_a_time()
        await self._written_down()
        await counted_right(self.rig.db, self.rig.connection_id)
        self._true_at_pleo()

    def _once(self) -> None:
        for entry in self.ids:
            number = len(self.books.live(entry)) + (entry in self.by_hand)
            assert number <= 1, f"booked {number} times (invariant 1)"

    def _never_blind(self) -> None:
        doubted: set[str] = set()
        for what, entry in self.books.history:
            if what == "asked":
                assert entry not in doubted, "posted again without a look after a lost reply (invariant 3)"
            doubted.discard(entry)
            if what == "lost":
                doubted.add(entry)

    def _one_at_a_time(self) -> None:
        jobs = self.jobs()
        for place, newer in enumerate(jobs):
            for older in jobs[:place] if newer.started_at else ():
                ended = older.completed_at
                assert ended is not None, "a newer job was started before an older one had ended (invariant 4)"
                assert newer.started_at is not None
                assert ended <= newer.started_at, "two jobs of a company at once (invariant 4)"

    async def _written_down(self) -> None:
        async with self.rig.db.reading() as session:
            rows = await session.scalars(select(Posting.accounting_entry_id).where(Posting.state.in_(LIVE)))
            known = set(rows)
        stand = {one.entry.key.accounting_entry_id for one in self.books.entries.values() if one.taken_back is None}
        assert stand <= known, "an entry stands in the books and the ledger does not know it (invariant 2)"

    def _true_at_pleo(self) -> None:
        for each in self.jobs():
            for item in each.items.values():
                if item.status != "successful" or (each.id, item.entry_id) in self.told:
                    continue
                self.told.add((each.id, item.entry_id))
                numbers = {f"JE-{one.id}" for one in self.books.live(item.entry_id)}
                numbers |= {self.by_hand[item.entry_id]} if item.entry_id in self.by_hand else set()
                assert item.external_id in numbers, "successful at Pleo and not in the books (invariant 2)"

    async def ends_well(self) -> None:
        """Once the troubles are over and people did their part, everything is booked once, or its reason stands."""
        self.world.faults.clear()
        self.books.trouble = {}
        self.seconds_a_call = 0
        self.long_time()
        await self.work("poll", None)
        for entry in self.ids:
            there = bool(self.books.live(entry)) or entry in self.by_hand
            if not self.books.capabilities.can_probe:
                await self.settle(entry, "booked" if there else "not booked")
        if self.ids:
            self.press(self.free(), 3600)
            await self.work("manual", None)
        await self.holds()
        for entry in self.ids:
            item = self.jobs()[-1].items[entry]
            there = len(self.books.live(entry)) + (entry in self.by_hand)
            if entry in self.bad and entry not in self.by_hand:
                assert (item.status, there) == ("failed", 0)
            elif item.status == "failed":
                assert entry in self.changed, f"never booked: {item.failure_reason}"
                assert CHANGED in (item.failure_reason or "")
                assert there == 1, "lost"
            else:
                assert (item.status, there) == ("successful", 1), "lost"


@contextmanager
def deadly(at: int | None) -> Iterator[None]:
    """Raises `Killed` at the fault point passed after `at` others."""
    left = at

    def hook(_: str) -> None:
        nonlocal left
        if left is None:
            return
        if left == 0:
            left = None
            raise Killed
        left -= 1

    faults.install(hook)
    try:
        yield
    finally:
        faults.install(None)


class Telling:
    """Opens a story with an event loop of its own, and closes it."""

    def __init__(self, database_url: str, sandbox_url: str, world: World) -> None:
        self._loop = asyncio.new_event_loop()
        self._patch = pytest.MonkeyPatch()
        world.reset()
        self.run(_emptied(database_url))
        books = StoryBooks()
        self._company = company_rig(database_url, sandbox_url, books=books, patience=PATIENCE, lease_seconds=600)
        rig = self.run(self._company.__aenter__())
        rig.context.connections.erps["double"] = StoryAdapter(books)  # type: ignore[index]
        self.story = Story(rig, world, books)
        books.passing, books.takeover = self.story.calling, self.story.taken_over
        for module in TIMED:
            self._patch.setattr(module, "utcnow", self.story.now)

    def run(self, step: Any) -> Any:
        return self._loop.run_until_complete(step)

    def close(self) -> None:
        self._patch.undo()
        try:
            self.run(self._company.__aexit__(None, None, None))
        finally:
            self._loop.close()


async def _emptied(database_url: str) -> None:
    database = Database(database_url)
    async with database.transaction() as session:
        await session.execute(text("truncate connections, audit_log cascade"))
    await database.close()
