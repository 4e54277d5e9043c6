"""The authorisation server: consent in the browser, tokens and introspection from server to server."""

from __future__ import annotations

import base64
import binascii
from collections import Counter
from urllib.parse import parse_qsl, unquote_plus

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from pleo_sandbox.core.authorise import AUTHORISE_PARAMETERS
from pleo_sandbox.core.clients import Client
from pleo_sandbox.core.problems import ConsentRedirect, ConsentRefusal, OAuthRefusal
from pleo_sandbox.core.tokens import TokenPair
from pleo_sandbox.core.words import organisation_urn
from pleo_sandbox.web.answers import base_url, world_of
from pleo_sandbox.web.pages import page, same_site

router = APIRouter(include_in_schema=False)

_NO_STORE = {"cache-control": "no-store", "pragma": "no-cache"}


@router.get("/oauth/authorize")
async def authorise(request: Request) -> Response:
    """Shows the consent page, or sends the browser back with an error."""
    world = world_of(request)
    for name in request.query_params:
        if name not in AUTHORISE_PARAMETERS:
            world.recorder.remark("unknown_authorise_parameter", f"/oauth/authorize does not know {name}")
    try:
        consent = world.consents.begin(request.query_params.multi_items())
    except ConsentRefusal as problem:
        return page(request, "refused.html", status=400, reason=str(problem))
    except ConsentRedirect as back:
        return RedirectResponse(back.location, 302)
    return page(
        request,
        "consent.html",
        consent=consent,
        companies=world.companies.all(),
        organisation_urn=organisation_urn(world.config.organisation_id),
        organisation_name=world.config.organisation_name,
    )


@router.post("/oauth/authorize")
async def decide(request: Request) -> Response:
    """Takes the person's decision and sends the browser back to the client."""
    same_site(request)
    form = await request.form()
    request_id, subject = str(form.get("request_id", "")), str(form.get("subject", ""))
    world = world_of(request)
    try:
        if form.get("decision") == "allow":
            world.consents.waiting(request_id)
            location = world.consents.allow(request_id, world.subject_for(subject))
        else:
            location = world.consents.deny(request_id)
    except ConsentRefusal as problem:
        return page(request, "refused.html", status=400, reason=str(problem))
    return RedirectResponse(location, 303)


@router.post("/oauth/token")
async def token(request: Request) -> Response:
    """Code exchange and refresh."""
    try:
        form = await _form(request)
        client = _client(request, form)
        pair = _grant(request, client, form)
    except OAuthRefusal as problem:
        return _refused(problem)
    body = {
        "access_token": pair.access_token,
        "refresh_token": pair.refresh_token,
        "expires_in": pair.expires_in,
        "token_type": "Bearer",
        "scope": pair.scope,
    }
    return JSONResponse(body, headers=_NO_STORE)


@router.post("/oauth/token/introspect")
async def introspect(request: Request) -> Response:
    """Token metadata, for the client that obtained the token."""
    world = world_of(request)
    try:
        form = await _form(request)
        client = _client(request, form)
        value = _required(form, "token")
        if form.get("token_type_hint", "access_token") not in ("access_token", "refresh_token"):
            raise OAuthRefusal("invalid_request", "token_type_hint is not a token type")
    except OAuthRefusal as problem:
        return _refused(problem)
    found = world.tokens.look_up(client.client_id, value)
    if found is None:
        return JSONResponse({"active": False}, headers=_NO_STORE)
    subject = found.family.subject
    body = {
        "active": True,
        "sub": subject.rsplit(":", 1)[1],
        "exp": int(found.expires_at.timestamp()),
        "iat": int(found.issued_at.timestamp()),
        "client_id": client.client_id,
        "aud": base_url(request),
        "iss": "pleo.sandbox",
        "jti": found.id,
        "token_type": "at+JWT" if found.kind == "access_token" else "rt+JWT",
        "urn:pleo:params:oauth:subject_urn": subject,
    }
    return JSONResponse(body, headers=_NO_STORE)


def _grant(request: Request, client: Client, form: dict[str, str]) -> TokenPair:
    world = world_of(request)
    grant_type = _required(form, "grant_type")
    if grant_type == "authorization_code":
        code, redirect_uri = _required(form, "code"), _required(form, "redirect_uri")
        return world.exchange(client, code, redirect_uri, _required(form, "code_verifier"))
    if grant_type == "refresh_token":
        return world.tokens.refresh(client.client_id, _required(form, "refresh_token"))
    raise OAuthRefusal("unsupported_grant_type", "Only authorization_code and refresh_token are supported")


async def _form(request: Request) -> dict[str, str]:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/x-www-form-urlencoded":
        raise OAuthRefusal("invalid_request", "The body must be application/x-www-form-urlencoded")
    try:
        pairs = parse_qsl((await request.body()).decode("ascii"), keep_blank_values=True, strict_parsing=True)
    except ValueError:
        raise OAuthRefusal("invalid_request", "The body is not a form") from None
    repeated = [name for name, count in Counter(name for name, _ in pairs).items() if count > 1]
    if repeated:
        raise OAuthRefusal("invalid_request", f"{repeated[0]} is given more than once")
    return dict(pairs)


def _client(request: Request, form: dict[str, str]) -> Client:
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        raise OAuthRefusal("invalid_client", "The client must authenticate with HTTP Basic", 401)
    if "client_secret" in form:
        raise OAuthRefusal("invalid_request", "The client secret may be sent in one place only")
    try:
        user, colon, password = base64.b64decode(encoded, validate=True).decode("ascii").partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise OAuthRefusal("invalid_client", "The Basic credentials are malformed", 401) from None
    client_id, secret = unquote_plus(user), unquote_plus(password)
    if not colon or form.get("client_id", client_id) != client_id:
        raise OAuthRefusal("invalid_client", "The Basic credentials are malformed", 401)
    return world_of(request).clients.authenticate(client_id, secret)


def _required(form: dict[str, str], name: str) -> str:
    if not form.get(name):
        raise OAuthRefusal("invalid_request", f"{name} is required")
    return form[name]


def _refused(problem: OAuthRefusal) -> Response:
    headers = dict(_NO_STORE)
    if problem.status == 401:
        headers["www-authenticate"] = 'Basic realm="pleo"'
    return JSONResponse({"error": problem.error, "error_description": problem.description}, problem.status, headers)
