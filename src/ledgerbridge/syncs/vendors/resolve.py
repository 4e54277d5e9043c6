"""A person decides on a vendor that waits: link it, have it made anew, or archive it (VEN-064, VEN-071)."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from sqlalchemy.ext.asyncio import AsyncSession

from ledgerbridge.bookkeeping.master_data import ErpVendor
from ledgerbridge.pleo.errors import NotFound
from ledgerbridge.pleo.vendors import ACTIVE, ARCHIVED, DRAFT, Vendor
from ledgerbridge.store.audit import record
from ledgerbridge.store.tables import LinkPhase, SyncKind, VendorLink
from ledgerbridge.syncs.context import Syncs
from ledgerbridge.syncs.desk import Desk
from ledgerbridge.syncs.record import Action
from ledgerbridge.syncs.run import Ended, run
from ledgerbridge.syncs.vendors import effects, links, lookups
from ledgerbridge.syncs.vendors.bench import Bench, bench_of
from ledgerbridge.syncs.vendors.fields import erp_digest, mapped
from ledgerbridge.syncs.vendors.judge import judge
from ledgerbridge.syncs.vendors.links import Link
from ledgerbridge.syncs.vendors.pairing import Pair
from ledgerbridge.syncs.vendors.settle import create_anew, settle

ACTIONS = ("link", "create", "archive")


class CannotResolve(Exception):
    """It cannot be done this way just now; the text says why, for the person who asked."""


async def parked(session: AsyncSession, connection_id: uuid.UUID) -> Sequence[VendorLink]:
    """Vendors of a company that wait for a person, and links that broke; `note` says why. Oldest first."""
    return await links.waiting(session, connection_id)


async def resolve(
    syncs: Syncs, connection_id: uuid.UUID, pleo_id: str, action: str, actor: str, *, erp_id: str | None = None
) -> Ended:
    """Carry out a person's decision as a run of its own and say how that ended.

    `link` ties the vendor to the ERP vendor `erp_id`; `create` makes one anew, in the ERP for a draft, in Pleo (with
    the next run) for an archived one; `archive` retires a draft. Raises `CannotResolve` with a sentence.
    """
    if action not in ACTIONS:
        raise CannotResolve(f"The action must be one of {', '.join(ACTIONS)}.")
    if action == "link" and not erp_id:
        raise CannotResolve("Say which vendor of the accounting system it is, by its id there.")
    refusal: list[CannotResolve] = []

    async def work(desk: Desk) -> None:
        try:
            await _decided(desk, _Decision(pleo_id, action, (erp_id or "").strip(), actor))
        except CannotResolve as error:
            refusal.append(error)
            desk.record.skipped(f"vendor {pleo_id}", "cannot_resolve", str(error))

    ended = await run(syncs, connection_id, SyncKind.VENDORS, "manual", only=pleo_id, work=work)
    if ended.busy:
        raise CannotResolve("Vendors of this company are being synchronised right now. Try again when that has ended.")
    if refusal:
        raise refusal[0]
    if ended.cause is not None:
        raise CannotResolve(ended.cause.text)
    return ended


@dataclass(frozen=True, slots=True)
class _Decision:
    pleo_id: str
    action: str
    erp_id: str
    actor: str


async def _decided(desk: Desk, decision: _Decision) -> None:
    bench = await bench_of(desk)
    async with desk.db.reading() as session:
        known = await links.about(session, desk.connection_id, [decision.pleo_id], [])
    link = known[0] if known else None
    try:
        vendor = await effects.read(bench, decision.pleo_id)
    except NotFound:
        raise CannotResolve("Pleo does not know this vendor any more.") from None
    except effects.OtherCompany:
        raise CannotResolve(effects.OtherCompany.text) from None
    _waits(vendor, link)
    done = await _ACTIONS[decision.action](bench, vendor, link, decision)
    if done is not None:
        desk.record.done(done)
    async with desk.db.transaction() as session:
        record(
            session,
            decision.actor,
            f"vendor.{decision.action}",
            desk.connection_id,
            vendor=decision.pleo_id,
            erp_id=decision.erp_id or None,
        )


def _waits(vendor: Vendor, link: Link | None) -> None:
    waits = link is not None and (link.phase in (LinkPhase.PARKED, LinkPhase.BROKEN) or link.note is not None)
    if vendor.state == DRAFT or waits or (vendor.state == ARCHIVED and (link is None or not link.binds)):
        return
    raise CannotResolve("This vendor does not wait for a decision: it is in step with the accounting system.")


async def _link(bench: Bench, vendor: Vendor, link: Link | None, decision: _Decision) -> Action | None:
    """As if the ERP vendor had been made for this one: the write-back follows, and is resumed if it breaks off."""
    erp = await _active(bench, decision.erp_id)
    await _free(bench, vendor, erp)
    details = mapped(erp, bench.books.currency)
    base = link or Link(vendor.id, LinkPhase.PENDING)
    wanted = replace(
        base,
        phase=LinkPhase.PENDING,
        erp_id=erp.id.strip(),
        code=details.code,
        merged_into=None,
        erp_digest=erp_digest(erp, details),
        note=None,
    )
    if vendor.state == ACTIVE and vendor.details.external_id not in (None, wanted.erp_id):
        raise CannotResolve(f"In Pleo it carries the number {vendor.details.external_id} of another vendor.")
    saved = await links.save(bench.desk, wanted)
    return await settle(bench, judge(Pair(erp, vendor, saved), bench.books))


async def _active(bench: Bench, erp_id: str) -> ErpVendor:
    found = await lookups.by_ids(bench.desk.erp, [erp_id])
    if len(found) != 1:
        raise CannotResolve(f"The accounting system has no vendor with the id {erp_id}.")
    if not found[0].active:
        raise CannotResolve(f"{found[0].name} is inactive in the accounting system. Make it active there first.")
    return found[0]


async def _free(bench: Bench, vendor: Vendor, erp: ErpVendor) -> None:
    """No other vendor of Pleo may stand for this ERP vendor (VEN-027)."""
    key = erp.id.strip()
    async with bench.desk.db.reading() as session:
        known = await links.about(session, bench.desk.connection_id, [], [key])
    linked = [one for one in known if one.pleo_id != vendor.id and one.binds and one.phase is not LinkPhase.ENDED]
    named = [one for one in await effects.counterparts(bench, [key]) if one.id != vendor.id]
    if linked or any(one.details.external_id == key for one in named):
        raise CannotResolve(
            f"Another vendor in Pleo already stands for {erp.name}. Archive this one, or choose another vendor."
        )


async def _create(bench: Bench, vendor: Vendor, link: Link | None, decision: _Decision) -> Action | None:
    if vendor.state == DRAFT:
        return await create_anew(bench, judge(Pair(None, vendor, _unbound(link)), bench.books))
    if vendor.state == ARCHIVED:
        await links.save(bench.desk, Link(vendor.id, LinkPhase.ENDED))  # offered to nobody any more
        return Action.SKIPPED
    raise CannotResolve("It is active in Pleo. Link it to a vendor of the accounting system, or archive it in Pleo.")


def _unbound(link: Link | None) -> Link | None:
    """What was made for it before does not count any more."""
    return replace(link, phase=LinkPhase.PARKED, erp_id=None) if link else None


async def _archive(bench: Bench, vendor: Vendor, link: Link | None, decision: _Decision) -> Action | None:
    if vendor.state == ARCHIVED:
        raise CannotResolve("It is archived in Pleo already. Link it, or have a new vendor made.")
    await bench.desk.still_ours()
    await effects.archive(bench, vendor)
    if link is not None and link.binds:
        await links.save(bench.desk, replace(link, phase=LinkPhase.ENDED, note=None))
    elif link is not None:
        await links.drop(bench.desk, vendor.id)
    return Action.ARCHIVED


_ACTIONS: dict[str, Callable[[Bench, Vendor, Link | None, _Decision], Awaitable[Action | None]]] = {
    "link": _link,
    "create": _create,
    "archive": _archive,
}
