"""`/admin/deliveries`: what Pleo told us and what became of it, what never arrived, and doing it once more."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, TypeVar

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, Response

from ledgerbridge.clock import utcnow
from ledgerbridge.connections.errors import Refused
from ledgerbridge.ops import deliveries, replay
from ledgerbridge.ops.deliveries import About, Filter
from ledgerbridge.ops.replay import Wanted
from ledgerbridge.ops.roster import names_of
from ledgerbridge.store.tables import DeliveryStatus, WebhookDelivery
from ledgerbridge.web.console.doors import ConsoleRoute, Operator, SignedInOperator
from ledgerbridge.web.console.forms import fields, go, link
from ledgerbridge.web.console.operations import filters
from ledgerbridge.web.console.operations.filters import Asked
from ledgerbridge.web.console.page import FieldError, page
from ledgerbridge.web.problems import HttpProblem
from ledgerbridge.web.services import Provided, Services
from ledgerbridge.web.texts import text

router = APIRouter(route_class=ConsoleRoute, include_in_schema=False)
PAGE = 50
HERE = "/admin/deliveries"
_TONE: Mapping[str, str] = {DeliveryStatus.QUEUED: "wait", DeliveryStatus.DONE: "good", DeliveryStatus.PARKED: "bad"}
Word = TypeVar("Word", bound=StrEnum)
Short = Annotated[str, Query(max_length=500)]
Cursor = Annotated[str | None, Query(max_length=1000)]


@router.get(HERE)
async def listed(
    request: Request,
    services: Provided,
    operator: SignedInOperator,
    company: Short = "",
    status: str = "",
    about: str = "",
    since: Annotated[str, Query(alias="from", max_length=100)] = "",
    to: Annotated[str, Query(max_length=100)] = "",
    cursor: Cursor = None,
) -> HTMLResponse:
    """Deliveries, newest first, and the counts of what was lost and refused."""
    async with services.db.reading() as session:
        asked = await filters.read(session, company, since, to)
        which = _filter(asked, status, about)
        kept = asked.kept | {"status": which.status or "", "about": which.about or ""}
        listing = f"console/deliveries/{link('', **kept)}"
        before = services.cursors.read_moment(listing, cursor)
        found = [] if asked.errors else list(await deliveries.newest(session, which, before=before, limit=PAGE + 1))
        shown = found[:PAGE]
        jobs = await deliveries.jobs_told_of(session, shown)
        names = await names_of(session, {row.connection_id for row in shown})
        now = utcnow()
        numbers = {
            "waiting": await deliveries.waiting(session),
            "lost": await deliveries.lost(session, now, asked.connection_id),
            "refused": await deliveries.refused(session, now.date()),
        }
    more = (shown[-1].received_at, shown[-1].id) if len(found) > PAGE else None
    return page(
        request,
        operator,
        "operations/deliveries.html",
        status=422 if asked.errors else 200,
        errors=asked.errors,
        asked=asked,
        which=which,
        rows=shown,
        jobs=jobs,
        names=names,
        show=_Show,
        statuses=[(one.value, word("status", one)) for one in DeliveryStatus],
        subjects=[(one.value, word("about", one)) for one in About],
        filtered=any(kept.values()),
        replay_path=link(f"{HERE}/replay", **kept),
        newest=link(HERE, **kept) if cursor else None,
        older=link(HERE, **kept, cursor=services.cursors.write(listing, more)) if more else None,
        here=HERE,
        days=deliveries.COUNTED_DAYS,
        **numbers,
    )


@router.get(f"{HERE}/replay")
async def foreseen(
    request: Request,
    services: Provided,
    operator: SignedInOperator,
    company: Short = "",
    status: str = "",
    about: str = "",
    since: Annotated[str, Query(alias="from", max_length=100)] = "",
    to: Annotated[str, Query(max_length=100)] = "",
) -> HTMLResponse:
    """What a replay of a stretch of time would do, before it is pressed."""
    return await _foreseen(
        request, services, operator, {"company": company, "status": status, "about": about, "from": since, "to": to}
    )


@router.post(f"{HERE}/replay")
async def replayed(request: Request, services: Provided, operator: SignedInOperator) -> Response:
    """Replay what was foreseen."""
    given = await fields(request)
    asked, wanted = await _wanted(services, given)
    if not asked.errors:
        try:
            outcome = await replay.replay(services.db, services.queue, wanted, operator.actor)
        except Refused as refused:
            asked.errors += _faults(refused)
        else:
            done = "replayed" if outcome.replayed else "nothing"
            kept = {name: given.get(name, "") for name in ("company", "status", "about", "from", "to")}
            kept["status"] = "" if outcome.replayed else kept["status"]  # they wait now, whatever they did before
            return go(HERE, **kept, done=f"operations.flash.{done}")
    return await _foreseen(request, services, operator, given, status=422, errors=asked.errors)


@router.get(f"{HERE}/{{delivery_id}}")
async def one_delivery(
    request: Request, services: Provided, operator: SignedInOperator, delivery_id: uuid.UUID
) -> HTMLResponse:
    """Everything about one."""
    return await _one(request, services, operator, delivery_id)


@router.post(f"{HERE}/{{delivery_id}}/replay")
async def replay_one(
    request: Request, services: Provided, operator: SignedInOperator, delivery_id: uuid.UUID
) -> Response:
    """Replay this one."""
    async with services.db.reading() as session:
        if await deliveries.one(session, delivery_id) is None:
            raise HttpProblem(404, text("operations.deliveries.unknown"))
    outcome = await replay.replay(services.db, services.queue, Wanted((delivery_id,)), operator.actor)
    if outcome.replayed:
        return go(f"{HERE}/{delivery_id}", done="operations.flash.replayed")
    (why,) = outcome.skipped
    wrong = FieldError("", text("operations.replay.left_alone", why=text(f"operations.replay.skipped.{why}")))
    return await _one(request, services, operator, delivery_id, status=409, errors=[wrong])


async def _one(
    request: Request,
    services: Services,
    operator: Operator,
    delivery_id: uuid.UUID,
    *,
    status: int = 200,
    errors: list[FieldError] | None = None,
) -> HTMLResponse:
    async with services.db.reading() as session:
        row = await deliveries.one(session, delivery_id)
        if row is None:
            raise HttpProblem(404, text("operations.deliveries.unknown"))
        jobs = await deliveries.jobs_told_of(session, [row])
        names = await names_of(session, {row.connection_id})
    return page(
        request,
        operator,
        "operations/delivery.html",
        status=status,
        errors=errors or (),
        row=row,
        job=jobs.get(row.id),
        name=names[row.connection_id],
        show=_Show,
        here=HERE,
    )


async def _foreseen(
    request: Request,
    services: Services,
    operator: Operator,
    given: Mapping[str, str],
    *,
    status: int = 200,
    errors: list[FieldError] | None = None,
) -> HTMLResponse:
    asked, wanted = await _wanted(
        services, given
    )  # an open or future end becomes the present: pressed is what was shown
    outcome = None
    wrong = list(errors or asked.errors)
    if not wrong and given.get("from"):
        try:
            outcome = await replay.foresee(services.db, wanted)
        except Refused as refused:
            wrong = _faults(refused)
    return page(
        request,
        operator,
        "operations/replay.html",
        status=422 if wrong and status == 200 else status,
        errors=wrong,
        asked=asked,
        which=wanted.which,
        outcome=outcome,
        show=_Show,
        statuses=[(one.value, word("status", one)) for one in DeliveryStatus],
        subjects=[(one.value, word("about", one)) for one in About],
        here=HERE,
        most_days=replay.MOST_DAYS,
        most=replay.MOST_DELIVERIES,
    )


async def _wanted(services: Services, given: Mapping[str, str]) -> tuple[Asked, Wanted]:
    async with services.db.reading() as session:
        asked = await filters.read(session, given.get("company", ""), given.get("from", ""), given.get("to", ""))
    now = utcnow()
    if asked.until is None or asked.until > now:
        asked.until_text = filters.written(now)
        # What is shown and what is then pressed are the same stretch of time.
        asked.until = dt.datetime.fromisoformat(asked.until_text).replace(tzinfo=dt.UTC)
    return asked, Wanted(which=_filter(asked, given.get("status", ""), given.get("about", "")))


def _filter(asked: Asked, status: str, about: str) -> Filter:
    return Filter(asked.connection_id, _chosen(DeliveryStatus, status), _chosen(About, about), asked.since, asked.until)


def _chosen(words: type[Word], value: str) -> Word | None:
    return words(value) if value in set(words) else None


def _faults(refused: Refused) -> list[FieldError]:
    where = [fault.path for fault in refused.faults] or [""]
    return [FieldError(name, refused.text) for name in where]


def word(table: str, one: StrEnum) -> str:
    """What a state or subject is called."""
    return text(f"operations.deliveries.{table}_{one}")


class _Show:
    """Rows in words, for the templates."""

    @staticmethod
    def status(row: WebhookDelivery) -> tuple[str, str]:
        return text(f"operations.deliveries.status_{row.status}"), _TONE.get(row.status, "off")

    @staticmethod
    def about(row: WebhookDelivery) -> str:
        return word("about", deliveries.about(row))

    @staticmethod
    def by(actor: str | None) -> str:
        return (actor or "").removeprefix("admin:")
