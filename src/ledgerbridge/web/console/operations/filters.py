"""What the lists of operators are narrowed by: a company, by name or id, and a stretch of time in UTC."""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import dataclass, field

from sqlalchemy.ext.asyncio import AsyncSession

from ledgerbridge.ops import overview, roster
from ledgerbridge.web.console.page import FieldError
from ledgerbridge.web.texts import text

_MOST_OFFERED = 8
_LONGEST = 200


@dataclass(slots=True)
class Asked:
    """What a filter says."""

    company: str = ""
    """As entered."""
    since_text: str = ""
    until_text: str = ""
    connection_id: uuid.UUID | None = None
    name: str | None = None
    """Of the company found."""
    offered: list[tuple[uuid.UUID, str]] = field(default_factory=list)
    """Companies to choose from where several fit."""
    since: dt.datetime | None = None
    until: dt.datetime | None = None
    errors: list[FieldError] = field(default_factory=list)

    @property
    def kept(self) -> dict[str, str]:
        """As it goes into a link."""
        company = str(self.connection_id) if self.connection_id else self.company
        return {"company": company, "from": self.since_text, "to": self.until_text}


async def read(session: AsyncSession, company: str = "", since: str = "", until: str = "") -> Asked:
    """The filter; what cannot be read or found stands in its errors, and then nothing should be listed."""
    asked = Asked(company.strip()[:_LONGEST], since.strip()[:_LONGEST], until.strip()[:_LONGEST])
    await _find(session, asked)
    asked.since = _moment(asked, "from", asked.since_text, end=False)
    asked.until = _moment(asked, "to", asked.until_text, end=True)
    asked.since_text = written(asked.since) or asked.since_text
    asked.until_text = written(asked.until) or asked.until_text
    if asked.since and asked.until and asked.until <= asked.since:
        asked.errors.append(FieldError("to", text("operations.filter.backwards")))
    return asked


def written(moment: dt.datetime | None) -> str:
    """A moment as a field of a form holds it: to the minute where it is one, else to the millisecond."""
    if moment is None:
        return ""
    whole = not (moment.second or moment.microsecond)
    return f"{moment:%Y-%m-%dT%H:%M}" if whole else moment.replace(tzinfo=None).isoformat(timespec="milliseconds")


def id_of(value: str) -> uuid.UUID | None:
    """An id, if it is one."""
    try:
        return uuid.UUID(value)
    except ValueError:
        return None


async def _find(session: AsyncSession, asked: Asked) -> None:
    if not asked.company:
        return
    own = id_of(asked.company)
    found = await overview.connection(session, own) if own else None
    if found is None:
        listed = [one.overview for one in await roster.listed(session, search=asked.company, limit=_MOST_OFFERED + 1)]
        found = listed[0] if len(listed) == 1 else None
        asked.offered = [(one.connection.id, _name(one)) for one in listed[:_MOST_OFFERED]]
    if found is not None:
        asked.connection_id, asked.name, asked.offered = found.connection.id, _name(found), []
        return
    which = "several" if asked.offered else "nobody"
    asked.errors.append(FieldError("company", text(f"operations.filter.{which}")))


def _name(found: overview.Overview) -> str:
    return found.connection.company_name or found.connection.company_id


def _moment(asked: Asked, name: str, value: str, *, end: bool) -> dt.datetime | None:
    """A day or a minute in UTC; a day as an end means all of it."""
    if not value:
        return None
    try:
        found = dt.datetime.fromisoformat(value)
        found = found.astimezone(dt.UTC) if found.tzinfo else found.replace(tzinfo=dt.UTC)
        return found + dt.timedelta(days=1) if end and len(value) == len("2026-01-31") else found
    except (ValueError, OverflowError):
        asked.errors.append(FieldError(name, text("operations.filter.no_time")))
        return None
