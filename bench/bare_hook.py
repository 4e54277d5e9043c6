"""The least a webhook receiver can be: a FastAPI route that reads the body and commits one INSERT through psycopg.

Run as `python -m bench.bare_hook PORT` with DATABASE_URL; the server's settings, its protocol and the size of the pool
are those the service has for deliveries. What it leaves out is our care: no signature, no look at who it is for, no
queue, no log line.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from psycopg_pool import AsyncConnectionPool

from ledgerbridge.serving import web_config
from ledgerbridge.settings import Settings
from ledgerbridge.store.engine import connection_settings, libpq_url

TABLE = "bare_deliveries"
"""Like the service's own table, indexes included."""
_INSERT = f"""
    insert into {TABLE} (id, connection_id, webhook_id, event_type, resource_id, company_id, status, repeats, replays)
    values (%s, %s, %s, %s, %s, %s, 'queued', 0, 0)
"""


def application(pool: AsyncConnectionPool) -> FastAPI:
    """The one route, where the service has its own."""

    @asynccontextmanager
    async def opened(_: FastAPI) -> AsyncIterator[None]:
        async with pool:
            yield

    app = FastAPI(lifespan=opened)

    @app.post("/webhooks/pleo/{subscription_token}", status_code=202)
    async def receive(subscription_token: str, request: Request) -> JSONResponse:
        event = json.loads(await request.body())
        data = event["data"]
        company = uuid.UUID(data["companyId"])
        values = (
            uuid.uuid4(), company, request.headers["webhook-id"], event["eventType"], data["id"], data["companyId"]
        )  # fmt: skip
        async with pool.connection() as connection:
            await connection.execute(_INSERT, values)
        return JSONResponse({"result": "queued"}, 202)

    return app


async def main(port: int) -> None:
    url = os.environ["DATABASE_URL"]
    pool = AsyncConnectionPool(
        libpq_url(url),
        kwargs={**connection_settings(url, "bare"), "autocommit": True},
        min_size=1,
        max_size=10,
        open=False,
    )
    config = web_config(application(pool), Settings())
    config.lifespan, config.port = "on", port
    await uvicorn.Server(config).serve()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
