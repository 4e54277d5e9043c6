"""Whatever bookkeepers, employees and crashes do: one vendor on each side for every supplier, and then silence."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from ledgerbridge.clock import utcnow
from ledgerbridge.store.engine import Database
from ledgerbridge.store.tables import LinkPhase
from tests.integration.syncs.stage import staged, with_connections
from tests.integration.syncs.vendor_stage import VendorStage
from tests.support.double_master import vendor
from tests.support.rig import Killed

which = st.integers(0, 3)
people = st.one_of(
    st.tuples(st.sampled_from(["erp_add", "draft"]), st.booleans()),
    st.tuples(st.sampled_from(["erp_rename", "erp_off", "erp_on", "erp_delete"]), which),
    st.tuples(st.sampled_from(["pleo_rename", "pleo_archive", "pleo_activate"]), which),
)
work = st.tuples(
    st.sampled_from(["run", "poll", "event"]), st.none() | st.tuples(st.integers(0, 4), st.booleans()), which
)


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

    async def work(self, way: str, crash: tuple[int, bool] | None, value: int) -> None:
        """A run of some size on a new day, that may die in the middle."""
        self.days += 1
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
            await self.at.event(there[value % len(there)])

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


async def told(database_url: str, sandbox_url: str, steps: list[tuple[Any, ...]]) -> None:
    database = Database(database_url)
    async with database.transaction() as session:
        await session.execute(text("truncate connections cascade"))
    await database.close()
    async with staged(database_url, sandbox_url) as stage:
        story = Story(VendorStage(stage))
        story.at.erp.append(vendor(1))
        for step in steps:
            if len(step) == 3:
                await story.work(*step)
            else:
                story.step(*step)
        await story.ends_well()


@pytest.mark.rule("VEN-027", "VEN-050", "VEN-057", "VEN-066", "VEN-069", "VEN-072", "VEN-081", "VEN-082", "VEN-135")
@settings(
    max_examples=10,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(people | work, min_size=3, max_size=9))
def test_any_story_of_changes_and_crashes_ends_with_one_vendor_a_supplier(
    database_url: str, sandbox_url: str, steps: list[tuple[Any, ...]]
) -> None:
    asyncio.run(told(database_url, sandbox_url, steps))
