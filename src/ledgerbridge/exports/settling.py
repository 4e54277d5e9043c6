"""Bills and the payments that settle them, whichever job each came with (EXP-AP-02, EXP-AP-04).

Once the items of a job are booked and reported, and by a round for what is left, claims that belong together are
matched in the ERP. A half without its counterpart is no error: it stays open. The ERP is asked first and our tables
follow; a match that was made and not written down is made again, which changes nothing.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import structlog

from ledgerbridge.bookkeeping.payables import Side
from ledgerbridge.bookkeeping.settlement import match, promising
from ledgerbridge.erp.port import Erp, ErpError
from ledgerbridge.exports import claims, ledger
from ledgerbridge.exports.claims import Held
from ledgerbridge.exports.desk import ErpDown, JobStopped, raise_if_general
from ledgerbridge.exports.ledger import FenceLost
from ledgerbridge.store.engine import Database
from ledgerbridge.store.leases import Lease
from ledgerbridge.store.tables import SettlementState

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Settling:
    """What matching needs: the company's ERP, and the lease under which its ledger is written."""

    db: Database
    lease: Lease
    connection_id: uuid.UUID
    company_id: str
    """Pleo's."""
    erp: Erp
    late: Callable[[], bool] = lambda: False
    """Whether to stop where it is."""


@dataclass(frozen=True, slots=True)
class Matched:
    """What a run of matching came to."""

    groups: int = 0
    """How many matches were made."""
    unfinished: bool = False
    """Time was up before every vendor had its turn."""


async def settle_open(settling: Settling, job_id: uuid.UUID | None = None) -> Matched:
    """Match what belongs together among the claims of vendors with news; `job_id` names a job whose postings are news.

    What cannot be matched stays open for the next time: the ERP failing costs nothing else. Raises `FenceLost`.
    """
    if not settling.erp.capabilities.vendor_bills:
        return Matched()
    groups = 0
    async with settling.db.reading() as session:
        vendors = await claims.vendors_with_news(session, settling.connection_id, job_id)
    for vendor_id in vendors:
        if settling.late():
            break
        try:
            groups += await _settle_vendor(settling, vendor_id)
        except (ErpDown, JobStopped) as reason:
            log.warning("claims left open", reason=str(reason))
            return Matched(groups)
        except FenceLost:
            raise
        except Exception:
            log.exception("claims of a vendor could not be matched", vendor_id=vendor_id)
    return Matched(groups, unfinished=bool(vendors) and settling.late())


async def _settle_vendor(settling: Settling, vendor_id: str) -> int:
    """Give each claim that may have a counterpart one try; returns how many matches were made."""
    groups = 0
    tried: set[str] = set()
    failed: set[frozenset[str]] = set()
    held = await _held(settling, vendor_id)
    for draft in [each for each in held if each.row.own_payment and each.open]:
        groups += await _tried(settling, draft, [], held)
    left = _hopeful(held)
    while not settling.late():
        one = next(left, None)
        if one is None:
            async with settling.db.transaction() as session:
                await ledger.guard(session, settling.lease)
                await claims.record_tried(session, held)
            break
        if one.claim.entry in tried:
            continue
        tried.add(one.claim.entry)
        await asyncio.sleep(0)  # many claims are a long calculation, and others wait for their turn
        found = {claim.entry for claim in match(one.claim, [each.claim for each in held])}
        group = frozenset({one.claim.entry, *found})
        others = [each for each in held if each.claim.entry in found]
        if not others or group in failed:
            continue
        if await _tried(settling, one, others, held):
            groups += 1
            held = await _left(settling, vendor_id, held, group)
            left = _hopeful(held)
        else:
            failed.add(group)
    return groups


def _hopeful(held: Sequence[Held]) -> Iterator[Held]:
    """The claims that may have a counterpart."""
    entries = {claim.entry for claim in promising([each.claim for each in held])}
    return (each for each in held if each.claim.entry in entries)


async def _left(settling: Settling, vendor_id: str, held: Sequence[Held], group: Collection[str]) -> list[Held]:
    """What is held after a match. Read anew only where a payment came back, which may have reopened others: a vendor
    may have thousands of claims."""
    if any(each.claim.side is Side.RETURNED for each in held):
        return await _held(settling, vendor_id)
    return [each for each in held if each.claim.entry not in group]


async def _held(settling: Settling, vendor_id: str) -> list[Held]:
    async with settling.db.reading() as session:
        return await claims.of_vendor(session, settling.connection_id, vendor_id)


async def _tried(settling: Settling, one: Held, others: Sequence[Held], held: Sequence[Held]) -> bool:
    """Match a group. One the ERP refuses must not keep the vendor's others waiting.

    Raises `ErpDown`, `JobStopped`, `FenceLost`.
    """
    try:
        if one.claim.side is Side.RETURNED:
            return await _undo(settling, one, others, held)
        return await _settle(settling, [one, *others])
    except ErpError as error:
        raise_if_general(error)
        log.warning("the accounting system refused a match", vendor_id=one.row.vendor_id, reason=str(error))
        return False


async def _settle(settling: Settling, group: Sequence[Held]) -> bool:
    """Bills and what pays them; a bill alone with its own payment; or a payment and its return without any bill."""
    if not await settling.erp.settle([each.document for each in group]):
        return False
    undone = {each.claim.side for each in group} == {Side.PAYMENT, Side.RETURNED}
    await _record(settling, {SettlementState.UNDONE if undone else SettlementState.SETTLED: group})
    return True


async def _undo(settling: Settling, returned: Held, payments: Sequence[Held], held: Sequence[Held]) -> bool:
    """A payment came back: what it had settled is owed again, and the two are matched with each other.

    Not before the return is final: until then the bill counts as paid.
    """
    if not await _is_final(settling, returned):
        return False
    if not await settling.erp.reopen([each.document for each in payments]):
        log.warning("the accounting system does not take apart what a returned payment had settled")
        return False
    groups = {each.row.group_id for each in payments} - {None}
    owed_again = [each for each in held if each.row.group_id in groups and each not in payments]
    done = await settling.erp.settle([each.document for each in (returned, *payments)])
    if done:
        outcome = {SettlementState.REOPENED: owed_again, SettlementState.UNDONE: [returned, *payments]}
    else:
        outcome = {SettlementState.REOPENED: [*owed_again, *(each for each in payments if not each.open)]}
    await _record(settling, outcome)
    return done


async def _is_final(settling: Settling, one: Held) -> bool:
    if one.final:
        return True
    found = await settling.erp.find(one.claim.entry, settling.company_id)
    return any(each.booked.ref == one.document and each.booked.final for each in found)


async def _record(settling: Settling, outcome: Mapping[SettlementState, Sequence[Held]]) -> None:
    async with settling.db.transaction() as session:
        await ledger.guard(session, settling.lease)
        await claims.record(session, outcome)
