"""Control API, the authorisation side: clients, consent without a browser, API keys, tokens, disconnecting."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from fastapi import APIRouter, Depends
from starlette.requests import Request

from pleo_sandbox.config import ClientConfig
from pleo_sandbox.core.credentials import ApiKey
from pleo_sandbox.core.problems import ConsentRedirect, ConsentRefusal, bad_request, not_found
from pleo_sandbox.core.tokens import Family
from pleo_sandbox.core.words import company_urn, new_id
from pleo_sandbox.core.world import World
from pleo_sandbox.web.answers import world_of
from pleo_sandbox.web.control import local_only
from pleo_sandbox.web.control_models import ApiKeyBody, ClientBody, ConsentBody, TokensBody
from pleo_sandbox.web.control_views import client_view, family_view

router = APIRouter(prefix="/sandbox", dependencies=[Depends(local_only)], tags=["authorisation"])


@router.get("/clients")
async def clients(request: Request) -> list[dict[str, Any]]:
    """Registered clients."""
    return [client_view(client) for client in world_of(request).clients.all()]


@router.post("/clients", status_code=201)
async def register(request: Request, body: ClientBody) -> dict[str, Any]:
    """Registers a client, or changes the members given of a known one."""
    register_of = world_of(request).clients
    known = register_of.get(body.client_id)
    base = known.config if known else ClientConfig(client_id=body.client_id)
    given = {name: value for name, value in body.model_dump().items() if value is not None}
    for name in ("redirect_uris", "scopes"):
        if name in given:
            given[name] = tuple(given[name])
    try:
        return client_view(register_of.register(replace(base, **given)))
    except ValueError as problem:
        raise bad_request(str(problem)) from None


@router.post("/clients/{client_id}/rotate-secret")
async def rotate_secret(request: Request, client_id: str) -> dict[str, str]:
    """A new client secret; the old one stops working at once. The only place that shows one."""
    try:
        return {"client_id": client_id, "client_secret": world_of(request).clients.rotate_secret(client_id)}
    except KeyError:
        raise not_found("There is no such client") from None


@router.post("/consents")
async def consent(request: Request, body: ConsentBody) -> dict[str, str]:
    """Decides on an authorise URL as a person would, and says where the browser would go."""
    world = world_of(request)
    subject = body.subject or world.companies.all()[0].id
    urn = subject if subject.startswith("urn:") else company_urn(subject)
    try:
        asked = world.consents.begin(parse_qsl(urlsplit(body.authorize_url).query, keep_blank_values=True))
        if body.decision == "deny":
            return {"location": world.consents.deny(asked.id)}
        return {"location": world.consents.allow(asked.id, world.subject_for(urn))}
    except ConsentRedirect as back:
        return {"location": back.location}
    except ConsentRefusal as problem:
        raise bad_request(str(problem)) from None


@router.post("/api-keys", status_code=201)
async def add_api_key(request: Request, body: ApiKeyBody) -> dict[str, str]:
    """An API key for a company."""
    world = world_of(request)
    subject = world.companies.get(body.company_id).urn
    key = ApiKey(f"pleo_{new_id().replace('-', '')}", body.name, subject, tuple(body.scopes))
    return {"key": world.credentials.add_api_key(key).key, "subject": subject}


@router.get("/tokens")
async def tokens(request: Request) -> list[dict[str, Any]]:
    """Authorisations and whether they live; never a token."""
    return [family_view(family) for family in world_of(request).tokens.families.values()]


@router.post("/tokens/expire")
async def expire(request: Request, body: TokensBody) -> dict[str, int]:
    """Lets access tokens run out now; refresh tokens go on."""
    world = world_of(request)
    return {"expired": sum(world.tokens.expire_access(family) for family in _chosen(world, body))}


@router.post("/tokens/revoke")
async def revoke(request: Request, body: TokensBody) -> dict[str, int]:
    """Ends whole authorisations without a word to the client."""
    world = world_of(request)
    chosen = [family for family in _chosen(world, body) if family.ended_because is None]
    for family in chosen:
        world.tokens.end(family, "revoked through the control API")
    return {"revoked": len(chosen)}


@router.get("/installations")
async def installations(request: Request) -> list[dict[str, Any]]:
    """Every installation."""
    return [{**i.as_published(), "client_id": i.client_id} for i in world_of(request).installations.all()]


@router.post("/installations/disconnect")
async def disconnect(request: Request, body: TokensBody) -> dict[str, int]:
    """The customer disconnects inside Pleo: installation and tokens go, and nobody is told."""
    world = world_of(request)
    wanted = None if body.company_id is None else company_urn(body.company_id)
    chosen = [
        i for i in world.installations.all() if wanted in (None, i.resource) and body.client_id in (None, i.client_id)
    ]
    for installation in chosen:
        world.uninstall(installation, "the customer disconnected in Pleo")
    return {"disconnected": len(chosen)}


def _chosen(world: World, body: TokensBody) -> list[Family]:
    wanted = None if body.company_id is None else company_urn(body.company_id)
    return [
        family
        for family in world.tokens.families.values()
        if wanted in (None, family.subject) and body.client_id in (None, family.client_id)
    ]
