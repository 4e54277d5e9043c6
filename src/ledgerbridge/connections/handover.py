"""Handing over: closed files are brought to where the customer wants them, with their receipts beside them.

It is tried again for ever, with growing waits; only what may go wrong twice waits for a person. A file is put into its
place at most once: before the step that lets others see it, the row says so, and a try that was overtaken by another
stops there. An item of an export has its outcome long before, so nothing here can cost one.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from sqlalchemy import select, update

from ledgerbridge.connections import voucher_files
from ledgerbridge.connections.context import Connections
from ledgerbridge.connections.errors import ConnectionUnknown, SecretUnreadable
from ledgerbridge.connections.rows import connection_row
from ledgerbridge.connections.sealed import BIND_AGAIN, opened
from ledgerbridge.connections.voucher_files import ClosedFile
from ledgerbridge.connections.voucher_rows import Identity
from ledgerbridge.erp.files import destination
from ledgerbridge.erp.files.destination import Destination
from ledgerbridge.outgoing.addresses import Reach
from ledgerbridge.outgoing.placing import Failing, NotPlaced, Parcel, Place, nothing
from ledgerbridge.store.scope import across_companies
from ledgerbridge.store.tables import Connection, ConnectionStatus, ErpBinding, HandoverState, VoucherFile
from ledgerbridge.work.queue import Queue
from ledgerbridge.work.tasks import Order

HANDOVER = "files.handover"
"""The queued work: the due files of one company."""
SWEEP_SECONDS = 30.0
WAITS = (60, 300, 900, 3600, 4 * 3600)
"""Seconds until the next try, by tries; the last one for ever."""
_LONGEST = 3600.0
"""Seconds for one file or its receipts, however large."""
_LEAST_SECONDS, _SLOWEST = 120.0, 30_000
"""Seconds that every one has, and bytes a second with which more are given: others wait for its place."""
_SILENT = frozenset({Failing.BROKEN, Failing.UNREACHABLE})
"""What a server that does so to one file does to the next."""
_REST = dt.timedelta(minutes=15)
"""For the other files of a company whose server is silent, at most."""
_AT_ONCE = 20
"""Files of one company in one piece of work."""
_COMPANIES_AT_ONCE = 200
_LEFT = (
    "These vouchers are of {company}, and this connection books for another company by now. Nothing is sent to that "
    "one's place; download the file instead."
)
_log = structlog.get_logger(__name__)


class Overtaken(Exception):
    """Another try, or a person, has the file by now; this one has done nothing that can be seen."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where the files of the company that a connection is bound to go."""

    book_id: uuid.UUID
    to: Destination | None
    """None: a person downloads them."""


def order(queue: Queue, connection_id: uuid.UUID) -> Order:
    """The work on one company's due files; one at a time."""
    key = f"files:{connection_id}"
    return queue.order(HANDOVER, lock=key, queueing_lock=key, connection_id=str(connection_id))


async def sweep(room: Connections, queue: Queue) -> int:
    """Queue the handover of every company of this environment that has files due; how many there were."""
    due = (
        select(VoucherFile.connection_id)
        .distinct()
        .join(Connection, Connection.id == VoucherFile.connection_id)
        .where(
            VoucherFile.handover_state == HandoverState.WAITING,
            VoucherFile.handover_due_at <= room.now(),
            Connection.environment == room.environment,
            Connection.status != ConnectionStatus.DISCONNECTED,
        )
        .order_by(VoucherFile.connection_id)
        .limit(_COMPANIES_AT_ONCE)
    )
    async with room.db.transaction() as session:
        with across_companies(session, "the sweep asks which companies have files to be handed over"):
            found = (await session.scalars(due)).all()
        await queue.place_all(session, [order(queue, connection_id) for connection_id in found])
    return len(found)


async def work(room: Connections, connection_id: uuid.UUID) -> None:
    """Try the due files of one company, the oldest first, so that they arrive in their order.

    A server that is silent about one is left alone for a while: it would keep its place from other companies.
    """
    for file_id in await _due(room, connection_id):
        try:
            if not await _try(room, connection_id, file_id):
                await _rest(room, connection_id)
                return
        except (Overtaken, voucher_files.FileUnknown):
            _log.info("a handover was overtaken", connection_id=str(connection_id), file=str(file_id))


async def target(room: Connections, connection_id: uuid.UUID) -> Target | None:
    """Where files go at present; None when nothing is bound. Raises `SecretUnreadable`."""
    async with room.db.reading() as session:
        binding = await session.scalar(select(ErpBinding).where(ErpBinding.connection_id == connection_id))
    if binding is None or binding.settings_sealed is None:
        return None
    sealed = binding.settings_sealed
    text = opened(
        room.vault, sealed, table="erp_bindings", column="settings_sealed", row=connection_id, remedy=BIND_AGAIN
    )
    whose = Identity(
        connection_id, binding.kind, binding.company_ref, binding.registration_number, binding.company_name,
        binding.currency,
    )  # fmt: skip
    return Target(whose.book_id, destination.read(json.loads(text)))


async def _due(room: Connections, connection_id: uuid.UUID) -> Sequence[uuid.UUID]:
    query = (
        select(VoucherFile.id)
        .where(
            VoucherFile.connection_id == connection_id,
            VoucherFile.handover_state == HandoverState.WAITING,
            VoucherFile.handover_due_at <= room.now(),
        )
        .order_by(VoucherFile.made_at, VoucherFile.id)
        .limit(_AT_ONCE)
    )
    async with room.db.reading() as session:
        try:
            connection = await connection_row(session, connection_id)
        except ConnectionUnknown:
            return ()
        if connection.status == ConnectionStatus.DISCONNECTED:
            return ()
        return (await session.scalars(query)).all()


async def _rest(room: Connections, connection_id: uuid.UUID) -> None:
    async with room.db.transaction() as session:
        await session.execute(
            update(VoucherFile)
            .where(
                VoucherFile.connection_id == connection_id,
                VoucherFile.handover_state == HandoverState.WAITING,
                VoucherFile.handover_due_at <= room.now(),
            )
            .values(handover_due_at=room.now() + _REST)
        )


async def _try(room: Connections, connection_id: uuid.UUID, file_id: uuid.UUID) -> bool:
    """One try of one file; False when the server is silent."""
    attempt = await _begin(room, connection_id, file_id)
    async with room.db.reading() as session:
        file = await voucher_files.closed_file(session, connection_id, file_id)
    try:
        found = await target(room, connection_id)
    except SecretUnreadable as error:
        await attempt.note(handover_error=str(error), handover_fault="secret")
        return True
    if found is None:
        return True
    if found.book_id != file.row.book_id:
        await attempt.to_fetch(_LEFT.format(company=file.book.company_name))
    elif found.to is None:
        await attempt.to_fetch(None)
    else:
        return await _bring(room, attempt, file, found.to)
    return True


async def _begin(room: Connections, connection_id: uuid.UUID, file_id: uuid.UUID) -> Attempt:
    """Count a try and put the next one off, so that one that ends with its process is not repeated at once."""
    mine = (VoucherFile.connection_id == connection_id, VoucherFile.id == file_id)
    async with room.db.transaction() as session:
        row = await session.scalar(select(VoucherFile).where(*mine).with_for_update())
        if row is None or row.handover_state != HandoverState.WAITING:
            raise Overtaken
        row.handover_tries += 1
        row.handover_due_at = room.now() + wait_after(row.handover_tries)
        return Attempt(room, connection_id, file_id, row.handover_tries)


def wait_after(tries: int) -> dt.timedelta:
    """Until the next try."""
    return dt.timedelta(seconds=WAITS[min(tries, len(WAITS)) - 1])


@dataclass(slots=True)
class Attempt:
    """One try. What it writes stands only while no other try and no person came after it."""

    room: Connections
    connection_id: uuid.UUID
    file_id: uuid.UUID
    number: int
    stepped: bool = False
    """Whether the step after which others can see the file was begun."""

    async def note(self, **values: Any) -> None:
        """Raises `Overtaken`."""
        async with self.room.db.transaction() as session:
            changed = await session.execute(
                update(VoucherFile)
                .where(
                    VoucherFile.connection_id == self.connection_id,
                    VoucherFile.id == self.file_id,
                    VoucherFile.handover_tries == self.number,
                    VoucherFile.handover_state == HandoverState.WAITING,
                )
                .values(values)
            )
        if not changed.rowcount:  # type: ignore[attr-defined]
            raise Overtaken

    async def decisive(self) -> None:
        await self.note(handover_sent_at=self.room.now())
        self.stepped = True

    async def to_fetch(self, why: str | None) -> None:
        await self.note(
            handover_state=HandoverState.TO_FETCH, handover_due_at=None, handover_error=why, handover_fault=None
        )


async def _bring(room: Connections, attempt: Attempt, file: ClosedFile, to: Destination) -> bool:
    """Whether the server said something."""
    log = _log.bind(connection_id=str(attempt.connection_id), file=file.row.name, tries=attempt.number)
    try:
        there_already = await _put(room, attempt, file, to.place(_reach(room)))
    except TimeoutError:
        log.warning("file not handed over in time")
        await _failed(attempt, NotPlaced(Failing.BROKEN, "it took too long", sent=attempt.stepped), to)
        return False
    except NotPlaced as failed:
        log.warning("file not handed over", fault=failed.failing.value, sent=failed.sent)
        await _failed(attempt, failed, to)
        return failed.failing not in _SILENT
    except voucher_files.FileForgotten:
        await attempt.note(handover_due_at=None, handover_state=HandoverState.DONE)
        return True
    await attempt.note(
        handover_state=HandoverState.DONE, handover_due_at=None, handed_over_at=room.now(), handover_place=to.where,
        handover_error=None, handover_fault=None, handover_sent_at=None,
    )  # fmt: skip
    log.info("file handed over", there_already=there_already)
    return True


def _time_for(parcel: Parcel) -> asyncio.Timeout:
    """What a server may take for it."""
    return asyncio.timeout(min(_LEAST_SECONDS + parcel.size / _SLOWEST, _LONGEST))


async def _put(room: Connections, attempt: Attempt, file: ClosedFile, place: Place) -> bool:
    """Receipts, then vouchers; whether the vouchers were there already. Raises `NotPlaced`, `TimeoutError`."""
    await _receipts(room, attempt, file, place)
    sent = file.row.handover_sent_at is not None
    parcel = await _parcel(room, file)
    async with _time_for(parcel):
        return not await place.put(parcel, decisive=attempt.decisive, sent=sent)


async def _receipts(room: Connections, attempt: Attempt, file: ClosedFile, place: Place) -> None:
    """First of the two, so that they are there when the vouchers are read."""
    if file.row.receipts_there_at is not None or file.row.handover_sent_at is not None:
        return
    parcel = await voucher_files.receipts_parcel(room.db, file)
    if parcel is not None:
        async with _time_for(parcel):
            await place.put(parcel, decisive=nothing)
        await attempt.note(receipts_there_at=room.now())


async def _parcel(room: Connections, file: ClosedFile) -> Parcel:
    async with room.db.reading() as session:
        content = await voucher_files.content(session, file.row.connection_id, file.row.id)

    async def pieces() -> Any:
        yield content

    return Parcel(file.row.name, len(content), file.row.sha256, pieces)


async def _failed(attempt: Attempt, failed: NotPlaced, to: Destination) -> None:
    told = to.told(failed)
    values: dict[str, Any] = {"handover_error": told.text, "handover_fault": failed.failing.value}
    if told.person:
        values |= {"handover_state": HandoverState.STUCK, "handover_due_at": None}
    if attempt.stepped and not failed.sent:
        # Refused, so nobody can have seen it. What an earlier try left open stays open until somebody looks.
        values["handover_sent_at"] = None
    await attempt.note(**values)


def _reach(room: Connections) -> Reach:
    return room.settings.erp_reach(local=room.endpoints.local)
