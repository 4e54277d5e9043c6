"""Live checks of the invariants, and what they and the comparison with the ERP look up. What belongs to a job or a
posting belongs to its company."""

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
            tried_at timestamptz not null,
            checked_at timestamptz,
            violations integer,
            samples jsonb default '[]' not null,
            since timestamptz,
            failure text,
            constraint pk_invariant_checks primary key (name)
        )
    """,
    "alter table postings add column posting_date date",
    "create index ix_postings_intended on postings (intended_at) where state = 'intended'",
    "create index ix_export_jobs_closed_at on export_jobs (closed_at)",
    "alter table export_jobs add constraint uq_export_jobs_id_connection_id unique (id, connection_id)",
    "alter table postings add constraint uq_postings_id_connection_id unique (id, connection_id)",
    *(
        f"""
        alter table {table} drop constraint fk_{table}_{column},
            add constraint fk_{table}_{column}_connection_id
                foreign key ({column}, connection_id) references {parent} (id, connection_id)
        """
        for table, column, parent in (
            ("export_job_events", "job_id", "export_jobs"),
            ("export_items", "job_id", "export_jobs"),
            ("export_items", "posting_id", "postings"),
            ("postings", "job_id", "export_jobs"),
            ("settlements", "posting_id", "postings"),
        )
    ),
]
