"""What callers did: every request with credentials taken out, and remarks where Pleo's pages forbid what it accepts."""

from __future__ import annotations

import re
from collections import Counter, deque
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode

from pleo_sandbox.core.clock import Clock, stamp
from pleo_sandbox.core.limits import Tally

KEPT = 20_000
_SECRET_FIELDS = frozenset({"code", "refresh_token", "code_verifier", "client_secret", "token"})
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


@dataclass
class Recorded:
    """One request. ``status`` is ``None`` while it runs and 0 when the connection was dropped without an answer.

    ``subject`` is the URN of the company or organisation whose credential was sent, empty for none or a bad one.
    """

    number: int
    at: datetime
    method: str
    path: str
    query: list[tuple[str, str]]
    headers: list[tuple[str, str]]
    body: str
    status: int | None = None
    seconds: float = 0
    fault: str | None = None
    subject: str = ""

    @property
    def endpoint(self) -> str:
        """Method and path with ids taken out, for counting."""
        return f"{self.method} {endpoint_path(self.path)}"

    def as_json(self) -> dict[str, Any]:
        """For the control API."""
        return {
            "number": self.number,
            "at": self.at.isoformat(),
            "method": self.method,
            "path": self.path,
            "endpoint": self.endpoint,
            "query": self.query,
            "headers": self.headers,
            "body": self.body,
            "status": self.status,
            "seconds": round(self.seconds, 4),
            "fault": self.fault,
            "subject": self.subject,
        }


@dataclass(frozen=True)
class Remark:
    """Something Pleo would let pass although its pages say not to."""

    kind: str
    text: str
    at: datetime

    def as_json(self) -> dict[str, Any]:
        """For the control API."""
        return {"kind": self.kind, "text": self.text, "at": stamp(self.at)}


@dataclass
class Recorder:
    """The last requests, and all remarks and tallies since the last reset. ``tallies`` are by subject URN."""

    clock: Clock
    requests: deque[Recorded] = field(default_factory=lambda: deque(maxlen=KEPT))
    remarks: list[Remark] = field(default_factory=list)
    tallies: dict[str, Tally] = field(default_factory=dict)
    total: int = 0

    def begin(
        self, method: str, path: str, query: list[tuple[str, str]], headers: list[tuple[str, str]], body: bytes
    ) -> Recorded:
        """Records a request as it arrives, without its secrets."""
        self.total += 1
        safe_headers = [(name, _header(name, value)) for name, value in headers]
        text = _body(path, body)
        recorded = Recorded(self.total, self.clock.now(), method, path, query, safe_headers, text)
        self.requests.append(recorded)
        return recorded

    def tally(self, subject: str) -> Tally:
        """The calls of one company's or the organisation's credentials; empty for one that made none."""
        return self.tallies.setdefault(subject, Tally())

    def counts(self) -> dict[str, int]:
        """Requests per endpoint."""
        return dict(sorted(Counter(recorded.endpoint for recorded in self.requests).items()))

    def remark(self, kind: str, text: str) -> None:
        """Notes a breach that was let pass."""
        self.remarks.append(Remark(kind, text, self.clock.now()))

    def clear(self) -> None:
        """Forgets requests, remarks and tallies."""
        self.requests.clear()
        self.tallies.clear()
        self.remarks.clear()


def endpoint_path(path: str) -> str:
    """A path with ids and file keys replaced by their names."""
    if path.startswith("/files/"):
        return "/files/{file}"
    return _UUID.sub("{id}", path)


def _header(name: str, value: str) -> str:
    # Only the kind of credential: whoever reads recordings must not be able to use them.
    return value.split(" ", 1)[0] if name.lower() in ("authorization", "cookie", "proxy-authorization") else value


def _body(path: str, body: bytes) -> str:
    text = body.decode("utf-8", errors="replace")
    if not path.startswith("/oauth/"):
        return text
    fields = parse_qsl(text, keep_blank_values=True)
    return urlencode([(name, _blanked(value) if name in _SECRET_FIELDS else value) for name, value in fields])


def _blanked(value: str) -> str:
    # Length and alphabet stay those of a verifier or token, so that recordings can be checked against the contract.
    return ("redacted-" * (len(value) // 9 + 1))[: len(value)]
