"""Switches that make the sandbox misbehave as real services do, each counted and aimed at an endpoint."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from pleo_sandbox.core.words import new_id

ANSWER_KINDS = ("status", "drop", "truncate", "malformed")
DELIVERY_KINDS = ("lose_webhook", "duplicate_webhook", "delay_webhook")
KINDS = (*ANSWER_KINDS, "slow", *DELIVERY_KINDS, "refuse_items", "missing_contra_accounts")


@dataclass
class Fault:
    """One switched-on fault.

    ``path`` is a pattern: ``*`` stands for one path segment, ``**`` for any rest. ``skip`` lets that many matching
    calls pass first; ``times`` is how often it strikes, ``None`` for until cleared. ``after_effect`` says whether the
    call takes effect before it goes wrong. ``seconds`` belongs to slow and delay_webhook; ``retry_after`` is seconds,
    or ``"date:<seconds>"`` for the HTTP-date form; ``entry_ids`` empty refuses every item.
    """

    kind: str
    method: str = "*"
    path: str = "**"
    times: int | None = 1
    skip: int = 0
    status: int = 503
    retry_after: int | str | None = None
    seconds: float = 0
    after_effect: bool = True
    copies: int = 1
    event_type: str = "*"
    entry_ids: tuple[str, ...] = ()
    error_type: str = "ACCOUNTING_ENTRY_UPDATE_FAILED"
    id: str = field(default_factory=new_id)
    hits: int = 0

    @property
    def spent(self) -> bool:
        """Whether it has struck as often as it was told to."""
        return self.times is not None and self.hits >= self.times

    def aims_at(self, method: str, path: str) -> bool:
        """Whether a call matches, regardless of counts."""
        return self.method.upper() in ("*", method) and _pattern(self.path).fullmatch(path) is not None

    def refuses(self, entry_id: str) -> bool:
        """For refuse_items: whether this entry is meant."""
        return not self.entry_ids or entry_id in self.entry_ids


class Faults:
    """The switched-on faults, in the order they were added."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def add(self, fault: Fault) -> Fault:
        """Switches one on."""
        self._faults.append(fault)
        return fault

    def all(self) -> list[Fault]:
        """Every fault with its hits, spent ones included."""
        return list(self._faults)

    def clear(self, fault_id: str | None = None) -> None:
        """Switches one off, or all."""
        self._faults = [] if fault_id is None else [f for f in self._faults if f.id != fault_id]

    def strike(self, kinds: tuple[str, ...], method: str, path: str) -> Fault | None:
        """The first fault of these kinds that is due for this call; using it counts."""
        for fault in self._faults:
            if fault.kind in kinds and not fault.spent and fault.aims_at(method, path) and self._due(fault):
                return fault
        return None

    def strike_delivery(self, kind: str, event_type: str) -> Fault | None:
        """The same for a webhook delivery."""
        for fault in self._faults:
            if fault.kind == kind and not fault.spent and fault.event_type in ("*", event_type) and self._due(fault):
                return fault
        return None

    @staticmethod
    def _due(fault: Fault) -> bool:
        if fault.skip > 0:
            fault.skip -= 1
            return False
        fault.hits += 1
        return True


def _pattern(path: str) -> re.Pattern[str]:
    parts = re.split(r"(\*\*|\*)", path)
    return re.compile("".join({"**": ".*", "*": "[^/]+"}.get(part, re.escape(part)) for part in parts))
