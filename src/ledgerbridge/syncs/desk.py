"""The desk a run works at: both systems, the configuration it began with, its record, and the right to write.

A preview sits at a desk without a lease: it reads and plans the same way, and `still_ours` refuses every write.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field

from ledgerbridge.bookkeeping.words import Configuration
from ledgerbridge.connections.config_body import ConfigurationBody
from ledgerbridge.erp.port import Erp
from ledgerbridge.pleo.transport import PleoClient
from ledgerbridge.store.engine import Database
from ledgerbridge.store.leases import Lease, LeaseLost, holds
from ledgerbridge.store.tables import Connection, SyncKind
from ledgerbridge.syncs.context import Syncs
from ledgerbridge.syncs.record import Record
from ledgerbridge.syncs.seen import Seen


@dataclass(frozen=True, slots=True)
class Desk:
    """What stays the same throughout one run."""

    syncs: Syncs
    connection: Connection
    """Detached: changing it changes nothing."""
    configuration: Configuration
    body: ConfigurationBody
    """The same version as written by a person; `body.syncs` tells which kinds are on."""
    kind: SyncKind
    pleo: PleoClient
    """Counts its calls in `record`."""
    erp: Erp
    record: Record
    seen: Seen = field(default_factory=Seen)
    """The whole lists of the ERP that the run has read."""
    lease: Lease | None = None
    """Scope `syncs`. None for a preview."""
    run_id: uuid.UUID | None = None
    """Row of `sync_runs`. None for a preview."""
    archive_allowed: int | None = None
    """How many records that the guard holds back a person allowed this run to archive."""
    only: str | None = None
    """Code of the one dimension, or id of the one vendor, the run is limited to."""

    @property
    def connection_id(self) -> uuid.UUID:
        return self.connection.id

    @property
    def company_id(self) -> str:
        """Pleo's company id, for every call (TAG-007, ACC-011)."""
        return self.connection.company_id

    @property
    def db(self) -> Database:
        return self.syncs.db

    async def still_ours(self) -> None:
        """Before every write: raises `LeaseLost` when another worker may have the company (TAG-128, ACC-107)."""
        if self.lease is None:
            raise RuntimeError("a preview writes nothing")
        async with self.db.transaction() as session:
            if not await holds(session, self.lease):
                raise LeaseLost(f"the lease of connection {self.connection_id} was lost")
