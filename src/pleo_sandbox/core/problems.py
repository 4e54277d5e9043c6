"""The refusals Pleo publishes, as exceptions that the routers turn into answers."""

from __future__ import annotations


class Refusal(Exception):
    """A resource API says no: HTTP status, machine-readable ``type`` and a text for people."""

    def __init__(self, status: int, kind: str, message: str) -> None:
        super().__init__(f"{status} {kind}: {message}")
        self.status = status
        self.kind = kind
        self.message = message


class OAuthRefusal(Exception):
    """The token endpoint says no, in the words of RFC 6749 section 5.2."""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        super().__init__(f"{error}: {description}")
        self.error = error
        self.description = description
        self.status = status


class ConsentRefusal(Exception):
    """An authorise request that must not be sent back to the client: client or redirect URI are not to be trusted."""


class ConsentRedirect(Exception):
    """An authorise request that is answered with an error at the client's redirect URI."""

    def __init__(self, location: str) -> None:
        super().__init__(location)
        self.location = location


def bad_request(message: str) -> Refusal:
    """Input that does not fit the contract."""
    return Refusal(400, "BAD_REQUEST", message)


def parameter_missing(name: str) -> Refusal:
    """A parameter without which the call has no meaning."""
    return Refusal(400, "REQUIRED_PARAMETER_MISSING", f"{name} is required")


def unauthorised(message: str) -> Refusal:
    """No usable credential."""
    return Refusal(401, "UNAUTHORIZED", message)


def forbidden(message: str) -> Refusal:
    """A good credential without the needed scope."""
    return Refusal(403, "FORBIDDEN", message)


def not_found(message: str) -> Refusal:
    """Unknown, or not visible to this credential."""
    return Refusal(404, "NOT_FOUND", message)


def export_not_found(job_id: str) -> Refusal:
    """Unknown job, or a job of a company this credential does not open."""
    return Refusal(404, "EXPORT_NOT_FOUND", f"Export job {job_id} does not exist")


def company_not_found(company_id: str) -> Refusal:
    """Unknown company, or one this credential does not open."""
    return Refusal(404, "COMPANY_NOT_FOUND", f"Company {company_id} does not exist")
