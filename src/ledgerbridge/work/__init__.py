"""The durable queue on Postgres: enqueue inside a business transaction, run once at a time, lose nothing.

Knows no business meaning. `queue.Queue` is the door; the other modules are behind it.
"""
