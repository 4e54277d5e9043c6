"""The tables of the first release. `ledgerbridge.store.tables` says what each is for."""

from __future__ import annotations

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)


STATEMENTS = [
    """
        create table connections (
            id uuid not null,
            environment text not null,
            company_id text not null,
            company_name text,
            status text not null,
            status_reason text,
            paused_by text,
            auth_method text not null,
            subject_urn text not null,
            scopes text not null,
            installation_id text,
            installation_status text,
            installation_read_at timestamptz,
            created_at timestamptz default now() not null,
            updated_at timestamptz default now() not null,
            activated_at timestamptz,
            disconnected_at timestamptz,
            constraint pk_connections primary key (id),
            constraint uq_connections_environment_company_id unique (environment, company_id),
            constraint ck_connections_status_known
                check (status in ('setting_up', 'active', 'paused', 'reconnect_needed', 'disconnected'))
        )
    """,
    """
        create table credentials (
            connection_id uuid not null,
            access_token_sealed bytea,
            refresh_token_sealed bytea,
            api_key_sealed bytea,
            expires_at timestamptz,
            expires_in integer,
            refreshed_at timestamptz,
            generation integer not null,
            refresh_holder text,
            refresh_until timestamptz,
            constraint pk_credentials primary key (connection_id),
            constraint fk_credentials_connection_id foreign key(connection_id) references connections (id)
        )
    """,
    """
        create table connect_attempts (
            state_hash bytea not null,
            browser_hash bytea not null,
            verifier_sealed bytea not null,
            created_at timestamptz default now() not null,
            expires_at timestamptz not null,
            used_at timestamptz,
            constraint pk_connect_attempts primary key (state_hash)
        )
    """,
    "create index ix_connect_attempts_expires_at on connect_attempts (expires_at)",
    """
        create table browser_sessions (
            token_hash bytea not null,
            connection_id uuid not null,
            created_at timestamptz default now() not null,
            expires_at timestamptz not null,
            constraint pk_browser_sessions primary key (token_hash),
            constraint fk_browser_sessions_connection_id foreign key(connection_id) references connections (id)
        )
    """,
    "create index ix_browser_sessions_connection_id on browser_sessions (connection_id)",
    """
        create table erp_bindings (
            connection_id uuid not null,
            kind text not null,
            settings_sealed bytea,
            settings_shown jsonb not null,
            company_key text,
            company_ref text not null,
            company_name text not null,
            registration_number text,
            currency text not null,
            bound_at timestamptz default now() not null,
            bound_by text not null,
            constraint pk_erp_bindings primary key (connection_id),
            constraint fk_erp_bindings_connection_id foreign key(connection_id) references connections (id),
            constraint uq_erp_bindings_company_key unique (company_key)
        )
    """,
    """
        create table config_versions (
            connection_id uuid not null,
            version integer not null,
            body jsonb not null,
            created_at timestamptz default now() not null,
            created_by text not null,
            constraint pk_config_versions primary key (connection_id, version),
            constraint fk_config_versions_connection_id foreign key(connection_id) references connections (id)
        )
    """,
    """
        create table subscriptions (
            connection_id uuid not null,
            path_token_hash bytea not null,
            path_token_sealed bytea not null,
            pleo_id text,
            secret_sealed bytea,
            secret_read_at timestamptz,
            event_types jsonb not null,
            checked_at timestamptz,
            ended_at timestamptz,
            constraint pk_subscriptions primary key (connection_id),
            constraint fk_subscriptions_connection_id foreign key(connection_id) references connections (id),
            constraint uq_subscriptions_path_token_hash unique (path_token_hash)
        )
    """,
    """
        create table webhook_deliveries (
            id uuid not null,
            connection_id uuid not null,
            webhook_id text not null,
            event_id text,
            event_type text not null,
            resource_id text,
            company_id text,
            status text not null,
            note text,
            received_at timestamptz default now() not null,
            settled_at timestamptz,
            repeats integer not null,
            constraint pk_webhook_deliveries primary key (id),
            constraint uq_webhook_deliveries_connection_id_webhook_id unique (connection_id, webhook_id),
            constraint ck_webhook_deliveries_status_known
                check (status in ('queued', 'done', 'parked', 'dropped')),
            constraint fk_webhook_deliveries_connection_id foreign key(connection_id) references connections (id)
        )
    """,
    """
        create index ix_webhook_deliveries_connection_id_received_at
            on webhook_deliveries (connection_id, received_at)
    """,
    "create index ix_webhook_deliveries_received_at_id on webhook_deliveries (received_at, id)",
    "create index ix_webhook_deliveries_waiting on webhook_deliveries (connection_id) where status = 'queued'",
    """
        create table export_jobs (
            id uuid not null,
            connection_id uuid not null,
            pleo_job_id text not null,
            pleo_created_at timestamptz not null,
            pleo_status text not null,
            phase text not null,
            found_by text not null,
            announced_at timestamptz,
            number_of_items integer not null,
            vendor_based boolean not null,
            interactive boolean not null,
            created_by text,
            expires_in integer not null,
            last_action_at timestamptz,
            config_version integer,
            claimed_at timestamptz default now() not null,
            started_at timestamptz,
            closed_at timestamptz,
            failure_type text,
            failure_reason text,
            constraint pk_export_jobs primary key (id),
            constraint uq_export_jobs_connection_id_pleo_job_id unique (connection_id, pleo_job_id),
            constraint ck_export_jobs_phase_known check (phase in ('claimed', 'started', 'fetched', 'closed')),
            constraint fk_export_jobs_connection_id foreign key(connection_id) references connections (id)
        )
    """,
    "create index ix_export_jobs_connection_id_pleo_created_at on export_jobs (connection_id, pleo_created_at)",
    "create index ix_export_jobs_open on export_jobs (connection_id) where phase <> 'closed'",
    """
        create table export_job_events (
            id bigserial not null,
            connection_id uuid not null,
            job_id uuid not null,
            at timestamptz default now() not null,
            name text not null,
            detail jsonb not null,
            constraint pk_export_job_events primary key (id),
            constraint fk_export_job_events_connection_id foreign key(connection_id) references connections (id),
            constraint fk_export_job_events_job_id foreign key(job_id) references export_jobs (id)
        )
    """,
    "create index ix_export_job_events_job_id_id on export_job_events (job_id, id)",
    """
        create table postings (
            id uuid not null,
            connection_id uuid not null,
            accounting_entry_id text not null,
            revision integer not null,
            state text not null,
            digest text,
            total text not null,
            currency text not null,
            config_version integer not null,
            job_id uuid,
            fence bigint not null,
            erp_kind text not null,
            erp_id text,
            erp_number text,
            erp_url text,
            final boolean not null,
            intended_at timestamptz not null,
            booked_at timestamptz,
            by_hand boolean default false not null,
            note text,
            constraint pk_postings primary key (id),
            constraint uq_postings_connection_id_accounting_entry_id_revision
                unique (connection_id, accounting_entry_id, revision),
            constraint ck_postings_state_known
                check (state in ('intended', 'booked', 'not_booked', 'unknown', 'reversed')),
            constraint fk_postings_connection_id foreign key(connection_id) references connections (id),
            constraint fk_postings_job_id foreign key(job_id) references export_jobs (id)
        )
    """,
    """
        create unique index uq_postings_one_live
            on postings (connection_id, accounting_entry_id) where state in ('intended', 'booked', 'unknown')
    """,
    "create index ix_postings_unknown on postings (connection_id) where state = 'unknown'",
    """
        create table export_items (
            job_id uuid not null,
            accounting_entry_id text not null,
            connection_id uuid not null,
            position integer not null,
            payload jsonb,
            state text not null,
            attempts integer not null,
            failure text,
            failure_type text,
            failure_reason text,
            internal text,
            posting_id uuid,
            reported_at timestamptz,
            report_refusal text,
            constraint pk_export_items primary key (job_id, accounting_entry_id),
            constraint uq_export_items_job_id_position unique (job_id, position),
            constraint ck_export_items_state_known
                check (state in ('waiting', 'booked', 'nothing_to_post', 'failed', 'unknown', 'abandoned')),
            constraint fk_export_items_job_id foreign key(job_id) references export_jobs (id),
            constraint fk_export_items_connection_id foreign key(connection_id) references connections (id),
            constraint fk_export_items_posting_id foreign key(posting_id) references postings (id)
        )
    """,
    """
        create index ix_export_items_connection_id_accounting_entry_id
            on export_items (connection_id, accounting_entry_id)
    """,
    "create index ix_export_items_unreported on export_items (job_id, position) where reported_at is null",
    """
        create table observed_signs (
            connection_id uuid not null,
            type text not null,
            sub_type text not null,
            sign integer not null,
            constraint pk_observed_signs primary key (connection_id, type, sub_type),
            constraint fk_observed_signs_connection_id foreign key(connection_id) references connections (id)
        )
    """,
    """
        create table leases (
            connection_id uuid not null,
            holder text not null,
            fence bigint not null,
            expires_at timestamptz not null,
            constraint pk_leases primary key (connection_id),
            constraint fk_leases_connection_id foreign key(connection_id) references connections (id)
        )
    """,
    """
        create table rate_budgets (
            key text not null,
            next_free_at timestamptz not null,
            constraint pk_rate_budgets primary key (key)
        )
    """,
    """
        create table audit_log (
            id bigserial not null,
            at timestamptz default now() not null,
            actor text not null,
            connection_id uuid,
            action text not null,
            detail jsonb not null,
            constraint pk_audit_log primary key (id),
            constraint fk_audit_log_connection_id foreign key(connection_id) references connections (id)
        )
    """,
    "create index ix_audit_log_connection_id_id on audit_log (connection_id, id)",
]
