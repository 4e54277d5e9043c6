"""Installations, introspection and webhook subscriptions."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from pleo_sandbox.core.credentials import Caller
from pleo_sandbox.core.installations import Installation
from pleo_sandbox.core.paging import Collection, paginate, read_page_request
from pleo_sandbox.core.problems import bad_request
from pleo_sandbox.core.subscriptions import Activity, Subscription
from pleo_sandbox.core.words import new_id, object_of
from pleo_sandbox.web.answers import answer, caller_of, json_body, one, query_of, world_of

router = APIRouter(include_in_schema=False)

_OPERATIONS = ("CREATE", "UPDATE", "DELETE")


def _mine(request: Request, caller: Caller) -> Installation:
    company_id = one(query_of(request, "company_id", paging=False), "company_id")
    return world_of(request).installations.mine(caller.client_id, caller.subject, company_id, caller.companies)


@router.get("/v1/installations/me")
async def get_installation(request: Request) -> Response:
    """The caller's installation, bare."""
    return answer(_mine(request, caller_of(request)).as_published())


@router.put("/v1/installations/me")
async def update_installation(request: Request) -> Response:
    """Changes status, error code or metadata."""
    caller = caller_of(request)
    body = object_of(await json_body(request), "The installation")
    return answer(world_of(request).installations.update(_mine(request, caller), body).as_published())


@router.post("/v1/installations/me")
async def create_installation(request: Request) -> Response:
    """The API-key route; with OAuth Pleo has created it already."""
    caller = caller_of(request)
    body = object_of(await json_body(request), "The installation")
    world = world_of(request)
    client = world.clients.get(caller.client_id)
    application_id = client.application_id if client else new_id()
    created = world.installations.create(caller.client_id, application_id, caller.subject, body)
    return answer(created.as_published())


@router.delete("/v1/installations/me")
async def delete_installation(request: Request) -> Response:
    """Uninstalls and revokes every token of the installation."""
    caller = caller_of(request)
    world_of(request).uninstall(_mine(request, caller), "the installation was deleted")
    return Response(status_code=204)


@router.post("/v1/installations/me:activate")
async def activate_installation(request: Request) -> Response:
    """Marks the installation ready."""
    caller = caller_of(request)
    return answer(world_of(request).installations.activate(_mine(request, caller)).as_published())


@router.get("/v1/introspect")
async def introspect(request: Request) -> Response:
    """Describes the credential in use."""
    caller = caller_of(request)
    query_of(request, paging=False)
    details = {
        "applicationName": caller.name,
        "authMethod": caller.auth_method,
        "clientId": caller.client_id,
        "scope": " ".join(caller.scope),
        "subjectURN": caller.subject,
    }
    return answer({"data": details})


@router.get("/v1/subscriptions")
async def list_subscriptions(request: Request) -> Response:
    """The caller's subscriptions."""
    caller = caller_of(request)
    query = query_of(request, "status", "event_types")
    status = one(query, "status")
    events = {value for name, value in query if name == "event_types"}
    world = world_of(request)
    rows: Collection[Subscription] = Collection(
        rows=world.subscriptions.of(caller),
        name=lambda s: s.id,
        keep=lambda s: status in (None, s.wish.status) and (not events or bool(events & set(s.wish.event_types))),
        sortable={"createdAt": lambda s: s.created_at, "status": lambda s: s.wish.status, "id": lambda s: s.id},
    )
    page, info = paginate(rows, read_page_request(query), world.config.page_cap)
    return answer({"data": [subscription.as_published() for subscription in page], "pagination": info})


@router.post("/v1/subscriptions")
async def create_subscription(request: Request) -> Response:
    """Subscribes; the secret is read from its own sub-resource."""
    caller = caller_of(request)
    created = world_of(request).subscriptions.create(caller, await json_body(request))
    return answer({"data": created.as_published()})


@router.get("/v1/subscriptions/{subscription_id}")
async def get_subscription(request: Request, subscription_id: str) -> Response:
    """One subscription."""
    found = world_of(request).subscriptions.get(caller_of(request), subscription_id)
    return answer({"data": found.as_published()})


@router.put("/v1/subscriptions/{subscription_id}")
async def update_subscription(request: Request, subscription_id: str) -> Response:
    """Replaces a subscription."""
    caller = caller_of(request)
    subscriptions = world_of(request).subscriptions
    subscriptions.get(caller, subscription_id)
    changed = subscriptions.replace(caller, subscription_id, await json_body(request))
    return answer({"data": changed.as_published()})


@router.delete("/v1/subscriptions/{subscription_id}")
async def delete_subscription(request: Request, subscription_id: str) -> Response:
    """Removes a subscription."""
    world_of(request).subscriptions.delete(caller_of(request), subscription_id)
    return Response(status_code=204)


@router.get("/v1/subscriptions/{subscription_id}/activities")
async def list_activities(request: Request, subscription_id: str) -> Response:
    """A subscription's audit trail."""
    caller = caller_of(request)
    query = query_of(request, "operation_types")
    operations = [value for name, value in query if name == "operation_types"]
    for operation in operations:
        if operation not in _OPERATIONS:
            raise bad_request(f"operation_types must be among {', '.join(_OPERATIONS)}")
    world = world_of(request)
    rows: Collection[Activity] = Collection(
        rows=world.subscriptions.get(caller, subscription_id).activities,
        name=lambda activity: activity.id,
        keep=lambda activity: not operations or activity.operation in operations,
        sortable={"createdAt": lambda activity: activity.created_at},
    )
    page, info = paginate(rows, read_page_request(query), world.config.page_cap)
    return answer({"data": [activity.as_published() for activity in page], "pagination": info})


@router.get("/v1/subscriptions/{subscription_id}/secret")
async def get_secret(request: Request, subscription_id: str) -> Response:
    """The signing secret."""
    found = world_of(request).subscriptions.get(caller_of(request), subscription_id)
    return answer({"data": {"secretKey": found.secret}})
