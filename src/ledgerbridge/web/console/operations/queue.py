"""`/admin/queue`: what waits, who works, what failed for good, and what can be done about it."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import HTMLResponse, Response

from ledgerbridge.ops import remedies
from ledgerbridge.ops.roster import names_of
from ledgerbridge.web.console.doors import ConsoleRoute, SignedInOperator
from ledgerbridge.web.console.forms import go, link
from ledgerbridge.web.console.operations.charts import duration
from ledgerbridge.web.console.operations.filters import id_of
from ledgerbridge.web.console.page import page
from ledgerbridge.web.problems import unavailable
from ledgerbridge.web.services import Provided
from ledgerbridge.web.texts import known, text
from ledgerbridge.work import desk
from ledgerbridge.work.desk import Work

router = APIRouter(route_class=ConsoleRoute, include_in_schema=False)
HERE = "/admin/queue"
PAGE = 25
"""Failed pieces of work on a page."""
WorkId = Annotated[int, Path(ge=1, le=2**63 - 1)]


@router.get(HERE)
async def overview(
    request: Request,
    services: Provided,
    operator: SignedInOperator,
    cursor: Annotated[str | None, Query(max_length=1000)] = None,
) -> HTMLResponse:
    """Everything about the queue."""
    queue, listing = services.queue, "console/queue/failed"
    before = services.cursors.read_number(listing, cursor)
    async with services.db.reading() as session:
        stats = await queue.stats(session)
        depths = await desk.depths(session)
        running = await desk.running(session, queue)
        failed = await desk.failed(session, before=before, limit=PAGE + 1)
        rounds = await desk.rounds(session, queue)
        owners = {owner for work in (*running, *failed) if (owner := owner_of(work))}
        names = await names_of(session, owners)
    more = services.cursors.write(listing, (failed[PAGE - 1].id,)) if len(failed) > PAGE else None
    return page(
        request,
        operator,
        "operations/queue.html",
        stats=stats,
        tasks=_by_task(depths),
        workers=[(worker, worker.silent_seconds <= queue.tempo.stalled_after) for worker in stats.workers],
        running=running,
        stalled=sum(work.stalled for work in running),
        failed=failed[:PAGE],
        rounds=rounds,
        names=names,
        owner_of=owner_of,
        task=task_word,
        details=_details,
        duration=duration,
        newest=HERE if cursor else None,
        older=link(HERE, cursor=more) if more else None,
        here=HERE,
    )


@router.post(f"{HERE}/rescue")
async def rescue(services: Provided, operator: SignedInOperator) -> Response:
    """Put back what nobody runs any more."""
    try:
        await remedies.rescue(services.db, services.queue, operator.actor)
    except ConnectionError:
        raise unavailable() from None
    return go(HERE, done="operations.flash.rescued")


@router.post(f"{HERE}/{{work_id}}/again")
async def again(services: Provided, operator: SignedInOperator, work_id: WorkId) -> Response:
    """Have failed work tried anew."""
    done = await remedies.run_again(services.db, work_id, operator.actor)
    return go(HERE, done=f"operations.flash.{'again' if done else 'not_failed'}")


@router.post(f"{HERE}/{{work_id}}/give-up")
async def give_up(services: Provided, operator: SignedInOperator, work_id: WorkId) -> Response:
    """Set failed work aside."""
    done = await remedies.give_up(services.db, work_id, operator.actor)
    return go(HERE, done=f"operations.flash.{'given_up' if done else 'not_failed'}")


def task_word(name: str) -> str:
    """What a kind of work is called; its own name where nobody gave it words."""
    key = f"operations.queue.task.{name.replace('.', '_')}"
    return text(key) if known(key) else name


def owner_of(work: Work) -> uuid.UUID | None:
    """The connection it is for."""
    return id_of(str(work.arguments.get("connection_id", "")))


def _details(work: Work) -> str:
    """What else it was told, such as the kind of a sync."""
    told = [str(value) for name, value in work.arguments.items() if value not in (None, 0) and name != "connection_id"]
    return ", ".join(told)[:200]


def _by_task(depths: Sequence[desk.Depth]) -> list[tuple[str, Mapping[str, int], float]]:
    """A row a task: jobs by status, and the age of the oldest that waits."""
    found: dict[str, dict[str, Any]] = {}
    oldest: dict[str, float] = {}
    for one in depths:
        found.setdefault(one.task, {})[one.status] = one.jobs
        oldest[one.task] = max(oldest.get(one.task, 0.0), one.oldest_seconds)
    return [(task, numbers, oldest[task]) for task, numbers in found.items()]
