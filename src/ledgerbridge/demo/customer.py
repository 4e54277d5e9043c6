"""The customer: connect in Pleo, bind the ERP, configure the bookkeeping, go live and see the lists arrive."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import httpx

from ledgerbridge.demo.books import unknown_to_pleo
from ledgerbridge.demo.calls import Calls, StoryError
from ledgerbridge.demo.stage import Stage

LIVE_SECONDS = 300
KINDS = ("tax_codes", "accounts", "tags", "vendors")
_CHANGES = ("created", "updated", "unarchived", "archived", "failed")


@dataclass(frozen=True)
class Synced:
    """The first sync of one kind."""

    kind: str
    """One of `KINDS`."""
    counts: dict[str, int]
    """Records by what became of them, only what happened."""
    calls: int
    seconds: float


class Customer:
    """One company's people, in front of a browser and of Pleo."""

    def __init__(self, stage: Stage, calls: Calls) -> None:
        self._stage = stage
        self._calls = calls
        self.company: dict[str, Any] = calls.pleo("GET", "/companies")[0]

    def connect(self) -> str:
        """Press Connect, consent in Pleo, come back; the connection's id."""
        with httpx.Client(timeout=60) as browser:
            pressed = browser.get(f"{self._stage.service_url}/connect")
            consent = {"authorize_url": pressed.headers.get("location", ""), "subject": self.company["id"]}
            back = self._calls.pleo("POST", "/consents", consent)["location"]
            arrived = browser.get(back)
            if arrived.status_code != 303:
                raise StoryError(f"Connecting ended with status {arrived.status_code} instead of the settings page.")
        found = self._calls.admin("GET", "/connections")["data"]
        return str(found[0]["id"])

    def set_up(self, connection_id: str) -> dict[str, Any]:
        """Bind the ERP company and configure the bookkeeping; the ERP company as the admin API shows it."""
        erp, base = self._stage.erp, f"/connections/{connection_id}"
        self._calls.admin("PUT", f"{base}/erp", {"kind": erp.kind, "settings": erp.settings()})
        self._calls.admin("PUT", f"{base}/config", erp.configuration())
        company: dict[str, Any] = self._calls.admin("GET", base)["erp"]["company"]
        return company

    def go_live(self, connection_id: str, progress: Callable[[int, int, str], None]) -> None:
        """Activate and wait for the first syncs; `progress` gets how many kinds are done, of how many, and a word."""
        base = f"/connections/{connection_id}"
        end = time.monotonic() + LIVE_SECONDS
        with ThreadPoolExecutor(1) as aside:
            asked = aside.submit(self._calls.admin, "POST", f"{base}/activate")  # answers late; we look meanwhile
            while True:
                answered, shown = asked.done(), self._calls.admin("GET", base)
                if (under_way := shown["activating"]) and time.monotonic() < end:
                    done = len(under_way["done"]) + len(under_way["left_behind"])
                    waiting = len(under_way["waiting"]) + (under_way["under_way"] is not None)
                    progress(done, done + waiting, self._so_far(connection_id, under_way["under_way"]))
                elif answered or time.monotonic() >= end:
                    break
                time.sleep(0.2)
            asked.result()
        if shown["status"] != "active":
            raise StoryError(f"The connection did not become active: {shown['status_reason'] or shown['activating']}")

    def first_syncs(self, connection_id: str) -> list[Synced]:
        """What the first syncs did, in their order. Raises `StoryError` when one of them left something undone."""
        every = self._calls.admin("GET", f"/sync-runs?connection={connection_id}")["data"]
        runs = [run for run in every if run["trigger"] == "activation"]
        wanted = set(KINDS) if self._stage.erp.vendors else set(KINDS) - {"vendors"}
        if not wanted <= {run["kind"] for run in runs}:
            raise StoryError(f"Only these kinds had a first sync: {', '.join(run['kind'] for run in runs)}.")
        for run in runs:
            if run["status"] != "succeeded":
                raise StoryError(f"The first sync of {named(run['kind'])} ended as {run['status']}: {run['reason']}")
        return [
            Synced(run["kind"], {name: run[name] for name in _CHANGES if run[name]}, run["calls"], _seconds(run))
            for run in reversed(runs)
        ]

    def expense_codes(self) -> dict[str, Any]:
        """The codes that expenses will carry. Raises `StoryError` unless each of them has arrived in Pleo."""
        chart = self._stage.erp.seed_chart()
        missing = unknown_to_pleo(chart, self.lists())
        if missing:
            raise StoryError(f"Not known to Pleo after the first syncs: {', '.join(missing)}.")
        return chart

    def lists(self) -> dict[str, Any]:
        """The company's tags, accounts, tax codes and vendors in Pleo."""
        found: dict[str, Any] = self._calls.pleo("GET", f"/companies/{self.company['id']}/master-data")
        return found

    def _so_far(self, connection_id: str, kind: str | None) -> str:
        if kind is None:
            return "Going live"
        rows = self._calls.admin("GET", f"/sync-runs?connection={connection_id}&kind={kind}&limit=1")["data"]
        created = f": {rows[0]['created']} created" if rows and rows[0]["created"] else ""
        return f"First sync of {named(kind)}{created}"


def named(kind: str) -> str:
    """A kind of sync as people say it."""
    return kind.replace("_", " ")


def _seconds(run: dict[str, Any]) -> float:
    began, ended = (dt.datetime.fromisoformat(run[name]) for name in ("started_at", "ended_at"))
    return (ended - began).total_seconds()
