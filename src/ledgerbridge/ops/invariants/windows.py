"""Pieces that several queries share."""

from __future__ import annotations

RECENT_JOBS = """
    recent_jobs as (
        select * from export_jobs where phase <> 'closed'
        union all
        select * from export_jobs where phase = 'closed' and closed_at > now() - interval '30 days'
    )
"""
"""Export jobs that are open or were closed in the last 30 days, by index. What was broken earlier was seen then."""

HELD = """
    exists (
        select 1 from leases l
        where l.connection_id = {owner} and l.scope = '{scope}' and l.expires_at > clock_timestamp()
    )
"""
"""Whether somebody works on the company just now."""


def held(owner: str, scope: str) -> str:
    """Whether somebody has the lease on the connection `owner` for `scope`."""
    return HELD.format(owner=owner, scope=scope)
