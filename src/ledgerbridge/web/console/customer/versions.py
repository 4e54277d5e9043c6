"""`/settings/versions`: every configuration there was, what each changed, back to one, to a file and from one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.datastructures import UploadFile

from ledgerbridge.connections import configuration
from ledgerbridge.connections.config_body import ConfigurationBody
from ledgerbridge.connections.config_diff import Change, Names, changes, names, values
from ledgerbridge.connections.configuration import Version
from ledgerbridge.connections.errors import ConfigurationRefused, Refused
from ledgerbridge.connections.rows import connection_row
from ledgerbridge.store.tables import Connection
from ledgerbridge.web.admin import models, render
from ledgerbridge.web.console.customer import fields
from ledgerbridge.web.console.doors import ConsoleRoute, Customer, SignedInCustomer
from ledgerbridge.web.console.forms import go
from ledgerbridge.web.console.page import FieldError, page
from ledgerbridge.web.problems import HttpProblem
from ledgerbridge.web.services import Provided, Services
from ledgerbridge.web.texts import text

router = APIRouter(route_class=ConsoleRoute, include_in_schema=False)

PAGE = 20
"""Versions on a page."""
MAX_FILE = 256 * 1024
"""Bytes of a configuration; the largest sensible one has a few thousand tax codes."""
_HERE = "/settings/versions"
_OF_A_VERSION = models.Configuration.model_fields.keys() - ConfigurationBody.model_fields.keys()
"""What a downloaded file says beside the settings themselves."""
Number = Annotated[int, Path(ge=1, le=2**31 - 1)]
Refusal = Sequence[FieldError]


class FileRefused(Exception):
    """What was sent is no configuration; the text says why."""


@router.get(_HERE)
async def listed(
    request: Request,
    services: Provided,
    customer: SignedInCustomer,
    cursor: Annotated[str | None, Query(max_length=1000)] = None,
) -> HTMLResponse:
    """All versions, newest first, each with what it changed."""
    return await _list(request, services, customer, cursor=cursor)


@router.get(_HERE + "/{version}")
async def one(request: Request, services: Provided, customer: SignedInCustomer, version: Number) -> HTMLResponse:
    """One version whole, what it changed, and what going back to it would change."""
    return await _version_page(request, services, customer, version)


@router.get(_HERE + "/{version}/file")
async def file(services: Provided, customer: SignedInCustomer, version: Number) -> Response:
    """The version as the admin API shows it, to be kept and uploaded again."""
    found = await _version(services, customer, version)
    body = render.configuration(customer.connection_id, found).model_dump(mode="json")
    name = f"ledgerbridge-configuration-{version}.json"
    return Response(
        json.dumps(body, indent=2, ensure_ascii=False) + "\n",
        media_type="application/json",
        headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"},
    )


@router.post(_HERE + "/upload", response_model=None)
async def upload(request: Request, services: Provided, customer: SignedInCustomer) -> HTMLResponse:
    """Shows what a file would change, and asks before that is put in force."""
    try:
        sent = _document(await _uploaded(request))
        body = ConfigurationBody.read(_without_version(sent))
    except (FileRefused, ConfigurationRefused) as refusal:
        return await _list(request, services, customer, errors=_errors(refusal, "file"))
    return await _ask(request, services, customer, body, from_elsewhere=_is_of_another(sent, customer))


@router.post(_HERE + "/apply", response_model=None)
async def apply(request: Request, services: Provided, customer: SignedInCustomer) -> HTMLResponse | RedirectResponse:
    """Puts what was asked about in force as the next version, unless somebody else was quicker."""
    form = await request.form()
    given, following = form.get("body"), form.get("following")
    try:
        if not isinstance(given, str) or not isinstance(following, str) or not following.isdecimal():
            raise FileRefused(text("versions.file.missing"))
        body = ConfigurationBody.read(_document(given.encode()))
    except (FileRefused, ConfigurationRefused) as refusal:
        return await _list(request, services, customer, errors=_errors(refusal, "file"))
    try:
        put = await _put(services, customer, body, int(following[:9]))
    except Refused as refusal:
        return await _ask(request, services, customer, body, errors=_errors(refusal))
    return go(_HERE, done="versions.flash.put", version=str(put.version))


@router.post(_HERE + "/{version}/restore", response_model=None)
async def restore(
    request: Request, services: Provided, customer: SignedInCustomer, version: Number
) -> HTMLResponse | RedirectResponse:
    """Puts an older version in force again, as the next one, if the accounting system still bears it out."""
    following = (await request.form()).get("following")
    found = await _version(services, customer, version)
    try:
        if not isinstance(following, str) or not following.isdecimal():
            raise Refused("configuration_changed", text("versions.changed_meanwhile"))
        await _put(services, customer, found.body, int(following[:9]))
    except Refused as refusal:
        return await _version_page(request, services, customer, version, errors=_errors(refusal))
    return go(_HERE, done="versions.flash.put")


async def _put(services: Services, customer: Customer, body: ConfigurationBody, following: int) -> Version:
    wanted = body.model_dump(mode="json")
    return await configuration.put(
        services.connections, customer.connection_id, wanted, customer.actor, following=following
    )


# ------------------------------------------------------------------ pages


async def _list(
    request: Request, services: Services, customer: Customer, *, cursor: str | None = None, errors: Refusal = ()
) -> HTMLResponse:
    listing = f"customer/versions/{customer.connection_id}"
    before = services.cursors.read_number(listing, cursor)
    connection = await _connection(services, customer)
    # One more than is shown tells that there are older ones, and what the last of the page changed.
    found = await configuration.versions(services.connections, connection.id, before=before, limit=PAGE + 1)
    shown = [
        (version, fields.changed(changes(older.body if older else None, version.body)) if older else None)
        for version, older in zip(found[:PAGE], [*found[1:], None], strict=False)
    ]
    more = found[PAGE - 1].version if len(found) > PAGE else None
    return page(
        request,
        customer,
        "versions/list.html",
        status=422 if errors else 200,
        errors=errors,
        company=connection.company_name,
        versions=shown,
        in_force=found[0].version if found and not before else None,
        newest=_HERE if cursor else None,
        older=f"{_HERE}?cursor={services.cursors.write(listing, (more,))}" if more else None,
        kilobytes=MAX_FILE // 1024,
    )


async def _version_page(
    request: Request, services: Services, customer: Customer, number: int, errors: Refusal = ()
) -> HTMLResponse:
    found = await _version(services, customer, number)
    connection = await _connection(services, customer)
    before = await configuration.versions(services.connections, connection.id, before=number, limit=1)
    newest = await configuration.current(services.connections, connection.id)
    assert newest is not None  # noqa: S101 - there is this one at least
    named = await names(services.connections, connection.id)
    return page(
        request,
        customer,
        "versions/version.html",
        status=422 if errors else 200,
        errors=errors,
        company=connection.company_name,
        version=found,
        is_first=not before,
        changed=fields.changed(changes(before[0].body, found.body) if before else [], named),
        all=fields.shown(values(found.body), named),
        newest=newest.version,
        back=fields.changed(changes(newest.body, found.body), named),
        unnamed=named is None,
    )


async def _ask(
    request: Request,
    services: Services,
    customer: Customer,
    body: ConfigurationBody,
    *,
    from_elsewhere: bool = False,
    errors: Refusal = (),
) -> HTMLResponse:
    connection = await _connection(services, customer)
    newest = await configuration.current(services.connections, connection.id)
    named: Names | None = await names(services.connections, connection.id)
    differs: Sequence[Change] = changes(newest.body if newest else None, body)
    return page(
        request,
        customer,
        "versions/upload.html",
        status=422 if errors else 200,
        errors=errors,
        company=connection.company_name,
        changed=fields.changed(differs, named),
        newest=newest.version if newest else 0,
        body=json.dumps(body.model_dump(mode="json"), ensure_ascii=False),
        from_elsewhere=from_elsewhere,
        unnamed=named is None,
    )


async def _connection(services: Services, customer: Customer) -> Connection:
    async with services.db.reading() as session:
        return await connection_row(session, customer.connection_id)


async def _version(services: Services, customer: Customer, number: int) -> Version:
    """A version of the company. Raises `HttpProblem` 404."""
    found = await configuration.versions(services.connections, customer.connection_id, before=number + 1, limit=1)
    if not found or found[0].version != number:
        raise HttpProblem(404, text("versions.unknown"), kind="version-unknown")
    return found[0]


# ------------------------------------------------------------------ what was sent


async def _uploaded(request: Request) -> bytes:
    """The file of the form. Raises `FileRefused`."""
    sent = (await request.form()).get("file")
    if not isinstance(sent, UploadFile) or not sent.filename:
        raise FileRefused(text("versions.file.missing"))
    try:
        return await sent.read(MAX_FILE + 1)
    finally:
        await sent.close()


def _document(sent: bytes) -> dict[str, Any]:
    """The JSON object in it. Raises `FileRefused`."""
    if len(sent) > MAX_FILE:
        raise FileRefused(text("versions.file.too_large", kilobytes=MAX_FILE // 1024))
    try:
        read = json.loads(sent.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise FileRefused(text("versions.file.no_json")) from None
    if not isinstance(read, dict):
        raise FileRefused(text("versions.file.no_json"))
    return read


def _without_version(sent: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in sent.items() if name not in _OF_A_VERSION}


def _is_of_another(sent: dict[str, Any], customer: Customer) -> bool:
    """Whether the file was downloaded from the settings of another company."""
    written = sent.get("id")
    return isinstance(written, str) and not written.startswith(f"{customer.connection_id}:")


def _errors(refusal: Exception, field: str = "") -> list[FieldError]:
    match refusal:
        case ConfigurationRefused():
            told = [fields.fault(one.path, one.text) for one in refusal.faults]
            return [FieldError(field if one == told[0] else "", one) for one in told]
        case Refused(code="configuration_changed"):
            return [FieldError(field, text("versions.changed_meanwhile"))]
        case Refused():
            return [FieldError(field, refusal.text)]
        case _:
            return [FieldError(field, str(refusal))]
