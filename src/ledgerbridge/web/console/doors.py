"""Who is in front of a page: a customer signed in to one company, or an administrator; and that forms are their own.

A form carries a token derived from the session, so that no other site can send it (CSRF); browsers also say where a
form comes from, and they are believed when they name another site.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import uuid
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from typing import Annotated
from urllib.parse import unquote, urlencode, urlsplit

import structlog
from fastapi import Depends, Request
from fastapi.responses import RedirectResponse, Response

from ledgerbridge.connections import configuration, sessions
from ledgerbridge.ops import administrators
from ledgerbridge.web import browser
from ledgerbridge.web.pages import PageRoute, render
from ledgerbridge.web.problems import HttpProblem
from ledgerbridge.web.services import services_of
from ledgerbridge.web.texts import text

UNSAFE = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_STALE = 403
_LONGEST_PATH = 500
_OWN = re.compile(r"/(settings|admin)(?![A-Za-z0-9._~-])[A-Za-z0-9._~/?&=%+,:-]*")


@dataclass(frozen=True, slots=True)
class Customer:
    """A browser signed in to one company by its OAuth flow."""

    connection_id: uuid.UUID
    csrf: str = field(repr=False)
    """What its forms carry."""
    zone: tzinfo = UTC
    """In which the company's pages tell the time."""

    @property
    def actor(self) -> str:
        """As the audit log writes it."""
        return "customer"


@dataclass(frozen=True, slots=True)
class Operator:
    """A browser signed in by an administrator."""

    name: str
    csrf: str = field(repr=False)

    @property
    def actor(self) -> str:
        """As the audit log writes it."""
        return f"admin:{self.name}"


class SignInNeeded(Exception):
    """Nobody is signed in. `console` says at which door: `customer` or `operator`."""

    def __init__(self, console: str) -> None:
        super().__init__(console)
        self.console = console


def csrf_of(session_token: str) -> str:
    """The token that forms of this session carry; tells nothing of the session's own."""
    return hmac.new(session_token.encode(), b"ledgerbridge forms", hashlib.sha256).hexdigest()


async def _customer(request: Request) -> Customer:
    services = services_of(request)
    token = browser.session(request)
    found = await sessions.connection_of(services.connections, token)
    if found is None or token is None:
        raise SignInNeeded("customer")
    structlog.contextvars.bind_contextvars(actor="customer", connection_id=str(found))
    visitor = Customer(found, csrf_of(token), await configuration.zone(services.connections, found))
    await _refuse_forged(request, visitor.csrf)
    return visitor


async def _operator(request: Request) -> Operator:
    services = services_of(request)
    token = browser.admin_session(request)
    name = await administrators.named(services.db, services.settings, token)
    if name is None or token is None:
        raise SignInNeeded("operator")
    structlog.contextvars.bind_contextvars(actor=f"admin:{name}")
    visitor = Operator(name, csrf_of(token))
    await _refuse_forged(request, visitor.csrf)
    return visitor


SignedInCustomer = Annotated[Customer, Depends(_customer)]
"""The customer in front of the page. Without one, the page says how to sign in."""
SignedInOperator = Annotated[Operator, Depends(_operator)]
"""The administrator in front of the page. Without one, the page asks for their token."""


async def _refuse_forged(request: Request, csrf: str) -> None:
    """Raises `HttpProblem` when a request that changes something is not from a form of ours for this session."""
    if request.method not in UNSAFE:
        return
    refuse_other_site(request)
    form = await request.form()
    given = form.get("csrf")
    if not isinstance(given, str) or not hmac.compare_digest(given.encode(), csrf.encode()):
        raise HttpProblem(_STALE, text("doors.form.stale"), kind="form-stale")


def refuse_other_site(request: Request) -> None:
    """Raises `HttpProblem` when the browser says that another site sends the form."""
    origin = request.headers.get("origin")
    ours = urlsplit(services_of(request).settings.public_url)
    if origin is not None and origin != f"{ours.scheme}://{ours.netloc}":
        raise HttpProblem(_STALE, text("doors.form.elsewhere"), kind="form-elsewhere")
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise HttpProblem(_STALE, text("doors.form.elsewhere"), kind="form-elsewhere")


class ConsoleRoute(PageRoute):
    """A route of the console. Every one that changes something asks for `SignedInCustomer` or `SignedInOperator`."""

    def failed(self, request: Request, error: Exception) -> Response:
        return ask(request, error.console) if isinstance(error, SignInNeeded) else super().failed(request, error)


def ask(request: Request, console: str) -> Response:
    """The way in for somebody who is not signed in, and from there back to the page they wanted."""
    sent = request.method != "GET"
    # What a form is sent to need not be a page; the browser says on which page the form is.
    here = urlsplit(request.headers.get("referer", "")) if sent else request.url
    return_to = own_path(here.path + (f"?{here.query}" if here.query else ""))
    if console == "customer":
        return render("console/sign_in_customer.html", 401, return_to=return_to, sent=sent)
    query = f"?{urlencode({'to': return_to})}" if return_to else ""
    return RedirectResponse(f"/admin/sign-in{query}", 303, {"Cache-Control": "no-store"})


def own_path(wanted: str | None) -> str | None:
    """A path of our own pages, as it may be gone to after signing in; None for anything else."""
    if not wanted or len(wanted) > _LONGEST_PATH or not _OWN.fullmatch(wanted):
        return None
    # A browser takes `..` and `%2e%2e` out of an address, together with the name before it.
    return None if "/." in unquote(wanted.partition("?")[0]) else wanted
