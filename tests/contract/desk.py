"""A bookkeeper's desk for tests: a sandbox in this process, and everything that can be done to it in few words."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qs, quote_plus, urlencode, urlsplit

import httpx

from pleo_sandbox.app import Sandbox
from pleo_sandbox.config import ALL_SCOPES, DEMO_COMPANY_ID
from pleo_sandbox.core.authorise import challenge_of
from tests.contract.contracts import ContractTransport

URL = "http://pleo.test"


class Desk:
    """``pleo`` checks requests and answers against the contracts, ``raw`` only answers, ``control`` nothing."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.world = sandbox.world
        self.client = sandbox.config.clients[0]
        inner = httpx.ASGITransport(app=sandbox, client=("127.0.0.1", 1))
        self.checked = ContractTransport(inner)
        self.pleo = httpx.AsyncClient(transport=self.checked, base_url=URL)
        self.unasked = ContractTransport(inner, requests=False)
        self.raw = httpx.AsyncClient(transport=self.unasked, base_url=URL)
        self.control = httpx.AsyncClient(transport=inner, base_url=URL)

    async def close(self) -> None:
        """Closes the clients and stops deliveries."""
        for client in (self.pleo, self.raw, self.control):
            await client.aclose()
        await self.sandbox.dispatcher.stop()

    # ------------------------------------------------------------ connecting

    def authorise_query(self, verifier: str = "v" * 43, **changes: str | None) -> dict[str, str]:
        """The seven parameters; ``None`` leaves one out."""
        query: dict[str, str | None] = {
            "response_type": "code",
            "client_id": self.client.client_id,
            "redirect_uri": self.client.redirect_uris[0],
            "scope": " ".join(ALL_SCOPES),
            "state": "state-1",
            "code_challenge": challenge_of(verifier),
            "code_challenge_method": "S256",
            **changes,
        }
        return {name: value for name, value in query.items() if value is not None}

    async def consent(
        self, subject: str = DEMO_COMPANY_ID, verifier: str = "v" * 43, decision: str = "allow", **changes: str | None
    ) -> dict[str, str]:
        """Decides as a person would and returns the parameters the browser carries back."""
        url = f"{URL}/oauth/authorize?{urlencode(self.authorise_query(verifier, **changes))}"
        body = {"authorize_url": url, "subject": subject, "decision": decision}
        answer = await self.control.post("/sandbox/consents", json=body)
        assert answer.status_code == 200, answer.text
        return {name: values[0] for name, values in parse_qs(urlsplit(answer.json()["location"]).query).items()}

    def basic(self, client_id: str | None = None, secret: str | None = None) -> dict[str, str]:
        """Client authentication: both halves form-encoded, then Basic."""
        pair = f"{quote_plus(client_id or self.client.client_id)}:{quote_plus(secret or self.client.client_secret)}"
        return {"authorization": "Basic " + base64.b64encode(pair.encode()).decode()}

    async def exchange(self, code: str, verifier: str = "v" * 43, **changes: str) -> httpx.Response:
        """The code exchange."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.client.redirect_uris[0],
            "code_verifier": verifier,
            **changes,
        }
        return await self.pleo.post("/oauth/token", data=form, headers=self.basic())

    async def refresh(self, refresh_token: str) -> httpx.Response:
        """A refresh."""
        form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
        return await self.pleo.post("/oauth/token", data=form, headers=self.basic())

    async def connect(self, subject: str = DEMO_COMPANY_ID, scope: Iterable[str] = ALL_SCOPES) -> dict[str, Any]:
        """The whole flow; later calls of ``pleo`` and ``raw`` carry the access token."""
        verifier = secrets.token_urlsafe(48)
        back = await self.consent(subject, verifier, scope=" ".join(scope))
        pair: dict[str, Any] = (await self.exchange(back["code"], verifier)).json()
        self.use(pair["access_token"])
        return pair

    def use(self, access_token: str) -> None:
        """Puts an access token on the desk."""
        for client in (self.pleo, self.raw):
            client.headers["authorization"] = f"Bearer {access_token}"

    # ------------------------------------------------------------ exporting

    async def queue(self, *seeds: str, company_id: str = DEMO_COMPANY_ID, **body: Any) -> list[dict[str, Any]]:
        """Queues seeds and returns the entries."""
        answer = await self.control.post(
            "/sandbox/expenses", json={"company_id": company_id, "seeds": list(seeds), **body}
        )
        assert answer.status_code == 201, answer.text
        entries: list[dict[str, Any]] = answer.json()
        return entries

    async def export(self, *seeds: str, company_id: str = DEMO_COMPANY_ID, **body: Any) -> dict[str, Any]:
        """Queues seeds, presses Export, returns the job as the control API shows it."""
        if seeds:
            await self.queue(*seeds, company_id=company_id)
        answer = await self.control.post("/sandbox/exports", json={"company_id": company_id, **body})
        assert answer.status_code == 201, answer.text
        job: dict[str, Any] = answer.json()
        return job

    async def event(self, job_id: str, event: str, **more: str) -> httpx.Response:
        """Posts a job event."""
        return await self.pleo.post("/v3/export-job-events", json={"jobId": job_id, "event": event, **more})

    async def started(self, *seeds: str, **body: Any) -> dict[str, Any]:
        """A job that is in progress."""
        job = await self.export(*seeds, **body)
        assert (await self.event(job["id"], "started")).status_code == 202
        return job

    async def report(self, job_id: str, *updates: dict[str, Any]) -> httpx.Response:
        """Reports item outcomes."""
        return await self.pleo.put(f"/v3/export-jobs/{job_id}/items", json=list(updates))

    async def job(self, job_id: str) -> dict[str, Any]:
        """The job as Pleo publishes it."""
        answer = await self.pleo.get(f"/v3/export-jobs/{job_id}")
        assert answer.status_code == 200, answer.text
        job: dict[str, Any] = answer.json()["data"]
        return job

    # ------------------------------------------------------------ master data

    async def group(self, code: str = "CC", **more: Any) -> dict[str, Any]:
        """A tag group made through the API."""
        body = {"code": code, "name": f"Dimension {code}", "archived": False, **more}
        answer = await self.pleo.post("/v0/tag-groups", params={"company_id": DEMO_COMPANY_ID}, json=body)
        assert answer.status_code == 200, answer.text
        made: dict[str, Any] = answer.json()["data"]
        return made

    async def tag(self, group: dict[str, Any], code: str, **more: Any) -> dict[str, Any]:
        """A tag made through the API."""
        body = {"code": code, "name": f"Value {code}", "archived": False, **more}
        answer = await self.pleo.post(f"/v0/tag-groups/{group['id']}/tags", json=body)
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()["data"]
        return made

    async def account(self, external_id: str, **more: Any) -> httpx.Response:
        """The creation of an account."""
        body = {"companyId": DEMO_COMPANY_ID, "externalId": external_id, "name": f"Account {external_id}", **more}
        return await self.pleo.post("/v1/chart-of-accounts", json={"archived": False, "code": external_id, **body})

    async def tax_code(self, code: str, **more: Any) -> dict[str, Any]:
        """A tax code made through the API."""
        body = {"companyId": DEMO_COMPANY_ID, "code": code, "name": code, "rate": 0.25, "type": "inclusive", **more}
        answer = await self.pleo.post("/v0/tax-codes", json={"archived": False, **body})
        assert answer.status_code == 200, answer.text
        made: dict[str, Any] = answer.json()["data"]
        return made

    async def vendor(self, name: str = "Nordlys A/S", **more: Any) -> dict[str, Any]:
        """A vendor made through the API."""
        body = {"companyId": DEMO_COMPANY_ID, "name": name, "defaultCurrency": "DKK", **more}
        answer = await self.pleo.post("/v1/vendors", json=body)
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()["data"]
        return made

    async def choose(self, **choices: Any) -> None:
        """What the sandbox does where Pleo is silent."""
        answer = await self.control.put("/sandbox/choices", json=choices)
        assert answer.status_code == 200, answer.text

    async def put(self, kind: str, **body: Any) -> Any:
        """Rows put into the demo company by hand."""
        answer = await self.control.post(f"/sandbox/companies/{DEMO_COMPANY_ID}/{kind}", json=body)
        assert answer.status_code == 201, answer.text
        return answer.json()

    async def fault(self, kind: str, **body: Any) -> dict[str, Any]:
        """Switches a fault on."""
        answer = await self.control.post("/sandbox/faults", json={"kind": kind, **body})
        assert answer.status_code == 201, answer.text
        fault: dict[str, Any] = answer.json()
        return fault

    async def remarks(self) -> list[str]:
        """Kinds of remarks so far."""
        return [remark["kind"] for remark in (await self.control.get("/sandbox/remarks")).json()]


def booked(entry_id: str, number: int = 1) -> dict[str, Any]:
    """A successful outcome."""
    return {
        "accountingEntryId": entry_id,
        "status": "successful",
        "externalId": f"JE-{number}",
        "externalUrl": f"https://erp.example/moves/{number}",
        "exportedAt": "2026-07-01T10:00:00Z",
    }


def refused(entry_id: str, kind: str = "account_unknown") -> dict[str, Any]:
    """A failed outcome."""
    return {
        "accountingEntryId": entry_id,
        "status": "failed",
        "failureReasonType": kind,
        "failureReason": "Account 9.9.99 does not exist; choose another category.",
    }
