-- What the code of revision 0005 wrote into its new tables and columns, for the company of 0001.
insert into setup_drafts (connection_id, body, step, settings_sealed, updated_at, updated_by)
values ('11111111-1111-4111-8111-111111111111', '{"accounts": {"wallet": "5820"}}', 'accounts',
    '\x01c53e39324afbe386f81de7b2387b2f3a409e415c0a18635b2470569b8c5da8838aefc0c58223130ce654ad46259ac704e5cfac8b96db92dcb6d3331a38',
    '2026-03-01T00:00:00Z', 'customer');
insert into admin_sessions (token_hash, name, method, credential, created_at, last_seen_at, expires_at)
values ('\xaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', 'ada', 'token', '\xbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb',
    '2026-03-01T00:00:00Z', '2026-03-01T00:05:00Z', '2026-03-01T12:00:00Z');
insert into oidc_attempts (state_hash, browser_hash, nonce_hash, verifier_sealed, return_to, created_at, expires_at, used_at)
values ('\x0505050505050505050505050505050505050505050505050505050505050505', '\xcccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc',
    '\xdddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd',
    '\x01c53e39324afbe386a296cfaf54a14e8e58769eeb177f1686db802b270ff297ce9f4a3021a58b1b7c11be1a1f4c15637f1d',
    '/admin/queue', '2026-03-01T00:00:00Z', '2026-03-01T00:10:00Z', null);
update connect_attempts set purpose = 'sign_in', return_to = '/settings/exports';
update browser_sessions set last_seen_at = '2026-03-01T00:00:00Z';
update webhook_deliveries set replays = 1, replayed_at = '2026-03-01T00:00:00Z', replayed_by = 'ada';
update postings set reversal_state = 'reversed', reversal_erp_id = '99', reversal_number = '2026/9', reversal_url = null,
    reversal_reason = 'Booked by mistake', reversal_by = 'customer', reversal_at = '2026-03-01T00:00:00Z'
    where accounting_entry_id = 'entry-1';
update export_items set pleo_url = 'https://app.pleo.io/expenses/1',
    glance = '{"type": "card_purchase", "date": "2026-02-01", "minor": 125000, "currency": "DKK"}';
insert into export_item_counts (job_id, state, connection_id, items)
select id, 'booked', connection_id, 1 from export_jobs;
insert into call_minutes (minute, system, outcome, calls, seconds) values ('2026-03-01T00:00:00Z', 'pleo', 'ok', 12, 1.5);
insert into delivery_refusals (day, reason, deliveries) values ('2026-03-01', 'signature', 3);
insert into work_failures (job_id, at, error, place) values (1, '2026-03-01T00:00:00Z', 'ValueError', 'exports/run.py:71');
