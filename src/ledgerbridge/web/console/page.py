"""What every page of the console has around its content: who is signed in, where else to go, what was just done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse

from ledgerbridge.web.console.doors import Customer, Operator
from ledgerbridge.web.pages import render
from ledgerbridge.web.texts import known, text


@dataclass(frozen=True, slots=True)
class Link:
    """An entry of the navigation."""

    label: str
    """Name of its text."""
    path: str


@dataclass(frozen=True, slots=True)
class FieldError:
    """What is wrong with a field of a form."""

    field: str
    """Its name; the field's element has the id `f-<name>`. Empty for the form as a whole."""
    text: str


CUSTOMER_PAGES = (
    Link("home.title", "/settings"),
    Link("exports.title", "/settings/exports"),
    Link("syncs.title", "/settings/syncs"),
    Link("setup.title", "/settings/setup"),
    Link("versions.title", "/settings/versions"),
)
OPERATOR_PAGES = (
    Link("admin.connections.title", "/admin"),
    Link("admin.exports.title", "/admin/exports"),
    Link("admin.unknown.title", "/admin/unknown"),
    Link("admin.syncs.title", "/admin/syncs"),
    Link("admin.invariants.nav", "/admin/invariants"),
    Link("operations.deliveries.title", "/admin/deliveries"),
    Link("operations.queue.title", "/admin/queue"),
    Link("operations.charts.title", "/admin/charts"),
    Link("operations.audit.title", "/admin/audit"),
)


def page(
    request: Request,
    visitor: Customer | Operator,
    template: str,
    *,
    status: int = 200,
    errors: Sequence[FieldError] = (),
    **values: Any,
) -> HTMLResponse:
    """A page of the console. `errors` are listed at its top and beside their fields; `done=` of the query is shown
    when it names a text under `flash` of any part of the catalogue."""
    done = request.query_params.get("done", "")
    return render(
        template,
        status,
        visitor=visitor,
        nav=CUSTOMER_PAGES if isinstance(visitor, Customer) else OPERATOR_PAGES,
        page=request.url.path,
        errors=tuple(errors),
        done=text(done) if ".flash." in f".{done}" and known(done) else None,
        **values,
    )
