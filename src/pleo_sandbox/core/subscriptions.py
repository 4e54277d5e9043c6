"""Webhook subscriptions: who wants which events where, with which secret."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from pleo_sandbox.core.clock import Clock, stamp
from pleo_sandbox.core.credentials import Caller
from pleo_sandbox.core.problems import bad_request, not_found
from pleo_sandbox.core.signing import new_secret
from pleo_sandbox.core.words import choice_of, is_https_or_local, is_uuid, new_id, object_of, text_of

EXPORT_JOB_CREATED = "v1.export-job.created"
VENDOR_CREATED = "v1.vendor.created"
SCOPE_OF_EVENT = {EXPORT_JOB_CREATED: "export-jobs:read", VENDOR_CREATED: "vendors:read"}


@dataclass(frozen=True)
class Wish:
    """A checked subscription request; ``auth`` is ``None`` or Basic user and password."""

    endpoint_url: str
    event_types: tuple[str, ...]
    status: str
    headers: dict[str, str]
    auth: tuple[str, str] | None


@dataclass(frozen=True)
class Activity:
    """One line of a subscription's audit trail."""

    id: str
    subscription_id: str
    operation: str
    actor: str
    description: str
    created_at: datetime

    def as_published(self) -> dict[str, Any]:
        """The shape of the activities list."""
        return {
            "id": self.id,
            "subscriptionId": self.subscription_id,
            "operationType": self.operation,
            "actorUrn": self.actor,
            "description": self.description,
            "createdAt": stamp(self.created_at),
        }


@dataclass
class Subscription:
    """One subscription. ``secrets`` holds the present secret first, then older ones until their overlap ends."""

    id: str
    client_id: str
    subject: str
    companies: frozenset[str]
    wish: Wish
    created_at: datetime
    updated_at: datetime
    secret: str = field(default_factory=new_secret)
    old_secrets: list[tuple[str, datetime]] = field(default_factory=list)
    activities: list[Activity] = field(default_factory=list)

    def secrets_at(self, now: datetime) -> list[str]:
        """Every secret that signs at ``now``, newest first."""
        return [self.secret, *(secret for secret, until in self.old_secrets if now < until)]

    def as_published(self) -> dict[str, Any]:
        """The published model. The password of ``endpointAuth`` is never shown again."""
        auth: dict[str, Any] = {"type": "NONE"}
        if self.wish.auth is not None:
            auth = {"type": "BASIC", "credentials": {"username": self.wish.auth[0]}}
        return {
            "id": self.id,
            "endpointUrl": self.wish.endpoint_url,
            "eventTypes": list(self.wish.event_types),
            "status": self.wish.status,
            "customHeaders": self.wish.headers,
            "endpointAuth": auth,
            "createdAt": stamp(self.created_at),
            "updatedAt": stamp(self.updated_at),
        }


class Subscriptions:
    """All subscriptions; each is visible only to the application and subject that made it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._subscriptions: dict[str, Subscription] = {}

    def all(self) -> list[Subscription]:
        """Every living subscription, in order of creation."""
        return list(self._subscriptions.values())

    def of(self, caller: Caller) -> list[Subscription]:
        """Those the caller may see."""
        return [s for s in self.all() if s.client_id == caller.client_id and s.subject == caller.subject]

    def get(self, caller: Caller, subscription_id: str) -> Subscription:
        """One of the caller's; a 404 refusal otherwise."""
        for subscription in self.of(caller):
            if is_uuid(subscription_id) and subscription.id == subscription_id.lower():
                return subscription
        raise not_found("There is no such subscription")

    def create(self, caller: Caller, body: Any) -> Subscription:
        """Checks and stores. The same URL twice is unpublished; it makes a second subscription here."""
        wish = read_wish(body, caller)
        now = self._clock.now()
        subscription = Subscription(new_id(), caller.client_id, caller.subject, caller.companies, wish, now, now)
        self._subscriptions[subscription.id] = subscription
        self._log(subscription, "CREATE", caller.subject)
        return subscription

    def replace(self, caller: Caller, subscription_id: str, body: Any) -> Subscription:
        """``PUT``: the full request replaces the old one; a missing status means ACTIVE."""
        subscription = self.get(caller, subscription_id)
        subscription.wish = read_wish(body, caller)
        subscription.updated_at = self._clock.now()
        self._log(subscription, "UPDATE", caller.subject)
        return subscription

    def delete(self, caller: Caller, subscription_id: str) -> None:
        """Removes it; later reads answer 404."""
        subscription = self.get(caller, subscription_id)
        self._log(subscription, "DELETE", caller.subject)
        del self._subscriptions[subscription.id]

    def rotate_secret(self, subscription_id: str, overlap_seconds: float) -> Subscription:
        """A new secret; the old one signs beside it for ``overlap_seconds``. A 404 refusal for an unknown id."""
        subscription = self._subscriptions.get(subscription_id)
        if subscription is None:
            raise not_found("There is no such subscription")
        until = self._clock.now() + timedelta(seconds=overlap_seconds)
        subscription.old_secrets.insert(0, (subscription.secret, until))
        subscription.secret = new_secret()
        return subscription

    def wanting(self, event_type: str, company_id: str) -> list[Subscription]:
        """Active subscriptions to an event of a company."""
        published = EXPORT_JOB_CREATED if "export" in event_type else event_type
        return [
            s
            for s in self.all()
            if s.wish.status == "ACTIVE" and published in s.wish.event_types and company_id in s.companies
        ]

    def switch_off(self, subscription: Subscription) -> None:
        """What a receiver's 410 does: no further deliveries until it is put back to ACTIVE."""
        wish = subscription.wish
        subscription.wish = Wish(wish.endpoint_url, wish.event_types, "INACTIVE", wish.headers, wish.auth)
        subscription.updated_at = self._clock.now()

    def _log(self, subscription: Subscription, operation: str, actor: str) -> None:
        text = f"{operation} {subscription.wish.endpoint_url} for {', '.join(subscription.wish.event_types)}"
        activity = Activity(new_id(), subscription.id, operation, actor, text, self._clock.now())
        subscription.activities.append(activity)


def read_wish(body: Any, caller: Caller) -> Wish:
    """Checks a subscription request: a 400 refusal for its form, a 403 for an event without its export scope."""
    fields = object_of(body, "The subscription")
    url = text_of(fields, "endpointUrl", required=True) or ""
    if not is_https_or_local(url):
        raise bad_request("endpointUrl must be an HTTPS address")
    events = fields.get("eventTypes")
    if not isinstance(events, list) or not events or not all(isinstance(event, str) for event in events):
        raise bad_request("eventTypes must be a non-empty list of event names")
    if len(set(events)) != len(events):
        raise bad_request("eventTypes must not repeat an event")
    for event in events:
        if event not in SCOPE_OF_EVENT:
            raise bad_request(f"{event} is not an event type")
        caller.require(SCOPE_OF_EVENT[event])
    status = choice_of(fields, "status", ("INACTIVE", "ACTIVE")) or "ACTIVE"
    return Wish(url, tuple(events), status, _headers(fields), _auth(fields))


def basic_header(auth: tuple[str, str]) -> str:
    """The ``Authorization`` value of a subscription that asked for Basic."""
    return "Basic " + base64.b64encode(f"{auth[0]}:{auth[1]}".encode()).decode()


def _headers(fields: dict[str, Any]) -> dict[str, str]:
    headers = fields.get("customHeaders", {})
    if not isinstance(headers, dict) or not all(isinstance(value, str) for value in headers.values()):
        raise bad_request("customHeaders must map names to strings")
    for name, value in headers.items():
        if not name.isascii() or not name.replace("-", "").isalnum() or not value.isprintable():
            raise bad_request(f"{name!r} is not a usable header")
    return headers


def _auth(fields: dict[str, Any]) -> tuple[str, str] | None:
    auth = object_of(fields.get("endpointAuth", {}), "endpointAuth")
    if (choice_of(auth, "type", ("NONE", "BASIC")) or "NONE") == "NONE":
        return None
    credentials = object_of(auth.get("credentials", {}), "endpointAuth.credentials")
    user = text_of(credentials, "username", required=True) or ""
    password = text_of(credentials, "password", required=True) or ""
    return user, password
