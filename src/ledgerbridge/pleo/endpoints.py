"""Where Pleo is: one pair of hosts for each environment, never mixed (AUTH-001 to -003)."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote, urlencode, urlsplit

Environment = Literal["production", "staging", "custom"]
Params = Sequence[tuple[str, str]]

_PAIRS: dict[str, tuple[Environment, str]] = {
    "auth.pleo.io": ("production", "authorisation"),
    "external.pleo.io": ("production", "API"),
    "auth.staging.pleo.io": ("staging", "authorisation"),
    "external.staging.pleo.io": ("staging", "API"),
}
_WEB_APPS = {"production": "https://app.pleo.io", "staging": "https://app.staging.pleo.io"}
_LEGACY = {"openapi.pleo.io", "openapi.staging.pleo.io", "api.pleo.io"}


class EndpointsRefused(ValueError):
    """These hosts must not be called; `faults` says why, one sentence each."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__(" ".join(faults))
        self.faults = tuple(faults)


@dataclass(frozen=True, slots=True)
class PleoEndpoints:
    """The two bases of one environment. A base may carry a path prefix; `/oauth/…` and `/v1/…` are added to it."""

    auth_url: str
    """Authorisation server, for example `https://auth.pleo.io`."""
    api_url: str
    """Resource APIs, for example `https://external.pleo.io`."""

    @property
    def environment(self) -> Environment:
        """`production` or `staging` when both hosts are Pleo's own of that environment, else `custom`."""
        auth, api = _known(self.auth_url), _known(self.api_url)
        pair = auth and api and auth[0] == api[0] and (auth[1], api[1]) == ("authorisation", "API")
        return auth[0] if auth and pair else "custom"

    @property
    def local(self) -> bool:
        """Whether the APIs are on this very machine, as with the sandbox."""
        return is_local(self.api_url)

    @property
    def web_app(self) -> str:
        """Where a person works in Pleo; for hosts that are not Pleo's own, the authorisation base stands for it."""
        return _WEB_APPS.get(self.environment, self.auth_url)

    def faults(self) -> tuple[str, ...]:
        """What is wrong with the pair, one sentence each and empty when it may be used."""
        auth, api = _known(self.auth_url), _known(self.api_url)
        found = [*_base_faults("authorisation", self.auth_url), *_base_faults("API", self.api_url)]
        if (auth and auth[1] != "authorisation") or (api and api[1] != "API"):
            found.append(
                "The authorisation and the API base are swapped or the same; each needs its own host (AUTH-001)."
            )
        elif auth and api and auth[0] != api[0]:
            found.append(
                f"Mixed pair: the authorisation host is Pleo's {auth[0]} one, the API host {api[0]} (AUTH-001)."
            )
        elif not found and bool(auth) != bool(api):
            ours, other = ("authorisation", self.api_url) if auth else ("API", self.auth_url)
            environment = (auth or api or ("", ""))[0]
            found.append(
                f"Mixed pair: the {ours} host is Pleo's {environment} one, but {_host(other)} is not Pleo's (AUTH-001)."
            )
        return tuple(found)

    def checked(self) -> PleoEndpoints:
        """Itself, when it may be used.

        Raises `EndpointsRefused` otherwise. Every client calls this, so no request can go to a refused host.
        """
        if faults := self.faults():
            raise EndpointsRefused(faults)
        return self

    def authorise(self, params: Params) -> str:
        """The authorise URL for a browser."""
        return f"{_joined(self.auth_url, '/oauth/authorize')}?{urlencode(params, quote_via=quote)}"

    def token(self) -> str:
        return _joined(self.auth_url, "/oauth/token")

    def token_introspection(self) -> str:
        return _joined(self.auth_url, "/oauth/token/introspect")

    def api(self, path: str) -> str:
        """A resource URL; `path` begins with a slash and is made with `path_of` when it holds an id."""
        return _joined(self.api_url, path)


def path_of(*segments: str) -> str:
    """A path from its segments, each quoted: an id from outside can never leave its place.

    Raises `ValueError` for a segment that is empty or a dot segment.
    """
    if any(segment.strip() in ("", ".", "..") for segment in segments):
        raise ValueError(f"not a usable id in a path: {segments!r}")
    return "/" + "/".join(quote(segment, safe=":") for segment in segments)


def is_local(url: str) -> bool:
    """Whether a URL points to this machine by name or loopback address."""
    host = _host(url)
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def transport_fault(url: str) -> str | None:
    """What forbids calling or publishing this URL: HTTPS everywhere but on this machine (AUTH-003, HOOK-008)."""
    scheme = _scheme(url)
    if not _host(url) or scheme not in ("http", "https"):
        return "is not an absolute http(s) URL"
    if scheme == "http" and not is_local(url):
        return "must use HTTPS; plain HTTP is allowed on localhost only (AUTH-003)"
    return None


def _base_faults(role: str, url: str) -> list[str]:
    host = _host(url)
    if fault := transport_fault(url):
        return [f"The {role} base {fault}."]
    parts = urlsplit(url)
    if parts.username or parts.password or parts.query or parts.fragment or not _port_is_valid(url):
        return [f"The {role} base must be a plain base: no user, no query, no fragment, a valid port."]
    if host in _LEGACY:
        return [f"The {role} base names {host}, a legacy host that must not be called (AUTH-002)."]
    if (host == "pleo.io" or host.endswith(".pleo.io")) and host not in _PAIRS:
        return [f"The {role} base names {host}, which is none of Pleo's published API hosts (AUTH-002)."]
    return []


def _known(url: str) -> tuple[Environment, str] | None:
    return _PAIRS.get(_host(url))


def _host(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").rstrip(".").lower()
    except ValueError:
        return ""


def _scheme(url: str) -> str:
    try:
        return urlsplit(url).scheme.lower()
    except ValueError:
        return ""


def _port_is_valid(url: str) -> bool:
    try:
        return urlsplit(url).port != 0
    except ValueError:
        return False


def _joined(base: str, path: str) -> str:
    return base.rstrip("/") + path
