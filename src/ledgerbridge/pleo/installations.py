"""Our installation at a customer's company: read, activate, report a fault, uninstall (AUTH-060 to -083).

On the OAuth route Pleo creates the installation itself; `create` belongs to the API-key route only (AUTH-061, -102).
The deprecated completions endpoint is not used (AUTH-072).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from ledgerbridge.pleo.endpoints import Params
from ledgerbridge.pleo.errors import NotFound, UnreadableAnswer
from ledgerbridge.pleo.models import Instant, Wire, read
from ledgerbridge.pleo.transport import Call, PleoClient

_PATH = "/v1/installations/me"

Status = Literal["ACTIVATED", "INACTIVE", "AUTHORIZED", "PENDING_INTEGRATION", "ERROR"]
ErrorCode = Literal["NOT_ENTITLED", "AUTH_ERROR"]


class Installation(Wire):
    """The link between our application and one Pleo resource (AUTH-060)."""

    id: str
    application_id: str | None = None
    resource: str
    """URN of a company or an organisation."""
    status: str
    """One of `Status`; open on read."""
    error_code: str | None = None
    metadata: dict[str, Any] | None = None
    created_at: Instant | None = None
    updated_at: Instant | None = None

    @property
    def awaits_activation(self) -> bool:
        """Whether `activate` is to be called (AUTH-070, -071)."""
        return self.status in ("AUTHORIZED", "PENDING_INTEGRATION")

    @property
    def works(self) -> bool:
        """Whether calls for the company are still wanted; otherwise pause and ask to reconnect (AUTH-083)."""
        return self.status not in ("INACTIVE", "ERROR")


class InstallationsApi:
    """Calls on our own installation."""

    def __init__(self, client: PleoClient) -> None:
        self._client = client

    async def get(self, company_id: str | None = None) -> Installation:
        """The installation; `company_id` narrows an organisation's credential to one company (AUTH-065).

        The answer is bare. A list is tolerated (contradiction C-11) when it holds exactly one installation.
        Raises `NotFound` when there is none.
        """
        params: Params = [("company_id", company_id)] if company_id else []
        call = Call("getClientInstallation", "GET", _PATH, params)
        body = await self._client.json(call)
        if isinstance(body, list):
            if not body:
                raise NotFound(call.operation, status=200, detail="an empty list of installations")
            if len(body) > 1:
                raise UnreadableAnswer(call.operation, status=200, detail="several installations; name one company")
            body = body[0]
        return read(Installation, body, call.operation)

    async def create(self, *, metadata: Mapping[str, str] | None = None, status: Status | None = None) -> Installation:
        """Create the installation: API-key route only (AUTH-102). Raises `OutcomeUnknown` on a lost reply: `get` it."""
        body = {"metadata": dict(metadata) if metadata else None, "status": status}
        return await self._written("createClientInstallation", "POST", _PATH, _present(body))

    async def activate(self) -> Installation:
        """Say that the first synchronisation is done; no body (AUTH-070).

        Read the status first and call only when it `awaits_activation` (AUTH-071). Raises `OutcomeUnknown` on a lost
        reply: `get` it.
        """
        return await self._written("activateMyInstallation", "POST", f"{_PATH}:activate", None)

    async def update(
        self, status: Status, *, error_code: ErrorCode | None = None, metadata: Mapping[str, str] | None = None
    ) -> Installation:
        """Show progress or a fault (AUTH-072)."""
        body = {"status": status, "errorCode": error_code, "metadata": dict(metadata) if metadata else None}
        return await self._written("updateClientInstallation", "PUT", _PATH, _present(body))

    async def delete(self) -> None:
        """Uninstall, which revokes every token of this credential: delete subscriptions before (AUTH-080).

        404 counts as done. After a lost reply the next try may meet 401, since the tokens are gone: `Unauthorised`, or
        whatever the credential raises on renewal, then means that nothing is left to delete with.
        """
        try:
            await self._client.send(Call("deleteClientInstallation", "DELETE", _PATH))
        except NotFound:
            return

    async def _written(self, operation: str, method: str, path: str, body: dict[str, Any] | None) -> Installation:
        return await self._client.record(Call(operation, method, path, body=body), Installation)


def _present(body: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if value is not None}
