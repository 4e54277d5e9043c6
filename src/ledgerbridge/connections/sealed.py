"""Opening what is stored sealed, in one manner: what does not open is an alert, and nothing is sent, ended or wiped.

A value that was moved from another company's row, altered, or sealed with a key that is no longer listed looks the same
to a connection: it has no access until a person has mended the database or the keys, or entered the secret anew.
"""

from __future__ import annotations

import logging
import uuid

from ledgerbridge.connections.errors import SecretUnreadable
from ledgerbridge.pleo.retry import LONGEST_WAIT
from ledgerbridge.store.vault import Row, UnknownKey, Vault, VaultError

_NOT_NOW = LONGEST_WAIT + 1
"""Seconds: longer than a call waits, because trying again at once changes nothing."""
_log = logging.getLogger(__name__)


def opened(vault: Vault, sealed: bytes, *, table: str, column: str, row: Row, remedy: str) -> str:
    """The text in a sealed cell. `remedy` tells the customer how to give it to us anew. Raises `SecretUnreadable`."""
    try:
        return vault.open(sealed, table=table, column=column, row=row)
    except VaultError as error:
        told = f" of connection {row}" if isinstance(row, uuid.UUID) else ""
        _log.error("ALERT: a stored secret%s does not open: %s", told, error)
        if isinstance(error, UnknownKey):
            raise SecretUnreadable(
                "A key of this service is missing; its operators must put it back. Nothing is lost.",
                retry_after=_NOT_NOW,
            ) from error
        raise SecretUnreadable(f"What we stored for access cannot be read. {remedy}", retry_after=_NOT_NOW) from error


CONNECT_AGAIN = "Press Connect in Pleo again."
ENTER_KEY_AGAIN = "Enter the API key again."
BIND_AGAIN = "Enter the access to the accounting system again."
