"""What is counted, under which names."""

from __future__ import annotations

from ledgerbridge.ops.metrics import Metrics


def test_every_event_is_counted_under_its_name_and_labels() -> None:
    metrics = Metrics()
    metrics.delivery("queued")
    metrics.mismatch()
    metrics.job("completed", "webhook", 12.5)
    metrics.item("booked")
    metrics.unannounced()
    metrics.call("pleo", "getExportJobs", "200", 0.2)
    metrics.refresh("renewed")
    metrics.request("GET", "/healthz", 200, 0.01)
    shown = metrics.render().decode()
    for line in (
        'ledgerbridge_webhook_deliveries_total{result="queued"} 1.0',
        "ledgerbridge_webhook_company_mismatches_total 1.0",
        'ledgerbridge_export_jobs_total{found_by="webhook",status="completed"} 1.0',
        "ledgerbridge_export_job_seconds_sum 12.5",
        'ledgerbridge_export_items_total{outcome="booked"} 1.0',
        "ledgerbridge_export_jobs_unannounced_total 1.0",
        'ledgerbridge_outgoing_calls_total{operation="getExportJobs",side="pleo",status="200"} 1.0',
        'ledgerbridge_outgoing_call_seconds_count{operation="getExportJobs",side="pleo"} 1.0',
        'ledgerbridge_token_refreshes_total{result="renewed"} 1.0',
        'ledgerbridge_http_requests_total{method="GET",route="/healthz",status="200"} 1.0',
    ):
        assert line in shown


def test_two_processes_in_one_interpreter_do_not_share_counters() -> None:
    one, other = Metrics(), Metrics()
    one.item("booked")
    assert other.registry.get_sample_value("ledgerbridge_export_items_total", {"outcome": "booked"}) is None
