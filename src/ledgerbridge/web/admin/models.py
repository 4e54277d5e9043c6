"""What the admin API answers. `id` keys every object, times are UTC, money is text; nothing here can hold a secret."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from ledgerbridge.connections.config_body import ConfigurationBody

_ID = uuid.UUID("0b6155b0-1408-4bb1-8c0a-195020c57e6f")
_COMPANY = "b5fdaec1-1b43-4b62-996a-b0471c3bb336"


class ErpCompany(BaseModel):
    id: str = Field(description="The company's id in the ERP.", examples=["1"])
    name: str = Field(examples=["Brewers ApS"])
    registration_number: str | None = Field(examples=["DK12345678"])
    currency: str = Field(examples=["DKK"])


class Erp(BaseModel):
    """The ERP company a connection books in; name and registration number are pinned."""

    id: uuid.UUID = Field(description="The connection's id: it has one ERP company.", examples=[_ID])
    kind: str = Field(examples=["tryton"])
    settings: dict[str, Any] = Field(
        description="Without secrets, which are never shown again.",
        examples=[{"base_url": "https://erp.example.com", "database": "books", "company": 1}],
    )
    company: ErpCompany
    limits: str | None = Field(
        description="What the set-up of the accounting system keeps us from, as last asked. No error; null is well.",
        examples=[None],
    )


class Installation(BaseModel):
    id: str
    status: str | None = Field(examples=["ACTIVATED"])
    read_at: datetime | None


class Webhooks(BaseModel):
    subscribed: bool
    event_types: list[str]
    checked_at: datetime | None


class JobGlance(BaseModel):
    id: uuid.UUID
    pleo_job_id: str
    status: str = Field(examples=["completed"])
    created_at: datetime
    closed_at: datetime | None


class SyncFreshness(BaseModel):
    """How fresh one kind of master data is at Pleo."""

    kind: str = Field(description="tags, accounts, tax_codes or vendors.", examples=["tags"])
    state: str = Field(description="on_time, late, failing or off.", examples=["on_time"])
    last_success_at: datetime | None
    next_due_at: datetime | None = Field(description="Null while nothing is planned.")
    failing_since: datetime | None
    reason: str | None = Field(description="What a person should know; null when all is well.")


class Activating(BaseModel):
    """How far an activation under way has come."""

    since: datetime
    done: list[str] = Field(description="Kinds whose first sync went through.", examples=[["tax_codes", "accounts"]])
    under_way: str | None = Field(description="The kind being synchronised now.", examples=["tags"])
    waiting: list[str] = Field(examples=[["vendors"]])
    left_behind: list[str] = Field(description="Kinds that did not succeed; they are tried again after activation.")


class Connection(BaseModel):
    """One Pleo company and the ERP company it is booked in."""

    id: uuid.UUID = Field(examples=[_ID])
    environment: str = Field(description="production, staging or custom.", examples=["staging"])
    company_id: str = Field(description="Pleo's company UUID.", examples=[_COMPANY])
    company_name: str | None = Field(examples=["Brewers ApS"])
    status: str = Field(
        description="setting_up, active, paused, reconnect_needed or disconnected.", examples=["active"]
    )
    status_reason: str | None
    missing: list[str] = Field(description="What has to be done before exports are booked.")
    activating: Activating | None = Field(description="While the first syncs of an activation are under way.")
    syncs: list[SyncFreshness]
    mapping_warnings: int = Field(description="Open ones; `/connections/{id}/warnings` lists them.")
    parked_vendors: int = Field(description="Vendors that wait for a person; `/connections/{id}/vendors` lists them.")
    open_claims: int = Field(
        description="Bills and payments in the accounting system that wait for their counterpart. No error by itself."
    )
    auth_method: str = Field(examples=["oauth"])
    scopes: list[str]
    installation: Installation | None
    erp: Erp | None
    config_version: int | None
    webhooks: Webhooks | None
    last_job: JobGlance | None
    created_at: datetime
    activated_at: datetime | None
    disconnected_at: datetime | None


class NewConnection(BaseModel):
    """A company connected by an API key instead of OAuth."""

    model_config = ConfigDict(extra="forbid")

    api_key: str = Field(min_length=1, max_length=4000, description="The key as Pleo showed it once; write-only.")


class BindErp(BaseModel):
    """The ERP company to book in."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "kind": "tryton",
                "settings": {
                    "base_url": "https://erp.example.com",
                    "database": "books",
                    "api_key": "write-only",
                    "company": 1,
                },
            }
        },
    )

    kind: str = Field(max_length=50)
    settings: dict[str, Any] = Field(
        description="As the kind needs them. Secrets are write-only; one that is left out keeps its value, unless the "
        "address it belongs to changed. A file is sent as base64 text of its bytes (up to 5 MiB of them) or as the "
        "object the kind makes of it; it is shown by its `summary` alone, and one that is left out, or sent back as it "
        "is shown, stays. A secret or file that may be missing is forgotten when it is `null`."
    )
    confirm_company_change: bool = Field(
        default=False, description="Needed to move a connection that has booked something to another ERP company."
    )


class Pause(BaseModel):
    """Why a connection is to rest."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"reason": "We are looking into it.", "at_once": True}]}
    )

    reason: str = Field(min_length=3, max_length=1000, pattern=r"\S[\s\S]*\S", description="The customer reads it.")
    at_once: bool = Field(
        default=False,
        description="Also take what is being worked from its worker; an item under way is searched for before it is "
        "booked again.",
    )


CONFIGURATION_EXAMPLE = {
    "journal": "EXP",
    "accounts": {
        "wallet": {"DKK": "5820", "*": "5820"},
        "out_of_pocket": "6810",
        "contra": "5840",
        "external_reimbursement": None,
        "payable": "6800",
    },
    "posting_mode": "final",
    "closed_period": "fail",
    "time_zone": "Europe/Copenhagen",
    "tax": {"mode": "explicit", "codes": {"DK25": "7"}},
    "dimensions": ["CC", "PRJ"],
    "syncs": {"tags": {"enabled": True, "every_minutes": 60}},
    "default_vendor": None,
    "changed_reexport": "fail",
}


class Configuration(ConfigurationBody):
    """The bookkeeping configuration in force, with its version. May be sent back as it is."""

    id: str = Field(description="Connection and version.", examples=[f"{_ID}:3"])
    version: int = Field(examples=[3])
    created_at: datetime
    created_by: str = Field(examples=["admin:ada"])


class Queued(BaseModel):
    """Work was asked for."""

    id: uuid.UUID = Field(description="The connection's id.", examples=[_ID])
    queued: bool = Field(description="False when the same work was waiting already; it will be done once.")


class ItemCounts(BaseModel):
    """Items by state; they add up to what has been fetched so far."""

    waiting: int = 0
    booked: int = 0
    nothing_to_post: int = 0
    failed: int = 0
    unknown: int = 0
    abandoned: int = 0


class JobEvent(BaseModel):
    id: int
    at: datetime
    name: str = Field(examples=["reported"])
    detail: dict[str, Any]


class ExportJob(BaseModel):
    """One Pleo export job as we work it."""

    id: uuid.UUID
    connection_id: uuid.UUID
    pleo_job_id: str
    status: str = Field(description="At Pleo, as last known.", examples=["completed_with_errors"])
    phase: str = Field(description="claimed, started, fetched or closed.", examples=["closed"])
    number_of_items: int = Field(description="As Pleo announced.")
    items: ItemCounts
    found_by: str = Field(description="webhook, poll, manual or recovery.")
    announced_at: datetime | None = Field(description="When a webhook told of it.")
    created_at: datetime = Field(description="At Pleo.")
    created_by: str | None
    config_version: int | None
    claimed_at: datetime
    started_at: datetime | None
    closed_at: datetime | None
    failure_type: str | None
    failure_reason: str | None


class ExportJobWithTimeline(ExportJob):
    timeline: list[JobEvent]


class Reversal(BaseModel):
    """That a booking is taken back, or is about to be."""

    state: str = Field(
        description="intended, unknown or reversed. Of the first two nobody knows yet; asking again finishes it.",
        examples=["reversed"],
    )
    erp_id: str | None = Field(description="The counter-entry; null where a draft was taken away instead.")
    number: str | None = Field(examples=["2026-000118"])
    url: str | None
    reason: str | None = Field(examples=["Booked on the wrong cost centre."])
    by: str | None = Field(examples=["admin:ada"])
    at: datetime | None
    what_next: str = Field(
        description="What a bookkeeper should know or do.",
        examples=["Pleo still shows the expense as exported. Export it again there to book it anew."],
    )


class Posting(BaseModel):
    """What stands in the ERP, or should."""

    id: uuid.UUID
    state: str = Field(description="intended, booked, not_booked, unknown or reversed.", examples=["booked"])
    revision: int
    document: str = Field(description="journal_entry or bill: what `erp_id` and `erp_number` name.")
    erp_kind: str
    erp_id: str | None
    erp_number: str | None
    erp_url: str | None
    final: bool
    total: str = Field(examples=["125.00"])
    currency: str
    config_version: int
    booked_at: datetime | None
    note: str | None
    reversal: Reversal | None = Field(description="Null while nobody has asked to take it back.")


class ExportItem(BaseModel):
    """One item of an export job and its outcome."""

    id: str = Field(description="Pleo's accounting entry id, as in the route.")
    accounting_entry_id: str
    position: int = Field(description="Order of work, from 0.")
    state: str = Field(description="waiting, booked, nothing_to_post, failed, unknown or abandoned.")
    attempts: int
    failure: str | None = Field(description="Row of the failure table.")
    failure_type: str | None = Field(description="As reported to Pleo.")
    failure_reason: str | None = Field(description="What the bookkeeper reads.")
    internal: str | None = Field(description="For operators.")
    reported_at: datetime | None
    report_refusal: str | None
    erp_url: str | None
    posting: Posting | None


class Resolve(BaseModel):
    """How a person settles an item whose outcome is unknown or failed, or takes back what it was booked as."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"action": "probe"},
                {"action": "mark_booked", "reference": "EXP/2025/17", "reason": "Found by hand in the journal."},
                {"action": "mark_not_booked", "reason": "Not in the journal of May or June.", "confirm": True},
                {"action": "reverse", "reason": "Booked on the wrong cost centre.", "confirm": True},
            ]
        },
    )

    action: Literal["probe", "mark_booked", "mark_not_booked", "reverse"]
    reference: str | None = Field(default=None, min_length=1, max_length=200, description="The entry in the ERP.")
    reason: str | None = Field(default=None, min_length=3, max_length=1000)
    confirm: bool = Field(
        default=False,
        description="For `mark_not_booked`: somebody looked in the ERP, and the entry is not there. "
        "If it is there all the same, the next export books it a second time. For `reverse`: the entry is to be taken "
        "back in the ERP.",
    )


class Problem(BaseModel):
    """RFC 9457."""

    type: str = Field(examples=["urn:ledgerbridge:problem:invalid-request"])
    title: str
    status: int
    detail: str
    errors: list[dict[str, str]] = Field(
        default_factory=list, examples=[[{"path": "journal", "message": "is missing"}]]
    )
    request_id: str | None = None
