"""The console: set-up that can be left and resumed, administrators' sessions, and what is counted for operators."""

from __future__ import annotations

import datetime as dt
import uuid
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, text
from sqlalchemy.orm import Mapped, mapped_column

from ledgerbridge.store.tables.base import NOW, Base, one_of


class SetupDraft(Base):
    """What a customer has entered in set-up and not put into force yet, so that it can be left and resumed."""

    __tablename__ = "setup_drafts"

    connection_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("connections.id"), primary_key=True)
    body: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    """Answers by step, never a secret."""
    step: Mapped[str | None]
    """The step last finished; None before the first."""
    settings_sealed: Mapped[bytes | None]
    """JSON of settings of an accounting system that were tried and not bound yet, secrets included; None otherwise."""
    updated_at: Mapped[dt.datetime] = mapped_column(server_default=NOW)
    updated_by: Mapped[str]


class SignInMethod(StrEnum):
    TOKEN = "token"  # noqa: S105
    """With a token of `ADMIN_TOKENS`."""
    OIDC = "oidc"
    """By the operations team's own OpenID Connect provider."""


class AdminSession(Base):
    """A browser signed in to the operations console."""

    __tablename__ = "admin_sessions"
    __table_args__ = (one_of("method", SignInMethod),)

    token_hash: Mapped[bytes] = mapped_column(primary_key=True)
    name: Mapped[str]
    """Of the administrator, as the audit log writes it behind `admin:`."""
    method: Mapped[str]
    credential: Mapped[bytes | None]
    """SHA-256 of the administrator's token, or of the entry of `OIDC_ADMINS` that let them in: the session ends when
    that leaves the settings."""
    created_at: Mapped[dt.datetime] = mapped_column(server_default=NOW)
    last_seen_at: Mapped[dt.datetime]
    expires_at: Mapped[dt.datetime] = mapped_column(index=True)


class OidcAttempt(Base):
    """One sign-in of an administrator under way at the OpenID Connect provider, single use."""

    __tablename__ = "oidc_attempts"

    state_hash: Mapped[bytes] = mapped_column(primary_key=True)
    browser_hash: Mapped[bytes]
    """Hash of the cookie of the browser that began it."""
    nonce_hash: Mapped[bytes]
    verifier_sealed: Mapped[bytes]
    return_to: Mapped[str | None]
    """Path of ours to go on to; None for the console's first page."""
    created_at: Mapped[dt.datetime] = mapped_column(server_default=NOW)
    expires_at: Mapped[dt.datetime] = mapped_column(index=True)
    used_at: Mapped[dt.datetime | None]


class CalledSystem(StrEnum):
    PLEO = "pleo"
    ERP = "erp"


class CallOutcome(StrEnum):
    OK = "ok"
    ERROR = "error"
    LIMITED = "limited"
    """Refused because of too many calls."""


class CallMinute(Base):
    """Calls that all processes made in one minute."""

    __tablename__ = "call_minutes"
    __table_args__ = (one_of("system", CalledSystem), one_of("outcome", CallOutcome))

    minute: Mapped[dt.datetime] = mapped_column(primary_key=True)
    system: Mapped[str] = mapped_column(primary_key=True)
    outcome: Mapped[str] = mapped_column(primary_key=True)
    calls: Mapped[int] = mapped_column(BigInteger)
    seconds: Mapped[float]
    """Together."""


class DeliveryRefusal(Base):
    """Webhook requests that all processes did not believe or could not take, on one day (UTC)."""

    __tablename__ = "delivery_refusals"

    day: Mapped[dt.date] = mapped_column(primary_key=True)
    reason: Mapped[str] = mapped_column(primary_key=True)
    """As the metric of deliveries names it."""
    deliveries: Mapped[int] = mapped_column(BigInteger)


class WorkFailure(Base):
    """Where the last failed run of a piece of queued work failed. No text of the error: it may hold anything."""

    __tablename__ = "work_failures"

    job_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    """Of the queue. Goes with it."""
    at: Mapped[dt.datetime] = mapped_column(server_default=NOW)
    error: Mapped[str]
    """Name of its class, or our words where there was none because the worker was gone."""
    place: Mapped[str | None]
    """Module and line of ours that it came through last; None when it came through none."""
