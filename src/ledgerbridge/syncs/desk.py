"""The desk a run works at: both systems, the configuration it began with, its record, and the right to write.

A preview sits at a desk without a lease: it reads and plans the same way, and `still_ours` refuses every write.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from sqlalchemy import select

from ledgerbridge.bookkeeping.words import Configuration
from ledgerbridge.connections.config_body import ConfigurationBody
from ledgerbridge.erp.port import Erp
from ledgerbridge.pleo.transport import PleoClient
from ledgerbridge.store.engine import Database
from ledgerbridge.store.leases import Lease, LeaseLost, holds
from ledgerbridge.store.tables import Connection, ConnectionStatus, ErpBinding, SyncKind
from ledgerbridge.syncs import guard
from ledgerbridge.syncs.context import Syncs
from ledgerbridge.syncs.failing import Stopped, overtaken
from ledgerbridge.syncs.record import Record
from ledgerbridge.syncs.seen import Seen

MOST_NAMED = 200
"""So many records that wait are named, which leaves room for what else a run has to tell."""


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
    bound_at: dt.datetime
    """When the ERP that the run reads was bound."""
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
    shown: frozenset[str] | None = None
    """Pleo's ids of the records that person was shown: the permission is for no other. None when only counted."""
    asks: bool = False
    """Whether nothing is archived without a person's word, however few: in the first syncs, because what stands in Pleo
    may be somebody else's, and while a question that was asked is not answered."""
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

    def unusual(self, wanted: int, active: int) -> bool:
        """Whether archiving `wanted` of `active` records needs a person's word."""
        return wanted > 0 and (self.asks or guard.unusual(wanted, active))

    @property
    def too_many(self) -> str:
        """Why it is asked, as it ends "12 accounts would be archived in Pleo"."""
        return "" if self.asks else ", which is unusually many"

    def may_archive(self, ids: Collection[str]) -> bool:
        """Whether what the guard holds back may be archived: nothing is held, or a person allowed all of it."""
        allowed = None if self.archive_allowed is None else self.archive_allowed - self.record.permitted
        return guard.may_go(len(ids), allowed) and (not ids or self.shown is None or self.shown.issuperset(ids))

    def ask(self, about: str, text: str, records: Mapping[str, str]) -> None:
        """Hold back records, names by Pleo's id, and say of each that it waits for a person."""
        self.record.hold_back(records)
        self.record.note(about, "archive", "needs_confirmation", text)
        for name in list(records.values())[:MOST_NAMED]:
            self.record.note(name, "archive", "needs_confirmation", "It would be archived in Pleo once you allow it.")
        self.record.left_out += max(0, len(records) - MOST_NAMED)

    async def still_ours(self) -> None:
        """Before every write: whether it may still be made.

        Raises `LeaseLost` when another worker may have the company (TAG-128, ACC-107), and `Stopped` when the
        connection was paused or removed, or another ERP bound, since the run began: its plan is about another company.
        """
        if self.lease is None:
            raise RuntimeError("a preview writes nothing")
        query = (
            select(Connection.status, ErpBinding.bound_at)
            .join(ErpBinding, ErpBinding.connection_id == Connection.id)
            .where(Connection.id == self.connection_id)
        )
        async with self.db.transaction() as session:
            if not await holds(session, self.lease):
                raise LeaseLost(f"the lease of connection {self.connection_id} was lost")
            found = (await session.execute(query)).one_or_none()
        if found is None or (found.status != self.connection.status and found.status != ConnectionStatus.ACTIVE):
            raise Stopped(overtaken("The connection was paused or removed while this run was under way."))
        if found.bound_at != self.bound_at:
            raise Stopped(overtaken("The accounting system was connected anew while this run was under way."))
