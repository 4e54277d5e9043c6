"""The draft of a set-up as it is stored: one row a connection, changed under a lock, so that no tab loses another's."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from ledgerbridge.connections.context import Connections
from ledgerbridge.connections.rows import connection_row
from ledgerbridge.store.tables import SetupDraft


@dataclass(frozen=True, slots=True)
class Kept:
    """What a person entered in one step."""

    entered: Mapping[str, Any]
    """Fields of the form as they were sent, text or lists of text; never a secret."""
    answers: Mapping[str, Any] | None
    """The members of the configuration they make; None while they are unfinished or faulty."""
    at: dt.datetime

    def stored(self) -> dict[str, Any]:
        """As the draft holds it."""
        return {"entered": self.entered, "answers": self.answers, "at": self.at.isoformat()}


def kept_of(draft: SetupDraft) -> dict[str, Kept]:
    """What a draft holds, by step; what another release wrote in another form counts as not entered."""
    return {
        step: Kept(kept["entered"], kept["answers"], dt.datetime.fromisoformat(kept["at"]))
        for step, kept in draft.body.items()
        if isinstance(kept, dict) and kept.keys() >= {"entered", "answers", "at"}
    }


@asynccontextmanager
async def change(room: Connections, connection_id: uuid.UUID, actor: str) -> AsyncIterator[SetupDraft]:
    """The draft of a connection, made when there is none, held until the body ends. Raises `ConnectionUnknown`.

    `body` is given a new mapping, never changed in place.
    """
    async with room.db.transaction() as session:
        await connection_row(session, connection_id, lock=True)
        draft = await session.get(SetupDraft, connection_id)
        if draft is None:
            draft = SetupDraft(connection_id=connection_id, body={})
            session.add(draft)
        draft.updated_at, draft.updated_by = room.now(), actor
        yield draft
