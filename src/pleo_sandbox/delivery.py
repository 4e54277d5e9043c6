"""Sends webhook messages: signed anew for every attempt, retried on a schedule, bent by the delivery faults."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine

import httpx

from pleo_sandbox.core.messages import Attempt, Message
from pleo_sandbox.core.signing import signature
from pleo_sandbox.core.subscriptions import basic_header
from pleo_sandbox.core.world import World


class Dispatcher:
    """Delivers in tasks of the running loop. ``transport`` replaces the network, for receivers in the same process."""

    def __init__(self, world: World, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._world = world
        self._transport = transport
        self._tasks: set[asyncio.Task[None]] = set()
        world.send = self.send

    def send(self, message: Message) -> None:
        """Starts delivering a new message; must be called on the event loop."""
        faults = self._world.faults
        if faults.strike_delivery("lose_webhook", message.event_type) is not None:
            message.state = "lost"
            return
        delayed = faults.strike_delivery("delay_webhook", message.event_type)
        doubled = faults.strike_delivery("duplicate_webhook", message.event_type)
        for _ in range(1 + (doubled.copies if doubled else 0)):
            self._start(self._deliver(message, delayed.seconds if delayed else 0))

    def resend(self, message: Message) -> None:
        """Starts the schedule of a known message again, under the same id."""
        message.state = "waiting"
        self._start(self._deliver(message, 0))

    async def settle(self) -> None:
        """Waits until every delivery now under way has ended."""
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def stop(self) -> None:
        """Drops whatever is still under way."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _deliver(self, message: Message, delay: float) -> None:
        await asyncio.sleep(delay)
        for wait in self._world.config.webhook_retry_seconds:
            await asyncio.sleep(wait)
            attempt = await self._attempt(message)
            message.attempts.append(attempt)
            if attempt.status is not None and 200 <= attempt.status < 300:
                message.state = "delivered"
                return
            if attempt.status == httpx.codes.GONE:
                message.state = "gone"
                self._world.subscriptions.switch_off(message.subscription)
                return
        if message.state == "waiting":
            message.state = "failed"

    async def _attempt(self, message: Message) -> Attempt:
        now = self._world.clock.now()
        timestamp = int(time.time())
        wish = message.subscription.wish
        signatures = " ".join(
            signature(secret, message.id, timestamp, message.body) for secret in message.subscription.secrets_at(now)
        )
        headers = {
            **wish.headers,
            "content-type": "application/json",
            "user-agent": "pleo-sandbox-webhooks",
            "webhook-id": message.id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": signatures,
        }
        if wish.auth is not None:
            headers["authorization"] = basic_header(wish.auth)
        started = time.monotonic()
        try:
            async with httpx.AsyncClient(
                transport=self._transport, timeout=self._world.config.webhook_timeout_seconds, trust_env=False
            ) as client:
                answer = await client.post(wish.endpoint_url, content=message.body, headers=headers)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return Attempt(now, timestamp, None, type(error).__name__, time.monotonic() - started)
        return Attempt(now, timestamp, answer.status_code, None, time.monotonic() - started)
