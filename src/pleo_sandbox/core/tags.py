"""Tag groups (an ERP's dimensions), their extra columns and their tags (the dimensions' values)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pleo_sandbox.core.choices import Choices
from pleo_sandbox.core.clock import Clock, stamp
from pleo_sandbox.core.problems import Refusal, bad_request, not_found
from pleo_sandbox.core.shelf import Shelf
from pleo_sandbox.core.words import new_id

BULK_LIMIT = 100


@dataclass
class Column:
    """An extra column of a group; ``order`` starts at 1. The API's own word for it is dimension."""

    id: str
    group_id: str
    code: str
    name: str
    order: int
    visible: bool
    created_at: datetime
    updated_at: datetime

    def as_published(self) -> dict[str, Any]:
        """The shape of ``TagGroupDimensionModel``."""
        return {**self.inside_group(), "groupId": self.group_id}

    def inside_group(self) -> dict[str, Any]:
        """The shape of ``AggregatedTagGroupDimensionModel``."""
        times = {"createdAt": stamp(self.created_at), "updatedAt": stamp(self.updated_at)}
        return {**self.with_value(None), **times}

    def with_value(self, value: str | None) -> dict[str, Any]:
        """The column as tags show it, with their value when one is given."""
        shown = {
            "id": self.id,
            "code": self.code,
            "name": self.name,
            "displayOrder": self.order,
            "visible": self.visible,
        }
        return shown if value is None else {**shown, "value": value}


@dataclass
class Group:
    """One tag group; ``code`` is the ERP's."""

    id: str
    company_id: str
    code: str
    name: str
    archived: bool
    metadata: dict[str, str]
    created_at: datetime
    updated_at: datetime
    columns: list[Column] = field(default_factory=list)

    def as_published(self, tags_count: int | None = None) -> dict[str, Any]:
        """The shape of ``TagGroupModel``."""
        count = {} if tags_count is None else {"totalTagsCount": tags_count}
        return {**self._common(), "metadata": self.metadata, **count}

    def with_columns(self) -> dict[str, Any]:
        """The shape of ``AggregatedTagGroupModel``."""
        return {**self._common(), "dimensions": [column.inside_group() for column in self.columns]}

    def _common(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "companyId": self.company_id,
            "code": self.code,
            "name": self.name,
            "archived": self.archived,
            "createdAt": stamp(self.created_at),
            "updatedAt": stamp(self.updated_at),
        }


@dataclass
class Value:
    """What a tag holds in one extra column."""

    column_id: str
    tag_id: str
    value: str
    created_at: datetime
    updated_at: datetime

    def as_published(self) -> dict[str, Any]:
        """The shape of ``TagDimensionValueModel``."""
        return {
            "dimensionId": self.column_id,
            "tagId": self.tag_id,
            "value": self.value,
            "createdAt": stamp(self.created_at),
            "updatedAt": stamp(self.updated_at),
        }


@dataclass
class Tag:
    """One tag. ``name`` may be missing."""

    id: str
    group: Group
    code: str
    name: str | None
    archived: bool
    created_at: datetime
    updated_at: datetime
    values: dict[str, Value] = field(default_factory=dict)

    def as_published(self) -> dict[str, Any]:
        """The shape of ``TagModel``."""
        return {**self._common(), "groupId": self.group.id}

    def with_group(self) -> dict[str, Any]:
        """The shape of ``AggregatedTagModel``."""
        group = self.group
        columns = [c.with_value(self.values[c.id].value if c.id in self.values else "") for c in group.columns]
        inside = {"id": group.id, "code": group.code, "name": group.name}
        return {**self._common(), "companyId": group.company_id, "group": inside, "dimensions": columns}

    def _common(self) -> dict[str, Any]:
        name = {} if self.name is None else {"name": self.name}
        times = {"createdAt": stamp(self.created_at), "updatedAt": stamp(self.updated_at)}
        return {"id": self.id, "code": self.code, "archived": self.archived, **name, **times}


class Tags:
    """All groups and tags. Deleted ones are gone at once; Pleo's sync design never deletes."""

    def __init__(self, clock: Clock, choices: Choices) -> None:
        self._clock, self._choices = clock, choices
        self._groups: Shelf[Group] = Shelf(lambda g: g.company_id, lambda g: (g.company_id, g.code.lower()))
        self._tags: Shelf[Tag] = Shelf(lambda t: t.group.id, lambda t: (t.group.company_id, t.code.lower()))

    # ---------------------------------------------------------------- groups

    def groups(self, companies: str | Iterable[str]) -> list[Group]:
        """The groups of these companies, in order of creation."""
        return self._groups.of(companies)

    def group(self, group_id: str, companies: frozenset[str]) -> Group:
        """One group of one of these companies; a 404 refusal otherwise."""
        found = self._groups.get(group_id)
        if found is None or found.company_id not in companies:
            raise not_found("There is no such tag group")
        return found

    def create_group(self, company_id: str, code: str, name: str, archived: bool, metadata: dict[str, str]) -> Group:
        """``POST /v0/tag-groups``. Nothing is published to be refused; switches refuse repeats and a full set."""
        self._refuse_group(company_id, code, archived, None)
        return self.put_group(company_id, code, name, archived, metadata)

    def put_group(self, company_id: str, code: str, name: str, archived: bool, metadata: dict[str, str]) -> Group:
        """Stores a group as given."""
        now = self._clock.now()
        return self._groups.put(Group(new_id(), company_id, code, name, archived, metadata, now, now))

    def update_group(self, group: Group, code: str, name: str, archived: bool, metadata: dict[str, str]) -> Group:
        """``PUT``; whether archiving reaches the tags is a switch."""
        self._refuse_group(group.company_id, code, archived, group)
        now = self._clock.now()
        if archived and not group.archived and self._choices.group_archives_tags:
            for tag in self.of_group(group):
                tag.archived, tag.updated_at = True, now
        with self._groups.changing(group):
            group.code, group.name, group.archived, group.metadata = code, name, archived, metadata
        group.updated_at = now
        return group

    def delete_group(self, group: Group) -> None:
        """``DELETE``, with every tag."""
        for tag in self.of_group(group):
            self._tags.drop(tag)
        self._groups.drop(group)

    def _refuse_group(self, company_id: str, code: str, archived: bool, but: Group | None) -> None:
        if self._choices.group_code_unique and any(
            other is not but for other in self._groups.under((company_id, code.lower()))
        ):
            raise bad_request("The company has a tag group with this code")
        ceiling = self._choices.active_groups
        becomes_active = not archived and (but is None or but.archived)
        if ceiling is not None and becomes_active:
            active = sum(not group.archived for group in self.groups(company_id))
            if active >= ceiling:
                raise bad_request(f"The company has {ceiling} active tag groups already")

    # ---------------------------------------------------------------- tags

    def of_group(self, group: Group) -> list[Tag]:
        """The tags of a group, in order of creation."""
        return self._tags.of(group.id)

    def of(self, companies: str | Iterable[str]) -> list[Tag]:
        """Every tag of these companies."""
        return [tag for group in self.groups(companies) for tag in self.of_group(group)]

    def tag(self, tag_id: str, companies: frozenset[str]) -> Tag:
        """One tag of one of these companies; a 404 refusal otherwise."""
        found = self._tags.get(tag_id)
        if found is None or found.group.company_id not in companies:
            raise not_found("There is no such tag")
        return found

    def create_tag(self, group: Group, code: str, name: str | None, archived: bool, others: list[str]) -> Tag:
        """``POST``. 400 for a full group, 409 for a taken code."""
        self._refuse_taken(group, code, None)
        ceiling = self._choices.active_tags_per_group
        if ceiling is not None and not archived:
            active = sum(not tag.archived for tag in self.of_group(group))
            if active >= ceiling:
                raise Refusal(400, "TAG_LIMIT_REACHED", f"The tag group has {ceiling} active tags already")
        tag = self.put_tag(group, code, name, archived)
        for column, value in zip(group.columns, [*others, *[""] * len(group.columns)], strict=False):
            self.set_value(tag, column, value)
        return tag

    def put_tag(self, group: Group, code: str, name: str | None, archived: bool) -> Tag:
        """Stores a tag as given, also beside another of its code."""
        now = self._clock.now()
        return self._tags.put(Tag(new_id(), group, code, name, archived, now, now))

    def update_tag(self, tag: Tag, code: str, name: str | None, archived: bool, others: list[str]) -> Tag:
        """``PUT``. 409 for a code that belongs to another tag."""
        changed = not self._alike(code, tag.code)
        if changed or self._choices.tag_put_conflict == "always":
            self._refuse_taken(tag.group, code, tag)
        with self._tags.changing(tag):
            tag.code, tag.archived = code, archived
        if name is not None or self._choices.put_omitted == "cleared":
            tag.name = name
        for column, value in zip(tag.group.columns, others, strict=False):
            self.set_value(tag, column, value)
        tag.updated_at = self._clock.now()
        return tag

    def archive_tags(self, tag_ids: list[str], archived: bool, companies: frozenset[str]) -> list[Tag]:
        """``POST /v0/tags/archive``: the tags that are now in the wanted state."""
        tags = self._bulk(tag_ids, companies)
        if self._choices.bulk_archive_groups == "one" and len({tag.group.id for tag in tags}) > 1:
            raise bad_request("tagIds must belong to one tag group")
        now = self._clock.now()
        for tag in tags:
            if tag.archived != archived:
                tag.archived, tag.updated_at = archived, now
        return tags

    def delete_tags(self, tag_ids: list[str], companies: frozenset[str]) -> None:
        """``DELETE /v0/tags``."""
        for tag in self._bulk(tag_ids, companies):
            self._tags.drop(tag)

    def delete_tag(self, tag: Tag) -> None:
        """``DELETE /v0/tags/{tagId}``."""
        self._tags.drop(tag)

    def _bulk(self, tag_ids: list[str], companies: frozenset[str]) -> list[Tag]:
        found = []
        for tag_id in dict.fromkeys(tag_ids):
            try:
                found.append(self.tag(tag_id, companies))
            except Refusal:
                if self._choices.bulk_archive == "all_or_nothing":
                    raise
        return found

    def _alike(self, one: str, other: str) -> bool:
        return one == other or (self._choices.tag_code_case == "ignored" and one.lower() == other.lower())

    def _refuse_taken(self, group: Group, code: str, but: Tag | None) -> None:
        for other in self._tags.under((group.company_id, code.lower())):
            elsewhere = other.group is not group and self._choices.tag_code_scope == "group"
            free = other.archived and self._choices.tag_code_archived == "free"
            if other is not but and not elsewhere and not free and self._alike(code, other.code):
                raise Refusal(409, "TAG_CODE_ALREADY_EXISTS", "Another tag has this code")

    # ---------------------------------------------------------------- columns and values

    def add_column(self, group: Group, code: str, name: str, visible: bool) -> Column:
        """A new column at the end."""
        now = self._clock.now()
        column = Column(new_id(), group.id, code, name, len(group.columns) + 1, visible, now, now)
        group.columns.append(column)
        return column

    def column(self, group: Group, column_id: str) -> Column:
        """One column; a 404 refusal."""
        for column in group.columns:
            if column.id == column_id.lower():
                return column
        raise not_found("There is no such dimension")

    def update_column(self, column: Column, code: str, name: str, order: int, visible: bool) -> Column:
        """``PUT``."""
        column.code, column.name, column.order, column.visible = code, name, order, visible
        column.updated_at = self._clock.now()
        return column

    def drop_column(self, group: Group, column: Column) -> None:
        """``DELETE``, with the values in it."""
        group.columns.remove(column)
        for tag in self.of_group(group):
            tag.values.pop(column.id, None)

    def value(self, tag: Tag, column: Column) -> Value:
        """What a tag holds in a column; a 404 refusal when it holds nothing."""
        if column.id not in tag.values:
            raise not_found("The tag has no value in this dimension")
        return tag.values[column.id]

    def set_value(self, tag: Tag, column: Column, text: str) -> Value:
        """Writes a value."""
        now = self._clock.now()
        known = tag.values.get(column.id)
        created_at = now if known is None else known.created_at
        tag.values[column.id] = Value(column.id, tag.id, text, created_at, now)
        return tag.values[column.id]
