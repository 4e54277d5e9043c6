"""What the admin API answers about webhook deliveries, their replay, and the audit log."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from ledgerbridge.ops.deliveries import About, Filter
from ledgerbridge.ops.replay import MOST_DAYS, MOST_DELIVERIES, MOST_IDS, Wanted
from ledgerbridge.store.tables import DeliveryStatus

_ID = uuid.UUID("0b6155b0-1408-4bb1-8c0a-195020c57e6f")


class WebhookDelivery(BaseModel):
    """One accepted delivery."""

    id: uuid.UUID
    connection_id: uuid.UUID
    webhook_id: str
    event_id: str | None
    event_type: str
    resource_id: str | None = Field(description="The export job or vendor at Pleo.")
    company_id: str | None = Field(description="As it arrived.")
    status: str = Field(description="queued, done, parked or dropped.")
    note: str | None
    received_at: datetime
    settled_at: datetime | None
    repeats: int = Field(description="How often the same delivery came again.")
    replays: int = Field(description="How often a person had its work done once more.")
    replayed_at: datetime | None
    replayed_by: str | None = Field(examples=["admin:ada"])


class ReplayDeliveries(BaseModel):
    """Deliveries whose work is to be done once more: some by id, or those of a stretch of time."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"ids": [str(_ID)]},
                {"from": "2026-01-31T08:00:00Z", "to": "2026-01-31T12:00:00Z", "about": "exports", "preview": True},
            ]
        },
    )

    id: uuid.UUID | None = Field(default=None, description="One delivery; the same as `ids` with one.")
    ids: list[uuid.UUID] = Field(default_factory=list, max_length=MOST_IDS)
    since: AwareDatetime | None = Field(default=None, alias="from", description="Received then or later.")
    until: AwareDatetime | None = Field(
        default=None,
        alias="to",
        description=f"Received before; at most {MOST_DAYS} days later, and {MOST_DELIVERIES:,} deliveries.",
    )
    connection: uuid.UUID | None = Field(default=None, description="Of this connection alone.")
    status: DeliveryStatus | None = Field(default=None, description="In this status alone.")
    about: About | None = Field(default=None, description="About this alone.")
    preview: bool = Field(default=False, description="Only say what would be done.")

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        named = bool(self.ids) or self.id is not None
        ranged = {"since", "until", "connection", "status", "about"} & self.model_fields_set
        if named and ranged:
            raise ValueError("name deliveries by id, or say from when to when; not both")
        if not named and not ranged:
            raise ValueError("say which deliveries: `ids`, or `from` and `to`")
        return self

    def wanted(self) -> Wanted:
        """As the room below takes it."""
        ids = dict.fromkeys([*self.ids, *([self.id] if self.id else [])])
        return Wanted(tuple(ids), Filter(self.connection, self.status, self.about, self.since, self.until))


class ReplayShare(BaseModel):
    """What a replay does for one company."""

    id: uuid.UUID = Field(description="The connection.")
    company_name: str = Field(description="Pleo's id where the name is not known.")
    replayed: int
    skipped: dict[str, int] = Field(
        description="By reason: disconnected, not_active, other_company, unknown_type.", examples=[{"disconnected": 2}]
    )


class Replayed(BaseModel):
    """What a replay did, or would do."""

    preview: bool = Field(description="Nothing was changed.")
    replayed: int = Field(description="Deliveries that wait now as if they had just come.")
    skipped: dict[str, int]
    companies: list[ReplayShare]


class AuditRecord(BaseModel):
    """Who did what to whose connection."""

    id: int
    at: datetime
    actor: str = Field(examples=["admin:ada"])
    action: str = Field(examples=["configuration_changed"])
    connection_id: uuid.UUID | None
    detail: dict[str, Any]
