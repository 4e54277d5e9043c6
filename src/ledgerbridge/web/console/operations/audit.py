"""`/admin/audit`: who did what to whose connection, in sentences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from ledgerbridge.ops import audit
from ledgerbridge.ops.audit import Written
from ledgerbridge.ops.roster import names_of
from ledgerbridge.store.tables import AuditRecord
from ledgerbridge.web.console.doors import ConsoleRoute, SignedInOperator
from ledgerbridge.web.console.forms import link
from ledgerbridge.web.console.operations import filters
from ledgerbridge.web.console.page import page
from ledgerbridge.web.services import Provided
from ledgerbridge.web.texts import catalogue, known, text

router = APIRouter(route_class=ConsoleRoute, include_in_schema=False)
HERE = "/admin/audit"
PAGE = 50
_SAID = "operations.audit.said."
_LONGEST = 300
Short = Annotated[str, Query(max_length=500)]


@router.get(HERE)
async def listed(
    request: Request,
    services: Provided,
    operator: SignedInOperator,
    company: Short = "",
    by: Short = "",
    action: Short = "",
    since: Annotated[str, Query(alias="from", max_length=100)] = "",
    to: Annotated[str, Query(max_length=100)] = "",
    cursor: Annotated[str | None, Query(max_length=1000)] = None,
) -> HTMLResponse:
    """The log, newest first."""
    by, action = by.strip(), action.strip()
    async with services.db.reading() as session:
        asked = await filters.read(session, company, since, to)
        kept = asked.kept | {"by": by, "action": action}
        listing = f"console/audit/{link('', **kept)}"
        before = services.cursors.read_number(listing, cursor)
        which = Written(asked.connection_id, by or None, action or None, asked.since, asked.until)
        found = [] if asked.errors else list(await audit.newest(session, which, before=before, limit=PAGE + 1))
        shown = found[:PAGE]
        names = await names_of(session, {row.connection_id for row in shown if row.connection_id})
    more = services.cursors.write(listing, (shown[-1].id,)) if len(found) > PAGE else None
    return page(
        request,
        operator,
        "operations/audit.html",
        status=422 if asked.errors else 200,
        errors=asked.errors,
        asked=asked,
        by=by,
        action=action,
        actions=actions(action),
        rows=shown,
        names=names,
        sentence=sentence,
        details=details,
        filtered=any(kept.values()),
        newest=link(HERE, **kept) if cursor else None,
        older=link(HERE, **kept, cursor=more) if more else None,
        here=HERE,
    )


def sentence(row: AuditRecord) -> str:
    """What was done, in words; the name of the deed where it has none."""
    name = _SAID + _key(row.action)
    return text(name) if known(name) else row.action.replace("_", " ").replace(".", " ").capitalize()


def details(row: AuditRecord) -> list[tuple[str, str]]:
    """What else was written down, without what is empty."""
    return [
        (name.replace("_", " "), _plain(value)) for name, value in row.detail.items() if value not in (None, "", [])
    ]


def actions(chosen: str) -> list[tuple[str, str]]:
    """What the log can be narrowed to: deeds that have words, and the one that was asked for."""
    named = {name.removeprefix(_SAID): words for name, words in catalogue().items() if name.startswith(_SAID)}
    found = {_action(key): str(words) for key, words in named.items()}
    if chosen and chosen not in found:
        found[chosen] = chosen
    return sorted(found.items(), key=lambda one: one[1])


def _key(action: str) -> str:
    return action.replace(".", "-")


def _action(key: str) -> str:
    return key.replace("-", ".")


def _plain(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {_plain(inner)}" for name, inner in value.items())[:_LONGEST]
    if isinstance(value, list):
        return ", ".join(map(_plain, value))[:_LONGEST]
    said = (
        {True: text("common.yes"), False: text("common.no")}.get(value, str(value))
        if isinstance(value, bool)
        else value
    )
    return _cut(str(said))


def _cut(words: str) -> str:
    return words if len(words) <= _LONGEST else f"{words[:_LONGEST]} …"
