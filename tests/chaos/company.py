"""A company as its bookkeeper and its administrator see it: connected once, then exporting whatever comes up."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.chaos.systems import Books
from tests.support.commands import until

Json = Any
FINAL = ("completed", "completed_with_errors", "failed")
_GOING_LIVE_SECONDS = 300


@dataclass
class Company:
    """One company of Pleo with books of its own."""

    name: str
    service: str
    """Where the service's front is."""
    sandbox: str
    """Where the sandbox is, straight."""
    books: Books
    admin_token: str
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    connection: str = ""

    def __post_init__(self) -> None:
        self._person = _client(self.service)
        bearer = {"Authorization": f"Bearer {self.admin_token}"}
        self._admin = _client(f"{self.service}/admin/api", bearer)
        self._pleo = _client(f"{self.sandbox}/sandbox")

    def close(self) -> None:
        for client in (self._person, self._admin, self._pleo):
            client.close()

    # ------------------------------------------------------------------ setting up

    def go_live(self, *, syncs: bool) -> None:
        """Known at Pleo, connected, bound, configured and active, master data brought to Pleo if it is to be."""
        wanted, supplier = self.books.configuration(), self.books.supplier()
        about = {"id": self.id, "name": self.name, "contra_accounts": {"DKK": wanted["accounts"]["wallet"]["*"]}}
        self.control("POST", "/companies", about)
        self.press_connect()
        known = {one["company_id"]: one["id"] for one in self.ask("GET", "/connections")["data"]}
        self.connection = known[self.id]
        bound = {"kind": self.books.kind, "settings": self.books.settings()}
        self.ask("PUT", f"/connections/{self.connection}/erp", bound)
        if not syncs:
            wanted["syncs"] = {kind: {"enabled": False} for kind in ("tags", "accounts", "tax_codes", "vendors")}
        if not syncs and supplier:
            known_vendor = {"name": "Supplies", "code": supplier, "externalId": supplier, "defaultCurrency": "DKK"}
            self.control("POST", f"/companies/{self.id}/vendors", {"items": [known_vendor | {"state": "ACTIVE"}]})
        self.ask("PUT", f"/connections/{self.connection}/config", wanted)
        self.ask("POST", f"/connections/{self.connection}/activate")

    def is_live(self) -> None:
        """Wait for the end of the activation."""

        def ended() -> Json:
            shown = self.shown()
            return shown if shown["activating"] is None else None

        shown = until(f"{self.name} live", ended, _GOING_LIVE_SECONDS, 0.5)
        assert shown["status"] == "active", shown["status_reason"]

    def press_connect(self) -> None:
        """The customer presses Connect and allows."""
        pressed = self._person.get("/connect")
        assert pressed.status_code == 302, pressed.text
        consent = {"authorize_url": pressed.headers["location"], "subject": self.id}
        back = self._person.get(self.control("POST", "/consents", consent)["location"])
        assert back.status_code == 303, back.text

    def shown(self) -> Json:
        """The connection as the administrator sees it."""
        return self.ask("GET", f"/connections/{self.connection}")

    # ------------------------------------------------------------------ exporting

    def queue(self, seeds: Iterable[str], copies: int = 1) -> list[str]:
        """Expenses in the Export queue; their accounting entry ids."""
        body = {"company_id": self.id, "seeds": list(seeds), "copies": copies, "chart": self.books.seed_chart()}
        return [one["id"] for one in self.control("POST", "/expenses", body)]

    def export(self, entries: list[str], **options: Json) -> str:
        """Press Export; the job's id."""
        body = {"company_id": self.id, "entry_ids": entries, "vendor_based": self.books.payables, **options}
        return str(self.control("POST", "/exports", body)["id"])

    def job(self, job_id: str) -> Json:
        """The job with its items as Pleo shows it."""
        return self.control("GET", f"/jobs/{job_id}")

    # ------------------------------------------------------------------ files

    def files(self) -> list[Json]:
        """Every file of vouchers that was closed, as the administrator sees them."""
        found, cursor = [], ""
        while True:
            page = self.ask("GET", f"/connections/{self.connection}/files?limit=100{cursor}")
            found += page["data"]
            if page["next_cursor"] is None:
                return found
            cursor = f"&cursor={page['next_cursor']}"

    def content(self, file_id: str) -> bytes:
        """A file as it is downloaded."""
        answer = self._admin.get(f"/connections/{self.connection}/files/{file_id}/content")
        assert answer.status_code == 200, answer.text
        return answer.content

    # ------------------------------------------------------------------ calls

    def control(self, method: str, path: str, body: object = None) -> Json:
        """One call of the sandbox's control API that must succeed."""
        answer = self._pleo.request(method, path, json=body)
        assert answer.status_code < 300, (path, answer.status_code, answer.text)
        return answer.json() if answer.content else None

    def ask(self, method: str, path: str, body: object = None) -> Json:
        """One call of the admin API that must succeed."""
        answer = self._admin.request(method, path, json=body)
        assert answer.status_code < 300, (method, path, answer.status_code, answer.text)
        return answer.json() if answer.content else None


def _client(base: str, headers: Mapping[str, str] | None = None) -> httpx.Client:
    """A connection a call: a kept one may be closed by the other side just as the next call goes out on it."""
    limits = httpx.Limits(max_keepalive_connections=0)
    return httpx.Client(base_url=base, timeout=60, trust_env=False, headers=headers, limits=limits)
