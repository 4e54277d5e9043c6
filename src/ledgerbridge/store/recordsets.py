"""Any number of rows as one parameter of a statement, which is then the same for all numbers and compiled once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import ARRAY, ColumnElement, Text, column, func, literal
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.sql.selectable import TableValuedAlias
from sqlalchemy.types import TypeEngine


def recordset(rows: Sequence[Mapping[str, Any]], columns: Mapping[str, TypeEngine[Any]]) -> TableValuedAlias:
    """Rows of these columns; what a row does not name is null. Values as JSON has them: times and ids are texts.

    Raises what Postgres says of texts it cannot hold, when the statement runs.
    """
    named = (column(name, kind) for name, kind in columns.items())
    given = func.jsonb_to_recordset(literal(list(rows), JSONB())).table_valued(*named)
    return given.render_derived(name="given", with_types=True)


def any_of(texts: Iterable[str]) -> ColumnElement[str]:
    """What a column is compared with to be one of many texts."""
    return func.any(literal(list(texts), ARRAY(Text)))
