"""Run SQL statements with Tryton's psycopg, because the sandbox's own side has the standard library only.

Reads `{"url": ..., "statements": [...]}` from stdin, runs each statement in autocommit, or all in one transaction if
`"together"` is true, and prints the rows of the last one that has rows as JSON.
"""

import json
import sys

import psycopg

order = json.load(sys.stdin)
rows: list[list[object]] = []
together = bool(order.get("together"))
try:
    with psycopg.connect(order["url"], autocommit=not together) as connection:
        for statement in order["statements"]:
            cursor = connection.execute(statement)
            if cursor.description:
                rows = [list(row) for row in cursor]
except psycopg.Error as error:
    sys.exit(f"{type(error).__name__}: {error}")
print(json.dumps(rows))
