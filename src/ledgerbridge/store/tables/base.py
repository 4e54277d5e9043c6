"""What all tables share: the declarative base, names of constraints, a few column helpers."""

from __future__ import annotations

import datetime as dt
import uuid
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    LargeBinary,
    MetaData,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMES)
    type_annotation_map = {  # noqa: RUF012
        dt.datetime: DateTime(timezone=True),
        str: Text,
        bytes: LargeBinary,
        dict[str, Any]: JSONB,
        list[str]: JSONB,
    }


def one_of(column: str, states: type[StrEnum]) -> CheckConstraint:
    """A check that a state column holds one of its states."""
    listed = ", ".join(f"'{state.value}'" for state in states)
    return CheckConstraint(f"{column} in ({listed})", name=f"{column}_known")


def owner() -> Mapped[uuid.UUID]:
    """The connection a row belongs to."""
    return mapped_column(ForeignKey("connections.id"))


def of_same_company(column: str, parent: str) -> ForeignKeyConstraint:
    """A reference to a row of `parent` that must belong to the same connection as the row that refers to it."""
    return ForeignKeyConstraint([column, "connection_id"], [f"{parent}.id", f"{parent}.connection_id"])


NOW = text("now()")
"""Default of a column that tells when its row was made: the database's clock."""
