"""Running the checks, and writing down what they found for every replica to show."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import text, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from ledgerbridge.clock import utcnow
from ledgerbridge.ops.invariants.catalogue import ALL
from ledgerbridge.ops.invariants.invariant import Invariant
from ledgerbridge.ops.logging import get_logger
from ledgerbridge.redaction import redact_text
from ledgerbridge.store.engine import Database
from ledgerbridge.store.scope import across_companies
from ledgerbridge.store.tables import InvariantCheck

SWIFT_SECONDS = 300.0
"""Between two rounds of the checks that read by index."""
DEEP_SECONDS = 3600.0
"""Between two rounds of the checks that read whole tables."""
MOST_COUNTED = 10_000
MOST_SAMPLES = 10
_STATEMENT_SECONDS = {False: 15, True: 120}
"""By whether a check is deep. One that takes longer has failed, and shows as such."""
_PARAMETER = re.compile(r"(?<!:):(\w+)")
_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Found:
    """What one check saw."""

    violations: int
    """At most `MOST_COUNTED`."""
    samples: list[str]


async def check_all(db: Database, *, deep: bool, invariants: Iterable[Invariant] = ALL) -> None:
    """Run every check of one depth; one that fails keeps no other from running.

    As long as all is well one question asks for all of them. Raises `SQLAlchemyError` when what was found cannot be
    written down; then the age of the checks shows it.
    """
    wanted = [one for one in invariants if one.deep is deep]
    well = await _well(db, wanted)
    for invariant in wanted:
        if invariant.name not in well:
            await check(db, invariant)


async def _well(db: Database, wanted: Sequence[Invariant]) -> set[str]:
    """Ask for all checks at once, and write down of those that find nothing, and found nothing before, that they do so;
    their names. Of a question that fails, none: then each is asked by itself.
    """
    questions: list[str] = []
    values: dict[str, object] = {}
    for number, one in enumerate(wanted):
        broken = _PARAMETER.sub(rf":v{number}_\1", one.broken)
        questions.append(f"select {number} as number, exists (select 1 from ({broken}) as each) as broken")  # noqa: S608
        values |= {f"v{number}_{name}": value for name, value in one.values.items()}
    if not questions:
        return set()
    try:
        async with db.reading() as session:
            with across_companies(session, "an invariant is one only if it holds for all companies"):
                await _confine(session, deep=wanted[0].deep)
                found = (await session.execute(text(" union all ".join(questions)), values)).all()
    except (SQLAlchemyError, OSError):
        return set()
    return await _write_well(db, [wanted[row.number].name for row in found if not row.broken])


async def _write_well(db: Database, names: Sequence[str]) -> set[str]:
    now = utcnow()
    async with db.transaction() as session:
        known = await session.scalars(
            update(InvariantCheck)
            .where(InvariantCheck.name.in_(names), InvariantCheck.violations == 0, InvariantCheck.failure.is_(None))
            .values(tried_at=now, checked_at=now)
            .returning(InvariantCheck.name)
        )
        return set(known.all())


async def check(db: Database, invariant: Invariant) -> None:
    """Run one check, write down what it found, and tell of a violation that is new."""
    try:
        found = await look(db, invariant)
    except (SQLAlchemyError, OSError) as error:
        lines = redact_text(str(getattr(error, "orig", None) or error)).strip().splitlines()
        await _write_failure(db, invariant, f"{type(error).__name__}: {lines[0] if lines else ''}"[:300])
    else:
        await _write(db, invariant, found)


async def look(db: Database, invariant: Invariant) -> Found:
    """Ask the database, in a transaction that can write nothing. Raises `SQLAlchemyError`."""
    question = (
        f"with broken_rows as materialized (select sample from ({invariant.broken}) as each limit :most_counted) "  # noqa: S608
        "select (select count(*) from broken_rows), "
        "array(select sample from broken_rows order by sample limit :most_samples)"
    )
    limits = {"most_counted": MOST_COUNTED, "most_samples": MOST_SAMPLES}
    async with db.reading() as session:
        with across_companies(session, "an invariant is one only if it holds for all companies"):
            await _confine(session, deep=invariant.deep)
            counted, samples = (await session.execute(text(question), {**limits, **invariant.values})).one()
    return Found(counted, [str(sample) for sample in samples])


async def _confine(session: AsyncSession, *, deep: bool) -> None:
    """Limit what a question may take; and were rows hidden from us by a policy, let it fail instead of find nothing."""
    limits = "select set_config('statement_timeout', :most, true), set_config('row_security', 'off', true)"
    await session.execute(text(limits), {"most": f"{_STATEMENT_SECONDS[deep]}s"})


async def _write(db: Database, invariant: Invariant, found: Found) -> None:
    async with db.transaction() as session:
        row = await _row(session, invariant)
        now = utcnow()
        before = row.violations or 0
        news = found.violations > before or not set(found.samples) <= set(row.samples)
        row.tried_at = row.checked_at = now
        row.violations, row.samples, row.failure = found.violations, found.samples, None
        row.since = (row.since or now) if found.violations else None
    if found.violations and news:
        _log.error(
            "invariant broken",
            invariant=invariant.name,
            number=invariant.number,
            statement=invariant.statement,
            alert=invariant.alert,
            violations=found.violations,
            samples=found.samples,
        )
    elif before and not found.violations:
        _log.info("invariant holds again", invariant=invariant.name)


async def _write_failure(db: Database, invariant: Invariant, why: str) -> None:
    async with db.transaction() as session:
        row = await _row(session, invariant)
        row.tried_at, row.failure = utcnow(), why
    _log.error("invariant could not be checked", invariant=invariant.name, reason=why)


async def _row(session: AsyncSession, invariant: Invariant) -> InvariantCheck:
    """What was written down of a check before, locked; a new row when it never ran."""
    row = await session.get(InvariantCheck, invariant.name, with_for_update=True)
    if row is None:
        row = InvariantCheck(name=invariant.name, samples=[], violations=None, since=None, checked_at=None)
        session.add(row)
    return row
