"""Webhook messages: what is sent to whom, every attempt, and how it ended."""

from __future__ import annotations

import json
import secrets
import string
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pleo_sandbox.core.clock import Clock
from pleo_sandbox.core.subscriptions import Subscription
from pleo_sandbox.core.words import new_id

_ALPHABET = string.ascii_letters + string.digits


@dataclass(frozen=True)
class Attempt:
    """One try. ``status`` is ``None`` when no answer came; ``error`` then says why."""

    at: datetime
    timestamp: int
    status: int | None
    error: str | None
    seconds: float

    def as_json(self) -> dict[str, Any]:
        """For the control API."""
        return {
            "at": self.at.isoformat(),
            "timestamp": self.timestamp,
            "status": self.status,
            "error": self.error,
            "seconds": round(self.seconds, 4),
        }


@dataclass
class Message:
    """One message to one subscription; the id stays the same over re-sends.

    ``state``: ``waiting`` until delivered, then ``delivered``, ``failed`` (schedule used up), ``gone`` (410) or
    ``lost`` (never sent, by fault).
    """

    subscription: Subscription
    event_type: str
    event_id: str
    body: bytes
    created_at: datetime
    id: str = field(default_factory=lambda: "msg_" + "".join(secrets.choice(_ALPHABET) for _ in range(24)))
    state: str = "waiting"
    attempts: list[Attempt] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """For the control API."""
        return {
            "id": self.id,
            "subscription_id": self.subscription.id,
            "endpoint_url": self.subscription.wish.endpoint_url,
            "event_type": self.event_type,
            "event_id": self.event_id,
            "body": self.body.decode(),
            "state": self.state,
            "created_at": self.created_at.isoformat(),
            "attempts": [attempt.as_json() for attempt in self.attempts],
        }


def compose(
    clock: Clock, subscription: Subscription, event_type: str, data: dict[str, Any], event_id: str, *, wrapped: bool
) -> Message:
    """Builds a message with the compact body of the published samples; ``wrapped`` puts it under ``payload``."""
    event: dict[str, Any] = {"data": data, "eventId": event_id, "eventType": event_type}
    document = {"payload": event} if wrapped else event
    body = json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()
    return Message(subscription, event_type, event_id, body, clock.now())


def new_event_id() -> str:
    """An event id; one per event, shared by every subscription it reaches."""
    return new_id()
