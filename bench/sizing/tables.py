"""The tables of docs/sizing.md."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

from bench.sizing.given import (
    ACCOUNTS,
    BLOAT,
    BUSIEST_DAY,
    BUSY,
    BYTES,
    DAY_MINUTES,
    ERP_READ_SECONDS,
    ERP_SECONDS,
    EXPIRES_MINUTES,
    HOURS,
    ITEM_MS,
    ITEM_STATEMENTS,
    ITEMS_A_JOB,
    JOB_MS,
    JOB_STATEMENTS,
    LIMIT,
    LOOK_MS,
    LOOK_STATEMENTS,
    MONTH_DAYS,
    PLACES,
    PLEO_SECONDS,
    RELIED_ON,
    TAG_GROUPS,
    TAX_CODES,
    VENDORS,
)
from bench.sizing.model import (
    DEFAULTS,
    Habits,
    Scale,
    calls_of_job,
    last_companies,
    most_companies,
    need,
    polled_every,
    seconds_of_job,
    simulate,
)

SCALES = (
    Scale(100, 10_000),
    Scale(1_000, 100_000),
    Scale(3_000, 300_000),
    Scale(10_000, 1_000_000),
    Scale(100_000, 10_000_000),
)
GENTLE = {
    "as delivered": DEFAULTS,
    "drafts of vendors every hour": Habits(drafts_minutes=60),
    "and tags every 4 hours": Habits(drafts_minutes=60, tags_minutes=240),
    "and drafts and tags once a day": Habits(drafts_minutes=1440, tags_minutes=1440),
}
JOB_SIZES = (5, 10, 20, 25, 100, 1_000)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """In Markdown."""
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows))


def _number(value: float) -> str:
    if math.isinf(value):
        return "never"
    return f"{value:,.0f}" if value >= 10 else f"{value:.1f}"


def _minutes(value: float) -> str:
    return "not that day" if math.isinf(value) else f"{value:.0f} min"


def _every(minutes: float) -> str:
    return f"{minutes:.0f} min" if minutes < 180 else f"{minutes / DAY_MINUTES:.1f} days"


def one_limit() -> str:
    """Where Pleo counts all companies together."""
    rows = []
    for scale in SCALES:
        day = simulate(scale)
        asked = scale.items_a_month / scale.items_a_job * calls_of_job(scale.items_a_job) / MONTH_DAYS / DAY_MINUTES
        wanted = asked + scale.companies * scale.habits.polls + scale.syncs
        rows.append(
            [
                *(f"{number:,}" for number in (scale.companies, scale.items_a_month)),
                *map(_number, (asked, scale.exports_at_peak, scale.companies * scale.habits.polls, scale.syncs)),
                f"{wanted / scale.limit:.0%}",
                _minutes(day.longest_wait),
                _every(polled_every(scale, day)),
                f"{day.served:.0%}",
            ]
        )
    head = ["companies", "items a month", "exports", "at their busiest", "polls", "syncs", "of the limit"]
    return table([*head, "an export waits at most", "a company is polled every", "syncs done"], rows)


def limit_each() -> str:
    """Where Pleo counts each company apart: what the machines must do then."""
    rows = []
    for scale in SCALES:
        free = replace(scale, limit=math.inf)
        wanted = need(free, simulate(free))
        rows.append(
            [
                *(f"{number:,}" for number in (scale.companies, scale.items_a_month)),
                *map(_number, (wanted.places, wanted.cores, wanted.statements)),
                str(wanted.workers),
                str(wanted.connections),
                *map(_number, wanted.gigabytes),
            ]
        )
    head = ["companies", "items a month", "places", "processors", "statements a second", "workers", "connections"]
    return table([*head, "GB after a year", "GB after ten"], rows)


def gentle() -> str:
    """How many companies the one limit carries, by what comes round for each."""
    rows = []
    for name, habits in GENTLE.items():
        late = last_companies(habits, lambda _, day: day.served > 0.999)
        seldom = last_companies(habits, lambda scale, day: polled_every(scale, day) <= EXPIRES_MINUTES)
        rows.append([name, *(f"{number:,}" for number in (most_companies(habits), late, seldom))])
    return table(["what comes round", "half of the limit", "syncs in time", "each polled hourly"], rows)


def job_sizes() -> str:
    """The exports of ten million items a month alone, by the size of a job."""
    rows = []
    for size in JOB_SIZES:
        scale = replace(SCALES[-1], items_a_job=size, habits=Habits(*[math.inf] * 4))
        day = simulate(scale)
        rows.append([f"{size:,}", str(calls_of_job(size)), _number(scale.exports_at_peak), _minutes(day.longest_wait)])
    return table(["items a job", "calls a job", "calls a minute in the busiest hour", "longest wait"], rows)


def one_instance() -> str:
    """What one process on one processor can do in a minute at most, by each of its bounds alone."""
    pleo, places = LIMIT / calls_of_job(ITEMS_A_JOB), 60 * PLACES / seconds_of_job(ITEMS_A_JOB)
    processor = 60_000 * BUSY / (JOB_MS + ITEMS_A_JOB * ITEM_MS)
    quiet = 60_000 * BUSY / LOOK_MS / (DEFAULTS.polls + DEFAULTS.syncs)
    bounds = {
        "Pleo, one limit for all": (pleo, most_companies(DEFAULTS)),
        f"{PLACES} places, Tryton answering": (places, None),
        f"{BUSY:.0%} of one processor": (processor, int(quiet)),
    }
    rows = (
        [name, _number(jobs), _number(jobs * ITEMS_A_JOB), "" if companies is None else f"{companies:,}"]
        for name, (jobs, companies) in bounds.items()
    )
    return table(["bound", f"jobs of {ITEMS_A_JOB} items a minute", "items a minute", "or quiet companies"], rows)


def inputs() -> str:
    """What is assumed or measured, with the numbers in force."""
    rows = {
        "a job": (f"{ITEMS_A_JOB} items", "assumed"),
        "a company": (
            f"{TAG_GROUPS} tag groups, {ACCOUNTS} accounts, {TAX_CODES} tax codes, {VENDORS} vendors",
            "assumed",
        ),
        "webhooks that can be relied on": (f"{RELIED_ON:.0%} of companies", "assumed"),
        "the busiest day": (
            f"{BUSIEST_DAY:.0%} of a month's items, {max(HOURS.values())}% of them in its busiest hour",
            "assumed",
        ),
        "a call to Pleo": (f"{PLEO_SECONDS} s", "assumed"),
        "an item at Tryton": (f"{ERP_SECONDS} s", "0.06 s measured, its receipt assumed"),
        "a list read at the ERP, for a sync": (f"{ERP_READ_SECONDS} s", "assumed"),
        "a look that finds nothing": (f"{LOOK_MS:.0f} ms of processor, {LOOK_STATEMENTS:.0f} statements", "measured"),
        "a job, and each of its items": (
            f"{JOB_MS:.0f} and {ITEM_MS:.1f} ms, {JOB_STATEMENTS:.0f} and {ITEM_STATEMENTS:.1f} statements",
            "measured",
        ),
        "a row with its indexes": (", ".join(f"{name} {size} bytes" for name, size in BYTES.items()), "measured"),
        "a table in use over one freshly packed": (f"{BLOAT}", "assumed"),
    }
    return table(["input", "taken as", ""], ([name, *taken] for name, taken in rows.items()))


TABLES = {
    "inputs": inputs,
    "one-instance": one_instance,
    "one-limit": one_limit,
    "gentle": gentle,
    "job-sizes": job_sizes,
    "limit-each": limit_each,
}


def filled(page: str) -> str:
    """A page with every table put between its marks. Raises ValueError for a table that the page has no place for."""
    for name, made in TABLES.items():
        begin, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
        if page.count(begin) != 1 or page.count(end) != 1:
            raise ValueError(f"the page has no place for {name}")
        before, rest = page.split(begin)
        page = before + begin + made() + "\n" + end + rest.split(end)[1]
    return page
