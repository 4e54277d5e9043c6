"""Many companies and long tables: when each company is asked for export jobs, and indexes for the questions that are
asked all day, whatever the tables have grown to."""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)


STATEMENTS = [
    """
        create table look_schedules (
            connection_id uuid not null,
            due_at timestamptz not null,
            looked_at timestamptz,
            missed_at timestamptz,
            constraint pk_look_schedules primary key (connection_id),
            constraint fk_look_schedules_connection_id foreign key (connection_id) references connections (id)
        )
    """,
    "create index ix_look_schedules_due_at on look_schedules (due_at)",
    # As the library has it, but for connections that tell workers themselves, after their commit (`store.alone`).
    """
        create or replace trigger procrastinate_jobs_notify_queue_job_inserted_v1
            after insert on procrastinate_jobs
            for each row when (
                new.status = 'todo'::procrastinate_job_status
                and current_setting('ledgerbridge.tells_later', true) is distinct from 'yes')
            execute procedure procrastinate_notify_queue_job_inserted_v1()
    """,
]

CONCURRENTLY = {
    "ix_export_items_held": """
        create index concurrently ix_export_items_held on export_items (job_id) where payload is not null
    """,
    "ix_export_job_events_at": """
        create index concurrently ix_export_job_events_at on export_job_events (at)
    """,
    "ix_sync_runs_started_at": """
        create index concurrently ix_sync_runs_started_at on sync_runs (started_at)
    """,
    "ix_audit_log_at": """
        create index concurrently ix_audit_log_at on audit_log (at)
    """,
    "ix_sync_schedules_drafts": """
        create index concurrently ix_sync_schedules_drafts on sync_schedules (drafts_due_at)
            where switched_off_at is null and drafts_due_at is not null
    """,
    "ix_procrastinate_jobs_due": """
        create index concurrently ix_procrastinate_jobs_due
            on procrastinate_jobs (coalesce(scheduled_at, '-infinity'::timestamptz), id) where status = 'todo'
    """,
    "ix_procrastinate_jobs_lock": """
        create index concurrently ix_procrastinate_jobs_lock
            on procrastinate_jobs (lock, coalesce(scheduled_at, '-infinity'::timestamptz), id) where status = 'todo'
    """,
}
