"""A job is kept alive while its batch is booked, also over a Pleo that does not answer once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from ledgerbridge.clock import utcnow
from ledgerbridge.exports.context import Patience
from ledgerbridge.exports.report import JobGone, Reporter
from ledgerbridge.pleo.errors import OutcomeUnknown, PleoError, RateLimited, Unavailable, Unprocessable
from ledgerbridge.pleo.reports import ItemUpdate


class Pleo:
    """Takes updates, after it has failed these ways."""

    def __init__(self, *failures: PleoError) -> None:
        self.failures = list(failures)
        self.failed, self.taken = asyncio.Event(), asyncio.Event()

    async def update_items(self, job_id: str, updates: Sequence[ItemUpdate]) -> None:
        if self.failures:
            self.failed.set()
            raise self.failures.pop(0)
        self.taken.set()


async def booked_over(pleo: Pleo, heard: asyncio.Event) -> None:
    """A batch that takes until Pleo has been heard."""
    async with reporter(pleo).beating("entry"), asyncio.timeout(20):
        await heard.wait()


def reporter(pleo: Pleo) -> Reporter:
    context: Any = SimpleNamespace(patience=Patience(report_share=0.1))
    job: Any = SimpleNamespace(pleo_job_id="job", expires_in=0.2, last_action_at=utcnow())
    return Reporter(context, pleo, job)  # type: ignore[arg-type]


@pytest.mark.rule("EXP-EXPIRE-01", "EXP-UPD-10")
@pytest.mark.parametrize("trouble", [Unavailable, RateLimited, OutcomeUnknown])
async def test_a_pleo_that_fails_once_is_told_of_a_long_batch_all_the_same(trouble: type[PleoError]) -> None:
    pleo = Pleo(trouble("update"), trouble("update"))
    await booked_over(pleo, pleo.taken)


@pytest.mark.parametrize(
    ("failures", "raised"), [([Unprocessable("update")], JobGone), ([Unavailable("update")] * 1_000, Unavailable)]
)
async def test_what_pleo_said_last_counts_once_the_batch_has_ended(
    failures: list[PleoError], raised: type[Exception]
) -> None:
    pleo = Pleo(*failures)
    with pytest.raises(raised):
        await booked_over(pleo, pleo.failed)
