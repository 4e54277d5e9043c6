"""Vendors of a staged company: drafts made by people, suppliers of the ERP, and what stands where afterwards."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select, update

from ledgerbridge.bookkeeping.master_data import ErpVendor
from ledgerbridge.pleo.vendors import VendorsApi
from ledgerbridge.store.tables import Credential, SyncRun, VendorLink
from ledgerbridge.syncs.vendors import links, runs
from tests.integration.syncs.stage import Stage
from tests.support.double_master import vendor
from tests.support.erp_double import PAYABLES, DoubleErp
from tests.support.rig import Killed

VENDORS = "/v1/vendors"
TAX = "DK12345678"


def suppliers(count: int, *, first: int = 1, **changes: Any) -> list[ErpVendor]:
    return [vendor(number, **changes) for number in range(first, first + count)]


class VendorStage:
    """A company with vendors on both sides."""

    erp_class: type = DoubleErp

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        stage.rig.books.capabilities = replace(PAYABLES)

    @property
    def erp(self) -> list[ErpVendor]:
        return self.stage.master.vendors

    async def run(self, trigger: str = "manual", **options: Any) -> SyncRun:
        return await self.stage.run("vendors", trigger, **options)

    async def event(self, pleo_id: str) -> SyncRun:
        """What a webhook leads to."""
        self.stage.rig.pleo.forget()
        return await self._row(await runs.event(self.stage.syncs, self.stage.connection_id, pleo_id))

    async def poll(self) -> SyncRun:
        """The drafts poll."""
        self.stage.rig.pleo.forget()
        return await self._row(await runs.poll(self.stage.syncs, self.stage.connection_id))

    async def _row(self, ended: Any) -> SyncRun:
        assert ended.run_id is not None
        return await self.stage.row(ended.run_id)

    def draft(self, name: str = "New supplier", **members: Any) -> str:
        """A draft made by a person in Pleo; its id."""
        return str(self.put(**{"name": name, "country": "DK", **members})["id"])

    def put(self, **members: Any) -> dict[str, Any]:
        made: dict[str, Any] = self.stage.put("vendors", items=[members])[0]
        return made

    def edit(self, pleo_id: str, state: str | None = None, **changes: Any) -> None:
        """What a person does in Pleo."""
        self.stage.rig.pleo.control("PUT", f"/vendors/{pleo_id}", {"changes": changes, "state": state})

    @property
    def pleo(self) -> dict[str, dict[str, Any]]:
        """Pleo's vendors by id."""
        return {one["id"]: one for one in self.stage.pleo("vendors")}

    def states(self) -> dict[str, str]:
        """States by name."""
        return {one["name"]: one["state"] for one in self.pleo.values()}

    def writes(self) -> list[str]:
        """Writes of the last run without ids."""
        return [_plain(one) for one in self.stage.writes()]

    async def links(self) -> list[VendorLink]:
        async with self.stage.rig.db.reading() as session:
            return list(await session.scalars(select(VendorLink).order_by(VendorLink.created_at)))

    async def link(self, pleo_id: str) -> VendorLink:
        (found,) = [one for one in await self.links() if one.pleo_id == pleo_id]
        return found

    @contextmanager
    def killing_after(self, effects: int, *, before: bool = False) -> Iterator[None]:
        """Ends the process, as it were, after so many writes to Pleo or the ERP, or before the next one."""
        with dying(self.erp_class, effects, before=before):
            yield

    async def meanwhile_in_pleo(self, **members: Any) -> None:
        """A run is about to create vendor 3; between its reads and its writes this vendor turns up in Pleo."""
        self.erp.extend(suppliers(2))
        await self.run()
        self.erp[:] = [self.erp[0], *suppliers(1, first=3)]

        async def turns_up() -> None:
            self.put(**members)

        self.stage.rig.books.meanwhile["find_vendors"] = turns_up  # asked for vendor 2, which is gone

    async def reconnect(self, key: str | None = None) -> None:
        """Another key for Pleo: a new one of the company, for a Pleo that forgot everything, or the one given."""
        if key is None:
            pleo = self.stage.rig.pleo
            key = str(pleo.control("POST", "/api-keys", {"company_id": pleo.company_id})["key"])
        room, row = self.stage.rig.context.connections, self.stage.connection_id
        sealed = room.vault.seal(key, table="credentials", column="api_key_sealed", row=row)
        async with self.stage.rig.db.transaction() as session:
            await session.execute(
                update(Credential).where(Credential.connection_id == row).values(api_key_sealed=sealed)
            )

    def in_step(self) -> None:
        """One ERP vendor and one active Pleo vendor for each supplier, whatever happened."""
        ids = [one["externalId"] for one in self.pleo.values() if one["state"] == "ACTIVE"]
        assert len(ids) == len(set(ids)), "two active vendors in Pleo for one supplier"
        assert set(ids) == {one.id for one in self.erp if one.active}
        made_of = [one.pleo_id for one in self.erp if one.pleo_id]
        assert len(made_of) == len(set(made_of)), "two vendors in the ERP for one draft"


EFFECTS = ("create", "update", "activate", "archive")


@contextmanager
def dying(erp_class: type, spared: int, *, before: bool) -> Iterator[list[str]]:
    """Raises `Killed` around the effect that comes after `spared` others: in Pleo, in the ERP, or in our database."""
    seen: list[str] = []

    def around(name: str, real: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def effect(*args: Any, **options: Any) -> Any:
            if len(seen) > spared or (before and len(seen) == spared):
                raise Killed
            seen.append(name)
            mine = len(seen)
            result = await real(*args, **options)
            if not before and mine > spared:
                raise Killed
            return result

        return effect

    with pytest.MonkeyPatch.context() as patch:
        for name in EFFECTS:
            patch.setattr(VendorsApi, name, around(name, getattr(VendorsApi, name)))
        patch.setattr(erp_class, "create_vendor", around("create_vendor", erp_class.create_vendor))
        for name in ("save", "drop"):
            patch.setattr(links, name, around(name, getattr(links, name)))
        yield seen


def _plain(call: str) -> str:
    method, path = call.split(" ")
    rest = path.removeprefix(VENDORS).lstrip("/")
    _, colon, verb = rest.partition(":")
    return f"{method} {colon}{verb}" if colon else f"{method} vendor" if method == "PUT" else method


def problems(row: SyncRun) -> list[tuple[str, str]]:
    """Code and record of what was told."""
    return [(one["code"], one["record"]) for one in row.problems]


def text_of(row: SyncRun) -> str:
    return " ".join(one["text"] for one in row.problems)


def ids(vendors: Sequence[VendorLink]) -> list[uuid.UUID]:
    return [one.id for one in vendors]
