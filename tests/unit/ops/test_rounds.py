"""What a worker keeps free for exports."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest

from ledgerbridge.exports.polls import Rhythm
from ledgerbridge.ops import rounds
from ledgerbridge.syncs.enqueue import FIRST, RUN
from ledgerbridge.work.retry import TryLater

Handler = Callable[..., Awaitable[None]]


@pytest.mark.parametrize(("work", "most"), [(RUN, rounds.SYNCS_AT_ONCE), (FIRST, rounds.ACTIVATIONS_AT_ONCE)])
async def test_syncs_that_wait_for_pleo_leave_room_for_exports(
    monkeypatch: pytest.MonkeyPatch, work: str, most: int
) -> None:
    handlers: dict[str, Handler] = {}
    ended = asyncio.Event()

    async def waits(*_: object, **__: object) -> None:
        await ended.wait()

    monkeypatch.setattr(rounds.tasks, "work", waits)
    monkeypatch.setattr(rounds, "first_syncs", waits)
    queue = SimpleNamespace(
        register=lambda name, handler, **_: handlers.__setitem__(name, handler), every=lambda *_: None
    )
    rooms = cast("Any", SimpleNamespace(connections=None))
    rounds.teach(cast("Any", queue), rooms, rooms, polls=Rhythm(180, 1800, 250), vendor_poll_seconds=900)

    async def one() -> None:
        more = {"kind": "tags"} if work == RUN else {}
        await handlers[work](connection_id=str(uuid.uuid4()), **more)

    under_way = [asyncio.create_task(one()) for _ in range(most)]
    await asyncio.sleep(0)
    with pytest.raises(TryLater):
        await one()

    ended.set()
    await asyncio.gather(*under_way)
    await one()
    taken = rounds.SYNCS_AT_ONCE + rounds.ACTIVATIONS_AT_ONCE + rounds.HANDOVERS_AT_ONCE
    assert taken < 10, "jobs of one worker at a time"
