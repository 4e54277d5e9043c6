"""Whatever people, networks and crashes do to exports: every expense is in the books once or in front of a person."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from pleo_sandbox.config import SandboxConfig
from pleo_sandbox.server import Running, running
from tests.integration.exports.story import ITEMS, Telling
from tests.integration.exports.story_erp import BOOKINGS, LOOKS, REVERSALS
from tests.support.depth import enough_time, stories

Trouble = tuple[str, str, int]
"""Where at Pleo, what, and how often."""
EVENTS, DATA = "/v3/export-job-events", "/v3/export-items"
SEEDS = ("fee", "fee", "card_purchase", "receipt_jpeg", "bad_no_account")

PEOPLE = ("spends", "changes", "removes", "cancels", "reconnects", "takes back", "probe", "booked", "not booked")
"""What people do; the last three settle an item by hand."""

seeds = st.lists(st.sampled_from(SEEDS), min_size=1, max_size=3)
which = st.integers(0, 5)
reversals = st.lists(st.sampled_from(["", *REVERSALS]), max_size=2)
bookings = st.lists(st.sampled_from(["", *BOOKINGS]), max_size=4)
searches = st.lists(st.sampled_from(["", *LOOKS]), max_size=2) | st.sampled_from([[what] * 9 for what in LOOKS])
pleo = st.none() | st.tuples(
    st.sampled_from([EVENTS, ITEMS, ITEMS, DATA, "/v3/export-jobs"]),
    st.sampled_from(["drop before", "drop after", "429", "503", "truncate", "refuse"]),
    st.sampled_from([1, 1, 9]),
)
slow = st.sampled_from([0, 0, 0, 400, 700])
"""Seconds a call to the accounting system takes."""
DAYS = (
    [what for what in BOOKINGS if what.startswith(("lost", "a bug", "refused", "period"))],
    [what for what in BOOKINGS if what.startswith(("dies", "taken"))],
    ["down"],
)
death = st.none() | st.integers(0, 70)
"""At which fault point the worker dies."""


class ExportMachine(RuleBasedStateMachine):
    """Steps of a story, in any order; `Story.holds` after each, `Story.ends_well` after the last."""

    telling: Telling
    """Opens the story; set by the test."""

    @initialize(
        searchable=st.sampled_from([True, True, False]), seeds=seeds, trouble=st.sampled_from(BOOKINGS), dies_at=death,
        rebooks=st.booleans(), at_once=st.sampled_from([(1, 1), (3, 1), (2, 2), (1, 2)]),
    )  # fmt: skip
    def begin(
        self, searchable: bool, seeds: list[str], trouble: str, dies_at: int | None, rebooks: bool,
        at_once: tuple[int, int],
    ) -> None:  # fmt: skip
        """The first expenses are exported, and something goes wrong at once."""
        self.story = self.telling.story
        self.story.books.searchable(searchable)
        self.story.books.takes(*at_once)
        self.telling.run(self.story.rebooks(rebooks))
        self.story.new(*seeds)
        self.day(False, 63, "webhook", [trouble], [], [], None, 0, dies_at)

    @rule(
        late=st.booleans(), press=st.integers(0, 63), found_by=st.sampled_from(["webhook", "poll", "recovery"]),
        bookings=bookings, searches=searches, reversals=reversals, pleo=pleo, slow=slow, dies_at=death,
    )  # fmt: skip
    def day(
        self, late: bool, press: int, found_by: str, bookings: list[str], searches: list[str], reversals: list[str],
        pleo: Trouble | None, slow: int, dies_at: int | None,
    ) -> None:  # fmt: skip
        """Perhaps after a long time, somebody presses Export, and the worker looks."""
        story = self.story
        if late:
            story.long_time()
        chosen = [entry for place, entry in enumerate(story.free()) if press >> (place % 6) & 1]
        if chosen:
            story.press(chosen, 1800 if slow else 3600)
        story.world.faults.clear()
        story.books.trouble = {"book": list(bookings), "find": list(searches), "reverse": list(reversals)}
        story.seconds_a_call = slow
        if pleo is not None:
            story.trouble_at_pleo(*pleo)
        self.telling.run(story.work(found_by, dies_at))

    @rule(what=st.sampled_from(PEOPLE), one=which, seeds=seeds, reversals=reversals, dies_at=death)
    def person(self, what: str, one: int, seeds: list[str], reversals: list[str], dies_at: int | None) -> None:
        """Somebody does something, if there is something to do it to."""
        story = self.story
        entry = story.ids[one % len(story.ids)]
        match what:
            case "spends":
                story.new(*seeds)
            case "changes" if entry in story.free() and entry not in story.bad:
                story.change(entry)
            case "removes" if story.books.capabilities.can_probe:
                story.remove(entry)
            case "cancels" if story.open_jobs():
                story.world.jobs.cancel(story.open_jobs()[0])
            case "reconnects":
                self.telling.run(story.reconnect())
            case "takes back":
                story.books.trouble["reverse"] = list(reversals)
                self.telling.run(story.take_back(entry, dies_at))
            case "probe" | "booked" | "not booked":
                self.telling.run(story.settle(entry, what))

    @invariant()
    def holds(self) -> None:
        self.telling.run(self.story.holds())

    def teardown(self) -> None:
        try:
            if sys.exc_info()[0] is None and hasattr(self, "story"):
                self.telling.run(self.story.ends_well())
        finally:
            self.telling.close()


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Running]:
    with running(SandboxConfig(page_cap=100)) as served:
        yield served


RULES = pytest.mark.rule(
    "EXP-IDEM-01", "EXP-IDEM-03", "EXP-IDEM-06", "EXP-IDEM-07", "EXP-REC-01", "EXP-REC-03", "EXP-REC-04",
    "EXP-ORDER-01", "EXP-ORDER-02", "EXP-EXPIRE-01", "EXP-EXPIRE-03", "EXP-UPD-08",
)  # fmt: skip


@RULES
@pytest.mark.parametrize(
    ("searchable", "batch"),
    [(True, 1), (False, 1), (True, 5), (False, 5)],
    ids=["searchable", "not-searchable", "searchable-batch", "not-searchable-batch"],
)
def test_every_trouble_while_booking_ends_with_every_expense_booked_once(
    database_url: str, sandbox: Running, searchable: bool, batch: int
) -> None:
    telling = Telling(database_url, sandbox.url, sandbox.sandbox.world)
    story = telling.story
    story.books.searchable(searchable)
    story.books.takes(batch, 1)
    try:
        story.new(*["fee"] * len(BOOKINGS), "bad_no_account")
        for troubles in DAYS:
            story.press(story.free(), 3600)
            story.books.trouble["book"] = list(troubles)
            for found_by in ("webhook", *["recovery"] * sum(what.startswith("dies") for what in troubles)):
                telling.run(story.work(found_by, None))
                telling.run(story.holds())
        telling.run(story.ends_well())
    finally:
        telling.close()


@RULES
@enough_time
def test_any_story_of_exports_ends_with_every_expense_booked_once(database_url: str, sandbox: Running) -> None:
    class Machine(ExportMachine):
        def __init__(self) -> None:
            super().__init__()
            self.telling = Telling(database_url, sandbox.url, sandbox.sandbox.world)

    run_state_machine_as_test(Machine, settings=stories(8, 10))
