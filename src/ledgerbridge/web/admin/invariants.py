"""What the checks of the invariants over live data found last. Only shown here: they run by themselves."""

from __future__ import annotations

import datetime as dt

from pydantic import BaseModel, Field

from ledgerbridge.ops.invariants.standing import Standing, standings
from ledgerbridge.web.admin.auth import Actor
from ledgerbridge.web.admin.paging import Page
from ledgerbridge.web.admin.router import admin_router, answers
from ledgerbridge.web.services import Provided

router = admin_router("invariants")


class Invariant(BaseModel):
    """One statement that must always hold, and how it was found last."""

    id: str = Field(description="Its name, also in the metrics and in docs/runbook.md.", examples=["intent-settled"])
    number: int = Field(description="Of the statement of the design it belongs to, 1 to 10.", examples=[3])
    statement: str = Field(examples=["A company has at most one export job under way."])
    advice: str = Field(description="What a broken one means and what to do first.")
    violations: int | None = Field(
        description="Null when nobody knows: it never ran, or cannot run just now.", examples=[0]
    )
    samples: list[str] = Field(description="Some of the violations, by ids.")
    since: dt.datetime | None = Field(description="When it was first seen broken without a break.")
    checked_at: dt.datetime | None = Field(description="When the check last ran to its end.")
    tried_at: dt.datetime | None
    failure: str | None = Field(description="Why the check itself could not run the last time.")


@router.get("/invariants", summary="What must always hold, as last checked", responses=answers())
async def list_invariants(services: Provided, _actor: Actor) -> Page[Invariant]:
    """All of them on one page, in the order of the statements."""
    async with services.db.reading() as session:
        found = await standings(session)
    return Page[Invariant](data=[_shown(one) for one in found], next_cursor=None)


def _shown(one: Standing) -> Invariant:
    row = one.row
    return Invariant(
        id=one.invariant.name,
        number=one.invariant.number,
        statement=one.invariant.statement,
        advice=one.invariant.alert,
        violations=one.known,
        samples=row.samples if row else [],
        since=row.since if row else None,
        checked_at=row.checked_at if row else None,
        tried_at=row.tried_at if row else None,
        failure=row.failure if row else None,
    )
