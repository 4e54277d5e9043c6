"""Whatever bookkeepers, employees and crashes do: one vendor on each side for every supplier, and then silence."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import sys
from collections import Counter
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from sqlalchemy import text

from ledgerbridge.clock import utcnow
from ledgerbridge.store.engine import Database
from ledgerbridge.store.tables import LinkPhase
from ledgerbridge.syncs.vendors.resolve import CannotResolve, resolve
from tests.integration.syncs.stage import Stage, staged, with_connections
from tests.integration.syncs.vendor_stage import VendorStage
from tests.support.depth import enough_time, stories
from tests.support.double_master import vendor
from tests.support.erp_double import lost_reply
from tests.support.rig import Killed

which = st.integers(0, 3)
new = st.sampled_from(["erp_add", "draft"])
edit = st.sampled_from(
    ["erp_rename", "erp_off", "erp_on", "erp_delete", "pleo_rename", "pleo_archive", "pleo_activate"]
)
ways = st.sampled_from(["run", "poll", "event", "event twice"])
crash = st.none() | st.tuples(st.integers(0, 4), st.booleans())
lost = st.sampled_from(["", "", "erp create", "POST", "PUT"])
"""Where the reply to a write does not come."""


@dataclass
class Story:
    """One company's days."""

    at: VendorStage
    days: int = 0
    made: int = 0
    by_people: set[str] = field(default_factory=set)
    """Pleo vendors a person archived."""
    undecided: set[str] = field(default_factory=set)
    """Drafts that no ERP vendor ever stood behind."""

    def step(self, what: str, value: Any) -> None:
        """Somebody changes something, in the ERP or in Pleo."""
        if what == "erp_add":
            self.made += 1
            number = 10 + self.made
            self.at.erp.append(vendor(number, tax_registration_number=f"DK0000{number:04}" if value else None))
        elif what == "draft":
            taken = [one.tax_registration_number for one in self.at.erp if one.tax_registration_number]
            drafted = {one.get("taxRegistrationNumber") for one in self.at.pleo.values()}
            free = [one for one in taken if one not in drafted]
            self.made += 1
            known = {"taxRegistrationNumber": free[0]} if value and free else {}
            self.undecided.add(self.at.draft(f"Draft {self.made}", **known))
        elif what.startswith("erp"):
            self._in_erp(what, value)
        else:
            self._in_pleo(what, value)

    def _in_erp(self, what: str, value: int) -> None:
        some = [one for one in self.at.erp if one.id != "1"]  # one supplier stays, or the list would be unbelievable
        if not some:
            return
        one = some[value % len(some)]
        if what == "erp_delete":
            self.at.erp.remove(one)
        elif what == "erp_rename":
            self.at.stage.master.change(one.id, name=f"{one.name}!")
        else:
            self.at.stage.master.change(one.id, active=what == "erp_on")

    def _in_pleo(self, what: str, value: int) -> None:
        there = list(self.at.pleo.values())
        if not there:
            return
        one = there[value % len(there)]
        if what == "pleo_rename":
            self.at.edit(one["id"], name=f"{one['name']}?")
        elif what == "pleo_archive":
            self.at.edit(one["id"], state="ARCHIVED")
            self.by_people.add(one["id"])
        elif one["state"] == "ARCHIVED" and one.get("externalId"):
            self.at.edit(one["id"], state="ACTIVE")

    async def work(self, way: str, crash: tuple[int, bool] | None, value: int, lost: str = "") -> None:
        """A run of some size on a new day, that may lose a reply or die in the middle."""
        self.days += 1
        self.at.stage.rig.pleo.control("DELETE", "/faults")
        self.at.stage.rig.books.after.clear()
        if lost == "erp create":
            self.at.stage.rig.books.after["create_vendor"] = [lost_reply()]
        elif lost:
            self.at.stage.fault("drop", lost, "/v1/vendors**", after_effect=True)
        now = utcnow() + dt.timedelta(days=self.days)
        stage = self.at.stage
        stage.syncs = with_connections(stage.syncs, now=lambda: now)
        there = list(self.at.pleo)
        try:
            if crash is None:
                await self._work(way, there, value)
            else:
                with self.at.killing_after(crash[0], before=crash[1]):
                    await self._work(way, there, value)
        except* Killed:
            pass
        await stage.rig.expire_lease()

    async def _work(self, way: str, there: list[str], value: int) -> None:
        if way == "run":
            await self.at.run()
        elif way == "poll":
            await self.at.poll()
        elif there:
            for _ in range(1 + way.endswith("twice")):
                await self.at.event(there[value % len(there)])

    async def decide(self, action: str, value: int) -> None:
        """A person decides about a vendor, if it waits for that."""
        there, suppliers = list(self.at.pleo), self.at.erp
        if not there:
            return
        one = there[value % len(there)]
        erp_id = suppliers[value % len(suppliers)].id if action == "link" else None
        with contextlib.suppress(CannotResolve):
            await resolve(self.at.stage.syncs, self.at.stage.connection_id, one, action, "admin:anna", erp_id=erp_id)
            self.by_people.add(one)

    async def holds(self) -> None:
        """What no moment may break: one supplier is one vendor on each side, and one link."""
        made = Counter(one.pleo_id for one in self.at.erp if one.pleo_id)
        assert max(made.values(), default=0) <= 1, "two vendors in the ERP for one draft"
        active = Counter(one["externalId"] for one in self.at.pleo.values() if one["state"] == "ACTIVE")
        assert max(active.values(), default=0) <= 1, "two active vendors in Pleo for one supplier"
        tied = Counter(one.erp_id for one in await self.at.links() if one.phase == LinkPhase.LINKED)
        assert max(tied.values(), default=0) <= 1, "one supplier linked with two vendors of Pleo"

    async def ends_well(self) -> None:
        """After enough undisturbed runs both sides agree and nothing is written any more."""
        for _ in range(4):
            await self.work("run", None, 0)
        assert self.at.writes() == []
        vendors, links = self.at.pleo, {one.pleo_id: one for one in await self.at.links()}
        active = Counter(one.get("externalId") for one in vendors.values() if one["state"] == "ACTIVE")
        waits = [one for one in links.values() if one.note and one.pleo_id in vendors]
        numbers = {vendors[one.pleo_id].get("taxRegistrationNumber") for one in waits} - {None}
        for one in self.at.erp:
            for_a_person = one.tax_registration_number in numbers or one.id in {each.erp_id for each in waits}
            assert active[one.id] == int(one.active) or (for_a_person and active[one.id] <= 1), f"vendor {one.id}"
        assert set(active) <= {one.id for one in self.at.erp}, "active in Pleo without a supplier"
        made = Counter(one.pleo_id for one in self.at.erp if one.pleo_id)
        assert max(made.values(), default=0) <= 1, "two vendors in the ERP for one draft"
        for key in self.undecided - self.by_people:
            known = links.get(key)
            ours = known is not None and known.erp_id is not None
            assert vendors[key]["state"] != "ARCHIVED" or ours, "an undecided draft was archived"
            assert vendors[key]["state"] != "DRAFT" or (known is not None and known.phase == LinkPhase.PARKED)


class VendorMachine(RuleBasedStateMachine):
    """Steps of a story, in any order; `Story.holds` after each, `Story.ends_well` after the last."""

    where: tuple[str, str]
    """Database and sandbox; set by the test."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.staged = self.loop.run_until_complete(_staged(*self.where))
        self.story = Story(VendorStage(self.loop.run_until_complete(self.staged.__aenter__())))
        self.story.at.erp.append(vendor(1))

    @rule(what=new, number=st.booleans())
    def appears(self, what: str, number: bool) -> None:
        self.story.step(what, number)

    @rule(what=edit, one=which)
    def changes(self, what: str, one: int) -> None:
        self.story.step(what, one)

    @rule(way=ways, crash=crash, one=which, lost=lost)
    def works(self, way: str, crash: tuple[int, bool] | None, one: int, lost: str) -> None:
        self.loop.run_until_complete(self.story.work(way, crash, one, lost))

    @rule(action=st.sampled_from(["link", "create", "archive"]), one=which)
    def decides(self, action: str, one: int) -> None:
        self.loop.run_until_complete(self.story.decide(action, one))

    @invariant()
    def holds(self) -> None:
        self.loop.run_until_complete(self.story.holds())

    def teardown(self) -> None:
        try:
            if sys.exc_info()[0] is None:
                self.loop.run_until_complete(self.story.ends_well())
        finally:
            self.loop.run_until_complete(self.staged.__aexit__(None, None, None))
            self.loop.close()


async def _staged(database_url: str, sandbox_url: str) -> AbstractAsyncContextManager[Stage]:
    database = Database(database_url)
    async with database.transaction() as session:
        await session.execute(text("truncate connections cascade"))
    await database.close()
    return staged(database_url, sandbox_url)


@pytest.mark.rule("VEN-027", "VEN-050", "VEN-057", "VEN-066", "VEN-069", "VEN-072", "VEN-081", "VEN-082", "VEN-135")
@enough_time
def test_any_story_of_changes_and_crashes_ends_with_one_vendor_a_supplier(database_url: str, sandbox_url: str) -> None:
    class Machine(VendorMachine):
        where = database_url, sandbox_url

    run_state_machine_as_test(Machine, settings=stories(8, 9))
