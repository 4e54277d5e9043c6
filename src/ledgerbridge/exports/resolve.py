"""A person settles an item whose outcome is unknown or failed: by probing the ERP again, or on their own word.

The ledger takes it at once. A job that is closed keeps what Pleo was told; Pleo hears of it with the next export of the
same accounting entry, which is reported successful or booked (EXP-IDEM-07).
"""

from __future__ import annotations

import math
import uuid

from sqlalchemy.ext.asyncio import AsyncSession

from ledgerbridge.clock import utcnow
from ledgerbridge.connections.access import ConnectionState, load, open_erp
from ledgerbridge.exports import claims, ledger, queries, spool
from ledgerbridge.exports.alone import CannotResolve as CannotResolve
from ledgerbridge.exports.alone import alone, writing_alone
from ledgerbridge.exports.context import ExportContext
from ledgerbridge.exports.standing import may_still_arrive
from ledgerbridge.store.audit import record
from ledgerbridge.store.leases import Lease
from ledgerbridge.store.tables import ExportJob, ItemState, Posting, PostingState

_SETTLED = (ItemState.FAILED, ItemState.UNKNOWN, ItemState.ABANDONED)


async def probe_item(context: ExportContext, job: ExportJob, accounting_entry_id: str, actor: str) -> PostingState:
    """Look in the ERP whether the item is booked and write down what stands there.

    Returns the posting's state afterwards. Raises `CannotResolve`, and what asking the ERP raises.
    """
    async with alone(context, job.connection_id) as lease:
        company = await load(context.connections, job.connection_id)
        standing = await _unsettled(context, job, accounting_entry_id)
        if standing is not None and standing.by_hand:
            raise CannotResolve(f"A person marked it booked as {standing.erp_number}; it is not searched for any more.")
        async with open_erp(context.connections, job.connection_id) as erp:
            if not erp.capabilities.can_probe:
                raise CannotResolve(
                    "This accounting system cannot be searched. Look there for the entry; then it can be marked "
                    "booked, with its number, or not booked."
                )
            found = await erp.find(accounting_entry_id, company.connection.company_id)
        if not found and standing is not None and standing.moved_from is not None:
            raise CannotResolve(
                f"It was being booked in {standing.moved_from}, which the connection has left since. "
                "Look there, then mark it booked or not booked."
            )
        if not found and standing is not None:
            _refuse_while_it_may_arrive(context, standing)
        state = PostingState.BOOKED if found else PostingState.NOT_BOOKED
        async with writing_alone(context, lease) as session:
            if found:
                posting = await _posting(session, lease, company, job, accounting_entry_id)
                await session.flush()
                if standing is None:
                    await claims.carry(session, job.connection_id, accounting_entry_id, posting.id)
                await ledger.record_booked(session, posting.id, found[0].booked, f"found by {actor}")
                await spool.settle(session, job.id, accounting_entry_id, ItemState.BOOKED, posting_id=posting.id)
            elif standing is not None:
                await ledger.record_state(session, standing.id, PostingState.NOT_BOOKED, f"not found by {actor}")
            record(
                session, actor, "export_item.probe", job.connection_id, entry=accounting_entry_id, outcome=state.value
            )
        return state


async def mark_booked(
    context: ExportContext, job: ExportJob, accounting_entry_id: str, *, reference: str, reason: str, actor: str
) -> None:
    """Take a person's word that the item stands in the ERP as `reference`; it will never be posted by us again.

    Raises `CannotResolve`.
    """
    async with alone(context, job.connection_id) as lease:
        await _unsettled(context, job, accounting_entry_id)
        company = await load(context.connections, job.connection_id)
        async with writing_alone(context, lease) as session:
            posting = await _posting(session, lease, company, job, accounting_entry_id)
            posting.state = PostingState.BOOKED
            posting.erp_number = reference
            posting.erp_id = posting.erp_url = None
            posting.booked_at = utcnow()
            posting.by_hand = True
            posting.digest = posting.reversal_state = None
            posting.note = f"{actor}: {reason}"
            await session.flush()
            await spool.settle(session, job.id, accounting_entry_id, ItemState.BOOKED, posting_id=posting.id)
            record(
                session,
                actor,
                "export_item.mark_booked",
                job.connection_id,
                entry=accounting_entry_id,
                reference=reference,
                reason=reason,
            )


async def mark_not_booked(
    context: ExportContext, job: ExportJob, accounting_entry_id: str, *, reason: str, actor: str
) -> None:
    """Take a person's word that the item does not stand in the ERP; the next export of it books it.

    Also takes back `mark_booked`. An ERP that can be searched is searched all the same and has the last word; where it
    cannot be, the person answers for it. Raises `CannotResolve`, and what asking the ERP raises.
    """
    async with alone(context, job.connection_id) as lease:
        standing = await _unsettled(context, job, accounting_entry_id, booked_too=True)
        if standing is None:
            raise CannotResolve("Nothing is held for booked here: the next export books it anyway.")
        _refuse_while_it_may_arrive(context, standing)
        company = await load(context.connections, job.connection_id)
        async with open_erp(context.connections, job.connection_id) as erp:
            searched = erp.capabilities.can_probe
            found = await erp.find(accounting_entry_id, company.connection.company_id) if searched else ()
        if found:
            number = found[0].booked.number or found[0].booked.id
            raise CannotResolve(f"It stands in the accounting system as {number}. Probe it instead.")
        async with writing_alone(context, lease) as session:
            await ledger.record_state(session, standing.id, PostingState.NOT_BOOKED, f"{actor}: {reason}")
            record(
                session,
                actor,
                "export_item.mark_not_booked",
                job.connection_id,
                entry=accounting_entry_id,
                reason=reason,
                before=standing.state,
                searched=searched,
            )


async def _posting(
    session: AsyncSession, lease: Lease, company: ConnectionState, job: ExportJob, accounting_entry_id: str
) -> Posting:
    """The live posting of the entry, or a new one for a booking our ledger does not know."""
    posting = await ledger.live(session, job.connection_id, accounting_entry_id)
    if posting is None:
        posting = Posting(
            id=uuid.uuid4(),
            connection_id=job.connection_id,
            accounting_entry_id=accounting_entry_id,
            revision=await ledger.free_revision(session, job.connection_id, accounting_entry_id),
            state=PostingState.BOOKED,
            total="0.00",
            currency=company.binding.currency if company.binding else "",
            config_version=company.configuration.version if company.configuration else 0,
            job_id=job.id,
            fence=lease.fence,
            erp_kind=company.binding.kind if company.binding else "",
            intended_at=utcnow(),
        )
        session.add(posting)
    return posting


async def _unsettled(
    context: ExportContext, job: ExportJob, accounting_entry_id: str, *, booked_too: bool = False
) -> Posting | None:
    """The live posting of an item a person may settle; with `booked_too` also of one that counts as booked.

    What an open job has told Pleo of the entry, or is about to, must stay true until the job is closed.
    """
    async with context.db.reading() as session:
        found = await queries.item(session, job.id, accounting_entry_id)
        committed = await queries.committed(session, job.connection_id, accounting_entry_id)
        standing = await ledger.live(session, job.connection_id, accounting_entry_id)
    if found is None:
        raise CannotResolve("The job has no such item.")
    if found.item.state == ItemState.WAITING:
        # In doubt all the same when a worker died over it, and the company is paused, so that nobody goes on.
        if standing is None or standing.state == PostingState.BOOKED:
            raise CannotResolve("The item waits for its turn to be booked; nothing about it is in doubt.")
    elif found.item.state not in (*_SETTLED, ItemState.BOOKED if booked_too else ItemState.FAILED):
        stands = str(found.item.state).replace("_", " ")
        raise CannotResolve(f"The item is {stands}; only failed or unknown items can be settled this way.")
    if committed:
        raise CannotResolve("An export that has told Pleo of it is not closed yet. Try again when it is.")
    if standing is not None and standing.reversal_state is not None and standing.moved_from is None:
        raise CannotResolve("It is being taken back, and nobody knows yet whether it is. Ask for that again.")
    return standing


def _refuse_while_it_may_arrive(context: ExportContext, standing: Posting) -> None:
    seconds = may_still_arrive(standing, context.patience)
    if seconds > 0:
        raise CannotResolve(
            "It is not there, but a call without an answer may still book it. "
            f"Try again in {math.ceil(seconds)} seconds."
        )
