"""What the live checks of the invariants found last."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import text
from sqlalchemy.orm import Mapped, mapped_column

from ledgerbridge.store.tables.base import Base


class InvariantCheck(Base):
    """The last run of one check over all companies, whichever replica made it."""

    __tablename__ = "invariant_checks"

    name: Mapped[str] = mapped_column(primary_key=True)
    checked_at: Mapped[dt.datetime]
    violations: Mapped[int]
    """Rows that break the invariant; 0 is well."""
    samples: Mapped[list[str]] = mapped_column(server_default=text("'[]'"))
    """Some of them, named by ids only: what a person looks up first."""
    since: Mapped[dt.datetime | None]
    """When it was first seen broken without a break; None while it holds."""
    failure: Mapped[str | None]
    """Why the check itself could not run the last time."""
