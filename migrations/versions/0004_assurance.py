"""Live checks of the invariants."""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)


STATEMENTS = [
    """
        create table invariant_checks (
            name text not null,
            checked_at timestamptz not null,
            violations integer not null,
            samples jsonb default '[]' not null,
            since timestamptz,
            failure text,
            constraint pk_invariant_checks primary key (name)
        )
    """,
]
