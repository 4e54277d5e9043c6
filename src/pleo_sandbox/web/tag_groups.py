"""Tags API: the calls about tag groups, their extra columns and what tags hold in them."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from pleo_sandbox.core.credentials import require_company
from pleo_sandbox.core.problems import bad_request
from pleo_sandbox.core.tags import Column, Group, Tag
from pleo_sandbox.core.usage import tag_counts
from pleo_sandbox.core.words import filled_text_of, flag_of, is_uuid, metadata_of, text_of
from pleo_sandbox.web.answers import answer, caller_of, one, query_of, world_of
from pleo_sandbox.web.lists import companies_in, created, flag_in, members_of
from pleo_sandbox.web.tags import READ, WRITE

router = APIRouter(include_in_schema=False)

_MEMBERS = ("archived", "code", "metadata", "name")
_COLUMN_MEMBERS = ("code", "name", "visible", "displayOrder")


@router.get("/v0/tag-groups")
async def list_groups(request: Request) -> Response:
    """Every group of a company or an organisation, without paging."""
    caller = caller_of(request, READ)
    query = query_of(request, "company_id", "organization_id", "include_archived", "include_tags_count", paging=False)
    companies = companies_in(request, caller, query, needed=True)
    world = world_of(request)
    asked = flag_in(query, "include_archived")
    archived_too = world.choices.tags_listed_default == "all" if asked is None else asked
    counted = bool(flag_in(query, "include_tags_count"))
    groups = [group for group in world.tags.groups(companies) if archived_too or not group.archived]
    return answer({"data": [g.as_published(len(world.tags.of_group(g)) if counted else None) for g in groups]})


@router.post("/v0/tag-groups")
async def create_group(request: Request) -> Response:
    """One group."""
    caller = caller_of(request, WRITE)
    query = query_of(request, "company_id", paging=False)
    (company_id,) = require_company(caller, one(query, "company_id"))
    body = await members_of(request, "The tag group", _MEMBERS)
    code, name, archived = _read_group(body)
    made = world_of(request).tags.create_group(company_id, code, name, archived, metadata_of(body) or {})
    return created(request, made.as_published())


@router.get("/v0/aggregations/tag-groups")
async def aggregated_groups(request: Request) -> Response:
    """Groups with their columns: active ones, archived ones too when they are named."""
    caller = caller_of(request, READ)
    query = query_of(request, "company_id", "organization_id", "tag_group_ids", paging=False)
    companies = companies_in(request, caller, query, needed=True)
    ids = [value.lower() for name, value in query if name == "tag_group_ids"]
    if not all(is_uuid(group_id) for group_id in ids):
        raise bad_request("tag_group_ids must be UUIDs")
    groups = world_of(request).tags.groups(companies)
    shown = [group for group in groups if (group.id in ids if ids else not group.archived)]
    return answer({"data": [group.with_columns() for group in shown]})


@router.get("/v0/tag-groups/{group_id}")
async def get_group(request: Request, group_id: str) -> Response:
    """One group."""
    return answer({"data": _group(request, group_id, READ).as_published()})


@router.put("/v0/tag-groups/{group_id}")
async def update_group(request: Request, group_id: str) -> Response:
    """Renames, archives, unarchives; all four members are required."""
    group = _group(request, group_id, WRITE)
    body = await members_of(request, "The tag group", _MEMBERS)
    code, name, archived = _read_group(body)
    metadata = metadata_of(body, required=True) or {}
    return answer({"data": world_of(request).tags.update_group(group, code, name, archived, metadata).as_published()})


@router.delete("/v0/tag-groups/{group_id}")
async def delete_group(request: Request, group_id: str) -> Response:
    """Deletes a group and its tags."""
    world_of(request).tags.delete_group(_group(request, group_id, WRITE))
    return Response(status_code=204)


@router.get("/v0/tag-groups/{group_id}/usage")
async def group_usage(request: Request, group_id: str) -> Response:
    """How many expenses carry each tag."""
    group = _group(request, group_id, READ)
    world = world_of(request)
    counts = tag_counts(world.entries.of_company(group.company_id), world.tags.of_group(group))
    return answer({"data": {"usages": counts}})


# ---------------------------------------------------------------- columns


@router.get("/v0/tag-groups/{group_id}/dimensions")
async def list_columns(request: Request, group_id: str) -> Response:
    """The extra columns of a group."""
    group = _group(request, group_id, READ)
    return answer({"data": [column.as_published() for column in group.columns]})


@router.post("/v0/tag-groups/{group_id}/dimensions")
async def create_column(request: Request, group_id: str) -> Response:
    """Adds a column at the end."""
    group = _group(request, group_id, WRITE)
    body = await members_of(request, "The dimension", _COLUMN_MEMBERS)
    code, name, visible = _read_column(body)
    return created(request, world_of(request).tags.add_column(group, code, name, visible).as_published())


@router.get("/v0/tag-groups/{group_id}/dimensions/{column_id}")
async def get_column(request: Request, group_id: str, column_id: str) -> Response:
    """One column."""
    return answer({"data": _column(request, group_id, column_id, READ)[1].as_published()})


@router.put("/v0/tag-groups/{group_id}/dimensions/{column_id}")
async def update_column(request: Request, group_id: str, column_id: str) -> Response:
    """Replaces a column's fields."""
    _, column = _column(request, group_id, column_id, WRITE)
    body = await members_of(request, "The dimension", _COLUMN_MEMBERS)
    code, name, visible = _read_column(body)
    order = body.get("displayOrder")
    if isinstance(order, bool) or not isinstance(order, int):
        raise bad_request("displayOrder must be a whole number")
    return answer({"data": world_of(request).tags.update_column(column, code, name, order, visible).as_published()})


@router.delete("/v0/tag-groups/{group_id}/dimensions/{column_id}")
async def delete_column(request: Request, group_id: str, column_id: str) -> Response:
    """Removes a column; the body of the answer is not published."""
    group, column = _column(request, group_id, column_id, WRITE)
    world_of(request).tags.drop_column(group, column)
    return answer({})


# ---------------------------------------------------------------- values


@router.get("/v0/tags/{tag_id}/dimensions")
async def list_values(request: Request, tag_id: str) -> Response:
    """What a tag holds in its group's extra columns."""
    caller = caller_of(request, READ)
    tag = world_of(request).tags.tag(tag_id, caller.companies)
    return answer({"data": [value.as_published() for value in tag.values.values()]})


@router.get("/v0/tags/{tag_id}/dimensions/{column_id}")
async def get_value(request: Request, tag_id: str, column_id: str) -> Response:
    """What a tag holds in one column."""
    tag, column = _cell(request, tag_id, column_id, READ)
    return answer({"data": world_of(request).tags.value(tag, column).as_published()})


@router.post("/v0/tags/{tag_id}/dimensions/{column_id}")
async def create_value(request: Request, tag_id: str, column_id: str) -> Response:
    """Writes a value for the first time."""
    tag, column = _cell(request, tag_id, column_id, WRITE)
    if column.id in tag.values:
        raise bad_request("The tag has a value in this dimension already")
    text = await _value(request)
    return created(request, world_of(request).tags.set_value(tag, column, text).as_published())


@router.put("/v0/tags/{tag_id}/dimensions/{column_id}")
async def update_value(request: Request, tag_id: str, column_id: str) -> Response:
    """Changes a value."""
    tag, column = _cell(request, tag_id, column_id, WRITE)
    tags = world_of(request).tags
    tags.value(tag, column)
    return answer({"data": tags.set_value(tag, column, await _value(request)).as_published()})


@router.delete("/v0/tags/{tag_id}/dimensions/{column_id}")
async def delete_value(request: Request, tag_id: str, column_id: str) -> Response:
    """Removes a value and answers with it."""
    tag, column = _cell(request, tag_id, column_id, WRITE)
    removed = world_of(request).tags.value(tag, column)
    del tag.values[column.id]
    return answer({"data": removed.as_published()})


def _group(request: Request, group_id: str, scope: str) -> Group:
    caller = caller_of(request, scope)
    return world_of(request).tags.group(group_id, caller.companies)


def _column(request: Request, group_id: str, column_id: str, scope: str) -> tuple[Group, Column]:
    group = _group(request, group_id, scope)
    return group, world_of(request).tags.column(group, column_id)


def _cell(request: Request, tag_id: str, column_id: str, scope: str) -> tuple[Tag, Column]:
    caller = caller_of(request, scope)
    tags = world_of(request).tags
    tag = tags.tag(tag_id, caller.companies)
    return tag, tags.column(tag.group, column_id)


def _read_group(body: dict[str, Any]) -> tuple[str, str, bool]:
    archived = bool(flag_of(body, "archived", required=True))
    return filled_text_of(body, "code"), text_of(body, "name", required=True) or "", archived


def _read_column(body: dict[str, Any]) -> tuple[str, str, bool]:
    visible = bool(flag_of(body, "visible", required=True))
    return filled_text_of(body, "code"), text_of(body, "name", required=True) or "", visible


async def _value(request: Request) -> str:
    body = await members_of(request, "The value", ("value",))
    return text_of(body, "value", required=True) or ""
