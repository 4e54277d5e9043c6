"""Rows of what Pleo or an ERP said, as one parameter of a statement (`store.recordsets`)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy.sql.selectable import TableValuedAlias
from sqlalchemy.types import TypeEngine

from ledgerbridge.pleo.items import storable
from ledgerbridge.store import recordsets
from ledgerbridge.store.recordsets import any_of

__all__ = ["any_of", "recordset"]


def recordset(rows: Iterable[Mapping[str, Any]], columns: Mapping[str, TypeEngine[Any]]) -> TableValuedAlias:
    """As `store.recordsets.recordset`. What Postgres cannot hold of a text is replaced: what one row says must not cost
    the others their place."""
    return recordsets.recordset(storable(list(rows)), columns)
