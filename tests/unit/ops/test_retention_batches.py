"""The statements that clear away: whatever plan Postgres makes, no more rows than a batch."""

from __future__ import annotations

import pytest
from sqlalchemy.dialects import postgresql

from ledgerbridge.clock import utcnow
from ledgerbridge.ops.retention import RULES, Rule


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_the_rows_of_a_batch_are_chosen_once_and_apart(rule: Rule) -> None:
    """In a plain subquery the limit would count anew for each row that Postgres joins with it."""
    statement = " ".join(str(rule.batch(utcnow()).compile(dialect=postgresql.dialect())).split())
    chosen, _, done = statement.partition("SKIP LOCKED)")
    assert chosen.startswith("WITH ")
    assert "LIMIT" in chosen
    assert "LIMIT" not in done
