-- One company as the code of revision 0001 wrote it, in every table of that revision, with every column it wrote.
-- Sealed values open with the key 000102...1f.
insert into connections (id, environment, company_id, company_name, status, status_reason, paused_by, auth_method, subject_urn, scopes,
    installation_id, installation_status, installation_read_at, created_at, updated_at, activated_at, disconnected_at)
values ('11111111-1111-4111-8111-111111111111', 'custom', 'aaaaaaaa-0000-4000-8000-000000000001', 'Første ApS', 'active', null, null,
    'oauth', 'urn:pleo:company:aaaaaaaa-0000-4000-8000-000000000001', 'export-jobs:read export-jobs:write', 'inst-1', 'ACTIVATED',
    '2026-01-02T03:04:05Z', '2026-01-01T00:00:00Z', '2026-01-02T00:00:00Z', '2026-01-02T00:00:00Z', null);
insert into credentials (connection_id, access_token_sealed, refresh_token_sealed, api_key_sealed, expires_at, expires_in, refreshed_at,
    generation, refresh_holder, refresh_until)
values ('11111111-1111-4111-8111-111111111111',
    '\x01c53e39324afbe38637dfe5452fb1dcde0fe6a7a9446f7b30a06c82268340679f237a2d14004a9446e74f48a14fd758483b07',
    '\x01c53e39324afbe3868b4bc36e9d22dca4d3bfe1209c6816cc9020261a06c459483c5a8a6ab842ce5d3132822084799bc1849c73',
    null, '2026-01-02T04:00:00Z', 3600, '2026-01-02T03:00:00Z', 7, null, null);
insert into connect_attempts (state_hash, browser_hash, verifier_sealed, created_at, expires_at, used_at)
values ('\x0000000000000000000000000000000000000000000000000000000000000000', '\x01',
    '\x01c53e39324afbe38645d5709a881c60ece1e27966462aea1d1cb8664cdac7fdf94a195b4b0f6b3d84f38c2453d6e5edf5386e3604',
    '2026-01-01T00:00:00Z', '2026-01-01T00:10:00Z', null);
insert into browser_sessions (token_hash, connection_id, created_at, expires_at)
values ('\x02', '11111111-1111-4111-8111-111111111111', '2026-01-01T00:00:00Z', '2026-01-01T08:00:00Z');
insert into erp_bindings (connection_id, kind, settings_sealed, settings_shown, company_key, company_ref, company_name,
    registration_number, currency, bound_at, bound_by)
values ('11111111-1111-4111-8111-111111111111', 'tryton',
    '\x01c53e39324afbe38675b1b67693b5345c7d6006143d9929babb0f616725e744c7834891f9c47c972bc9b50654830de72d3c2f1c9ff803e62e878325d774b4',
    '{"base_url": "https://erp.example", "database": "books", "company": 1}', 'tryton:erp.example/books:1', '1', 'Første ApS', '12345678', 'DKK',
    '2026-01-01T00:00:00Z', 'admin:ada');
insert into config_versions (connection_id, version, body, created_at, created_by)
values ('11111111-1111-4111-8111-111111111111', 1,
    '{"journal": "EXP", "accounts": {"wallet": {"*": "5820"}, "out_of_pocket": "6810", "contra": "5840"}, "time_zone": "Europe/Copenhagen"}',
    '2026-01-01T00:00:00Z', 'admin:ada');
insert into subscriptions (connection_id, path_token_hash, path_token_sealed, pleo_id, secret_sealed, secret_read_at, event_types, checked_at, ended_at)
values ('11111111-1111-4111-8111-111111111111', '\x03',
    '\x01c53e39324afbe386a74826346e3030d5140922f8951aa5b611ffbb08685828ba8c3c7d60d2950b167c61e7465c5ac9a0', 'sub-1',
    '\x01c53e39324afbe386cc51cfd813e60ab47b08941d6f698686e6e70f0acd573d7bcecd3361f34e20c2c621027b788bb3f223', '2026-01-01T00:00:00Z',
    '["v1.export-job.created"]', '2026-01-02T00:00:00Z', null);
insert into webhook_deliveries (id, connection_id, webhook_id, event_id, event_type, resource_id, company_id, status, note, received_at,
    settled_at, repeats)
values ('22222222-0000-4000-8000-000000000001', '11111111-1111-4111-8111-111111111111', 'msg_1', 'evt_1', 'v1.export-job.created', 'job-1',
    'aaaaaaaa-0000-4000-8000-000000000001', 'done', null, '2026-01-02T00:00:00Z', '2026-01-02T00:00:01Z', 2);
insert into export_jobs (id, connection_id, pleo_job_id, pleo_created_at, pleo_status, phase, found_by, announced_at, number_of_items,
    vendor_based, interactive, created_by, expires_in, last_action_at, config_version, claimed_at, started_at, closed_at, failure_type, failure_reason)
values ('33333333-0000-4000-8000-000000000001', '11111111-1111-4111-8111-111111111111', 'job-1', '2026-01-02T00:00:00Z',
    'completed_with_errors', 'closed', 'webhook', '2026-01-02T00:00:00Z', 2, false, true, 'user-1', 14400, '2026-01-02T00:01:00Z', 1,
    '2026-01-02T00:00:02Z', '2026-01-02T00:00:03Z', '2026-01-02T00:01:00Z', null, null),
    ('33333333-0000-4000-8000-000000000002', '11111111-1111-4111-8111-111111111111', 'job-2', '2026-01-03T00:00:00Z', 'in_progress', 'fetched',
    'poll', null, 1, false, true, null, 14400, '2026-01-03T00:01:00Z', 1, '2026-01-03T00:00:02Z', '2026-01-03T00:00:03Z', null, null, null);
insert into export_job_events (connection_id, job_id, at, name, detail)
values ('11111111-1111-4111-8111-111111111111', '33333333-0000-4000-8000-000000000001', '2026-01-02T00:00:02Z', 'claimed',
    '{"found_by": "webhook", "items": 2}');
insert into postings (id, connection_id, accounting_entry_id, revision, state, digest, total, currency, config_version, job_id, fence, erp_kind,
    erp_id, erp_number, erp_url, final, intended_at, booked_at, by_hand, note)
values ('44444444-0000-4000-8000-000000000001', '11111111-1111-4111-8111-111111111111', 'entry-1', 1, 'booked', 'v1:abc', '1250.00', 'DKK', 1,
    '33333333-0000-4000-8000-000000000001', 3, 'tryton', '17', 'EXP/2026/17', 'https://erp.example/#books/model/account.move/17', true,
    '2026-01-02T00:00:10Z', '2026-01-02T00:00:11Z', false, null),
    ('44444444-0000-4000-8000-000000000002', '11111111-1111-4111-8111-111111111111', 'entry-3', 1, 'intended', 'v1:def', '99.50', 'DKK', 1,
    '33333333-0000-4000-8000-000000000002', 4, 'tryton', null, null, null, false, '2026-01-03T00:00:10Z', null, false, null);
insert into export_items (job_id, accounting_entry_id, connection_id, position, payload, state, attempts, failure, failure_type, failure_reason,
    internal, posting_id, reported_at, report_refusal)
values ('33333333-0000-4000-8000-000000000001', 'entry-1', '11111111-1111-4111-8111-111111111111', 0, null, 'booked', 1, null, null, null, null,
    '44444444-0000-4000-8000-000000000001', '2026-01-02T00:00:20Z', null),
    ('33333333-0000-4000-8000-000000000001', 'entry-2', '11111111-1111-4111-8111-111111111111', 1, null, 'failed', 1, 'account_unknown',
    'validation_failure', 'Account 9999 does not exist.', '9999', null, '2026-01-02T00:00:20Z', null),
    ('33333333-0000-4000-8000-000000000002', 'entry-3', '11111111-1111-4111-8111-111111111111', 0, '{"id": "entry-3", "amount": 9950}', 'waiting', 0,
    null, null, null, null, '44444444-0000-4000-8000-000000000002', null, null);
insert into observed_signs (connection_id, type, sub_type, sign) values ('11111111-1111-4111-8111-111111111111', 'card_purchase', '', -1);
insert into leases (connection_id, holder, fence, expires_at) values ('11111111-1111-4111-8111-111111111111', 'host/1/aa', 4, '2026-01-03T00:01:00Z');
insert into rate_budgets (key, next_free_at) values ('custom', '2026-01-03T00:00:00Z');
insert into audit_log (at, actor, connection_id, action, detail)
values ('2026-01-01T00:00:00Z', 'admin:ada', '11111111-1111-4111-8111-111111111111', 'erp_bound', '{"kind": "tryton", "company": "Første ApS"}');
