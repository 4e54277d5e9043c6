"""A connected company's mailbox, as Pleo or somebody else would write to it."""

from __future__ import annotations

import json
import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx
from sqlalchemy import select, text, update

from ledgerbridge.exports.enqueue import LOOK
from ledgerbridge.pleo.signature import sign
from ledgerbridge.store.tables import Connection, Subscription, WebhookDelivery
from pleo_sandbox.config import DEMO_COMPANY_ID

if TYPE_CHECKING:
    from tests.integration.web.conftest import Face

JOB = "b4c4d068-ebbe-45b7-b562-2f16f0deb8b9"
VECTOR_SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
"""Of the published example; nobody's."""
JSON = {"content-type": "application/json"}


def export_event(
    company_id: str = DEMO_COMPANY_ID, event_type: str = "v1.export-job.created", job_id: str = JOB
) -> bytes:
    data = {"companyId": company_id, "id": job_id, "status": "pending", "numberOfItems": 1, "expiresIn": 3600}
    return json.dumps({"data": data, "eventId": str(uuid.uuid4()), "eventType": event_type}).encode()


@dataclass
class Box:
    """A connected company's mailbox and how Pleo would write to it."""

    face: Face
    connection_id: uuid.UUID
    token: str
    secret: str

    @property
    def path(self) -> str:
        return f"/webhooks/pleo/{self.token}"

    def signed(
        self, body: bytes, webhook_id: str | None = None, *, secret: str | None = None, at: int | None = None
    ) -> dict[str, str]:
        webhook_id = webhook_id or f"msg_{uuid.uuid4().hex}"
        at = int(time.time()) if at is None else at
        signature = sign(secret or self.secret, webhook_id, at, body)
        return {**JSON, "webhook-id": webhook_id, "webhook-timestamp": str(at), "webhook-signature": signature}

    async def send(self, body: bytes, headers: dict[str, str] | None = None) -> httpx.Response:
        return await self.face.anybody.post(self.path, content=body, headers=headers or self.signed(body))

    async def stored(self) -> list[WebhookDelivery]:
        async with self.face.services.db.reading() as session:
            rows = await session.scalars(select(WebhookDelivery).order_by(WebhookDelivery.received_at))
            return list(rows)

    async def looks_waiting(self) -> int:
        async with self.face.services.db.reading() as session:
            query = text("select count(*) from procrastinate_jobs where task_name = :name and status = 'todo'")
            return int(await session.scalar(query, {"name": LOOK}) or 0)

    async def change(self, table: type[Any], **values: Any) -> None:
        async with self.face.services.db.transaction() as session:
            key = table.id if table is Connection else table.connection_id
            await session.execute(update(table).where(key == self.connection_id).values(**values))

    def counted(self, result: str) -> float:
        value = self.face.services.metrics.registry.get_sample_value(
            "ledgerbridge_webhook_deliveries_total", {"result": result}
        )
        return value or 0


async def mailbox(face: Face) -> Box:
    """Connect a company and open its mailbox."""
    return await mailbox_of(face, uuid.UUID(await face.connect()))


async def mailbox_of(face: Face, connection_id: uuid.UUID) -> Box:
    """The mailbox of a company that is connected."""
    async with face.services.db.reading() as session:
        row = await session.get_one(Subscription, connection_id)
    vault = face.services.connections.vault
    assert row.secret_sealed is not None
    token = vault.open(row.path_token_sealed, table="subscriptions", column="path_token_sealed", row=connection_id)
    secret = vault.open(row.secret_sealed, table="subscriptions", column="secret_sealed", row=connection_id)
    return Box(face, connection_id, token, secret)
