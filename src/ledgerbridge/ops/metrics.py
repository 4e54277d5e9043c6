"""What the service counts and times, for Prometheus.

Lower rooms know nothing of Prometheus: they call plain functions that the composition root passes down. What the
database knows better than one process is read at scrape time (`ops.gauges`). No label carries an id, a name or an
amount; where a job or a company matters, the log has it.
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_CALL_SECONDS = (0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)
_JOB_SECONDS = (5, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400)
_SYNC_SECONDS = (0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600)
_WAIT_SECONDS = (0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)


class Metrics:
    """All instruments of one process, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._deliveries = self._counter("webhook_deliveries", "Webhook requests by what became of them.", "result")
        self._mismatches = self._counter(
            "webhook_company_mismatches", "Signed deliveries that name another company than the connected one."
        )
        self._jobs = self._counter("export_jobs", "Export jobs closed, by final status.", "status", "found_by")
        self._job_seconds = Histogram(
            "ledgerbridge_export_job_seconds",
            "From an export job's creation at Pleo to its final status.",
            buckets=_JOB_SECONDS,
            registry=self.registry,
        )
        self._items = self._counter("export_items", "Export items settled, by outcome.", "outcome")
        self._unannounced = self._counter(
            "export_jobs_unannounced", "Export jobs that polling found and no webhook announced."
        )
        self._calls = self._counter(
            "outgoing_calls",
            "Calls to Pleo and to ERPs by operation and answer (HTTP status, or the fault when none came).",
            "side",
            "operation",
            "status",
        )
        self._call_seconds = self._histogram("outgoing_call_seconds", "How long those calls took.", "side", "operation")
        self._refreshes = self._counter("token_refreshes", "Refreshes of a connection's tokens by result.", "result")
        self._sync_runs = self._counter("sync_runs", "Syncs ended, by kind and final status.", "kind", "status")
        self._sync_seconds = Histogram(
            "ledgerbridge_sync_run_seconds",
            "How long a sync took.",
            ("kind",),
            buckets=_SYNC_SECONDS,
            registry=self.registry,
        )
        self._sync_records = self._counter(
            "sync_records", "Records a sync compared, by kind and what was done.", "kind", "action"
        )
        self._budget_wait = Histogram(
            "ledgerbridge_pleo_budget_wait_seconds",
            "How long calls to Pleo waited for their turn in the request budget.",
            ("lane",),
            buckets=_WAIT_SECONDS,
            registry=self.registry,
        )
        self._removed = self._counter("rows_removed", "Rows deleted or emptied because their time was over.", "what")
        self._limited = self._counter("requests_limited", "Requests refused because there were too many.", "limit")
        self._requests = self._counter(
            "http_requests", "Requests answered, by route and status.", "method", "route", "status"
        )
        self._request_seconds = self._histogram("http_request_seconds", "How long answering took.", "method", "route")

        self.open_jobs = self._gauge("export_jobs_open", "Export jobs being worked, by phase.", "phase")
        self.waiting_deliveries = self._gauge("webhook_deliveries_waiting", "Accepted deliveries not looked at yet.")
        self.connections = self._gauge("connections", "Connections by status.", "status")
        self.polls_late = self._gauge(
            "polls_late_seconds", "How long the company that waits longest to be asked for export jobs has been due."
        )
        self.files_waiting = self._gauge(
            "voucher_files_waiting_seconds", "Age of the oldest closed file that is not where the customer wants it."
        )
        self.vouchers_waiting = self._gauge("vouchers_waiting", "Vouchers that are in no file yet.")
        self.files_stuck = self._gauge("voucher_files_stuck", "Closed files whose handover waits for a person.")
        self.unknown_postings = self._gauge("postings_unknown", "Postings nobody knows the outcome of.")
        self.sync_freshness = self._gauge(
            "sync_freshness", "Active connections by kind of sync and its state.", "kind", "state"
        )
        self.mapping_warnings = self._gauge(
            "mapping_warnings_open", "Things a configuration or category uses that the ERP no longer has.", "kind"
        )
        self.parked_vendors = self._gauge("vendors_parked", "Vendors of Pleo that wait for a person's decision.")
        self.confirmations = self._gauge(
            "sync_confirmations_waiting",
            "Newest syncs of a kind that wait for a person to allow archiving.",
        )
        self.invariant_violations = self._gauge(
            "invariant_violations", "Rows that break an invariant; not a number where nobody knows.", "invariant"
        )
        self.invariant_age = self._gauge(
            "invariant_checked_seconds",
            "Since an invariant was last checked to the end; infinite for never.",
            "invariant",
        )
        self.invariant_failed = self._gauge(
            "invariant_check_failed", "Whether the last check of an invariant could not run to its end.", "invariant"
        )
        self.queue_depth = self._gauge("queue_depth", "Tasks in the queue by status.", "status")
        self.queue_oldest = self._gauge("queue_oldest_waiting_seconds", "Age of the oldest task that is due and waits.")
        self.workers = self._gauge("workers_alive", "Workers with a recent heartbeat.")
        self.database_up = self._gauge("database_up", "Whether the database answered this scrape (1 or 0).")

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"ledgerbridge_{name}", text, labels, registry=self.registry)

    def _histogram(self, name: str, text: str, *labels: str) -> Histogram:
        return Histogram(f"ledgerbridge_{name}", text, labels, buckets=_CALL_SECONDS, registry=self.registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(f"ledgerbridge_{name}", text, labels, registry=self.registry)

    def delivery(self, result: str) -> None:
        """One webhook request ended as `result`: accepted (queued, duplicate, ...) or why it was refused."""
        self._deliveries.labels(result).inc()

    def mismatch(self) -> None:
        """A signed delivery named another company than its subscription's: alert on any (HOOK-026)."""
        self._mismatches.inc()

    def job(self, status: str, found_by: str, seconds: float) -> None:
        """One export job reached its final status, `seconds` after Pleo made it."""
        self._jobs.labels(status, found_by).inc()
        self._job_seconds.observe(seconds)

    def item(self, outcome: str) -> None:
        """One export item is settled: booked, nothing_to_post, failed or unknown."""
        self._items.labels(outcome).inc()

    def unannounced(self) -> None:
        """A job that only polling found, although webhooks are on."""
        self._unannounced.inc()

    def sync_run(self, kind: str, status: str, seconds: float) -> None:
        """One sync ended."""
        self._sync_runs.labels(kind, status).inc()
        self._sync_seconds.labels(kind).observe(seconds)

    def sync_records(self, kind: str, action: str, count: int) -> None:
        """So many records of a sync were created, updated, unchanged and so on."""
        self._sync_records.labels(kind, action).inc(count)

    def budget_wait(self, urgent: bool, seconds: float) -> None:
        """One call to Pleo got its turn."""
        self._budget_wait.labels("urgent" if urgent else "patient").observe(seconds)

    def call(self, side: str, operation: str, status: str, seconds: float) -> None:
        """One call to `pleo` or `erp` was answered with `status`, or not at all."""
        self._calls.labels(side, operation, status).inc()
        self._call_seconds.labels(side, operation).observe(seconds)

    def removed(self, what: str, rows: int) -> None:
        """Clearing away has deleted or emptied so many rows of one kind."""
        self._removed.labels(what).inc(rows)

    def refresh(self, result: str) -> None:
        """One token refresh ended as `result`."""
        self._refreshes.labels(result).inc()

    def limited(self, limit: str) -> None:
        """One request was refused with 429."""
        self._limited.labels(limit).inc()

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """One request was answered; `route` is the pattern, never the path."""
        self._requests.labels(method, route, str(status)).inc()
        self._request_seconds.labels(method, route).observe(seconds)

    def render(self) -> bytes:
        """Everything in Prometheus' text format (`CONTENT_TYPE`)."""
        return generate_latest(self.registry)
