"""docs/sizing.md quotes the program, and the program reckons as people would by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from bench.sizing.__main__ import PAGE
from bench.sizing.given import HOURS, LIMIT, PLACES, PLACES_OF_SYNCS
from bench.sizing.model import DEFAULTS, Habits, Scale, calls_of_job, most_companies, need, simulate
from bench.sizing.tables import filled

NOTHING_ELSE = Habits(*[math.inf] * 4)


def test_the_page_has_the_tables_as_they_come_out() -> None:
    """Otherwise: `python -m bench.sizing --write`, and read the text around them again."""
    assert filled(PAGE.read_text()) == PAGE.read_text()


def test_a_page_without_a_place_for_a_table_is_noticed() -> None:
    with pytest.raises(ValueError, match="one-limit"):
        filled(PAGE.read_text().replace("<!-- one-limit -->", ""))


def test_a_day_has_all_its_exports() -> None:
    assert sum(HOURS.values()) == 100
    assert sum(Scale(1, 1_000_000).arrivals()) == pytest.approx(Scale(1, 1_000_000).jobs_on_the_busiest_day)


@pytest.mark.parametrize(("items", "calls"), [(1, 6), (25, 6), (100, 6), (101, 9), (5_000, 153)])
def test_a_job_costs_what_pleos_rules_ask_for(items: int, calls: int) -> None:
    assert calls_of_job(items) == calls


def test_below_the_limit_nothing_waits_and_above_it_exports_go_first() -> None:
    assert simulate(Scale(100, 10_000)).longest_wait == 0
    assert simulate(Scale(100, 10_000)).served == pytest.approx(1)
    crowded = simulate(Scale(100_000, 1_000_000))
    assert crowded.longest_wait == 0
    assert crowded.served < 0.1


def test_what_comes_faster_than_the_limit_waits_until_it_is_worked_off() -> None:
    """An hour of 600 calls a minute at 494 leaves 106 calls a minute over, which the hours after it are busy with."""
    busiest = 600 / calls_of_job(25) * 60 / (max(HOURS.values()) / 100)
    scale = Scale(1, int(busiest * 25 / 0.08), habits=NOTHING_ELSE)
    assert scale.exports_at_peak == pytest.approx(600, rel=1e-3)
    assert simulate(scale).longest_wait == pytest.approx(60 * (600 - LIMIT) / LIMIT, abs=10)
    assert math.isinf(simulate(replace(scale, items_a_month=scale.items_a_month * 4)).longest_wait)


def test_twice_the_exports_want_twice_the_workers_once_one_is_full() -> None:
    one, two = (
        need(scale, simulate(scale))
        for scale in (Scale(1, items, habits=NOTHING_ELSE, limit=math.inf) for items in (50_000_000, 100_000_000))
    )
    assert two.places == pytest.approx(2 * one.places)
    assert two.workers == math.ceil(two.places / PLACES) > one.workers > 1
    small = Scale(10, 1_000)
    assert need(small, simulate(small)).workers == 1


def test_syncs_of_many_companies_want_workers_of_their_own() -> None:
    """They may take half of a worker's places, and the exports nearly none."""
    crowd = Scale(100_000, 1_000, limit=math.inf)
    wanted = need(crowd, simulate(crowd))
    assert wanted.workers == math.ceil(wanted.places / PLACES_OF_SYNCS)


def test_longer_intervals_carry_more_companies() -> None:
    assert most_companies(replace(DEFAULTS, tags_minutes=240)) > most_companies(DEFAULTS)
    assert most_companies(DEFAULTS, limit=2 * LIMIT) == pytest.approx(2 * most_companies(DEFAULTS), abs=1)
