"""The stage refuses what the contracts do not know; else the other tests here would prove little."""

from __future__ import annotations

import httpx
import pytest

from ledgerbridge.pleo.transport import Call

JOB = "b4c4d068-ebbe-45b7-b562-2f16f0deb8b9"


@pytest.mark.parametrize(
    "call",
    [
        Call("x", "GET", "/v9/nothing"),
        Call("x", "PATCH", "/v3/export-jobs"),
        Call("x", "GET", "/v3/export-jobs", [("companyId", JOB)]),
        Call("x", "GET", "/v3/export-jobs", [("company_id", "no-uuid")]),
        Call("x", "GET", "/v3/export-jobs", [("statuses", "running")]),
        Call("x", "GET", "/v3/export-jobs", [("after", "lower")]),
        Call("x", "POST", "/v3/export-job-events", body={"exportJobId": JOB, "event": "started"}),
        Call("x", "PUT", f"/v3/export-jobs/{JOB}/items", body=[{"accountingEntryId": JOB, "status": None}]),
        Call("x", "POST", "/v1/installations/me:activate", body={}),
    ],
)
async def test_a_request_outside_the_contracts_is_caught(stage, call: Call) -> None:
    stage.answers(httpx.Response(200))
    with pytest.raises(AssertionError):
        await stage.client.send(call)
    stage.script.clear()
