"""The tables, one class each, with a sentence for every column that does not speak for itself.

A state column is text with its states and their meaning beside it; a check constraint holds the list. All times are
aware, in UTC. `*_sealed` columns hold ciphertext bound to table, column and row (see `store.vault`).
Everything a company owns carries `connection_id`; queries go through it (invariant 7: no query crosses companies).
"""

from __future__ import annotations

import datetime as dt
import uuid
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    ForeignKey,
    Index,
    LargeBinary,
    MetaData,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMES)
    type_annotation_map = {  # noqa: RUF012
        dt.datetime: DateTime(timezone=True),
        str: Text,
        bytes: LargeBinary,
        dict[str, Any]: JSONB,
        list[str]: JSONB,
    }


def _one_of(column: str, states: type[StrEnum]) -> CheckConstraint:
    listed = ", ".join(f"'{state.value}'" for state in states)
    return CheckConstraint(f"{column} in ({listed})", name=f"{column}_known")


def _owner() -> Mapped[uuid.UUID]:
    return mapped_column(ForeignKey("connections.id"))


_NOW = text("now()")


# ------------------------------------------------------------------ connections


class ConnectionStatus(StrEnum):
    SETTING_UP = "setting_up"
    """Authorised at Pleo, not activated yet. Export jobs are left pending."""
    ACTIVE = "active"
    PAUSED = "paused"
    """Stopped by us or by an operator for `status_reason`; credentials are kept."""
    RECONNECT_NEEDED = "reconnect_needed"
    """Pleo refused the grant for good: tokens wiped, configuration kept (AUTH-059)."""
    DISCONNECTED = "disconnected"
    """Uninstalled (AUTH-080): tokens and secrets wiped. The row stays, because its ledger prevents double posting."""


class Connection(Base):
    """One Pleo company bound to one ERP company (AUTH-063, EXP-ENT-01). One row a company for ever."""

    __tablename__ = "connections"
    __table_args__ = (UniqueConstraint("environment", "company_id"), _one_of("status", ConnectionStatus))

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    environment: Mapped[str]
    """`production`, `staging` or `custom`: which pair of Pleo hosts it lives on (AUTH-001)."""
    company_id: Mapped[str]
    """Pleo's company UUID."""
    company_name: Mapped[str | None]
    status: Mapped[str] = mapped_column(default=ConnectionStatus.SETTING_UP)
    status_reason: Mapped[str | None]
    """A sentence for a person; None while all is well."""
    paused_by: Mapped[str | None]
    """`operator` or `watch` while paused: the daily check lifts only its own pause (AUTH-083)."""
    auth_method: Mapped[str]
    """`oauth` or `api_key`."""
    subject_urn: Mapped[str]
    scopes: Mapped[str] = mapped_column(default="")
    """Granted, space-separated."""
    installation_id: Mapped[str | None]
    installation_status: Mapped[str | None]
    """As last read from Pleo."""
    installation_read_at: Mapped[dt.datetime | None]
    created_at: Mapped[dt.datetime] = mapped_column(server_default=_NOW)
    updated_at: Mapped[dt.datetime] = mapped_column(server_default=_NOW)
    activated_at: Mapped[dt.datetime | None]
    disconnected_at: Mapped[dt.datetime | None]


class Credential(Base):
    """What authenticates a connection's calls to Pleo. Refreshed under a lock on this row (AUTH-052)."""

    __tablename__ = "credentials"

    connection_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("connections.id"), primary_key=True)
    access_token_sealed: Mapped[bytes | None]
    refresh_token_sealed: Mapped[bytes | None]
    api_key_sealed: Mapped[bytes | None]
    expires_at: Mapped[dt.datetime | None]
    """End of the access token, from `expires_in` only (AUTH-042)."""
    expires_in: Mapped[int | None]
    """Seconds, as last answered; sets the refresh lead (AUTH-053)."""
    refreshed_at: Mapped[dt.datetime | None]
    generation: Mapped[int] = mapped_column(default=0)
    """Rises with every stored pair, so that a waiter sees that somebody refreshed before it."""
    refresh_holder: Mapped[str | None]
    """Who is refreshing just now; a claim instead of a lock, because no transaction may wait for Pleo (invariant 9)."""
    refresh_until: Mapped[dt.datetime | None]
    """When that claim runs out by itself, so that a crashed process blocks nobody for ever."""


class ConnectAttempt(Base):
    """One press of Connect: the `state` of an authorise request, single use (AUTH-023, -024)."""

    __tablename__ = "connect_attempts"

    state_hash: Mapped[bytes] = mapped_column(primary_key=True)
    browser_hash: Mapped[bytes]
    """Hash of the cookie of the browser that pressed it."""
    verifier_sealed: Mapped[bytes]
    created_at: Mapped[dt.datetime] = mapped_column(server_default=_NOW)
    expires_at: Mapped[dt.datetime] = mapped_column(index=True)
    used_at: Mapped[dt.datetime | None]


class BrowserSession(Base):
    """A browser signed in to one connection by its OAuth flow."""

    __tablename__ = "browser_sessions"

    token_hash: Mapped[bytes] = mapped_column(primary_key=True)
    connection_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("connections.id"), index=True)
    created_at: Mapped[dt.datetime] = mapped_column(server_default=_NOW)
    expires_at: Mapped[dt.datetime]


class ErpBinding(Base):
    """The ERP company a connection books in; name and registration number are pinned."""

    __tablename__ = "erp_bindings"

    connection_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("connections.id"), primary_key=True)
    kind: Mapped[str]
    settings_sealed: Mapped[bytes | None]
    """JSON of the adapter's settings, secrets included; None once disconnected (AUTH-080)."""
    settings_shown: Mapped[dict[str, Any]]
    """The same without secrets."""
    company_key: Mapped[str | None] = mapped_column(unique=True)
    """Names the ERP company among all ERPs, so that two connections cannot share it (EXP-ENT-01); None once
    disconnected."""
    company_ref: Mapped[str]
    """The company's id in the ERP."""
    company_name: Mapped[str]
    registration_number: Mapped[str | None]
    currency: Mapped[str]
    bound_at: Mapped[dt.datetime] = mapped_column(server_default=_NOW)
    bound_by: Mapped[str]


class ConfigVersion(Base):
    """One version of a connection's bookkeeping configuration; never changed, only followed by a newer one."""

    __tablename__ = "config_versions"

    connection_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("connections.id"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    body: Mapped[dict[str, Any]]
    created_at: Mapped[dt.datetime] = mapped_column(server_default=_NOW)
    created_by: Mapped[str]


# ------------------------------------------------------------------ webhooks


class Subscription(Base):
    """Our webhook subscription at Pleo, one a connection, with a path of its own (HOOK-007)."""

    __tablename__ = "subscriptions"

    connection_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("connections.id"), primary_key=True)
    path_token_hash: Mapped[bytes] = mapped_column(unique=True)
    path_token_sealed: Mapped[bytes]
    pleo_id: Mapped[str | None]
    secret_sealed: Mapped[bytes | None]
    secret_read_at: Mapped[dt.datetime | None]
    """Limits re-reading after a mismatch (HOOK-037)."""
    event_types: Mapped[list[str]] = mapped_column(default=list)
    checked_at: Mapped[dt.datetime | None]
    """When it was last seen to exist and be active (HOOK-010)."""
    ended_at: Mapped[dt.datetime | None]
    """Set on disconnect: later deliveries are acknowledged and dropped (HOOK-047)."""


class DeliveryStatus(StrEnum):
    QUEUED = "queued"
    """Accepted; the queue holds work for it."""
    DONE = "done"
    """The work it asked for was looked at to the end."""
    PARKED = "parked"
    """An event type we do not know; kept for a person (HOOK-023)."""
    DROPPED = "dropped"
    """Nothing to do, for the reason in `note` (other company, disconnected)."""


class WebhookDelivery(Base):
    """One accepted webhook, inserted once by its `webhook-id` (HOOK-042)."""

    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        UniqueConstraint("connection_id", "webhook_id"),
        Index(None, "connection_id", "received_at"),
        Index("ix_webhook_deliveries_waiting", "connection_id", postgresql_where=text("status = 'queued'")),
        _one_of("status", DeliveryStatus),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    connection_id: Mapped[uuid.UUID] = _owner()
    webhook_id: Mapped[str]
    event_id: Mapped[str | None]
    event_type: Mapped[str]
    resource_id: Mapped[str | None]
    """`data.id`: the export job or vendor."""
    company_id: Mapped[str | None]
    """`data.companyId` as it arrived."""
    status: Mapped[str]
    note: Mapped[str | None]
    received_at: Mapped[dt.datetime] = mapped_column(server_default=_NOW)
    settled_at: Mapped[dt.datetime | None]
    repeats: Mapped[int] = mapped_column(default=0)
    """How often the same delivery came again (HOOK-043)."""


# ------------------------------------------------------------------ exports


class JobPhase(StrEnum):
    CLAIMED = "claimed"
    """Our row stands; `started` may or may not have reached Pleo."""
    STARTED = "started"
    """Pleo shows it in progress; its items are being validated, fetched, booked or reported."""
    FETCHED = "fetched"
    """Both layers are spooled; items are being booked and reported."""
    CLOSED = "closed"
    """Pleo has a final status; payloads are dropped."""


class ExportJob(Base):
    """One Pleo export job as we work it."""

    __tablename__ = "export_jobs"
    __table_args__ = (
        UniqueConstraint("connection_id", "pleo_job_id"),
        Index(None, "connection_id", "pleo_created_at"),
        Index("ix_export_jobs_open", "connection_id", postgresql_where=text("phase <> 'closed'")),
        _one_of("phase", JobPhase),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    connection_id: Mapped[uuid.UUID] = _owner()
    pleo_job_id: Mapped[str]
    pleo_created_at: Mapped[dt.datetime]
    pleo_status: Mapped[str]
    """As last known: pending, in_progress, completed, completed_with_errors, failed."""
    phase: Mapped[str] = mapped_column(default=JobPhase.CLAIMED)
    found_by: Mapped[str]
    """`webhook`, `poll`, `manual` or `recovery`."""
    announced_at: Mapped[dt.datetime | None]
    """When a webhook told of it; None for a job that only polling found."""
    number_of_items: Mapped[int]
    vendor_based: Mapped[bool]
    interactive: Mapped[bool]
    created_by: Mapped[str | None]
    expires_in: Mapped[int]
    """Seconds after the last action at Pleo (EXP-EXPIRE-02)."""
    last_action_at: Mapped[dt.datetime | None]
    """Our last event or item update that Pleo accepted."""
    config_version: Mapped[int | None]
    claimed_at: Mapped[dt.datetime] = mapped_column(server_default=_NOW)
    started_at: Mapped[dt.datetime | None]
    closed_at: Mapped[dt.datetime | None]
    failure_type: Mapped[str | None]
    failure_reason: Mapped[str | None]


class JobEvent(Base):
    """The timeline of an export job."""

    __tablename__ = "export_job_events"
    __table_args__ = (Index(None, "job_id", "id"),)

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=True)
    connection_id: Mapped[uuid.UUID] = _owner()
    job_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("export_jobs.id"))
    at: Mapped[dt.datetime] = mapped_column(server_default=_NOW)
    name: Mapped[str]
    """A short past tense: claimed, started, preflight_passed, fetched, reported, completed, failed, resumed, ..."""
    detail: Mapped[dict[str, Any]] = mapped_column(default=dict)


class ItemState(StrEnum):
    WAITING = "waiting"
    """Spooled, nothing done yet."""
    BOOKED = "booked"
    """Stands in the ERP; see its posting."""
    NOTHING_TO_POST = "nothing_to_post"
    """Counts as successful without an entry (EXP-TYPE-18)."""
    FAILED = "failed"
    """Has a reason a bookkeeper can act on; nothing stands in the ERP for it."""
    UNKNOWN = "unknown"
    """A write whose reply was lost and that could not be probed yet."""
    ABANDONED = "abandoned"
    """The job ended before the item was worked."""


class ExportItem(Base):
    """One item of one export job: both layers joined on the accounting entry (EXP-DATA-11)."""

    __tablename__ = "export_items"
    __table_args__ = (
        UniqueConstraint("job_id", "position"),
        Index("ix_export_items_unreported", "job_id", "position", postgresql_where=text("reported_at is null")),
        Index(None, "connection_id", "accounting_entry_id"),
        _one_of("state", ItemState),
    )

    job_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("export_jobs.id"), primary_key=True)
    accounting_entry_id: Mapped[str] = mapped_column(primary_key=True)
    connection_id: Mapped[uuid.UUID] = _owner()
    position: Mapped[int]
    """Order in the control layer; fixes the order of work (EXP-ORDER-03)."""
    payload: Mapped[dict[str, Any] | None]
    """The data layer as sent, dropped when the job is closed; None also when Pleo sent none."""
    state: Mapped[str] = mapped_column(default=ItemState.WAITING)
    attempts: Mapped[int] = mapped_column(default=0)
    failure: Mapped[str | None]
    """Name of the row of the failure table."""
    failure_type: Mapped[str | None]
    """Pleo's `failureReasonType`."""
    failure_reason: Mapped[str | None]
    """The text the bookkeeper reads."""
    internal: Mapped[str | None]
    """For operators."""
    posting_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("postings.id"))
    reported_at: Mapped[dt.datetime | None]
    """When Pleo accepted the outcome."""
    report_refusal: Mapped[str | None]
    """Pleo's `errors[]` type when it refused the update (EXP-UPD-07)."""


class PostingState(StrEnum):
    INTENDED = "intended"
    """Written before anything is sent to the ERP. Found after a crash it means: probe first."""
    BOOKED = "booked"
    """Stands in the ERP, draft or final."""
    NOT_BOOKED = "not_booked"
    """The ERP certainly has no entry; the row may be intended again."""
    UNKNOWN = "unknown"
    """A reply was lost and probing did not settle it."""
    REVERSED = "reversed"
    """Taken back in the ERP; a later revision may be live."""


class Posting(Base):
    """The ledger of what we put into the ERP: at most one live row per accounting entry (invariants 1 and 2)."""

    __tablename__ = "postings"
    __table_args__ = (
        UniqueConstraint("connection_id", "accounting_entry_id", "revision"),
        Index(
            "uq_postings_one_live",
            "connection_id",
            "accounting_entry_id",
            unique=True,
            postgresql_where=text("state in ('intended', 'booked', 'unknown')"),
        ),
        _one_of("state", PostingState),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    connection_id: Mapped[uuid.UUID] = _owner()
    accounting_entry_id: Mapped[str]
    revision: Mapped[int] = mapped_column(default=1)
    state: Mapped[str]
    digest: Mapped[str | None]
    """Of the entry's bookkeeping content; None when it was adopted from the ERP (EXP-IDEM-07)."""
    total: Mapped[str]
    """Sum of debits in `currency`, two decimals."""
    currency: Mapped[str]
    config_version: Mapped[int]
    job_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("export_jobs.id"))
    """The job that intended it last."""
    fence: Mapped[int] = mapped_column(BigInteger)
    """Number of the lease under which it was intended."""
    erp_kind: Mapped[str]
    erp_id: Mapped[str | None]
    erp_number: Mapped[str | None]
    erp_url: Mapped[str | None]
    final: Mapped[bool] = mapped_column(default=False)
    intended_at: Mapped[dt.datetime]
    booked_at: Mapped[dt.datetime | None]
    by_hand: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    """A person said it is booked under `erp_number`; its entry may not carry our key, so it is never probed."""
    note: Mapped[str | None]
    """Who settled it by hand, and why."""


class ObservedSign(Base):
    """Which sign Pleo uses for a type and sub type in this company, from the first item booked (EXP-TYPE-15)."""

    __tablename__ = "observed_signs"

    connection_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("connections.id"), primary_key=True)
    type: Mapped[str] = mapped_column(primary_key=True)
    sub_type: Mapped[str] = mapped_column(primary_key=True, default="")
    """Empty for none."""
    sign: Mapped[int]
    """1 or -1."""


# ------------------------------------------------------------------ coordination and records


class Lease(Base):
    """Who may work on a company's export jobs just now, over all replicas. The fence rises with every holder."""

    __tablename__ = "leases"

    connection_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("connections.id"), primary_key=True)
    holder: Mapped[str]
    fence: Mapped[int] = mapped_column(BigInteger)
    expires_at: Mapped[dt.datetime]


class RateBudget(Base):
    """Calls to Pleo still allowed, shared by all replicas (LIMIT-001)."""

    __tablename__ = "rate_budgets"

    key: Mapped[str] = mapped_column(primary_key=True)
    """Environment and connection, or environment alone for the ceiling over all."""
    next_free_at: Mapped[dt.datetime]
    """When the next call would be free if calls were spaced evenly; may lie ahead by the burst."""


class AuditRecord(Base):
    """Who did what to whose connection. Holds no secret."""

    __tablename__ = "audit_log"
    __table_args__ = (Index(None, "connection_id", "id"),)

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=True)
    at: Mapped[dt.datetime] = mapped_column(server_default=_NOW)
    actor: Mapped[str]
    """`admin:<name>`, `customer`, `pleo`, `system`."""
    connection_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("connections.id"))
    action: Mapped[str]
    detail: Mapped[dict[str, Any]] = mapped_column(default=dict)
