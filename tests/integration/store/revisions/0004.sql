-- What the code of revision 0004 wrote into its new table and column, for the company of 0001.
update postings set posting_date = '2026-02-01' where accounting_entry_id = 'entry-1';
insert into invariant_checks (name, tried_at, checked_at, violations, samples, since, failure)
values ('one-live-posting', '2026-02-01T00:10:00Z', '2026-02-01T00:10:00Z', 0, '[]', null, null),
    ('job-within-expiry', '2026-02-01T00:10:00Z', '2026-02-01T00:05:00Z', 1, '["job 1"]', '2026-02-01T00:00:00Z', 'statement timeout');
