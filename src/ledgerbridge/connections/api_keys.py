"""Connecting with an API key that a person copied from Pleo: the second kind of credential (AUTH-100 to -103)."""

from __future__ import annotations

import re
import uuid

from ledgerbridge.connections.attach import attach
from ledgerbridge.connections.connect import ConnectOutcome, finish
from ledgerbridge.connections.context import Connections
from ledgerbridge.connections.proof import prove
from ledgerbridge.connections.refusals import Why, refused
from ledgerbridge.connections.rows import connection_row

_KEY = re.compile(r"[\x21-\x39\x3b-\x7e]{8,2048}")
"""Printable without blanks; a colon would end the user name of Basic authentication (AUTH-100)."""


async def connect_with_key(room: Connections, api_key: str, actor: str) -> ConnectOutcome:
    """Validate a key with a test call and connect its company (AUTH-101).

    Raises `ConnectRefused` when Pleo does not take the key, when it is not a company's, or when the company is
    connected already and that works: then use `replace_key`.
    """
    proven = await prove(room, _readable(api_key))
    return await finish(room, await attach(room, proven, actor), proven.company_id)


async def replace_key(room: Connections, connection_id: uuid.UUID, api_key: str, actor: str) -> ConnectOutcome:
    """Put a new key in place of a connection's credential (AUTH-103); the old one is kept until the new one is proven.

    Raises as `connect_with_key`, also when the key opens another company, and `ConnectionUnknown`.
    """
    async with room.db.transaction() as session:
        connection = await connection_row(session, connection_id)
    proven = await prove(room, _readable(api_key))
    if proven.company_id != connection.company_id:
        raise refused(Why.KEY_OF_OTHER_COMPANY)
    return await finish(room, await attach(room, proven, actor, owned=connection_id), proven.company_id)


def _readable(api_key: str) -> str:
    key = api_key.strip()
    if not _KEY.fullmatch(key):
        raise refused(Why.KEY_REFUSED)
    return key
