"""`/admin/exports/{job}/items/{entry}`: everything about one item, and what a person can settle about it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Path, Request
from fastapi.responses import HTMLResponse, Response
from pydantic import ValidationError

from ledgerbridge.exports import glance, ledger, queries
from ledgerbridge.exports.queries import ItemSummary, JobSummary
from ledgerbridge.ops import doubts, overview
from ledgerbridge.redaction import redact_text
from ledgerbridge.store.tables import ItemState, Posting, PostingState, ReversalState
from ledgerbridge.web.admin import jobs as api
from ledgerbridge.web.admin.models import Resolve
from ledgerbridge.web.console.admin import showing
from ledgerbridge.web.console.admin.exports import JobId, job_of
from ledgerbridge.web.console.doors import ConsoleRoute, Operator, SignedInOperator
from ledgerbridge.web.console.forms import fields, go
from ledgerbridge.web.console.page import FieldError, page
from ledgerbridge.web.problems import HttpProblem
from ledgerbridge.web.services import Provided, Services
from ledgerbridge.web.texts import text

router = APIRouter(route_class=ConsoleRoute, include_in_schema=False)
EntryId = Annotated[str, Path(alias="entry_id", max_length=200)]
ACTIONS = ("probe", "mark_booked", "mark_not_booked", "reverse")
_SETTLED_BY_A_PERSON = (ItemState.FAILED, ItemState.UNKNOWN, ItemState.ABANDONED, ItemState.WAITING)
_IN_DOUBT = (PostingState.INTENDED, PostingState.UNKNOWN)


@router.get("/admin/exports/{job_id}/items/{entry_id:path}")
async def one_item(
    request: Request, services: Provided, operator: SignedInOperator, job_id: JobId, entry: EntryId
) -> HTMLResponse:
    """The item, every posting of its accounting entry, and the exports it came with."""
    return await _page(request, services, operator, await job_of(services, job_id), entry)


@router.post("/admin/exports/{job_id}/items/{entry_id:path}")
async def settle(
    request: Request, services: Provided, operator: SignedInOperator, job_id: JobId, entry: EntryId
) -> Response:
    """Probe it, take a person's word for it, or take it back; the same as the admin API's `resolve`."""
    found, given = await job_of(services, job_id), await fields(request)
    await _item(services, found, entry)
    wanted, wrong = _wanted(given)
    status = 422
    if wanted is not None:
        refused = await showing.refused(api.resolve_item(services, operator.actor, str(found.job.id), entry, wanted))
        wrong = [_fault(wanted.action, one.field) if one.field else one for one in refused]
        status = 422 if any(one.field for one in wrong) else 409
    if wrong:
        return await _page(request, services, operator, found, entry, errors=wrong, entered=given, status=status)
    if given.get("back") == "unknown":
        return go("/admin/unknown", done=await _done(services, found, entry, given["action"]))
    return go(_path(found, entry), done=await _done(services, found, entry, given["action"]))


def _wanted(given: dict[str, str]) -> tuple[Resolve | None, list[FieldError]]:
    """What the form asks for, or what is wrong with it; only the fields of its own action count."""
    action = given.get("action", "")
    if action not in ACTIONS:
        return None, [FieldError("", text("admin.item.no_such_action"))]
    try:
        return Resolve.model_validate(
            {
                "action": action,
                "reference": given.get("reference") or None,
                "reason": given.get("reason") or None,
                "confirm": given.get("confirm") == "yes",
            }
        ), []
    except ValidationError as invalid:
        names = [str(one["loc"][0]) for one in invalid.errors(include_url=False, include_input=False)]
        return None, [_fault(action, name) for name in names]


def _fault(action: str, name: str) -> FieldError:
    """What is missing of a field; a page has several forms with a reason."""
    return FieldError(f"{action}_{name}", text(f"admin.item.{name}_fault"))


async def _done(services: Services, found: JobSummary, entry: str, action: str) -> str:
    """What to say at the top: of a probe and a reversal, what came of it."""
    if action == "probe":
        after = (await _item(services, found, entry)).item.state
        return "admin.flash.found" if after == ItemState.BOOKED else "admin.flash.not_found"
    if action == "reverse":
        posting = (await _item(services, found, entry)).posting
        over = posting is not None and posting.reversal_state == ReversalState.REVERSED
        return "admin.flash.reversed" if over else "admin.flash.reversing"
    return f"admin.flash.{action}"


async def _page(
    request: Request,
    services: Services,
    operator: Operator,
    found: JobSummary,
    entry: str,
    *,
    errors: Sequence[FieldError] = (),
    entered: dict[str, str] | None = None,
    status: int = 200,
) -> HTMLResponse:
    summary, owner = await _item(services, found, entry), found.job.connection_id
    async with services.db.reading() as session:
        of = await overview.connection(session, owner)
        postings = await doubts.revisions(session, owner, entry)
        past = await glance.past(session, owner, entry)
        live = await ledger.live(session, owner, entry)
    assert of is not None  # noqa: S101 - the row of a connection stays as long as its jobs
    given = entered or {}
    return page(
        request,
        operator,
        "admin/item.html",
        status=status,
        errors=errors,
        show=showing,
        of=of,
        job=found.job,
        item=summary.item,
        internal=redact_text(summary.item.internal) if summary.item.internal else None,
        postings=postings,
        past=past,
        here=_path(found, entry),
        can=_possible(summary, live),
        given=given,
        action=given.get("action"),
    )


def _possible(summary: ItemSummary, live: Posting | None) -> dict[str, bool]:
    """Which forms may be of use; what is refused all the same says why."""
    unsettled = summary.item.state in _SETTLED_BY_A_PERSON
    in_doubt = live is not None and live.state in _IN_DOUBT
    waits = summary.item.state == ItemState.WAITING
    held = live is not None and live.state in (*_IN_DOUBT, PostingState.BOOKED)
    return {
        "probe": unsettled and (in_doubt or not waits),
        "mark_booked": unsettled and (in_doubt or not waits),
        "mark_not_booked": held and (unsettled or (live is not None and live.by_hand)),
        "reverse": live is not None and live.state == PostingState.BOOKED and not live.by_hand,
    }


async def _item(services: Services, found: JobSummary, entry: str) -> ItemSummary:
    async with services.db.reading() as session:
        summary = await queries.item(session, found.job.id, entry)
    if summary is None:
        raise HttpProblem(404, text("admin.item.no_such"), kind="item-unknown")
    return summary


def _path(found: JobSummary, entry: str) -> str:
    return f"/admin/exports/{found.job.id}/items/{quote(entry, safe='')}"
