"""Receipt links: unguessable, signed, good for 24 hours from the moment the item was fetched, and for nothing else."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import timedelta

from pleo_sandbox.core.clock import Clock
from pleo_sandbox.core.entries import StoredFile
from pleo_sandbox.core.problems import Refusal

PREFIX = "/files/"


class Files:
    """Stored receipts by key, and the links that open them."""

    def __init__(self, clock: Clock, seconds: int) -> None:
        self._clock = clock
        self._seconds = seconds
        self._seal = secrets.token_bytes(32)
        self._files: dict[str, StoredFile] = {}

    def keep(self, file: StoredFile) -> str:
        """Stores a receipt and returns its key."""
        key = secrets.token_hex(16)
        self._files[key] = file
        return key

    def link(self, key: str) -> str:
        """A fresh path for a stored receipt."""
        expires = int((self._clock.now() + timedelta(seconds=self._seconds)).timestamp())
        return f"{PREFIX}{key}/{expires}/{self._sign(key, expires)}"

    def open(self, path: str) -> StoredFile:
        """The receipt behind a path; a 403 refusal once expired or tampered with."""
        parts = path.removeprefix(PREFIX).split("/")
        if len(parts) != 3 or not parts[1].isdigit():
            raise Refusal(403, "ACCESS_DENIED", "The link is not valid")
        key, expires, signature = parts[0], int(parts[1]), parts[2]
        file = self._files.get(key)
        if file is None or not hmac.compare_digest(self._sign(key, expires).encode(), signature.encode()):
            raise Refusal(403, "ACCESS_DENIED", "The link is not valid")
        if self._clock.now().timestamp() >= expires:
            raise Refusal(403, "ACCESS_DENIED", "The link has expired")
        return file

    def _sign(self, key: str, expires: int) -> str:
        return hmac.new(self._seal, f"{key}/{expires}".encode(), hashlib.sha256).hexdigest()
