"""What the admin API answers about syncs: runs, warnings, and vendors that wait."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class SyncNow(BaseModel):
    """What to limit a sync to."""

    model_config = ConfigDict(extra="forbid")

    only: str | None = Field(
        default=None,
        min_length=1,
        max_length=200,
        description="Code of one selected dimension (tags), or Pleo's id of one vendor (vendors).",
        examples=["CC"],
    )


class SyncProblem(BaseModel):
    """A record that failed or was left alone."""

    record: str = Field(examples=["account 6000 Rent"])
    action: str = Field(examples=["update"])
    code: str = Field(examples=["code_taken"])
    text: str


class SyncRun(BaseModel):
    """One comparison of a kind, from both reads to the last write."""

    id: uuid.UUID
    connection_id: uuid.UUID
    kind: str = Field(examples=["accounts"])
    trigger: str = Field(description="schedule, manual, activation, webhook, poll, export or confirmed.")
    only: str | None
    status: str = Field(
        description="running, succeeded, with_failures, needs_confirmation, failed or interrupted.",
        examples=["succeeded"],
    )
    started_at: datetime
    ended_at: datetime | None
    created: int
    updated: int
    unarchived: int
    archived: int
    unchanged: int
    skipped: int
    failed: int
    calls: int = Field(description="Calls made to Pleo.")
    failure: str | None = Field(description="A short word for why the run as a whole failed.")
    reason: str | None = Field(description="The same as a sentence.")
    to_archive: int | None = Field(description="How many records wait for a person to allow their archiving.")
    archive_allowed: int | None
    allowed_by: str | None


class SyncRunWithProblems(SyncRun):
    problems: list[SyncProblem]
    problems_left_out: int = Field(description="How many more there were.")


class MappingWarning(BaseModel):
    """Something a configuration or a category still uses has gone from the ERP."""

    id: uuid.UUID
    kind: str = Field(examples=["accounts"])
    code: str = Field(examples=["6000"])
    used_by: str = Field(examples=["configuration: accounts.payable"])
    text: str
    seen_at: datetime
    resolved_at: datetime | None


class ParkedVendor(BaseModel):
    """A vendor of Pleo that waits for a person."""

    id: str = Field(description="Pleo's id of the vendor, as in the route.")
    phase: str = Field(description="parked, or broken when Pleo no longer knows it.", examples=["parked"])
    erp_id: str | None
    code: str | None
    note: str | None = Field(description="Why it waits and what can be done.")
    since: datetime


class ResolveVendor(BaseModel):
    """How a person decides on a vendor that waits."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"action": "link", "erp_id": "17"}, {"action": "create"}]},
    )

    action: Literal["link", "create", "archive"] = Field(
        description="`link` ties it to a vendor of the ERP; `create` makes one anew; `archive` retires a draft."
    )
    erp_id: str | None = Field(default=None, min_length=1, max_length=200, description="For `link`: its id in the ERP.")
