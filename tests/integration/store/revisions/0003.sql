-- What the code of revision 0003 wrote into its new tables and columns, for the company of 0001.
update connections set activating_since = '2026-02-01T00:00:00Z', activating_by = 'customer', activation_refusal = null;
update erp_bindings set limits = 'Matching is not installed.';
update postings set document = 'bill', moved_from = null where accounting_entry_id = 'entry-1';
update rate_budgets set urgent_until = '2026-02-01T00:00:00Z', paused_until = null;
insert into leases (connection_id, scope, holder, fence, expires_at)
values ('11111111-1111-4111-8111-111111111111', 'syncs', 'host/1/bb', 2, '2026-02-01T00:01:00Z');
insert into sync_schedules (connection_id, kind, next_due_at, config_version, drafts_due_at, last_started_at, last_success_at, failing_since,
    failures, warned_at, switched_off_at, switched_off_reason, note)
values ('11111111-1111-4111-8111-111111111111', 'vendors', '2026-02-02T00:00:00Z', 1, '2026-02-01T00:15:00Z', '2026-02-01T00:00:00Z',
    '2026-02-01T00:00:09Z', null, 0, null, null, null, null);
insert into sync_runs (id, connection_id, kind, trigger, "only", status, started_at, ended_at, created, updated, unarchived, archived, unchanged,
    skipped, failed, calls, failure, reason, problems, problems_left_out, to_archive, held, archive_allowed, allowed_by)
values ('55555555-0000-4000-8000-000000000001', '11111111-1111-4111-8111-111111111111', 'vendors', 'schedule', null, 'needs_confirmation',
    '2026-02-01T00:00:00Z', '2026-02-01T00:00:09Z', 1, 2, 0, 0, 3, 1, 0, 12, null, null,
    '[{"record": "vendor 7", "action": "none", "code": "parked", "text": "No country."}]', 0, 2, '["v1", "v2"]', null, null);
insert into vendor_links (id, connection_id, pleo_id, erp_id, code, merged_into, phase, erp_digest, pleo_digest, note, writes, writes_since,
    created_at, updated_at)
values ('66666666-0000-4000-8000-000000000001', '11111111-1111-4111-8111-111111111111', 'v1', '7', '10007', null, 'linked', 'e1', 'p1', null, 1,
    '2026-02-01T00:00:00Z', '2026-02-01T00:00:00Z', '2026-02-01T00:00:00Z');
insert into mapping_warnings (id, connection_id, kind, code, used_by, text, seen_at, resolved_at)
values ('77777777-0000-4000-8000-000000000001', '11111111-1111-4111-8111-111111111111', 'accounts', '5820', 'configuration: accounts.wallet.*',
    'Account 5820 is gone.', '2026-02-01T00:00:00Z', null);
insert into settlements (posting_id, connection_id, side, vendor_id, number, amount, currency, reconciliation_id, settles, own_payment, state,
    group_id, tried_at, settled_at)
values ('44444444-0000-4000-8000-000000000001', '11111111-1111-4111-8111-111111111111', 'bill', '7', 'INV-1', '1250.00', 'DKK', 'REC-1', '["REC-0"]', false,
    'open', null, null, null);
