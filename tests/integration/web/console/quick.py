"""A live company without the walk to it, for tests that begin where it lives."""

from __future__ import annotations

import uuid

from sqlalchemy import update

from ledgerbridge.clock import utcnow
from ledgerbridge.store.tables import Connection
from tests.integration.web.conftest import Face
from tests.support.rig import CONFIGURATION


async def live(face: Face) -> str:
    """Connected, bound and configured; called active without syncs, subscription or a word to Pleo. Its id."""
    found = await face.bound()
    put = await face.admin.put(f"/admin/api/connections/{found}/config", json=CONFIGURATION)
    assert put.status_code == 200, put.text
    async with face.services.db.transaction() as session:
        mine = Connection.id == uuid.UUID(found)
        await session.execute(update(Connection).where(mine).values(status="active", activated_at=utcnow()))
    return found
