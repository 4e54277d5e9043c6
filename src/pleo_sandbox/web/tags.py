"""Tags API: the calls about tags, single and many."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from pleo_sandbox.core.credentials import require_company
from pleo_sandbox.core.problems import bad_request
from pleo_sandbox.core.tags import BULK_LIMIT, Tag
from pleo_sandbox.core.words import filled_text_of, flag_of, is_uuid, text_of, texts_of, uuids_of
from pleo_sandbox.web.answers import answer, caller_of, one, query_of, world_of
from pleo_sandbox.web.lists import companies_in, company_in, flag_in, listing, members_of

router = APIRouter(include_in_schema=False)

READ, WRITE = "tag-groups:read", "tag-groups:write"
_MEMBERS = ("archived", "code", "name", "otherDimensionValues")
_FILTERS = ("archived", "includeArchived", "tagGroupIds", "tagIds", "textSearch")
SORTABLE = {
    "code": lambda tag: tag.code,
    "name": lambda tag: tag.name,
    "archived": lambda tag: tag.archived,
    "createdAt": lambda tag: tag.created_at,
    "updatedAt": lambda tag: tag.updated_at,
}


@router.get("/v0/tag-groups/{group_id}/tags")
async def list_tags(request: Request, group_id: str) -> Response:
    """The tags of one group."""
    caller = caller_of(request, READ)
    query = query_of(request, "include_archived")
    archived_too = _archived_too(request, flag_in(query, "include_archived"))
    tags = world_of(request).tags
    rows = tags.of_group(tags.group(group_id, caller.companies))
    return listing(request, query, rows, lambda tag: archived_too or not tag.archived, SORTABLE, Tag.as_published)


@router.post("/v0/tag-groups/{group_id}/tags")
async def create_tag(request: Request, group_id: str) -> Response:
    """One tag: 400 when the group is full, 409 when the code is taken."""
    caller = caller_of(request, WRITE)
    tags = world_of(request).tags
    group = tags.group(group_id, caller.companies)
    body = await members_of(request, "The tag", _MEMBERS)
    made = tags.create_tag(group, *_read_tag(body))
    return answer({"data": made.as_published()}, 201)


@router.get("/v0/tags")
async def search_tags_old(request: Request) -> Response:
    """The superseded search."""
    caller = caller_of(request, READ)
    query = query_of(request, "company_id", "text_search", "tag_group_id", "include_archived")
    groups = [value.lower() for name, value in query if name == "tag_group_id"]
    if not all(is_uuid(group) for group in groups):
        raise bad_request("tag_group_id must be a UUID")
    archived_too = _archived_too(request, flag_in(query, "include_archived"))
    text = (one(query, "text_search") or "").lower()

    def keep(tag: Tag) -> bool:
        if (groups and tag.group.id not in groups) or text not in (tag.name or "").lower():
            return False
        return archived_too or not tag.archived

    rows = world_of(request).tags.of(require_company(caller, one(query, "company_id")))
    return listing(request, query, rows, keep, SORTABLE, Tag.as_published)


@router.post("/v0/tags:search")
async def search_tags(request: Request) -> Response:
    """Tags of a company or an organisation."""
    return await _search(request, Tag.as_published, organisation=True)


@router.post("/v0/aggregations/tags")
async def search_aggregated(request: Request) -> Response:
    """Tags of a company, each with its group and column values."""
    return await _search(request, Tag.with_group, organisation=False)


@router.post("/v0/tags/archive")
async def archive_tags(request: Request) -> Response:
    """Archives or unarchives up to 100 tags."""
    caller = caller_of(request, WRITE)
    body = await members_of(request, "The call", ("archived", "companyId", "tagIds"))
    archived = bool(flag_of(body, "archived", required=True))
    company_id = company_in(caller, body)
    tags = world_of(request).tags.archive_tags(_bulk_ids(body), archived, frozenset({company_id}))
    return answer({"data": [tag.as_published() for tag in tags]})


@router.delete("/v0/tags")
async def delete_tags(request: Request) -> Response:
    """Deletes up to 100 tags."""
    caller = caller_of(request, WRITE)
    body = await members_of(request, "The call", ("companyId", "tagIds"))
    company_id = company_in(caller, body)
    world_of(request).tags.delete_tags(_bulk_ids(body), frozenset({company_id}))
    return Response(status_code=204)


@router.get("/v0/tags/{tag_id}")
async def get_tag(request: Request, tag_id: str) -> Response:
    """One tag."""
    caller = caller_of(request, READ)
    query_of(request, paging=False)
    return answer({"data": world_of(request).tags.tag(tag_id, caller.companies).as_published()})


@router.put("/v0/tags/{tag_id}")
async def update_tag(request: Request, tag_id: str) -> Response:
    """Renames, archives, unarchives: 409 when the code belongs to another tag."""
    caller = caller_of(request, WRITE)
    tags = world_of(request).tags
    tag = tags.tag(tag_id, caller.companies)
    body = await members_of(request, "The tag", _MEMBERS)
    return answer({"data": tags.update_tag(tag, *_read_tag(body)).as_published()})


@router.delete("/v0/tags/{tag_id}")
async def delete_tag(request: Request, tag_id: str) -> Response:
    """Deletes; the body of the answer is not published."""
    caller = caller_of(request, WRITE)
    tags = world_of(request).tags
    tags.delete_tag(tags.tag(tag_id, caller.companies))
    return answer({})


async def _search(request: Request, shape: Callable[[Tag], dict[str, Any]], *, organisation: bool) -> Response:
    caller = caller_of(request, READ)
    query = query_of(request, "company_id", *(("organization_id",) if organisation else ()))
    companies = companies_in(request, caller, query if organisation else _without_organisation(query), needed=False)
    body = await members_of(request, "The search", _FILTERS, optional=True)
    archived = None if body.get("archived") is None else flag_of(body, "archived")
    archived_too = bool(body.get("includeArchived") is not None and flag_of(body, "includeArchived"))
    groups, ids = uuids_of(body, "tagGroupIds"), uuids_of(body, "tagIds")
    text = (text_of(body, "textSearch") or "").lower()

    def keep(tag: Tag) -> bool:
        if (groups and tag.group.id not in groups) or (ids and tag.id not in ids):
            return False
        if archived is None and not archived_too and tag.archived:
            return False
        return archived in (None, tag.archived) and text in (tag.name or "").lower()

    rows = world_of(request).tags.of(companies)
    return listing(request, query, rows, keep, SORTABLE, shape, body=body)


def _without_organisation(query: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(name, value) for name, value in query if name != "organization_id"]


def _archived_too(request: Request, asked: bool | None) -> bool:
    return world_of(request).choices.tags_listed_default == "all" if asked is None else asked


def _read_tag(body: dict[str, Any]) -> tuple[str, str | None, bool, list[str]]:
    archived = bool(flag_of(body, "archived", required=True))
    others = texts_of(body, "otherDimensionValues") or []
    return filled_text_of(body, "code"), text_of(body, "name"), archived, others


def _bulk_ids(body: dict[str, Any]) -> list[str]:
    ids = uuids_of(body, "tagIds", fewest=1, most=BULK_LIMIT)
    if ids is None:
        raise bad_request("tagIds is required")
    return ids
