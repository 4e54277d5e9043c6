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
