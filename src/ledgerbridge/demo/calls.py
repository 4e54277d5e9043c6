"""How the people of the story reach the two programs: Pleo's control API and the service's admin API."""

from __future__ import annotations

from types import TracebackType
from typing import Any

import httpx

from ledgerbridge.demo.stage import Stage


class StoryError(RuntimeError):
    """A step did not go as it must; the text says which."""


class Calls:
    """Two clients, closed at the end of a `with` block. Each call returns the answer's JSON, or None, and raises
    `StoryError` for a refusal."""

    def __init__(self, stage: Stage) -> None:
        self._pleo = httpx.Client(base_url=f"{stage.sandbox_url}/sandbox", timeout=60)
        self._admin = httpx.Client(
            base_url=f"{stage.service_url}/admin/api",
            timeout=120,
            headers={"Authorization": f"Bearer {stage.admin_token}"},
        )

    def pleo(self, method: str, path: str, body: object = None) -> Any:
        """What a person does or sees in Pleo."""
        return _asked(self._pleo, method, path, body)

    def admin(self, method: str, path: str, body: object = None) -> Any:
        """What an administrator of the service does or sees."""
        return _asked(self._admin, method, path, body)

    def download(self, path: str) -> bytes:
        """A file of the admin API. Raises `StoryError` for a refusal."""
        answer = self._admin.get(path)
        if answer.status_code != 200:
            raise StoryError(f"GET {path}: {answer.status_code} {answer.text[:500]}")
        return answer.content

    def found(self, path: str) -> Any:
        """What the admin API shows there; None while it shows nothing."""
        answer = self._admin.get(path)
        return answer.json() if answer.status_code == 200 else None

    def __enter__(self) -> Calls:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pleo.close()
        self._admin.close()


def _asked(client: httpx.Client, method: str, path: str, body: object) -> Any:
    answer = client.request(method, path, json=body) if body is not None else client.request(method, path)
    if answer.status_code >= 300:
        raise StoryError(f"{method} {client.base_url}{path.lstrip('/')}: {answer.status_code} {answer.text[:500]}")
    return answer.json() if answer.content else None
