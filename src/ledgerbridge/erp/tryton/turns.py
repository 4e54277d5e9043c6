"""One document after the other, and no more of them once Tryton has fallen silent.

A document that Tryton does not answer for has been waited for as long as patience lasts. To wait as long for each of
those that come after it would hold their whole group for hours. What stands of them by then is in doubt: nobody can
finish it or take it away just now, and what a person does with a draft meanwhile must not be called unbooked.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from ledgerbridge.bookkeeping.problem import Problem
from ledgerbridge.erp.port import Booked, ErpError
from ledgerbridge.erp.tryton.booking import unknown
from ledgerbridge.erp.tryton.client import Client
from ledgerbridge.erp.tryton.patience import Patience


@dataclass(frozen=True, slots=True)
class Turn:
    """That of one document."""

    end: Callable[[Patience], Awaitable[Booked]]
    """Brings it to its end. Raises `ErpError`."""
    stands: str | None = None
    """The key under which something was made or seen already."""


async def take_turns(client: Client, patience: Patience, turns: Sequence[Turn]) -> list[Booked | ErpError]:
    """What became of each. After one that failed because Tryton is busy the next is tried once, not for long; after
    one that Tryton did not answer for, the rest are not begun, and those of which something stands are in doubt."""
    found: list[Booked | ErpError] = []
    silence: Problem | None = None
    left = patience
    for turn in turns:
        if silence:
            why = f"not finished: {silence.internal}"
            found.append(unknown(turn.stands, why) if turn.stands else ErpError(silence))
            continue
        try:
            found.append(await turn.end(left))
            left = patience
        except ErpError as error:
            found.append(error)
            left = replace(patience, tries=1) if error.problem.row.retry else patience
            silence = client.silence.problem() if client.silence else None
    return found
