"""What this room needs from outside, handed in by the composition root."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

import httpx
from sqlalchemy.ext.asyncio import AsyncSession

from ledgerbridge.clock import utcnow
from ledgerbridge.erp.adapter import Adapter
from ledgerbridge.erp.port import Observe as ErpObserve
from ledgerbridge.erp.registry import adapters
from ledgerbridge.pleo.endpoints import PleoEndpoints
from ledgerbridge.pleo.oauth import OAuthClient
from ledgerbridge.pleo.retry import LONGEST_WAIT
from ledgerbridge.pleo.transport import Observe
from ledgerbridge.settings import Settings
from ledgerbridge.store.budget import Limit, PostgresBudget, Waited
from ledgerbridge.store.engine import Database
from ledgerbridge.store.vault import Vault


class EnqueueLook(Protocol):
    """Queues one look at a company's export jobs inside the caller's transaction (HOOK-003, HOOK-010)."""

    def __call__(self, session: AsyncSession, connection_id: uuid.UUID) -> Awaitable[object]: ...


class Budgets:
    """The allowances of calls to Pleo: one a connection, and a ceiling over all of an environment (LIMIT-001)."""

    def __init__(self, db: Database, environment: str, per_minute: int, waited: Waited | None = None) -> None:
        """`per_minute` counts for each connection and for the ceiling, because Pleo's counting scope is unpublished.

        `waited` sees how long each call waited for its turn, and whether it was urgent.
        """
        self._db = db
        self._environment = environment
        # Calls are counted when they leave and, by Pleo, when they arrive: a few are kept back for the difference.
        self.per_minute = per_minute - per_minute // 250
        self.burst = max(per_minute // 125, 1)
        self._waited = waited
        self._budgets: dict[str, PostgresBudget] = {}

    @property
    def ceiling(self) -> Limit:
        """What all connections of the environment share."""
        return Limit(self._environment, self.per_minute, self.burst)

    def of(self, name: str) -> PostgresBudget:
        """The allowance of one connection; the same object every time, so that its callers queue up in order."""
        if name not in self._budgets:
            self._budgets[name] = PostgresBudget(
                self._db,
                f"{self._environment}:{name}",
                self.per_minute,
                self.burst,
                ceiling=self.ceiling,
                longest_pause=LONGEST_WAIT,
                waited=self._waited,
            )
        return self._budgets[name]


class QueueFirstSyncs(Protocol):
    """Queues the first syncs of an activation inside the caller's transaction; `activation.finish` follows them."""

    def __call__(self, session: AsyncSession, connection_id: uuid.UUID) -> Awaitable[object]: ...


def _ignore(_: str) -> None:
    return None


@dataclass(frozen=True, slots=True)
class Connections:
    """Everything `connections` works with; made once a process."""

    settings: Settings
    db: Database
    vault: Vault
    http: httpx.AsyncClient
    """For Pleo; shared by all companies, so it carries no credential and no cookie."""
    endpoints: PleoEndpoints
    budgets: Budgets
    enqueue_look: EnqueueLook
    erps: Mapping[str, Adapter] = field(default_factory=adapters)
    """Kinds of ERP by name."""
    first_syncs: QueueFirstSyncs | None = None
    """None where master data is not synchronised: activation goes straight on."""
    observe: Observe | None = None
    """Sees every call to a resource API."""
    observe_erp: ErpObserve | None = None
    """Sees every call to an ERP."""
    count_refresh: Callable[[str], None] = _ignore
    """Counts refreshes by outcome: `renewed`, `refused`, `unavailable`, `client_rejected`."""
    now: Callable[[], datetime] = utcnow
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    refreshing: set[asyncio.Task[object]] = field(default_factory=set)
    """Refreshes under way; see `credentials.drain`."""

    def oauth(self) -> OAuthClient:
        """Our application at the token endpoint."""
        return OAuthClient(
            self.http,
            self.endpoints,
            self.settings.pleo_client_id,
            self.settings.pleo_client_secret.get_secret_value(),
            self.observe,
            secret_in_body=self.settings.pleo_client_auth == "body",
            sleep=self.sleep,
            now=self.now,
        )

    @property
    def environment(self) -> str:
        """Part of every connection's identity, so that staging and production never mix (AUTH-001)."""
        return self.endpoints.environment
