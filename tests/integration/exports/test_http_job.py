"""A whole job over the HTTP target, bound as any company is: every item once at the partner, receipts with it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from ledgerbridge.connections import erp_binding
from ledgerbridge.erp.conformance.bench import Fate, Fault, Step
from ledgerbridge.erp.http_target import HttpAdapter
from ledgerbridge.outgoing.addresses import Reach
from tests.support.http_target import IMPATIENT, FaultyTransport, HttpBench, running
from tests.support.rig import Rig

GOOD = ("card_purchase", "receipt_many", "out_of_pocket", "mileage", "per_diem", "refund", "wallet_topup", "fee")


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[HttpBench]:
    with running(tmp_path, batch=4) as (books, base_url):
        yield HttpBench(books, base_url)


async def bound(rig: Rig, bench: HttpBench, fault: Fault | None) -> None:
    room = rig.context.connections
    faulty = FaultyTransport(fault)
    adapter = HttpAdapter(reach=Reach(local=True), patience=IMPATIENT, transport=lambda: Kept(faulty))
    cast("dict[str, Any]", room.erps)["http"] = adapter
    shown = await erp_binding.bind(room, rig.connection_id, "http", bench.settings, "test", confirm_company_change=True)
    assert (shown.company.name, dict(shown.settings)) == (
        "Reference ApS",
        {"base_url": bench.base_url, "company": "1"},
    )


class Kept(FaultyTransport):
    """The same wire at every opening, with one fault for all."""

    def __init__(self, wire: FaultyTransport) -> None:
        self._of = wire

    async def handle_async_request(self, request: Any) -> Any:
        return await self._of.handle_async_request(request)

    async def aclose(self) -> None:
        """It is opened again."""


@pytest.mark.rule("EXP-REC-04", "EXP-IDEM-02", "EXP-POST-06")
@pytest.mark.parametrize(
    "fault",
    [None, Fault(Step.CREATE_MANY, Fate.REPLY_LOST, times=2), Fault(Step.CREATE, Fate.NEVER_ARRIVED, spared=1)],
    ids=["all well", "replies lost", "a request lost"],
)
async def test_every_item_stands_once_with_its_receipts(rig: Rig, bench: HttpBench, fault: Fault | None) -> None:
    await bound(rig, bench, fault)
    ids = rig.pleo.queue(*GOOD)
    job_id = rig.pleo.export(ids)
    await rig.look()
    job = rig.pleo.job(job_id)
    assert (job["status"], {item["status"] for item in job["items"]}) == ("completed", {"successful"})
    receipts = 0
    for id_ in ids:
        (standing,) = await bench.entries(id_)
        assert standing.final
        receipts += len(await bench.files(standing.id))
    assert receipts
