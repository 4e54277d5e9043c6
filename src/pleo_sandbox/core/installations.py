"""Installations: the link between one application and one Pleo company or organisation."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pleo_sandbox.core.clock import Clock, stamp
from pleo_sandbox.core.problems import bad_request, not_found
from pleo_sandbox.core.words import choice_of, company_urn, is_uuid, new_id

STATUSES = ("ACTIVATED", "INACTIVE", "AUTHORIZED", "PENDING_INTEGRATION", "ERROR")
ERROR_CODES = ("NOT_ENTITLED", "AUTH_ERROR")


@dataclass
class Installation:
    """One installation; ``resource`` is the subject URN, ``metadata`` the integration's own notes."""

    id: str
    application_id: str
    client_id: str
    resource: str
    status: str
    created_at: datetime
    updated_at: datetime
    metadata: dict[str, Any] = field(default_factory=dict)
    error_code: str | None = None

    def as_published(self) -> dict[str, Any]:
        """The bare object Pleo answers with, without a ``data`` wrapper."""
        published: dict[str, Any] = {
            "id": self.id,
            "applicationId": self.application_id,
            "createdAt": stamp(self.created_at),
            "updatedAt": stamp(self.updated_at),
            "metadata": self.metadata,
            "resource": self.resource,
            "status": self.status,
        }
        if self.error_code is not None:
            published["errorCode"] = self.error_code
        return published


class Installations:
    """At most one installation per application and resource."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._installations: dict[tuple[str, str], Installation] = {}

    def all(self) -> list[Installation]:
        """Every installation that was not deleted."""
        return list(self._installations.values())

    def authorised(self, client_id: str, application_id: str, subject: str, *, needs_activation: bool) -> Installation:
        """The end of an OAuth flow: creates the installation, or revives one that was off or broken.

        A working installation stays as it is when the customer connects a second time.
        """
        status = "AUTHORIZED" if needs_activation else "ACTIVATED"
        known = self._installations.get((client_id, subject))
        if known is None:
            return self._add(client_id, application_id, subject, status, {})
        if known.status in ("INACTIVE", "ERROR"):
            known.status, known.error_code, known.updated_at = status, None, self._clock.now()
        return known

    def create(self, client_id: str, application_id: str, subject: str, body: dict[str, Any]) -> Installation:
        """The API-key route; a 400 refusal when the link exists already."""
        status = choice_of(body, "status", STATUSES) or "AUTHORIZED"
        metadata = _metadata(body) or {}
        if (client_id, subject) in self._installations:
            raise bad_request("The application is installed already")
        return self._add(client_id, application_id, subject, status, metadata)

    def mine(self, client_id: str, subject: str, company_id: str | None, companies: frozenset[str]) -> Installation:
        """The caller's installation, or for organisations that of one company; a 404 refusal when there is none."""
        resource = subject
        if company_id is not None:
            if not is_uuid(company_id):
                raise bad_request("company_id must be a UUID")
            if company_id.lower() not in companies:
                raise not_found("There is no installation for this company")
            resource = company_urn(company_id.lower())
        found = self._installations.get((client_id, resource))
        if found is None:
            raise not_found("There is no installation")
        return found

    def update(self, installation: Installation, body: dict[str, Any]) -> Installation:
        """``PUT``: status is required, the rest optional; an absent error code is cleared with the error."""
        status = choice_of(body, "status", STATUSES, required=True) or ""
        error_code = choice_of(body, "errorCode", ERROR_CODES)
        metadata = _metadata(body)
        installation.status, installation.error_code = status, error_code
        if metadata is not None:
            installation.metadata = metadata
        installation.updated_at = self._clock.now()
        return installation

    def activate(self, installation: Installation) -> Installation:
        """``:activate``. A second call is unpublished; this one refuses it, so nobody comes to rely on it."""
        if installation.status not in ("AUTHORIZED", "PENDING_INTEGRATION"):
            raise bad_request(f"An installation that is {installation.status} cannot be activated")
        installation.status, installation.error_code = "ACTIVATED", None
        installation.updated_at = self._clock.now()
        return installation

    def delete(self, installation: Installation) -> None:
        """Ends the link; the caller's tokens are ended by the world, which knows them."""
        self._installations.pop((installation.client_id, installation.resource), None)

    def _add(
        self, client_id: str, application_id: str, subject: str, status: str, metadata: dict[str, Any]
    ) -> Installation:
        now = self._clock.now()
        installation = Installation(new_id(), application_id, client_id, subject, status, now, now, metadata)
        self._installations[(client_id, subject)] = installation
        return installation


def _metadata(body: dict[str, Any]) -> dict[str, Any] | None:
    metadata = body.get("metadata")
    if metadata is None and "metadata" not in body:
        return None
    if not isinstance(metadata, dict):
        raise bad_request("metadata must be an object")
    return metadata
