"""What the calls about master data have in common: whose they are, their bodies, and pages of the wanted size."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from starlette.requests import Request
from starlette.responses import Response

from pleo_sandbox.core.credentials import Caller, require_company
from pleo_sandbox.core.paging import Collection, paginate, read_page_request
from pleo_sandbox.core.problems import bad_request, forbidden, parameter_missing
from pleo_sandbox.core.words import is_uuid, object_of, uuid_of
from pleo_sandbox.web.answers import answer, json_body, one, world_of

Query = list[tuple[str, str]]


class Named(Protocol):
    """A row with an id."""

    @property
    def id(self) -> str:
        """A UUID in lower case."""


Row = TypeVar("Row", bound=Named)


async def members_of(request: Request, what: str, known: Sequence[str], *, optional: bool = False) -> dict[str, Any]:
    """The body as an object; a member nobody publishes is let pass with a remark, as Pleo would ignore it silently."""
    if optional and not await request.body():
        return {}
    body = object_of(await json_body(request), what)
    for name in sorted(set(body) - set(known)):
        text = f"{request.method} {request.url.path} does not know the member {name}"
        world_of(request).recorder.remark("unknown_body_member", text)
    return body


def company_in(caller: Caller, body: dict[str, Any]) -> str:
    """The company a body names; a 404 refusal for one the caller does not open."""
    (company_id,) = require_company(caller, uuid_of(body, "companyId"))
    return company_id


def companies_in(request: Request, caller: Caller, query: Query, *, needed: bool) -> frozenset[str]:
    """The companies that ``company_id``, or else ``organization_id``, is about; 400 when one is needed."""
    company_id, organisation_id = one(query, "company_id"), one(query, "organization_id")
    if company_id is None and organisation_id is not None:
        if not is_uuid(organisation_id):
            raise bad_request("organization_id must be a UUID")
        own = world_of(request).config.organisation_id
        if not caller.is_organisation or organisation_id.lower() != own:
            raise forbidden("The credential does not open this organisation")
        return caller.companies
    if company_id is None and needed:
        raise parameter_missing("company_id")
    return require_company(caller, company_id)


def flag_in(query: Query, name: str) -> bool | None:
    """A true-or-false parameter."""
    value = one(query, name)
    if value not in (None, "true", "false"):
        raise bad_request(f"{name} must be true or false")
    return None if value is None else value == "true"


def listing(
    request: Request,
    query: Query,
    rows: Sequence[Row],
    keep: Callable[[Row], bool],
    sortable: Mapping[str, Callable[[Row], Any]],
    shape: Callable[[Row], dict[str, Any]],
    *,
    body: Mapping[str, Any] | None = None,
) -> Response:
    """One page of rows in their published shape. ``body`` holds the filters of a search."""
    wanted = read_page_request(query)
    collection = Collection(rows=rows, name=lambda row: row.id, keep=keep, sortable=sortable)
    seal = json.dumps(body, sort_keys=True) if body else ""
    page, info = paginate(collection, wanted, world_of(request).choices.page(wanted.limit), seal)
    return answer({"data": [shape(row) for row in page], "pagination": info})


def created(request: Request, body: dict[str, Any]) -> Response:
    """The answer to a creation whose status is not published."""
    return answer({"data": body}, world_of(request).choices.created_status)
