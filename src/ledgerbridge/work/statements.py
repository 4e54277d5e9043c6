"""What we ask of the queue library's tables beyond what its own functions do, and why each is ours.

A job is `todo` (waiting), `doing` (taken by a worker), then `succeeded`, `failed` (tried often enough) or `aborted`
(its work was left to a waiting job with the same queueing lock). `worker_id` and `attempts` together name one run.
"""

from __future__ import annotations

_WAKE = """pg_notify('procrastinate_any_queue_v1', json_build_object('type', 'job_inserted', 'job_id', {id})::text)"""

# The library raises a unique violation for a queueing lock in use, which would end the caller's transaction. This
# writes to the waiting job instead, and so locks its row: workers pass it by until the caller commits. Without that it
# could start before the commit, miss what the caller is just writing, and leave nobody to look again.
_DEFER = """
    insert into procrastinate_jobs as j (queue_name, task_name, lock, queueing_lock, args, scheduled_at)
    select 'default', cast({name} as text), cast({lock} as text), cast({queueing_lock} as text),
           cast({args} as jsonb), now() + make_interval(secs => cast({seconds} as float8))
    {where}
    on conflict (queueing_lock) where status = 'todo'
        do update set scheduled_at = excluded.scheduled_at where excluded.scheduled_at < j.scheduled_at
    returning id, xmax = 0 as inserted
"""
DEFER_ALL = _DEFER.format(
    where="from unnest(cast(:locks as text[]), cast(:queueing_locks as text[]), cast(:all_args as text[]), "
    "cast(:all_seconds as float8[])) as o(lock, queueing_lock, args, seconds)",
    name=":name",
    lock="o.lock",
    queueing_lock="o.queueing_lock",
    args="o.args",
    seconds="o.seconds",
)
DEFER = _DEFER.format(
    where="", name=":name", lock=":lock", queueing_lock=":queueing_lock", args=":args", seconds=":seconds"
)


def defer_from(source: str) -> str:
    """The same as part of a larger statement: for each row of `source`, whose columns bear the names of an order's.

    No two of them with one `queueing_lock`. Whoever uses it also wakes: `WAKE`.
    """
    columns = {part: part for part in ("name", "lock", "queueing_lock", "args", "seconds")}
    return _DEFER.format(where=f"from {source}", **columns)


WAKE = "select " + _WAKE.format(id="0")
"""Tells workers to look, of no job in particular."""

# The time a job waits for, as its index (`ix_procrastinate_jobs_due`) has it.
_DUE = "coalesce({of}scheduled_at, '-infinity'::timestamptz)"
TAKE_AMONG = 100
"""Jobs that are looked through, in the order of their time, for one that may run."""
WALKED = 200
"""Locks that are gone through, where so many jobs wait behind others."""
# The library's own function reads every job that waits, whether or not its time has come, and compares each with all
# others that wait. Here the index gives those whose time has come, the oldest first, and each is asked by index
# whether its lock is free: nothing with the same lock is under way, and the time of nothing with it came before. (To
# the library, a job that waits for its time holds back those enqueued after it.) A row that a transaction holds is
# passed by. `seen` and `next` tell what to do when there is nothing to take.
_LOCK_IS_FREE = f"""
    ({{of}}lock is null or (
        not exists (select 1 from procrastinate_jobs o where o.lock = {{of}}lock and o.status = 'doing')
        and not exists (select 1 from procrastinate_jobs o where o.lock = {{of}}lock and o.status = 'todo'
            and ({_DUE.format(of="o.")}, o.id) < ({{at}}, {{of}}id))))
"""  # noqa: S608
_OF_THOSE_SEEN = f"""
    select j.id from due join procrastinate_jobs j on j.id = due.id
    where j.status = 'todo' and {_LOCK_IS_FREE.format(of="due.", at="due.at")}
    order by due.at, due.id limit 1 for update of j skip locked
"""  # noqa: S608
_TAKEN = f"""
    taken as (
        update procrastinate_jobs j set status = 'doing', worker_id = %(worker_id)s
        from chosen where j.id = chosen.id
        returning j.*
    )
    select t.*, {{seen}} as seen, case when t.id is null then (
        select extract(epoch from min({_DUE.format(of="n.")}) - now())::float8 from procrastinate_jobs n
        where n.status = 'todo' and {_DUE.format(of="n.")} > now()) end as next
    from (select 1) one left join taken t on true
"""  # noqa: S608
TAKE = f"""
    with due as materialized (
        select id, lock, {_DUE.format(of="")} as at from procrastinate_jobs
        where status = 'todo' and {_DUE.format(of="")} <= now()
        order by {_DUE.format(of="")}, id limit {TAKE_AMONG}
    ), chosen as ({_OF_THOSE_SEEN}), {_TAKEN.format(seen="(select count(*) from due)")}
"""  # noqa: S608
# For when as many wait behind the locks of others: from lock to lock instead of from job to job. Of a company with ten
# thousand jobs that wait for one under way, only the first is read. Where there are too many locks to see all, nothing
# is taken, because whoever is not seen would never have a turn; `seen` says so.
TAKE_BY_LOCK = f"""
    with recursive heads as (
        (select lock, id, {_DUE.format(of="")} as at from procrastinate_jobs
         where status = 'todo' and lock is not null order by lock, {_DUE.format(of="")}, id limit 1)
        union all
        select n.* from heads h cross join lateral (
            select j.lock, j.id, {_DUE.format(of="j.")} as at from procrastinate_jobs j
            where j.status = 'todo' and j.lock > h.lock order by j.lock, {_DUE.format(of="j.")}, j.id limit 1) n
    ), walked as materialized (
        select * from heads limit {WALKED}
    ), free as (
        select id, lock, {_DUE.format(of="")} as at from procrastinate_jobs
        where status = 'todo' and lock is null and {_DUE.format(of="")} <= now()
        order by {_DUE.format(of="")}, id limit {TAKE_AMONG}
    ), due as materialized (
        select id, lock, at from walked where at <= now() and (select count(*) from walked) < {WALKED}
        union all select id, lock, at from free where (select count(*) from walked) < {WALKED}
    ), chosen as ({_OF_THOSE_SEEN}), {_TAKEN.format(seen="(select count(*) from walked)")}
"""  # noqa: S608
# For when there are too many locks, too: job after job, to the first that may run.
TAKE_ANY = f"""
    with chosen as (
        select j.id from procrastinate_jobs j
        where j.status = 'todo' and {_DUE.format(of="j.")} <= now()
            and {_LOCK_IS_FREE.format(of="j.", at=_DUE.format(of="j."))}
        order by {_DUE.format(of="j.")}, j.id limit 1 for update of j skip locked
    ), {_TAKEN.format(seen="0")}
"""  # noqa: S608

# The library's finish and retry ask only for the job's id. A worker that was taken for dead and comes back would end
# or restart the run of the one that took over.
_THIS_RUN = """
    id = %(id)s and status = 'doing' and attempts = %(attempts)s
    and worker_id is not distinct from %(worker_id)s::bigint
"""
# Whoever waits behind the lock that is free now is told of; the library leaves that to the next poll.
FINISH = f"""
    with ended as (
        update procrastinate_jobs
        set status = %(status)s::procrastinate_job_status, attempts = attempts + 1,
            worker_id = null, abort_requested = false
        where {_THIS_RUN}
        returning id, lock
    )
    select id, case when exists (
        select 1 from procrastinate_jobs o where o.lock = ended.lock and o.status = 'todo'
            and {_DUE.format(of="o.")} <= now()
    ) then {_WAKE.format(id="id")}::text end from ended
"""  # noqa: S608
# The library's retry breaks the unique index when an equal job waits already, and would leave this one `doing`, with
# its lock, for ever. It also tells nobody, so that other workers would wait for their next poll.
REQUEUE = f"""
    with mine as (
        select id, queueing_lock from procrastinate_jobs where {_THIS_RUN} for update
    ), moved as (
        update procrastinate_jobs j
        set status = (case when exists (
                select 1 from procrastinate_jobs o where o.queueing_lock = mine.queueing_lock and o.status = 'todo'
            ) then 'aborted' else 'todo' end)::procrastinate_job_status,
            attempts = j.attempts + %(counted)s, worker_id = null, abort_requested = false,
            scheduled_at = now() + make_interval(secs => %(seconds)s::float8)
        from mine where j.id = mine.id
        returning j.id, j.status
    )
    select id, status::text,
        case when %(seconds)s::float8 <= 0 or status = 'aborted' then {_WAKE.format(id="id")}::text end
    from moved
"""  # noqa: S608

ARM = """
    insert into procrastinate_jobs (queue_name, task_name, lock, queueing_lock, args, scheduled_at)
    select 'default', %(name)s, %(key)s, %(key)s, '{}', now()
    where not exists (select 1 from procrastinate_jobs where queueing_lock = %(key)s and status = 'todo')
      and not exists (select 1 from procrastinate_jobs where lock = %(key)s and status = 'doing')
    on conflict do nothing
"""
NEXT = """
    insert into procrastinate_jobs (queue_name, task_name, lock, queueing_lock, args, scheduled_at)
    values ('default', %(name)s, %(key)s, %(key)s, '{}', now() + make_interval(secs => %(seconds)s::float8))
    on conflict do nothing
"""
HASTEN = """
    update procrastinate_jobs set scheduled_at = now() + make_interval(secs => %(seconds)s::float8)
    where queueing_lock = %(key)s and status = 'todo'
      and scheduled_at > now() + make_interval(secs => %(seconds)s::float8)
"""

# A sign of life, and with it all that a sweep would look for, so that an idle worker asks one thing and not twenty; and
# whether there is work that nobody told of.
BEAT = f"""
    with beat as (
        update procrastinate_workers set last_heartbeat = now() where id = %(worker_id)s returning id
    )
    select exists (select 1 from beat) as known,
        exists (select 1 from procrastinate_workers
                where last_heartbeat < now() - make_interval(secs => %(stalled_after)s::float8)) as silent,
        exists (select 1 from procrastinate_jobs where status = 'doing' and worker_id is null) as orphaned,
        array(select id || '/' || attempts from procrastinate_jobs
              where status = 'doing' and worker_id = %(worker_id)s) as mine,
        exists (select 1 from unnest(%(keys)s::text[]) as p(key)
                where not exists (select 1 from procrastinate_jobs where queueing_lock = p.key and status = 'todo')
                  and not exists (select 1 from procrastinate_jobs where lock = p.key and status = 'doing')
        ) as unplanned,
        exists (select 1 from procrastinate_jobs where status = 'todo' and {_DUE.format(of="")} <= now()) as due
"""  # noqa: S608

# The library's clean-up sorts all events of all jobs. Here the oldest jobs are asked, up to the last that was made
# before the time that all are kept: ids rise with time, so that one is found by halving. A subquery, because as a join
# it would be made by reading all events.
FORGET_AT_ONCE = 5000
FORGET = f"""
    with gone as (
      delete from procrastinate_jobs where id in (
        select j.id from procrastinate_jobs j
        where j.id <= %(newest)s::bigint and j.status in ('succeeded', 'failed', 'cancelled', 'aborted')
          and coalesce((select max(e.at) from procrastinate_events e where e.job_id = j.id), '-infinity')
            <= now() - make_interval(
              secs => case j.status when 'failed' then %(failed_seconds)s::float8 else %(seconds)s::float8 end)
        order by j.id limit {FORGET_AT_ONCE} for update skip locked
      ) returning id
    ), said as (
      delete from work_failures f using gone where f.job_id = gone.id
    )
    select count(*) as gone from gone
"""  # noqa: S608
SPAN = "select coalesce(min(id), 0) as first, coalesce(max(id), 0) as last from procrastinate_jobs"
MADE_BEFORE = """
    select coalesce(min(e.at) < now() - make_interval(secs => %(seconds)s::float8), false) as before
    from procrastinate_events e
    where e.job_id = (select id from procrastinate_jobs where id >= %(id)s::bigint order by id limit 1)
"""

# Running jobs are left to their workers, which end them within their time.
FORGET_OF = """
    with gone as (
        delete from procrastinate_jobs where status <> 'doing' and args @> cast(:arguments as jsonb) returning id
    ), said as (
        delete from work_failures f using gone where f.job_id = gone.id
    )
    select id from gone
"""

FAILURE = """
    insert into work_failures (job_id, at, error, place) values (%(id)s, now(), %(error)s, %(place)s)
    on conflict (job_id) do update set at = excluded.at, error = excluded.error, place = excluded.place
"""

STATS = """
    select count(*) filter (where status = 'todo' and (scheduled_at is null or scheduled_at <= now())) as waiting,
           count(*) filter (where status = 'todo' and scheduled_at > now()) as scheduled,
           count(*) filter (where status = 'todo' and attempts > 0) as retrying,
           count(*) filter (where status = 'doing') as running,
           count(*) filter (where status = 'failed') as failed,
           coalesce(extract(epoch from now() - min(coalesce(scheduled_at, now()))
               filter (where status = 'todo' and (scheduled_at is null or scheduled_at <= now()))), 0)::float8 as oldest
    from procrastinate_jobs where status in ('todo', 'doing', 'failed')
"""
WORKERS = """
    select id, extract(epoch from now() - last_heartbeat)::float8 as silent from procrastinate_workers order by silent
"""

# ------------------------------------------------------------------ for people

BY_TASK = """
    select task_name as task, status::text as status, count(*) as jobs,
           coalesce(extract(epoch from now() - min(coalesce(scheduled_at, now()))
               filter (where status = 'todo' and (scheduled_at is null or scheduled_at <= now()))), 0)::float8 as oldest
    from procrastinate_jobs where status in ('todo', 'doing', 'failed')
    group by task_name, status
"""
_STARTED = "(select max(e.at) from procrastinate_events e where e.job_id = j.id and e.type = 'started')"
_ENDED = "(select max(e.at) from procrastinate_events e where e.job_id = j.id)"
RUNNING = f"""
    select j.id, j.task_name as task, j.args, j.attempts, {_STARTED} as since, j.worker_id as worker,
           w.last_heartbeat is null or w.last_heartbeat < now() - make_interval(secs => :stalled_after) as stalled
    from procrastinate_jobs j left join procrastinate_workers w on w.id = j.worker_id
    where j.status = 'doing' order by j.id limit :limit
"""  # noqa: S608
FAILED = f"""
    select j.id, j.task_name as task, j.args, j.attempts, {_ENDED} as since, f.error, f.place
    from procrastinate_jobs j left join work_failures f on f.job_id = j.id
    where j.status = 'failed' and (cast(:before as bigint) is null or j.id < :before)
    order by j.id desc limit :limit
"""  # noqa: S608
PERIODIC = """
    select w.key, min(j.scheduled_at) filter (where j.status = 'todo') as next,
           coalesce(bool_or(j.status = 'doing'), false) as running,
           (select max(e.at) from procrastinate_events e
            where e.type = 'succeeded' and e.job_id = max(j.id) filter (where j.status = 'succeeded')) as last
    from unnest(cast(:keys as text[])) as w(key) left join procrastinate_jobs j on j.lock = w.key
    group by w.key
"""
# The work is asked for anew and the failed job set aside, so that an equal one that waits already stands for it.
TAKE_FAILED = """
    select task_name as task, lock, queueing_lock, args from procrastinate_jobs
    where id = :id and status = 'failed' for update
"""
SET_ASIDE = (
    "update procrastinate_jobs set status = 'cancelled' where id = :id and status = 'failed' returning task_name, args"
)
