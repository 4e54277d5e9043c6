"""One module a figure: `FIGURE` says what it is and what it must reach, `measure()` measures both terms.

A figure runs in a process of its own, on loopback, with PostgreSQL and every server started for it and ended by it.
"""

ORDER = (
    "webhook_intake",
    "webhook_p99",
    "job_double",
    "job_tryton",
    "pleo_calls",
    "sql_per_item",
    "memory_100k",
    "time_per_item_100k",
    "receipt_memory",
    "mapping",
    "claim_latency",
    "fairness",
    "second_replica",
    "idle_queries",
    "cold_start",
)
"""Every figure, from what a user meets first to what an operator meets last."""
