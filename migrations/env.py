"""How Alembic meets our tables. `ledgerbridge.store.schema` hands in a connection that holds the upgrade lock; the
`alembic` command itself, for developers, makes one from DATABASE_URL.

There are no downgrades: a ledger's columns are not dropped to go back one release. Go back by restoring a backup, or
forward with a further migration.
"""

from __future__ import annotations

import os

from alembic import context
from alembic.runtime.environment import NameFilterParentNames, NameFilterType
from sqlalchemy import Connection, create_engine
from sqlalchemy.schema import SchemaItem

from ledgerbridge.store.engine import sqlalchemy_url
from ledgerbridge.store.tables import Base


def ours(name: str | None, kind: NameFilterType, parents: NameFilterParentNames) -> bool:
    """Whether Alembic should compare it: the queue library's tables are not in our metadata."""
    return not (kind == "table" and name is not None and name.startswith("procrastinate_"))


def in_a_migration(item: SchemaItem, name: str | None, kind: str, reflected: bool, _: SchemaItem | None) -> bool:
    """Whether a difference is for a migration to mend; indexes built beside them are not."""
    scripts = context.script.walk_revisions()
    beside = {index for script in scripts for index in getattr(script.module, "CONCURRENTLY", {})}
    return not (kind == "index" and name in beside)


def run(connection: Connection) -> None:
    """Run the migrations in the caller's transaction."""
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        include_name=ours,
        include_object=in_a_migration,
        compare_type=True,
        compare_server_default=True,
        transaction_per_migration=False,
    )
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    with create_engine(sqlalchemy_url(os.environ["DATABASE_URL"])).begin() as own:
        run(own)
