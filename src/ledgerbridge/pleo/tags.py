"""The Tags API: tag groups (dimensions of the ERP) and their tags (dimension values).

Archives and never deletes (TAG-058, -082), and leaves the columns of a group alone (TAG-011): no call for either exists
here. Codes are the only keys; neither groups nor tags have an external id (TAG-044).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from ledgerbridge.pleo.endpoints import path_of
from ledgerbridge.pleo.errors import UnreadableAnswer
from ledgerbridge.pleo.models import Instant, Wire, read, unwrapped
from ledgerbridge.pleo.ownership import of_company, same_id
from ledgerbridge.pleo.paging import PAGE_SIZE, records
from ledgerbridge.pleo.transport import Call, PleoClient
from ledgerbridge.pleo.wire import Answer, NotJson, read_json

MAX_ARCHIVED = 100
"""Most tags one archive call may name (TAG-085)."""

_GROUPS = "/v0/tag-groups"


_Metadata = Annotated[dict[str, Any], BeforeValidator(lambda value: {} if value is None else value)]


class TagGroup(Wire):
    """A tag group as Pleo holds it."""

    id: str = Field(min_length=1)
    company_id: str
    code: str
    name: str
    archived: bool
    metadata: _Metadata = Field(default_factory=dict)
    """Free text members. Sent back unchanged on every update (TAG-057), never a key (TAG-044)."""
    total_tags_count: int | None = None
    created_at: Instant | None = None


class Tag(Wire):
    """A tag as Pleo holds it."""

    id: str = Field(min_length=1)
    group_id: str
    code: str
    name: str | None = None
    archived: bool
    created_at: Instant | None = None


@dataclass(frozen=True, slots=True)
class ArchivedTags:
    """What became of one archive call, whose partial failure is not described by Pleo."""

    tags: tuple[Tag, ...]
    """Confirmed by Pleo to stand as wanted."""
    unconfirmed: tuple[str, ...]
    """Ids the answer does not show in the wanted state: only a fresh read tells about them."""


class TagsApi:
    """Calls on tag groups and tags. `page_size` is the `limit` of the list of tags."""

    def __init__(self, client: PleoClient, *, page_size: int = PAGE_SIZE) -> None:
        self._client = client
        self._page_size = page_size

    async def groups(self, company_id: str) -> tuple[TagGroup, ...]:
        """Every group of the company, active and archived, in one call (TAG-051).

        Raises `UnreadableAnswer` for a list with an unreadable record or one of another company.
        """
        call = Call("getTagGroups", "GET", _GROUPS, [("company_id", company_id), ("include_archived", "true")])
        data = unwrapped(await self._client.json(call), "data", call.operation)
        if not isinstance(data, list):
            raise UnreadableAnswer(call.operation, status=200, detail="data is not a list")
        return of_company(company_id, (read(TagGroup, raw, call.operation) for raw in data), call.operation)

    async def create_group(self, company_id: str, code: str, name: str) -> TagGroup:
        """A new active group (TAG-054). Raises `OutcomeUnknown` on a lost reply: read the groups again."""
        body = {"archived": False, "code": _filled(code, "code"), "name": _filled(name, "name")}
        call = Call("createTagGroup", "POST", _GROUPS, [("company_id", company_id)], body=body)
        return await self._client.record(call, TagGroup, inside="data")

    async def update_group(self, group: TagGroup, *, archived: bool, name: str | None = None) -> TagGroup:
        """Archive or unarchive; all four members go out, those not named here as they were read (TAG-057)."""
        body = {
            "archived": archived,
            "code": group.code,
            "metadata": group.metadata,
            "name": group.name if name is None else name,
        }
        call = Call("updateTagGroup", "PUT", path_of("v0", "tag-groups", group.id), body=body)
        return await self._client.record(call, TagGroup, inside="data")

    async def tags(self, group_id: str) -> tuple[Tag, ...]:
        """Every tag of the group, active and archived, from all pages (TAG-072).

        Raises `UnreadableAnswer` when a page or a single record cannot be read, or a tag is of another group.
        """
        path = path_of("v0", "tag-groups", group_id, "tags")
        call = Call("getTags", "GET", path, [("include_archived", "true")])
        found = await records(self._client, call, Tag, limit=self._page_size)
        if not all(same_id(tag.group_id, group_id) for tag in found):
            raise UnreadableAnswer(call.operation, status=200, detail="a tag belongs to another group")
        return tuple({tag.id: tag for tag in found}.values())

    async def create_tag(self, group_id: str, code: str, name: str) -> Tag:
        """A new active tag (TAG-076).

        Raises `Conflict` when the code is taken (TAG-140), `BadRequest` when the group may be full (TAG-112) and
        `OutcomeUnknown` on a lost reply: read the group's tags again.
        """
        body = {"archived": False, "code": _filled(code, "code"), "name": _filled(name, "name")}
        call = Call("createTag", "POST", path_of("v0", "tag-groups", group_id, "tags"), body=body)
        return await self._client.record(call, Tag, inside="data")

    async def update_tag(self, tag: Tag, *, name: str, archived: bool) -> Tag:
        """Rename, archive or unarchive; the code goes back as Pleo stores it, the columns are left out (TAG-045, -084).

        Raises `NotFound` when the tag is gone (TAG-143) and `Conflict` on a clash of codes (TAG-141).
        """
        body = {"archived": archived, "code": tag.code, "name": _filled(name, "name")}
        return await self._client.record(
            Call("updateTag", "PUT", path_of("v0", "tags", tag.id), body=body), Tag, inside="data"
        )

    async def archive_tags(self, company_id: str, tag_ids: Sequence[str], *, archived: bool) -> ArchivedTags:
        """Archive or unarchive 1 to 100 different tags, of one group or of several (TAG-085, -086).

        Says a final state, so it is repeated like a PUT. Raises `ValueError` for none, too many or an id named twice.
        """
        if not 1 <= len(tag_ids) <= MAX_ARCHIVED or len(set(tag_ids)) != len(tag_ids):
            raise ValueError(f"one archive call names 1 to {MAX_ARCHIVED} different tags (TAG-085), not {len(tag_ids)}")
        body = {"archived": archived, "companyId": company_id, "tagIds": list(tag_ids)}
        call = Call("bulkArchiveTags", "POST", "/v0/tags/archive", body=body, safe=True)
        confirmed = {tag.id: tag for tag in _listed(await self._client.send(call)) if tag.archived == archived}
        return ArchivedTags(
            tuple(confirmed[one] for one in tag_ids if one in confirmed),
            tuple(one for one in tag_ids if one not in confirmed),
        )


def _filled(text: str, member: str) -> str:
    if not text.strip():
        raise ValueError(f"a tag or tag group needs a {member}")
    return text


def _listed(answer: Answer) -> list[Tag]:
    """The tags an answer shows; one that cannot be read counts as not shown."""
    try:
        body = read_json(answer)
    except NotJson:
        return []
    data = body.get("data") if isinstance(body, dict) else None
    found: list[Tag] = []
    for raw in data if isinstance(data, list) else ():
        try:
            found.append(read(Tag, raw, ""))
        except UnreadableAnswer:
            continue
    return found
