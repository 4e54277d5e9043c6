"""What binds a statement to one company, told from the statement itself; pure.

A table belongs to companies when it is `connections` or refers to such a table, at whatever distance. Where it stands
in a query it is bound by an equality that every row of the result must meet, in WHERE or in the ON of a join:

- of its `connection_id`, or another reference to a row of a company, or its own key, with a value;
- of such a column with one of the same meaning of a table, or a query, that is bound itself;
- of all columns of a primary or unique key with values or columns of what is bound: one row has one company.

`IN` with a list counts when the list holds one value. Whatever is not understood here counts as not bound.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from sqlalchemy import (
    BinaryExpression,
    BindParameter,
    Cast,
    ClauseElement,
    Column,
    ColumnClause,
    ColumnElement,
    CompoundSelect,
    Delete,
    FromClause,
    Insert,
    Join,
    Select,
    Table,
    TextClause,
    UniqueConstraint,
    Update,
    literal,
    select,
)
from sqlalchemy.sql import operators
from sqlalchemy.sql.elements import BooleanClauseList, Grouping
from sqlalchemy.sql.selectable import Alias, AliasedReturnsRows, ScalarSelect, SelectBase, SelectStatementGrouping

from ledgerbridge.store.tables import Base, Connection


def _owned() -> dict[str, Table]:
    """Tables of companies by name: `connections` and what refers to it or to another of them."""
    found = {Connection.__tablename__: Base.metadata.tables[Connection.__tablename__]}
    while True:
        more = {
            name: table
            for name, table in Base.metadata.tables.items()
            if name not in found and any(key.column.table.name in found for key in table.foreign_keys)
        }
        if not more:
            return found
        found |= more


OWNED = _owned()
"""Every table whose rows belong to companies."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What keeps a statement from being bound to one company; empty when nothing does."""

    unbound: tuple[str, ...] = ()
    """Tables that no equality binds, by name."""
    lists: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Tables that a list binds if it holds one value when the statement runs, with the names of such lists' parameters:
    one of them is enough."""


def judge(statement: ClauseElement) -> Verdict:
    """The verdict on any executable expression."""
    case = _Case()
    case.consider(statement, frozenset())
    return Verdict(tuple(sorted(case.unbound)), tuple(sorted(case.lists)))


@dataclass(frozen=True, slots=True)
class _Equality:
    """One thing every row of a result meets."""

    left: Column[object]
    """The column itself, whatever alias it is read through."""
    of: FromClause
    """Where it stands: a table, an alias, a query."""
    right: ClauseElement
    listed: bool = False
    """`IN` instead of `=`."""


@dataclass(slots=True)
class _Case:
    """One statement with all that is nested in it."""

    unbound: set[str] = field(default_factory=set)
    lists: set[tuple[str, tuple[str, ...]]] = field(default_factory=set)
    _considered: set[tuple[int, frozenset[FromClause]]] = field(default_factory=set)

    def consider(self, element: ClauseElement, outer: frozenset[FromClause]) -> None:
        """`outer` is what is bound around it and may be meant inside."""
        match element:
            case SelectStatementGrouping():
                self.consider(element.element, outer)
            case Select():
                sources = _Sources()
                for source in element.get_final_froms():
                    if isinstance(source, TextClause):
                        self.unbound.add("something not understood (text as a table)")
                    sources.add(source)
                sources.restrict(element.whereclause)
                meant = _correlated(element, sources.where, outer)
                self._nested(element, self._bind(sources, meant) | outer)
            case Update() | Delete():
                sources = _Sources()
                sources.add(element.table)
                if element.whereclause is not None:
                    for source in select(literal(1)).where(element.whereclause).get_final_froms():
                        sources.add(source)
                sources.restrict(element.whereclause)
                self._nested(element, self._bind(sources, frozenset()))
            case Insert() | CompoundSelect():
                self._nested(element, outer)
            case _:
                self.unbound.add(f"something not understood ({type(element).__name__})")

    def _nested(self, element: ClauseElement, outer: frozenset[FromClause]) -> None:
        for inner, correlates in _inner(element):
            if isinstance(inner, TextClause | ColumnClause):
                self.unbound.add("something not understood (text in a query)")
                continue
            meant = outer if correlates else frozenset[FromClause]()
            if (id(inner), meant) not in self._considered:
                self._considered.add((id(inner), meant))
                self.consider(inner, meant)

    def _bind(self, sources: _Sources, meant: frozenset[FromClause]) -> frozenset[FromClause]:
        """What is bound; notes what is not."""
        bound = set(meant)
        bound.update(source for source in sources.where if _table(source) is None)
        waiting = [source for source in sources.where if _is_owned(source) and source not in bound]
        while waiting:
            now = next((source for source in waiting if sources.binds(source, bound)), None)
            if now is None:
                now = self._by_list(sources, waiting)
            if now is None:
                self.unbound.update(_table(source).name for source in waiting)  # type: ignore[union-attr]
                break
            waiting.remove(now)
            bound.add(now)
        return frozenset(source for source in bound if _table(source) is None or _is_owned(source))

    def _by_list(self, sources: _Sources, waiting: list[FromClause]) -> FromClause | None:
        for source in waiting:
            parameters = sources.lists_of(source)
            if parameters:
                table = _table(source)
                assert table is not None  # noqa: S101
                self.lists.add((table.name, parameters))
                return source
        return None


class _Sources:
    """What one query reads from, and what its rows meet."""

    def __init__(self) -> None:
        self.where: list[FromClause] = []
        self._met: dict[FromClause, list[_Equality]] = {}

    def add(self, source: FromClause) -> None:
        """A source with all that is joined in it."""
        if not isinstance(source, Join):
            if source not in self.where:
                self.where.append(source)
            return
        self.add(source.left)
        self.add(source.right)
        if source.full:
            return
        # The condition of an outer join lets rows of the left side pass that do not meet it.
        self.restrict(source.onclause, only=set(_leaves(source.right)) if source.isouter else None)

    def restrict(self, clause: ClauseElement | None, only: set[FromClause] | None = None) -> None:
        """Every row, or the rows of `only`, meet this."""
        for part in _parts(clause):
            for equality in _equalities(part):
                if only is None or equality.of in only:
                    self._met.setdefault(equality.of, []).append(equality)

    def binds(self, source: FromClause, bound: set[FromClause]) -> bool:
        """Whether `source` is bound, given what is bound already."""
        table = _table(source)
        assert table is not None  # noqa: S101
        met = [one for one in self._met.get(source, ()) if not (one.listed and isinstance(one.right, BindParameter))]
        fixed = {one.left.name for one in met if not one.listed and _fixes(one.right, bound)}
        if any(key <= fixed for key in _keys(table)):
            return True
        for one in met:
            meaning = _meaning(one.left)
            if meaning is None:
                continue
            if _is_value(one.right) or (_meaning_of(one.right) is meaning and _known(one.right, bound)):
                return True
        return False

    def lists_of(self, source: FromClause) -> tuple[str, ...]:
        """Parameters with a list that binds `source` if it holds one value."""
        return tuple(
            one.right.key
            for one in self._met.get(source, ())
            if one.listed and isinstance(one.right, BindParameter) and _meaning(one.left) is not None
        )


def _inner(element: ClauseElement) -> Iterator[tuple[ClauseElement, bool]]:
    """The queries directly in an expression, and text that may be one; whether each may mean sources around it."""
    for child in element.get_children():
        if _may_read(child) or isinstance(child, SelectBase | Update | Delete | Insert):
            yield child, True
        elif isinstance(child, AliasedReturnsRows) and not isinstance(child, Alias):
            if isinstance(child.element, SelectBase | Update | Delete | Insert):
                yield child.element, False
        elif not isinstance(child, Table):
            yield from _inner(child)


def _may_read(element: ClauseElement) -> bool:
    """Whether it is text, other than an expression on what the query has anyway."""
    if isinstance(element, TextClause):
        return re.search(r"\b(select|table|with)\b", element.text, re.IGNORECASE) is not None
    return isinstance(element, ColumnClause) and element.is_literal and "select" in element.name.lower()


def _correlated(
    query: Select[tuple[object, ...]], where: Iterable[FromClause], outer: frozenset[FromClause]
) -> frozenset[FromClause]:
    """Sources of a nested query that are those of the query around it, by SQLAlchemy's rules."""
    common = {source for source in where if source in outer}
    if query._auto_correlate:
        return frozenset(common) if len(set(where)) > 1 else frozenset()
    if query._correlate_except is not None:
        return frozenset(common - set(query._correlate_except))
    return frozenset(common & set(query._correlate))


def _parts(clause: ClauseElement | None) -> Iterator[ClauseElement]:
    """What an AND joins."""
    if isinstance(clause, Grouping) or (isinstance(clause, BooleanClauseList) and clause.operator is operators.and_):
        for part in clause.get_children():
            yield from _parts(part)
    elif clause is not None:
        yield clause


def _equalities(part: ClauseElement) -> Iterator[_Equality]:
    if not isinstance(part, BinaryExpression):
        return
    if part.operator is operators.eq:
        for one, other in ((part.left, part.right), (part.right, part.left)):
            base = _base(one)
            if base is not None:
                yield _Equality(base, one.table, other)
    elif part.operator is operators.in_op:
        base = _base(part.left)
        if base is not None:
            yield _Equality(base, part.left.table, part.right, listed=True)


def _base(expression: ClauseElement) -> Column[object] | None:
    """The column of one of our tables that an expression is, seen through aliases and queries."""
    if not isinstance(expression, ColumnElement) or getattr(expression, "table", None) is None:
        return None
    bases = [one for one in expression.base_columns if isinstance(one, Column)]
    return bases[0] if len(bases) == 1 else None


def _meaning(column: Column[object]) -> Column[object] | None:
    """The key that a value of this column is, where it names a row of a company; None for other columns."""
    while column.foreign_keys:
        # A reference with the company beside it has a second one there; both lead to the same key.
        column = min((key.column for key in column.foreign_keys), key=str)
    table = column.table
    known = isinstance(table, Table) and table.name in OWNED and list(table.primary_key) == [column]
    return column if known else None


def _meaning_of(expression: ClauseElement) -> Column[object] | None:
    query = _query(expression)
    if query is not None:
        columns = list(query.selected_columns)
        expression = columns[0] if len(columns) == 1 else expression
    base = _base(expression)
    return None if base is None else _meaning(base)


def _fixes(expression: ClauseElement, bound: set[FromClause]) -> bool:
    """Whether it is one value, or a column of a row of the company that is bound."""
    base = _base(expression)
    return _is_value(expression) or (base is not None and base.table.name in OWNED and _of(expression) in bound)


def _known(expression: ClauseElement, bound: set[FromClause]) -> bool:
    """Whether a column stands in what is bound. A query counts: it is judged for itself."""
    return _query(expression) is not None or _of(expression) in bound


def _query(expression: ClauseElement) -> SelectBase | None:
    inner: object = expression
    while isinstance(inner, ScalarSelect | Grouping | SelectStatementGrouping):
        inner = inner.element
    return inner if isinstance(inner, SelectBase) else None


def _of(expression: ClauseElement) -> FromClause | None:
    return expression.table if _base(expression) is not None else None  # type: ignore[attr-defined]


def _is_value(expression: ClauseElement) -> bool:
    if isinstance(expression, Cast):
        return _is_value(expression.clause)
    return isinstance(expression, BindParameter) and not expression.expanding


def _leaves(source: FromClause) -> Iterator[FromClause]:
    if isinstance(source, Join):
        yield from _leaves(source.left)
        yield from _leaves(source.right)
    else:
        yield source


def _table(source: FromClause) -> Table | None:
    """The table a source is, under whatever name; None for a query."""
    while isinstance(source, Alias):
        source = source.element
    return source if isinstance(source, Table) else None


def _is_owned(source: FromClause) -> bool:
    table = _table(source)
    return table is not None and table.name in OWNED


def _keys(table: Table) -> Iterator[frozenset[str]]:
    """Sets of columns that name one row."""
    yield frozenset(column.name for column in table.primary_key)
    for constraint in table.constraints:
        if isinstance(constraint, UniqueConstraint):
            yield frozenset(column.name for column in constraint.columns)
