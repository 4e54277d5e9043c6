"""Control API, the trouble side: faults, webhook deliveries, events and signing secrets."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends
from starlette.requests import Request

from pleo_sandbox.core.faults import KINDS, Fault
from pleo_sandbox.core.problems import bad_request, not_found
from pleo_sandbox.web.answers import world_of
from pleo_sandbox.web.control import local_only
from pleo_sandbox.web.control_models import EventBody, FaultBody, RotateBody
from pleo_sandbox.web.control_views import fault_view

router = APIRouter(prefix="/sandbox", dependencies=[Depends(local_only)], tags=["trouble"])


@router.post("/faults", status_code=201)
async def add_fault(request: Request, body: FaultBody) -> dict[str, Any]:
    """Switches a fault on."""
    if body.kind not in KINDS:
        raise bad_request(f"kind must be one of {', '.join(KINDS)}")
    if isinstance(body.retry_after, str) and not body.retry_after.removeprefix("date:").isdigit():
        raise bad_request("retry_after must be seconds, or date: and seconds")
    fields = body.model_dump()
    fields["entry_ids"] = tuple(fields["entry_ids"])
    return fault_view(world_of(request).faults.add(Fault(**fields)))


@router.get("/faults")
async def faults(request: Request) -> list[dict[str, Any]]:
    """All faults with their hits."""
    return [fault_view(fault) for fault in world_of(request).faults.all()]


@router.delete("/faults", status_code=204)
async def clear_faults(request: Request) -> None:
    """Switches every fault off."""
    world_of(request).faults.clear()


@router.delete("/faults/{fault_id}", status_code=204)
async def clear_fault(request: Request, fault_id: str) -> None:
    """Switches one fault off."""
    world_of(request).faults.clear(fault_id)


@router.get("/deliveries")
async def deliveries(request: Request, state: str | None = None) -> list[dict[str, Any]]:
    """Webhook messages in order, with every attempt."""
    return [message.as_json() for message in world_of(request).messages if state in (None, message.state)]


@router.post("/deliveries/{message_id}/resend", status_code=202)
async def resend(request: Request, message_id: str) -> dict[str, Any]:
    """Starts a message's schedule again under the same id."""
    for message in world_of(request).messages:
        if message.id == message_id:
            request.app.state.dispatcher.resend(message)
            return message.as_json()
    raise not_found("There is no such message")


@router.post("/events", status_code=202)
async def announce(request: Request, body: EventBody) -> list[dict[str, Any]]:
    """Announces any event, ``v1.vendor.created`` for one, to the subscriptions of a company."""
    world = world_of(request)
    company = world.companies.get(body.company_id)
    made = world.announce(body.event_type, company.id, body.data, event_id=body.event_id, wrapped=body.wrapped)
    return [message.as_json() for message in made]


@router.get("/subscriptions")
async def subscriptions(request: Request) -> list[dict[str, Any]]:
    """Every subscription, whoever made it."""
    return [
        {**s.as_published(), "client_id": s.client_id, "subject": s.subject}
        for s in world_of(request).subscriptions.all()
    ]


@router.post("/subscriptions/{subscription_id}/rotate-secret")
async def rotate_secret(request: Request, subscription_id: str, body: RotateBody) -> dict[str, Any]:
    """Gives a subscription a new signing secret."""
    return world_of(request).subscriptions.rotate_secret(subscription_id, body.overlap_seconds).as_published()
