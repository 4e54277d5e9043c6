"""Bodies of the control API for master data and the limit of calls."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field


class TagBody(BaseModel, extra="forbid"):
    """A tag to put into a group."""

    code: str
    name: str | None = None
    archived: bool = False


class GroupBody(BaseModel, extra="forbid"):
    """A tag group with its tags; ``generate`` makes up that many more, ``G00001`` and so on."""

    code: str
    name: str = ""
    archived: bool = False
    metadata: dict[str, str] = {}
    tags: list[TagBody] = []
    generate: int = Field(default=0, ge=0, le=50_000)


class GroupsBody(BaseModel, extra="forbid"):
    """Tag groups to put into a company."""

    groups: list[GroupBody]


class RowsBody(BaseModel, extra="forbid"):
    """Rows with the published member names, and how many to make up besides."""

    items: list[dict[str, Any]] = []
    generate: int = Field(default=0, ge=0, le=50_000)


class VendorsBody(RowsBody):
    """Vendors; ``announce`` sends ``v1.vendor.created`` for each."""

    announce: bool = False


class VendorChangeBody(BaseModel, extra="forbid"):
    """What a person changes on a vendor in Pleo."""

    changes: dict[str, Any] = {}
    state: Literal["DRAFT", "ACTIVE", "ARCHIVED"] | None = None


class CategoriesBody(BaseModel, extra="forbid"):
    """All expense categories of a company: name to ``externalId`` of the account."""

    categories: dict[str, str]


class LimitBody(BaseModel, extra="forbid"):
    """A limit of calls; 0 for none."""

    per_minute: int = Field(ge=0)
    minute_seconds: float = Field(default=60, gt=0)
