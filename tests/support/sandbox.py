"""A served Pleo sandbox as a test drives it: through its control API, as a person or as bad luck would."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx

from pleo_sandbox.config import DEMO_COMPANY_ID
from pleo_sandbox.server import Running


@dataclass
class SandboxPleo:
    """The sandbox and a client to its control API."""

    url: str
    running: Running
    http: httpx.Client

    def control(self, verb: str, route: str, /, **body: Any) -> Any:
        """One call of the control API that must succeed; its JSON, or None."""
        answer = self.http.request(verb, f"{self.url}/sandbox{route}", json=body or None)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def consent(self, authorise_url: str, subject: str = DEMO_COMPANY_ID, decision: str = "allow") -> str:
        """A person's decision on the consent page; the URL Pleo sends the browser back to."""
        body = {"authorize_url": authorise_url, "subject": subject, "decision": decision}
        return str(self.control("POST", "/consents", **body)["location"])

    def fault(self, kind: str, method: str, path: str, **more: Any) -> None:
        """Switch a fault on."""
        self.control("POST", "/faults", kind=kind, method=method, path=path, **more)

    def requests(self, method: str, path: str) -> list[Any]:
        """Recorded calls of an endpoint, oldest first."""
        recorded = list(self.running.sandbox.world.recorder.requests)
        return [one for one in recorded if one.method == method and one.path == path]

    # ------------------------------------------------------------ master data

    def master_data(self, company_id: str = DEMO_COMPANY_ID) -> dict[str, Any]:
        """Everything the company has in Pleo, archived rows included, in the published shapes."""
        found: dict[str, Any] = self.control("GET", f"/companies/{company_id}/master-data")
        return found

    def put(self, kind: str, *items: dict[str, Any], company_id: str = DEMO_COMPANY_ID, **more: Any) -> Any:
        """Rows put into Pleo past its rules: ``accounts``, ``tax-codes``, ``vendors``, ``employees``.

        ``generate`` makes that many up; ``announce`` sends the events of vendors.
        """
        return self.control("POST", f"/companies/{company_id}/{kind}", items=list(items), **more)

    def put_groups(self, *groups: dict[str, Any], company_id: str = DEMO_COMPANY_ID) -> Any:
        """Tag groups with their tags: ``code``, ``name``, ``archived``, ``tags``, ``generate``."""
        return self.control("POST", f"/companies/{company_id}/tag-groups", groups=list(groups))

    def draft_vendor(self, name: str, company_id: str = DEMO_COMPANY_ID, **members: Any) -> str:
        """An employee makes a vendor in Pleo, which announces it; its id."""
        (made,) = self.put("vendors", {"name": name, **members}, company_id=company_id, announce=True)
        return str(made["id"])

    def change_vendor(self, vendor_id: str, state: str | None = None, **changes: Any) -> Any:
        """A person edits a vendor inside Pleo."""
        return self.control("PUT", f"/vendors/{vendor_id}", changes=changes, state=state)

    def categories(self, company_id: str = DEMO_COMPANY_ID, **accounts: str) -> None:
        """Sets every expense category to the account with this ``externalId``."""
        self.control("PUT", f"/companies/{company_id}/categories", categories=accounts)

    def choose(self, **choices: Any) -> None:
        """What Pleo does where it is silent; see ``pleo_sandbox.core.choices``."""
        self.control("PUT", "/choices", **choices)

    def limit(self, per_minute: int, minute_seconds: float = 60) -> None:
        """Holds calls to a limit, in minutes of this length."""
        self.control("PUT", "/rate-limit", per_minute=per_minute, minute_seconds=minute_seconds)

    def calls(self, company_id: str = DEMO_COMPANY_ID, seconds: float = 60) -> dict[str, Any]:
        """Every call of the company's credentials: ``total``, ``refused``, ``busiest`` stretch, monotonic ``times``."""
        found: dict[str, Any] = self.http.get(
            f"{self.url}/sandbox/companies/{company_id}/calls", params={"seconds": seconds}
        ).json()
        return found

    def counts(self) -> dict[str, int]:
        """Recorded calls per endpoint, as ``POST /v1/vendors/{id}:activate``."""
        found: dict[str, int] = self.control("GET", "/requests/counts")
        return found

    def writes(self) -> dict[str, int]:
        """Recorded calls that change master data; searches left out."""
        families = ("/v0/", "/v1/chart-of-accounts", "/v1/vendors")
        return {
            endpoint: count
            for endpoint, count in self.counts().items()
            if not endpoint.startswith("GET ")
            and not endpoint.endswith(":search")
            and endpoint.partition(" ")[2].startswith(families)
        }

    def forget_requests(self) -> None:
        """Forgets recorded calls and tallies."""
        self.control("DELETE", "/requests")

    def export_items(self, *items: dict[str, Any], company_id: str = DEMO_COMPANY_ID, **more: Any) -> dict[str, Any]:
        """Presses Export for items told in a few words (``pleo_sandbox.seeds.described``), with vendor tagging on."""
        body = {"company_id": company_id, "items": list(items), "vendor_based": True, **more}
        job: dict[str, Any] = self.control("POST", "/exports", **body)
        return job
