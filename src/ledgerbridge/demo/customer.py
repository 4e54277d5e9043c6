"""The customer and the bookkeeper: connect in Pleo, set up, queue expenses, press Export, wait for the results."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx

from ledgerbridge.demo.stage import Stage

NOT_BOOKED = frozenset({"zero_amount"})
"""Seeds that rightly make no entry; left out so that every posted item is one entry."""
JOB_SECONDS = 600


class StoryError(RuntimeError):
    """A step did not go as it must; the text says which."""


@dataclass(frozen=True)
class Export:
    """One pressed Export."""

    job_id: str
    bad_seeds: int
    """Items that are deliberately bad."""


class Customer:
    """One company's people, in front of a browser and of Pleo."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._pleo = httpx.Client(base_url=f"{stage.sandbox_url}/sandbox", timeout=60)
        self._admin = httpx.Client(
            base_url=f"{stage.service_url}/admin/api",
            timeout=120,
            headers={"Authorization": f"Bearer {stage.admin_token}"},
        )
        self.company: dict[str, Any] = self._ask(self._pleo, "GET", "/companies")[0]

    def connect(self) -> str:
        """Press Connect, consent in Pleo, come back; the connection's id."""
        with httpx.Client(timeout=60) as browser:
            pressed = browser.get(f"{self._stage.service_url}/connect")
            consent = {"authorize_url": pressed.headers.get("location", ""), "subject": self.company["id"]}
            back = self._ask(self._pleo, "POST", "/consents", consent)["location"]
            arrived = browser.get(back)
            if arrived.status_code != 303:
                raise StoryError(f"Connecting ended with status {arrived.status_code} instead of the settings page.")
        found = self._ask(self._admin, "GET", "/connections")["data"]
        return str(found[0]["id"])

    def set_up(self, connection_id: str) -> dict[str, Any]:
        """Bind the ERP company, configure the bookkeeping, go live; the connection as the admin API shows it."""
        tryton = self._stage.tryton
        base = f"/connections/{connection_id}"
        self._ask(self._admin, "PUT", f"{base}/erp", {"kind": "tryton", "settings": tryton.binding()})
        self._ask(self._admin, "PUT", f"{base}/config", bookkeeping(self._stage.tryton.facts))
        shown: dict[str, Any] = self._ask(self._admin, "POST", f"{base}/activate")
        end = time.monotonic() + JOB_SECONDS
        while shown["activating"] is not None and time.monotonic() < end:
            time.sleep(0.3)
            shown = self._ask(self._admin, "GET", base)
        if shown["status"] != "active":
            raise StoryError(f"The connection did not become active: {shown['status_reason'] or shown['activating']}")
        return shown

    def press_export(self) -> Export:
        """Queue one expense of every kind, the deliberately bad ones included, and press Export."""
        seeds = self._ask(self._pleo, "GET", "/seeds")
        wanted = [seed["name"] for seed in seeds if seed["name"] not in NOT_BOOKED]
        queue = {"company_id": self.company["id"], "seeds": wanted}
        accounts = self._facts["accounts"]
        contra = {"contra_accounts": {"DKK": accounts["wallet"]}}
        self._ask(self._pleo, "PUT", f"/companies/{self.company['id']}/contra-accounts", contra)
        self._ask(self._pleo, "PUT", "/chart", self._seed_chart())
        self._ask(self._pleo, "POST", "/expenses", queue)
        self._ask(self._pleo, "DELETE", "/requests")
        job = self._ask(self._pleo, "POST", "/exports", {"company_id": self.company["id"]})
        return Export(job["id"], job["expected_failures"])

    def wait(self, export: Export, progress: Callable[[int, int], None]) -> dict[str, Any]:
        """Watch until Pleo shows a final status; the job with its items, as the bookkeeper sees it."""
        end = time.monotonic() + JOB_SECONDS
        while time.monotonic() < end:
            job: dict[str, Any] = self._ask(self._pleo, "GET", f"/jobs/{export.job_id}")
            progress(self._settled(export.job_id), len(job["items"]))
            if job["status"] not in ("pending", "in_progress"):
                return job
            time.sleep(0.3)
        raise StoryError(f"The export job was not closed within {JOB_SECONDS} seconds.")

    def pleo_calls(self) -> int:
        """How many calls the service made to Pleo's APIs since Export was pressed."""
        return len(self._ask(self._pleo, "GET", "/requests?path_prefix=/v&limit=20000"))

    def close(self) -> None:
        """Leave."""
        self._pleo.close()
        self._admin.close()

    @property
    def _facts(self) -> dict[str, Any]:
        found: dict[str, Any] = self._stage.tryton.facts["companies"]["DK"]
        return found

    def _settled(self, job_id: str) -> int:
        answer = self._admin.get(f"/export-jobs/{job_id}")
        if answer.status_code != 200:
            return 0
        items: dict[str, int] = answer.json()["items"]
        return sum(count for state, count in items.items() if state not in ("waiting", "total"))

    def _seed_chart(self) -> dict[str, Any]:
        accounts, expenses = self._facts["accounts"], self._facts["expenses"]
        names = ("expense", "rent", "software", "travel", "meals", "office")
        chosen = dict(zip(names, expenses, strict=True))
        more = {
            "equipment": chosen["office"],
            "mileage": chosen["travel"],
            "per_diem": chosen["travel"],
            "fees": chosen["expense"],
            "interest": chosen["expense"],
            "cashback": chosen["expense"],
            "wallet": accounts["wallet"],
            "contra": accounts["contra"],
            "out_of_pocket": accounts["out_of_pocket"],
            "payable": accounts["payable_without_party"],
            "input_tax": accounts["input_vat"],
            "output_tax": accounts["output_vat"],
        }
        closed = f"{self._stage.tryton.facts['months']['closed']}-15"
        return {"accounts": chosen | more, "closed_date": closed}

    def _ask(self, client: httpx.Client, method: str, path: str, body: object = None) -> Any:
        answer = client.request(method, path, json=body) if body is not None else client.request(method, path)
        if answer.status_code >= 300:
            raise StoryError(f"{method} {client.base_url}{path.lstrip('/')}: {answer.status_code} {answer.text[:500]}")
        return answer.json() if answer.content else None


def bookkeeping(facts: dict[str, Any]) -> dict[str, Any]:
    """A configuration, as the admin API takes it, that fits the Danish company of the sandbox's Tryton."""
    accounts, taxes = facts["companies"]["DK"]["accounts"], facts["companies"]["DK"]["taxes"]
    return {
        "journal": facts["journal"],
        "accounts": {
            "wallet": {"DKK": accounts["wallet"], "*": accounts["wallet"]},
            "out_of_pocket": accounts["out_of_pocket"],
            "contra": accounts["contra"],
            "external_reimbursement": accounts["external_reimbursement"],
            "payable": accounts["payable_without_party"],
        },
        "posting_mode": "final",
        "closed_period": "fail",
        "time_zone": "Europe/Copenhagen",
        "tax": {"mode": "explicit", "codes": {code: str(tax) for code, tax in taxes.items()}},
        "dimensions": ["CC", "PRJ"],
    }
