-- What the code of revision 0006 wrote into its new table, for the company of 0001.
insert into look_schedules (connection_id, due_at, looked_at, missed_at)
values ('11111111-1111-4111-8111-111111111111', '2026-03-01T00:10:00Z', '2026-03-01T00:00:00Z', null);
