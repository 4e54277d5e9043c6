"""Connecting: companies, their credentials, their ERP and its configuration."""

from __future__ import annotations

import datetime as dt
import uuid
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    ForeignKey,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from ledgerbridge.store.tables.base import NOW, Base, one_of


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
    __table_args__ = (UniqueConstraint("environment", "company_id"), one_of("status", ConnectionStatus))

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
    created_at: Mapped[dt.datetime] = mapped_column(server_default=NOW)
    updated_at: Mapped[dt.datetime] = mapped_column(server_default=NOW)
    activated_at: Mapped[dt.datetime | None]
    activating_since: Mapped[dt.datetime | None]
    """While the first syncs of an activation are under way; None before and after."""
    activating_by: Mapped[str | None]
    """Who asked for it, as the audit log writes it."""
    activation_refusal: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    """`{"code", "text"}` of an activation that ended without success; None while it is under way and once active."""
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


class AttemptPurpose(StrEnum):
    CONNECT = "connect"
    SIGN_IN = "sign_in"
    """Only to show who is in the browser: whatever Pleo grants is dropped, and the connection stays as it is."""


class ConnectAttempt(Base):
    """One press of Connect: the `state` of an authorise request, single use (AUTH-023, -024)."""

    __tablename__ = "connect_attempts"
    __table_args__ = (one_of("purpose", AttemptPurpose),)

    state_hash: Mapped[bytes] = mapped_column(primary_key=True)
    browser_hash: Mapped[bytes]
    """Hash of the cookie of the browser that pressed it."""
    verifier_sealed: Mapped[bytes]
    created_at: Mapped[dt.datetime] = mapped_column(server_default=NOW)
    expires_at: Mapped[dt.datetime] = mapped_column(index=True)
    used_at: Mapped[dt.datetime | None]
    purpose: Mapped[str] = mapped_column(default=AttemptPurpose.CONNECT, server_default=text("'connect'"))
    return_to: Mapped[str | None]
    """Path of ours to go on to after a sign-in."""


class BrowserSession(Base):
    """A browser signed in to one connection by its OAuth flow."""

    __tablename__ = "browser_sessions"

    token_hash: Mapped[bytes] = mapped_column(primary_key=True)
    connection_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("connections.id"), index=True)
    created_at: Mapped[dt.datetime] = mapped_column(server_default=NOW)
    last_seen_at: Mapped[dt.datetime | None]
    """When it was used last, to some minutes; None for one of an earlier release."""
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
    limits: Mapped[str | None]
    """What its set-up keeps us from, in words, as last asked; no error."""
    bound_at: Mapped[dt.datetime] = mapped_column(server_default=NOW)
    bound_by: Mapped[str]


class ConfigVersion(Base):
    """One version of a connection's bookkeeping configuration; never changed, only followed by a newer one."""

    __tablename__ = "config_versions"

    connection_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("connections.id"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    body: Mapped[dict[str, Any]]
    created_at: Mapped[dt.datetime] = mapped_column(server_default=NOW)
    created_by: Mapped[str]
