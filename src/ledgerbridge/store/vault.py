"""Encryption of the columns that hold secrets (AUTH-045): AES-256-GCM, bound to the very cell it was made for.

A sealed value is `version (1 byte) | key id (8) | nonce (12) | ciphertext and tag`. Table, column and row go in as
associated data, so that a value copied to another cell does not open. Nothing here logs or raises a secret.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import uuid
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_VERSION = b"\x01"
_KEY_ID_BYTES = 8
_NONCE_BYTES = 12
_TAG_BYTES = 16
PREFIX_BYTES = len(_VERSION) + _KEY_ID_BYTES
"""Of a sealed value: they tell which key sealed it, and no more."""

Row = str | bytes | uuid.UUID
"""What identifies a row: its primary key."""


class VaultError(Exception):
    """A sealed value cannot be opened. The text names the cell, never a content."""


class UnknownKey(VaultError):
    """It was sealed with a key that is not in the list: a retired key must be put back."""


class BrokenSeal(VaultError):
    """It was altered, moved to another cell, or was never a sealed value."""


class Vault:
    """Seals and opens texts. `keys` are 32 bytes each: the first seals, all open (rotation: put the new one first)."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        if not keys:
            raise ValueError("ENCRYPTION_KEYS is empty: at least one key is needed")
        if any(len(key) != 32 for key in keys):
            raise ValueError("ENCRYPTION_KEYS: every key must have 32 bytes")
        self._boxes = {_key_id(key): AESGCM(key) for key in keys}
        self._current = _key_id(keys[0])

    @property
    def prefix(self) -> bytes:
        """How every value begins that this vault seals."""
        return _VERSION + self._current

    def lists(self, prefix: bytes) -> bool:
        """Whether a value that begins like this was sealed with one of the keys."""
        return prefix[:1] == _VERSION and prefix[len(_VERSION) :] in self._boxes

    def seal(self, text: str, *, table: str, column: str, row: Row) -> bytes:
        """The ciphertext of this text, which opens for this cell only."""
        prefix = self.prefix
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._boxes[self._current].encrypt(nonce, text.encode(), _binding(prefix, table, column, row))
        return prefix + nonce + sealed

    def open(self, sealed: bytes, *, table: str, column: str, row: Row) -> str:
        """The text that was sealed for this cell. Raises UnknownKey or BrokenSeal."""
        sealed = bytes(sealed)
        if not sealed.startswith(_VERSION) or len(sealed) < PREFIX_BYTES + _NONCE_BYTES + _TAG_BYTES:
            raise BrokenSeal(f"{table}.{column} does not hold a sealed value")
        prefix, nonce = sealed[:PREFIX_BYTES], sealed[PREFIX_BYTES : PREFIX_BYTES + _NONCE_BYTES]
        box = self._boxes.get(prefix[len(_VERSION) :])
        if box is None:
            raise UnknownKey(f"{table}.{column} was sealed with a key that ENCRYPTION_KEYS does not list")
        try:
            opened = box.decrypt(nonce, sealed[PREFIX_BYTES + _NONCE_BYTES :], _binding(prefix, table, column, row))
        except InvalidTag:
            raise BrokenSeal(f"{table}.{column} was altered or belongs to another row") from None
        return opened.decode()

    def __repr__(self) -> str:
        return f"Vault({len(self._boxes)} keys)"


def hash_token(text: str) -> bytes:
    """SHA-256 of a random token, for look-ups without keeping it. Not for passwords that people choose."""
    return hashlib.sha256(text.encode()).digest()


def new_token() -> str:
    """A token nobody can guess: 256 random bits, URL-safe."""
    return secrets.token_urlsafe(32)


def _key_id(key: bytes) -> bytes:
    return hashlib.sha256(b"ledgerbridge key id\x00" + key).digest()[:_KEY_ID_BYTES]


def _binding(prefix: bytes, table: str, column: str, row: Row) -> bytes:
    """Associated data in which no two cells look alike: every part carries its length."""
    name = row if isinstance(row, bytes) else str(row).encode()
    parts = (prefix, table.encode(), column.encode(), name)
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)
