"""No query crosses companies (invariant 7): a statement that is not bound to one company never reaches the database.

Every SELECT, UPDATE and DELETE of a `Database` is judged before it runs, in production too: each table that belongs to
companies must be bound to one of them (`store.binding` says what binds). What has to look at all companies says so, and
why, with `across_companies`. A verdict is kept beside the compiled statement, so that a repeated one costs a look-up.
Text is judged roughly, by names; `tests/unit/store/test_raw_sql.py` lists where it may stand at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Engine, TextClause, event
from sqlalchemy.engine import Compiled
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import ORMExecuteState, Session
from sqlalchemy.sql.ddl import ExecutableDDLElement

from ledgerbridge.store.binding import OWNED, Verdict, judge

_ACROSS = "across_companies"
_verdicts: WeakKeyDictionary[Compiled, Verdict] = WeakKeyDictionary()

_NAMES_OWNED = re.compile(rf"\b({'|'.join(sorted(OWNED))})\b")
_BOUND_TEXT = re.compile(r"\b(connection_id|job_id)\s*=\s*(:\w|%\()")
_ONLY_INSERTS = re.compile(r"\s*insert\s+into\b(?!.*\bselect\b)", re.IGNORECASE | re.DOTALL)


class UnscopedQuery(Exception):
    """A statement would have read or changed rows of more than one company; it was not run. Names tables only."""

    def __init__(self, tables: tuple[str, ...]) -> None:
        self.tables = tables
        super().__init__(
            f"a query on {', '.join(tables)} is not bound to one company: compare its connection_id, its parent's key "
            "or its own key with a value, or say in `across_companies` why it looks at all of them"
        )


class ScopedSession(Session):
    """A session whose statements carry the door that stands open in it, if one does."""


@contextmanager
def across_companies(session: AsyncSession | Session, reason: str, *, unless: object = None) -> Iterator[None]:
    """Let the statements of the body, in this session only, look at every company. `reason` is for who reads the code.

    Keep the body as short as the one query; what it calls is let through, too. With `unless`, the connection a list was
    asked for, nothing is let through: then the list must hold itself to that one.
    """
    before = session.info.get(_ACROSS)
    session.info[_ACROSS] = reason if unless is None else before
    try:
        yield
    finally:
        session.info[_ACROSS] = before


def hold(engine: Engine) -> None:
    """Judge every statement of this engine from now on."""
    event.listen(engine, "before_cursor_execute", _before_execution)


@event.listens_for(ScopedSession, "do_orm_execute")
def _carry_the_door(state: ORMExecuteState) -> None:
    reason = state.session.info.get(_ACROSS)
    if reason is not None:
        state.update_execution_options(**{_ACROSS: reason})


def _before_execution(_connection: Any, _cursor: Any, text: str, _values: Any, context: Any, _many: bool) -> None:
    """Refuse the statement unless it is bound. Raises `UnscopedQuery`."""
    if context.execution_options.get(_ACROSS) is not None:
        return
    compiled = context.compiled
    verdict = _of_text(text) if compiled is None else _verdicts.get(compiled)
    if verdict is None:
        verdict = _verdicts[compiled] = _of_compiled(compiled, text)
    if verdict.unbound:
        raise UnscopedQuery(verdict.unbound)
    for table, parameters in verdict.lists:
        # A list is written out as name_1, name_2, ...: where there is a second value, there may be a second company.
        if all(f"{name}_2" in values for name in parameters for values in context.compiled_parameters):
            raise UnscopedQuery((table,))


def _of_compiled(compiled: Any, text: str) -> Verdict:
    statement = compiled.statement
    if isinstance(statement, ExecutableDDLElement):
        return Verdict()
    if isinstance(statement, TextClause):
        return _of_text(text)
    names = {parameter.key: name for parameter, name in compiled.bind_names.items()}
    found = judge(statement)
    lists = tuple((table, tuple(names[key] for key in keys)) for table, keys in found.lists)
    return Verdict(found.unbound, lists)


def judge_text(text: str) -> None:
    """Refuse text that SQLAlchemy does not run for us, unless it is bound. Raises `UnscopedQuery`."""
    unbound = _of_text(text).unbound
    if unbound:
        raise UnscopedQuery(unbound)


@lru_cache(512)
def _of_text(text: str) -> Verdict:
    """Text that names a table of companies must compare a key with a parameter, or only insert."""
    named = set(_NAMES_OWNED.findall(text))
    if not named or _BOUND_TEXT.search(text) or _ONLY_INSERTS.match(text):
        return Verdict()
    return Verdict(tuple(sorted(named)))
