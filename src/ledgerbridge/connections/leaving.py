"""Leaving an ERP company whose accounting takes files: what was booked there becomes files while we still have its
settings.

What cannot be made or brought any more is kept: vouchers that no file has, and files nobody has taken, are spared by
erasure and found by the company when it is bound again. Nothing here keeps a connection from being ended.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from dataclasses import dataclass

from sqlalchemy import func, select

from ledgerbridge.connections import handover
from ledgerbridge.connections.access import open_erp
from ledgerbridge.connections.context import Connections
from ledgerbridge.connections.errors import ErpNotBound, SecretUnreadable
from ledgerbridge.erp.port import ErpError
from ledgerbridge.store.tables import HandoverState, Voucher, VoucherFile

SECONDS = 60.0
"""For bringing the last files to their place: a person may be waiting."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Left:
    """What of a company is only with us."""

    vouchers_waiting: int
    """In no file."""
    files_left: int
    """Neither brought to their place nor fetched by anybody."""

    @property
    def told(self) -> dict[str, int]:
        """For the audit log; empty when nothing is left."""
        counts = {"vouchers_waiting": self.vouchers_waiting, "files_left": self.files_left}
        return {name: count for name, count in counts.items() if count}


async def close_books(room: Connections, connection_id: uuid.UUID, *, bring: bool = True) -> None:
    """Make files of all vouchers that wait, whatever day it is, and with `bring` give every file one more try.

    Raises nothing foreseeable.
    """
    try:
        async with open_erp(room, connection_id) as erp:
            if not erp.capabilities.files:
                return
            await erp.hand_over(now=True)
        if bring:
            async with asyncio.timeout(SECONDS):
                await handover.work(room, connection_id)
    except ErpNotBound:
        return
    except (ErpError, SecretUnreadable, TimeoutError) as reason:
        _log.warning("connection %s: vouchers or files are left behind: %s", connection_id, reason)
    except Exception:
        _log.exception("connection %s: vouchers or files are left behind", connection_id)


async def left_of(room: Connections, connection_id: uuid.UUID) -> Left:
    """What is only with us at present, of every company this connection was ever bound to."""
    waiting = select(func.count()).where(Voucher.connection_id == connection_id, Voucher.file_id.is_(None))
    files = select(func.count()).where(
        VoucherFile.connection_id == connection_id, VoucherFile.handover_state != HandoverState.DONE
    )
    async with room.db.reading() as session:
        return Left(await session.scalar(waiting) or 0, await session.scalar(files) or 0)
