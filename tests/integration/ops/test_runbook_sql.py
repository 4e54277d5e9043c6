"""Every statement of the runbook is one that this release's database takes: nobody corrects SQL at night."""

from __future__ import annotations

import re
import uuid
from pathlib import Path

import psycopg
import pytest

RUNBOOK = (Path(__file__).parents[3] / "docs" / "runbook.md").read_text()
_FOUND = re.findall(r"```sql\n(.*?)```|`((?:select|update|delete)\s[^`]*)`", RUNBOOK, re.DOTALL)
STATEMENTS = [part.strip() for block, inline in _FOUND for part in (block or inline).split(";\n") if part.strip()]


@pytest.mark.parametrize("statement", STATEMENTS, ids=[" ".join(each.split())[:60] for each in STATEMENTS])
def test_a_statement_of_the_runbook_can_be_run_as_it_stands(statement: str, database_url: str) -> None:
    filled = statement.rstrip(";").replace("'...'", f"'{uuid.uuid4()}'").replace("<pid>", "0")
    with psycopg.connect(database_url) as connection:
        connection.execute(filled.encode())
        connection.rollback()


def test_statements_are_found() -> None:
    assert len(STATEMENTS) > 15
