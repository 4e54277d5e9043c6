"""The bookkeeper: expenses in the Export queue, the Export button, the results."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

from ledgerbridge.demo.calls import Calls, StoryError

NOT_BOOKED = frozenset({"zero_amount"})
"""Seeds that rightly make no entry; left out so that every posted item is one entry."""
PAYABLES = (
    "payable_card_purchase",
    "payable_invoice",
    "payable_invoice_payment",
    "payable_refund",
    "payable_out_of_pocket",
    "bad_payable_unknown_vendor",
)
"""Some of the seeds for accounts payable: a bill with its payment, an invoice paid by another item, a credit note."""
JOB_SECONDS = 600


@dataclass(frozen=True)
class Export:
    """One pressed Export."""

    job_id: str
    bad_seeds: int
    """Items that are deliberately bad."""


class Bookkeeper:
    """One company's bookkeeper, in front of Pleo."""

    def __init__(self, calls: Calls, company_id: str) -> None:
        self._calls = calls
        self._company_id = company_id

    def prepare(self, chart: dict[str, Any]) -> None:
        """Let expenses carry these codes, and say in Pleo which account its wallet is."""
        contra = {"contra_accounts": {"DKK": chart["accounts"]["wallet"]}}
        self._calls.pleo("PUT", f"/companies/{self._company_id}/contra-accounts", contra)
        self._calls.pleo("PUT", "/chart", chart)

    def press_export(self, without: Collection[str] = ()) -> Export:
        """Queue one expense of every kind but `without`, the deliberately bad ones included, and press Export."""
        names = [seed["name"] for seed in self._calls.pleo("GET", "/seeds")]
        return self._press([name for name in names if name not in NOT_BOOKED and name not in without])

    def press_export_of(self, vendor_id: str) -> Export:
        """The same with expenses of one vendor, to be booked as bills and payments."""
        return self._press(PAYABLES, vendor_id)

    def wait(self, export: Export, progress: Callable[[int, int], None]) -> dict[str, Any]:
        """Watch until Pleo shows a final status; the job with its items, as the bookkeeper sees it."""
        end = time.monotonic() + JOB_SECONDS
        while time.monotonic() < end:
            job: dict[str, Any] = self._calls.pleo("GET", f"/jobs/{export.job_id}")
            progress(self._settled(export.job_id), len(job["items"]))
            if job["status"] not in ("pending", "in_progress"):
                return job
            time.sleep(0.3)
        raise StoryError(f"The export job was not closed within {JOB_SECONDS} seconds.")

    def pleo_calls(self) -> int:
        """How many calls the service made to Pleo's APIs since Export was pressed."""
        return len(self._calls.pleo("GET", "/requests?path_prefix=/v&limit=20000"))

    def _press(self, seeds: Sequence[str], vendor_id: str | None = None) -> Export:
        queue = {"company_id": self._company_id, "seeds": list(seeds), "vendor_id": vendor_id}
        queued = [entry["id"] for entry in self._calls.pleo("POST", "/expenses", queue)]
        self._calls.pleo("DELETE", "/requests")
        pressed = {"company_id": self._company_id, "entry_ids": queued, "vendor_based": vendor_id is not None}
        job = self._calls.pleo("POST", "/exports", pressed)
        return Export(job["id"], job["expected_failures"])

    def _settled(self, job_id: str) -> int:
        found = self._calls.found(f"/export-jobs/{job_id}")
        return sum(n for state, n in found["items"].items() if state not in ("waiting", "total")) if found else 0
