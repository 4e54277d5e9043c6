"""The arithmetic: calls, a simulated day, and what it needs."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from bench.sizing.given import (
    ACCOUNTS,
    BLOAT,
    BUSIEST_DAY,
    BUSY,
    BYTES,
    DAY_MINUTES,
    DRAFTS_MINUTES,
    DRAFTS_SPARED,
    ERP_READ_SECONDS,
    ERP_SECONDS,
    EVENTS,
    HOURS,
    ITEM_MS,
    ITEM_STATEMENTS,
    ITEMS_A_JOB,
    JOB_MS,
    JOB_STATEMENTS,
    KEPT_DAYS,
    LIMIT,
    LISTS_MINUTES,
    LOOK_MS,
    LOOK_STATEMENTS,
    PLACES,
    PLACES_OF_SYNCS,
    PLEO_SECONDS,
    POLL_EARLY,
    POLL_SHARE,
    POOL,
    RELIED_MINUTES,
    RELIED_ON,
    TAG_GROUPS,
    TAGS_MINUTES,
    TAX_CODES,
    VENDORS,
    WATCHED_MINUTES,
    WORKER_POOL,
    YEARS_OF_POSTINGS,
)
from ledgerbridge.pleo.export import MAX_UPDATES
from ledgerbridge.pleo.paging import PAGE_SIZE


def pages(records: int) -> int:
    return -(-records // PAGE_SIZE)


def calls_of_job(items: int) -> int:
    """List, started, every page of both layers, a report for every hundred items, the end."""
    return 3 + 2 * pages(items) + -(-items // MAX_UPDATES)


def seconds_of_job(items: int) -> float:
    """How long a job holds its place, when nobody makes it wait."""
    return calls_of_job(items) * PLEO_SECONDS + items * ERP_SECONDS


@dataclass(frozen=True, slots=True)
class Habits:
    """What comes round for each company, whether or not it exports."""

    relied_minutes: float = RELIED_MINUTES
    drafts_minutes: float = DRAFTS_MINUTES
    tags_minutes: float = TAGS_MINUTES
    lists_minutes: float = LISTS_MINUTES

    @property
    def polls(self) -> float:
        """Calls a minute that list export jobs."""
        each = RELIED_ON / self.relied_minutes + (1 - RELIED_ON) / min(WATCHED_MINUTES, self.relied_minutes)
        return each / (1 - POLL_EARLY)

    @property
    def drafts(self) -> float:
        """Calls a minute that ask for drafts of vendors."""
        return (RELIED_ON / DRAFTS_SPARED + 1 - RELIED_ON) / self.drafts_minutes

    @property
    def syncs(self) -> float:
        """Calls a minute when nothing has changed: drafts, full reads, the daily look at the connection."""
        tags, lists = 1 + TAG_GROUPS, pages(ACCOUNTS) + pages(TAX_CODES) + pages(VENDORS)
        return self.drafts + tags / self.tags_minutes + lists / self.lists_minutes + 2 / DAY_MINUTES

    @property
    def reads(self) -> float:
        """Lists read at the ERP, a minute."""
        return 1 / self.tags_minutes + 3 / self.lists_minutes

    @property
    def runs(self) -> float:
        """Pieces of work a minute in the queue; a round of polls is one for many companies."""
        return self.drafts + self.reads


DEFAULTS = Habits()


@dataclass(frozen=True, slots=True)
class Scale:
    """How many companies and items, and how they come."""

    companies: int
    items_a_month: int
    items_a_job: int = ITEMS_A_JOB
    habits: Habits = DEFAULTS
    limit: float = LIMIT
    """Calls a minute over all companies; infinite where Pleo counts each company apart."""

    @property
    def jobs_on_the_busiest_day(self) -> float:
        return self.items_a_month * BUSIEST_DAY / self.items_a_job

    @property
    def polls(self) -> float:
        """Calls a minute that polls want, not more than their share."""
        return min(self.companies * self.habits.polls, self.limit * POLL_SHARE)

    @property
    def syncs(self) -> float:
        return self.companies * self.habits.syncs

    def arrivals(self) -> Iterator[float]:
        """Jobs of each minute of the busiest day."""
        for minute in range(DAY_MINUTES):
            yield self.jobs_on_the_busiest_day * HOURS.get(minute // 60, 0) / 100 / 60

    @property
    def exports_at_peak(self) -> float:
        """Calls a minute for exports in the busiest hour."""
        return max(self.arrivals()) * calls_of_job(self.items_a_job)


@dataclass(frozen=True, slots=True)
class Day:
    """What became of the busiest day."""

    longest_wait: float
    """Minutes from an export's creation to the begin of work, at worst; infinite when the day leaves some over."""
    jobs_at_peak: float
    """Worked in the busiest minute."""
    served: float
    """Of the calls that polls and syncs wanted that day."""


def simulate(scale: Scale) -> Day:
    """Minute by minute: exports take what they need of the limit; polls and syncs share what is left alike."""
    calls = calls_of_job(scale.items_a_job)
    arrived: list[float] = []
    worked: list[float] = []
    backlog = served = peak = 0.0
    for coming in scale.arrivals():
        backlog += coming
        done = min(backlog, scale.limit / calls)
        backlog -= done
        peak = max(peak, done)
        served += min(scale.polls + scale.syncs, scale.limit - done * calls)
        arrived.append((arrived[-1] if arrived else 0) + coming)
        worked.append((worked[-1] if worked else 0) + done)
    return Day(_longest_wait(arrived, worked), peak, served / (scale.polls + scale.syncs) / DAY_MINUTES)


def _longest_wait(arrived: Sequence[float], worked: Sequence[float]) -> float:
    """The farthest that what is worked lags behind what came; both are sums over the day."""
    longest, then = 0, 0
    for now, sum_ in enumerate(arrived):
        while then < len(worked) and worked[then] < sum_ * (1 - 1e-9):
            then += 1
        if then == len(worked):
            return math.inf
        longest = max(longest, then - now)
    return longest


@dataclass(frozen=True, slots=True)
class Need:
    """What runs it."""

    places: float
    """Jobs and syncs in hand at once in the busiest minute; polls of all companies are one."""
    cores: float
    """Processors that are busy then, ours."""
    statements: float
    """To Postgres, a second."""
    workers: int
    connections: int
    gigabytes: tuple[float, float]
    """After one year and after ten."""


def need(scale: Scale, day: Day) -> Need:
    """Workers, processors, connections and bytes for a scale whose busiest day went like that."""
    rate = day.jobs_at_peak / 60
    quiet = (scale.polls + scale.syncs) * day.served / 60
    reads = scale.companies * scale.habits.reads * day.served / 60
    syncs = scale.syncs * day.served / 60 * PLEO_SECONDS + reads * ERP_READ_SECONDS
    places = rate * seconds_of_job(scale.items_a_job) + syncs
    cores = (rate * (JOB_MS + scale.items_a_job * ITEM_MS) + quiet * LOOK_MS) / 1000
    statements = rate * (JOB_STATEMENTS + scale.items_a_job * ITEM_STATEMENTS) + quiet * LOOK_STATEMENTS
    workers = max(1, *map(math.ceil, (places / PLACES, syncs / PLACES_OF_SYNCS, cores / BUSY)))
    web = 0 if workers == 1 else 2
    jobs = scale.items_a_month / scale.items_a_job
    month = scale.items_a_month * BYTES["export_items"] + jobs * EVENTS * BYTES["export_job_events"]
    ledger = scale.items_a_month * BYTES["postings"] + jobs * BYTES["export_jobs"]
    queue = scale.companies * scale.habits.runs * day.served * DAY_MINUTES * KEPT_DAYS * BYTES["queue"]
    year = (12 * (month + ledger) + queue) * BLOAT / 1e9
    ten = (12 * month + 12 * YEARS_OF_POSTINGS * ledger + queue) * BLOAT / 1e9
    return Need(places, cores, statements, workers, web * POOL + workers * (POOL + WORKER_POOL), (year, ten))


def most_companies(habits: Habits, limit: float = LIMIT) -> int:
    """How many quiet companies use up the limit, half of it being kept for exports."""
    return int(limit / 2 / (habits.polls + habits.syncs))


def polled_every(scale: Scale, day: Day) -> float:
    """Minutes between two polls of a company on that day, all of them together."""
    return scale.companies / (scale.polls * day.served)


def last_companies(habits: Habits, fine: Callable[[Scale, Day], bool], items_each: int = 100) -> int:
    """The most companies, to the hundred, with which the busiest day is still fine."""
    low, high = 0, 10_000
    while high - low > 1:
        middle = (low + high) // 2
        scale = Scale(middle * 100, middle * 100 * items_each, habits=habits)
        low, high = (middle, high) if fine(scale, simulate(scale)) else (low, middle)
    return low * 100
