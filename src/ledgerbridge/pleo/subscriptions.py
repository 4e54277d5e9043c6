"""Webhook subscriptions: look before creating, replace the full object, read the secret apart (HOOK-001 to -010)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from ledgerbridge.pleo.endpoints import path_of, transport_fault
from ledgerbridge.pleo.errors import NotFound, OutcomeUnknown
from ledgerbridge.pleo.models import Instant, Wire, read
from ledgerbridge.pleo.paging import PAGE_SIZE, pages
from ledgerbridge.pleo.transport import Call, PleoClient

_PATH = "/v1/subscriptions"

EXPORT_JOB_CREATED = "v1.export-job.created"
VENDOR_CREATED = "v1.vendor.created"
EVENT_TYPES = (EXPORT_JOB_CREATED, VENDOR_CREATED)
"""The versioned names to subscribe under (HOOK-012)."""


def _names(value: object) -> object:
    """Pleo's schema shows a list, its examples one string (contradiction C-12)."""
    return value.replace(",", " ").split() if isinstance(value, str) else value


class Subscription(Wire):
    """A subscription as Pleo holds it; its secret is never part of it (HOOK-006)."""

    id: str
    endpoint_url: str
    event_types: Annotated[list[str], BeforeValidator(_names)]
    status: str
    """`ACTIVE` or `INACTIVE`; open on read."""
    created_at: Instant | None = None
    updated_at: Instant | None = None
    deleted_at: Instant | None = None

    def serves(self, endpoint_url: str, event_types: Sequence[str]) -> bool:
        """Whether it is active and delivers exactly these events to this URL."""
        return (
            self.endpoint_url == endpoint_url
            and set(self.event_types) == set(event_types)
            and self.status == "ACTIVE"
            and self.deleted_at is None
        )


class _Secret(Wire):
    secret_key: str = Field(min_length=1, repr=False)


class SubscriptionsApi:
    """Calls on the subscriptions of one credential, which cover the entity of that credential (HOOK-002)."""

    def __init__(self, client: PleoClient, *, page_size: int = PAGE_SIZE) -> None:
        self._client = client
        self._page_size = page_size

    async def list_all(self) -> tuple[Subscription, ...]:
        """Every subscription this credential sees, all pages."""
        call = Call("getSubscriptions", "GET", _PATH)
        return tuple(
            [
                read(Subscription, raw, call.operation)
                async for page in pages(self._client, call, limit=self._page_size)
                for raw in page.data
            ]
        )

    async def ensure(self, endpoint_url: str, event_types: Sequence[str] = EVENT_TYPES) -> Subscription:
        """One active subscription for this URL: the existing one, put right if need be, else a new one (HOOK-004).

        When the reply to the creation is lost the list is read again instead of creating twice (LIMIT-030); if it is
        not there either, `OutcomeUnknown` is raised.
        """
        existing = await self._find(endpoint_url)
        if existing is not None:
            if existing.serves(endpoint_url, event_types):
                return existing
            return await self.replace(existing.id, endpoint_url, event_types)
        try:
            return await self.create(endpoint_url, event_types)
        except OutcomeUnknown:
            created = await self._find(endpoint_url)
            if created is None:
                raise
            return created

    async def create(self, endpoint_url: str, event_types: Sequence[str] = EVENT_TYPES) -> Subscription:
        """Subscribe without looking first. Raises `OutcomeUnknown` on a lost reply, `ValueError` for a bad URL."""
        return await self._write("createSubscription", "POST", _PATH, _body(endpoint_url, event_types))

    async def replace(
        self,
        subscription_id: str,
        endpoint_url: str,
        event_types: Sequence[str] = EVENT_TYPES,
        status: Literal["ACTIVE", "INACTIVE"] = "ACTIVE",
    ) -> Subscription:
        """Replace the whole subscription, as Pleo demands on a change (HOOK-009). Raises `NotFound`."""
        body = {**_body(endpoint_url, event_types), "status": status}
        return await self._write("updateSubscription", "PUT", path_of("v1", "subscriptions", subscription_id), body)

    async def delete(self, subscription_id: str) -> None:
        """Remove it; one that is gone already counts as removed."""
        try:
            await self._client.send(
                Call("deleteSubscription", "DELETE", path_of("v1", "subscriptions", subscription_id))
            )
        except NotFound:
            return

    async def secret(self, subscription_id: str) -> str:
        """The signing secret, `whsec_…`: store it encrypted and never show it (HOOK-006). Raises `NotFound`."""
        call = Call("getSubscriptionSecret", "GET", path_of("v1", "subscriptions", subscription_id, "secret"))
        return (await self._client.record(call, _Secret, inside="data")).secret_key

    async def _find(self, endpoint_url: str) -> Subscription | None:
        found = [one for one in await self.list_all() if one.endpoint_url == endpoint_url and one.deleted_at is None]
        return next((one for one in found if one.status == "ACTIVE"), found[0] if found else None)

    async def _write(self, operation: str, method: str, path: str, body: dict[str, Any]) -> Subscription:
        call = Call(operation, method, path, body=body)
        return await self._client.record(call, Subscription, inside="data")


def _body(endpoint_url: str, event_types: Sequence[str]) -> dict[str, Any]:
    if fault := transport_fault(endpoint_url):
        raise ValueError(f"the webhook URL {fault}")
    if not event_types:
        raise ValueError("a subscription needs at least one event type")
    return {"endpointUrl": endpoint_url, "eventTypes": list(dict.fromkeys(event_types))}
