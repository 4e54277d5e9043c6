"""The list of a company's files and the page of one, for whoever may see them."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse, Response

from ledgerbridge.connections import handover_desk, voucher_files
from ledgerbridge.connections.rows import connection_row
from ledgerbridge.connections.voucher_files import ClosedFile, Inside
from ledgerbridge.erp.files.destination import DOWNLOAD
from ledgerbridge.store.tables import ConnectionStatus, ErpBinding, HandoverState
from ledgerbridge.web.console.admin import showing
from ledgerbridge.web.console.customer.showing import State
from ledgerbridge.web.console.doors import Customer, Operator
from ledgerbridge.web.console.forms import go, link
from ledgerbridge.web.console.page import FieldError, page
from ledgerbridge.web.services import Services
from ledgerbridge.web.texts import text

PAGE = 50
"""Rows on a page."""
_TONES: Mapping[str, str] = {HandoverState.DONE: "good", HandoverState.STUCK: "bad", HandoverState.TO_FETCH: "wait"}


@dataclass(frozen=True, slots=True)
class Drawer:
    """Whose files are shown to whom, and where."""

    request: Request
    services: Services
    visitor: Customer | Operator
    connection_id: uuid.UUID
    here: str
    """Path of the list."""

    async def listed(self, cursor: str | None) -> HTMLResponse:
        """All files, newest first. Raises `ConnectionUnknown`."""
        cursors, listing = self.services.cursors, f"console/files/{self.connection_id}"
        before = cursors.read_moment(listing, cursor)
        async with self.services.db.reading() as session:
            connection = await connection_row(session, self.connection_id)
            found = await voucher_files.closed_files(session, connection.id, before=before, limit=PAGE + 1)
        shown = found[:PAGE]
        more = cursors.write(listing, (shown[-1].row.made_at, shown[-1].row.id)) if len(found) > PAGE else None
        return page(
            self.request,
            self.visitor,
            "files/list.html",
            **self._around(connection.company_name),
            files=[(one, state(one)) for one in shown],
            newest=self.here if cursor else None,
            older=link(self.here, cursor=more) if more else None,
        )

    async def one(
        self, file_id: uuid.UUID, cursor: str | None = None, *, errors: Sequence[FieldError] = (), status: int = 200
    ) -> HTMLResponse:
        """One file with its vouchers. Raises `FileUnknown`, `ConnectionUnknown`."""
        cursors, listing, here = self.services.cursors, f"console/file/{file_id}", f"{self.here}/{file_id}"
        after = cursors.read_number(listing, cursor)
        async with self.services.db.reading() as session:
            connection = await connection_row(session, self.connection_id)
            found = await voucher_files.closed_file(session, connection.id, file_id)
            rows = await voucher_files.inside(session, connection.id, file_id, after=after or 0, limit=PAGE + 1)
            binding = await session.get(ErpBinding, connection.id)
        more = cursors.write(listing, (rows[PAGE - 1].row.number,)) if len(rows) > PAGE else None
        live = connection.status != ConnectionStatus.DISCONNECTED
        return page(
            self.request,
            self.visitor,
            "files/file.html",
            status=status,
            errors=errors,
            **self._around(connection.company_name),
            file=found,
            row=found.row,
            state=state(found),
            own=here,
            done_already=found.row.handover_state == HandoverState.DONE,
            brought=live and _brought(binding),
            vouchers=[(one, _about(one)) for one in rows[:PAGE]],
            receipts=any(one.receipts for one in rows) or found.row.receipts_size,
            newest=here if cursor else None,
            older=link(here, cursor=more) if more else None,
        )

    async def hand_over(self, file_id: uuid.UUID) -> Response:
        """Have it brought to its place now."""
        work = handover_desk.hand_over_again(
            self.services.connections, self.services.queue, self.connection_id, file_id, self.visitor.actor
        )
        return await self._after(file_id, work, "files.flash.again")

    async def fetched(self, file_id: uuid.UUID) -> Response:
        """It is where it belongs, says the person."""
        work = handover_desk.mark_fetched(self.services.connections, self.connection_id, file_id, self.visitor.actor)
        return await self._after(file_id, work, "files.flash.fetched")

    async def _after(self, file_id: uuid.UUID, work: Awaitable[object], done: str) -> Response:
        if errors := await showing.refused(work):
            return await self.one(file_id, errors=errors, status=409)
        return go(f"{self.here}/{file_id}", done=done)

    def _around(self, company: str | None) -> dict[str, Any]:
        operator = isinstance(self.visitor, Operator)
        return {
            "company": None if operator else company,
            "name": company or text("home.company_without_name"),
            "back": f"/admin/connections/{self.connection_id}" if operator else None,
            "here": self.here,
            "expenses": None if operator else "/settings/exports",
        }


def state(found: ClosedFile) -> State:
    """How far the handover of a file is."""
    row = found.row
    if row.handover_state == HandoverState.DONE and row.handover_place is None:
        return State(text("files.state.fetched"), "good")
    if row.handover_state == HandoverState.TO_FETCH and row.fetched_at is not None:
        return State(text("files.state.downloaded"), "good")
    if row.handover_state == HandoverState.WAITING and row.handover_fault is not None:
        return State(text("files.state.failing"), "bad")
    return State(text(f"files.state.{row.handover_state}"), _TONES.get(row.handover_state, "wait"))


def _brought(binding: ErpBinding | None) -> bool:
    """Whether files go anywhere by themselves."""
    return binding is not None and binding.settings_shown.get("delivery", DOWNLOAD) != DOWNLOAD


def _about(one: Inside) -> str:
    said = one.row.body.get("text")
    return said if isinstance(said, str) else ""
