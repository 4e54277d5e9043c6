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
    tried_at: Mapped[dt.datetime]
    checked_at: Mapped[dt.datetime | None]
    """When it last ran to its end; None when it never did."""
    violations: Mapped[int | None]
    """Rows that broke the invariant when it last ran to its end; 0 is well, None is not known."""
    samples: Mapped[list[str]] = mapped_column(server_default=text("'[]'"))
    """Some of them, named by ids only: what a person looks up first."""
    since: Mapped[dt.datetime | None]
    """When it was first seen broken without a break; None while it holds."""
    failure: Mapped[str | None]
    """Why the check itself could not run to its end the last time; then `violations` is of an earlier run."""
