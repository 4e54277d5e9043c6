"""Subscriptions by their path, remembered by one process, so that a delivery needs no look before it is stored.

What is remembered is a guess: the statement that stores a delivery asks again whether it still holds (`web.inbox`). So
a secret that changed or a connection that ended counts from its commit on, in every process, and nobody has to be told.
The secret itself is not remembered, only what the row holds, sealed.
"""

from __future__ import annotations

import uuid
from collections import OrderedDict
from dataclasses import dataclass, field

MOST = 10_000
"""Remembered at once; those used longest ago are forgotten first."""


@dataclass(frozen=True, slots=True)
class Mailbox:
    """The subscription behind a path, as its rows were when somebody looked."""

    connection_id: uuid.UUID
    company_id: str
    ended: bool
    sealed: bytes | None = field(repr=False)
    """Its secret; None when there is none (any more)."""


class Mailboxes:
    """Those of one process."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._boxes: OrderedDict[bytes, Mailbox] = OrderedDict()

    def known(self, path: bytes) -> Mailbox | None:
        """What is remembered of a path, given as its hash."""
        box = self._boxes.get(path)
        if box is not None:
            self._boxes.move_to_end(path)
        return box

    def learn(self, path: bytes, box: Mailbox) -> None:
        """Remember a living subscription."""
        self._boxes[path] = box
        self._boxes.move_to_end(path)
        if len(self._boxes) > self._most:
            self._boxes.popitem(last=False)

    def forget(self, path: bytes) -> None:
        """What was remembered does not hold any more."""
        self._boxes.pop(path, None)
