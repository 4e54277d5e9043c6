-- Work in the queue as the code of revision 0002 enqueued it.
insert into procrastinate_jobs (queue_name, task_name, lock, queueing_lock, args, scheduled_at)
values ('default', 'exports.look', 'exports:11111111-1111-4111-8111-111111111111', 'exports:11111111-1111-4111-8111-111111111111',
    '{"connection_id": "11111111-1111-4111-8111-111111111111", "found_by": "webhook"}', '2026-01-03T00:00:00Z');
