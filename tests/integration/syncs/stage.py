"""A connected company whose master data is synchronised: the sandbox as Pleo, the ERP double with lists to change."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import httpx
from sqlalchemy import select

from ledgerbridge.bookkeeping.master_data import MasterAccount, MasterDimension, MasterTaxCode, MasterValue, TaxKind
from ledgerbridge.clock import utcnow
from ledgerbridge.connections.context import Connections
from ledgerbridge.store.tables import SyncKind, SyncRun, SyncStatus
from ledgerbridge.syncs.context import Observer, Syncs
from ledgerbridge.syncs.run import Ended, preview, run
from tests.support.double_master import Master
from tests.support.rig import CONFIGURATION, Rig, company_rig


@dataclass
class Stage:
    """One company, its ERP lists and its Pleo."""

    rig: Rig
    syncs: Syncs
    observed: list[tuple[Any, ...]] = field(default_factory=list)

    @property
    def master(self) -> Master:
        return self.rig.books.master

    @property
    def connection_id(self) -> uuid.UUID:
        return self.rig.connection_id

    async def run(self, kind: str, trigger: str = "manual", **options: Any) -> SyncRun:
        """One run; its row."""
        ended = await self.ended(kind, trigger, **options)
        assert ended.run_id is not None
        return await self.row(ended.run_id)

    async def went_through_before(self, kind: str) -> None:
        """A run of this kind was here long ago: what is unusual is judged by number from now on."""
        async with self.rig.db.transaction() as session:
            gone = SyncRun(id=uuid.uuid4(), connection_id=self.connection_id, kind=kind, trigger="schedule")
            gone.status, gone.started_at = SyncStatus.SUCCEEDED, utcnow() - timedelta(days=1)
            gone.ended_at = gone.started_at
            session.add(gone)

    async def ended(self, kind: str, trigger: str = "manual", **options: Any) -> Ended:
        """One run; how it ended, and from then on only its calls are remembered."""
        self.rig.pleo.forget()
        return await run(self.syncs, self.connection_id, SyncKind(kind), trigger, **options)

    async def foreseen(self, kind: str) -> dict[str, int]:
        """What a run would do; the counts that are not zero."""
        self.rig.pleo.forget()
        record = await preview(self.syncs, self.connection_id, SyncKind(kind))
        return {action.value: count for action, count in record.counts.items() if count}

    async def row(self, run_id: uuid.UUID) -> SyncRun:
        async with self.rig.db.reading() as session:
            found = await session.get(SyncRun, run_id)
        assert found is not None
        return found

    async def rows(self) -> Sequence[SyncRun]:
        """All runs, oldest first."""
        async with self.rig.db.reading() as session:
            return list(await session.scalars(select(SyncRun).order_by(SyncRun.started_at)))

    def calls(self) -> list[str]:
        """Calls of the last run as `METHOD path`."""
        return [f"{one['method']} {one['path']}" for one in self.rig.pleo.requests("/v")]

    def writes(self) -> list[str]:
        """Calls of the last run that are no reads."""
        return [one for one in self.calls() if not one.startswith("GET") and not one.endswith(":search")]

    def bodies(self, method: str, path: str = "/v") -> list[str]:
        """Bodies sent with this method."""
        return [one["body"] for one in self.rig.pleo.requests(path) if one["method"] == method]

    def pleo(self, what: str) -> list[dict[str, Any]]:
        """All rows of `accounts`, `tax_codes` or `tag_groups` at Pleo."""
        company = self.rig.pleo.company_id
        return list(self.rig.pleo.control("GET", f"/companies/{company}/master-data")[what])

    def put(self, what: str, **body: Any) -> Any:
        """Rows put into Pleo by hand: `accounts`, `tax-codes`, `tag-groups`."""
        return self.rig.pleo.control("POST", f"/companies/{self.rig.pleo.company_id}/{what}", body)

    def choose(self, **choices: Any) -> None:
        """What the sandbox does where Pleo is silent."""
        self.rig.pleo.control("PUT", "/choices", choices)

    def fault(self, kind: str, method: str, path: str, **more: Any) -> None:
        self.rig.pleo.fault(kind, method=method, path=path, **more)

    def after(self, path: str, times: int, act: Callable[[], object]) -> None:
        """Let something happen at Pleo once it answered so many calls to a path, before the next call is made."""
        left = [times]

        async def hook(response: httpx.Response) -> None:
            if response.request.url.path == path:
                left[0] -= 1
                if left[0] == 0:
                    act()

        self.syncs.connections.http.event_hooks["response"].append(hook)

    def delete_tag(self, group: str, code: str) -> None:
        """Delete a tag as another integration of the company might."""
        (tag,) = (
            tag["id"]
            for one in self.pleo("tag_groups")
            if one["code"] == group
            for tag in one["tags"]
            if tag["code"] == code
        )
        key = self.rig.pleo.control("POST", "/api-keys", {"company_id": self.rig.pleo.company_id})["key"]
        httpx.delete(f"{self.rig.pleo.url}/v0/tags/{tag}", auth=(key, "")).raise_for_status()

    def tags(self, code: str) -> dict[str, tuple[str, bool]]:
        """Tags of the groups with this code: code to name and whether archived."""
        return {
            tag["code"]: (tag.get("name", ""), tag["archived"])
            for group in self.pleo("tag_groups")
            if group["code"] == code
            for tag in group["tags"]
        }


def counts(row: SyncRun) -> dict[str, int]:
    """The counts of a run that are not zero."""
    names = ("created", "updated", "unarchived", "archived", "unchanged", "skipped", "failed")
    return {name: getattr(row, name) for name in names if getattr(row, name)}


@asynccontextmanager
async def staged(database_url: str, sandbox_url: str, **options: Any) -> AsyncIterator[Stage]:
    """A company with dimensions CC and PRJ selected, whose ERP lists are the double's."""
    httpx.post(f"{sandbox_url}/sandbox/reset").raise_for_status()
    async with company_rig(database_url, sandbox_url, **options) as rig:
        observed: list[tuple[Any, ...]] = []
        syncs = Syncs(
            db=rig.db,
            queue=rig.context.queue,
            connections=rig.context.connections,
            worker=rig.context.worker,
            lease_seconds=rig.context.lease_seconds,
            observer=Observer(
                run=lambda kind, status, _: observed.append((str(kind), str(status))),
                record=lambda kind, action, count: observed.append((str(kind), str(action), count)),
            ),
        )
        yield Stage(rig, syncs, observed)


def with_connections(syncs: Syncs, **changes: Any) -> Syncs:
    """The same with another view of the outside."""
    connections: Connections = replace(syncs.connections, **changes)
    return replace(syncs, connections=connections)


# ------------------------------------------------------------------ lists


def values(*codes: str, active: bool = True) -> list[MasterValue]:
    return [MasterValue(f"v-{code}", code, f"Value {code}", active) for code in codes]


def dimension(code: str, *, active: bool = True) -> MasterDimension:
    return MasterDimension(f"d-{code}", code, f"Dimension {code}", active)


def accounts(count: int, *, first: int = 1, tax_code: str | None = None) -> list[MasterAccount]:
    return [
        MasterAccount(str(n), f"{n:05}", f"Account {n}", tax_code, active=True) for n in range(first, first + count)
    ]


def taxes(*codes: str) -> list[MasterTaxCode]:
    return [
        MasterTaxCode(code, f"Tax {code}", Decimal("0.25"), TaxKind.INCLUSIVE, "1300", None, active=True)
        for code in codes
    ]


__all__ = ["CONFIGURATION", "Stage", "accounts", "counts", "dimension", "staged", "taxes", "values"]
