"""The operations team's OpenID Connect provider: what it says of itself, where a browser is sent, whom it named.

Authlib judges what is claimed; here stand the calls, within bounds and to checked addresses, and what must hold before
a claim is looked at: an asymmetric signature by a key the provider publishes, and the nonce of this very attempt.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote_plus, urlencode, urlsplit

import httpx
from authlib.common.urls import add_params_to_uri  # type: ignore[import-untyped]
from authlib.oauth2.rfc7636 import create_s256_code_challenge  # type: ignore[import-untyped]
from authlib.oidc.core import CodeIDToken  # type: ignore[import-untyped]
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import JWKRegistry, KeySet
from joserfc.jws import JWSRegistry

from ledgerbridge.outgoing.addresses import Reach, host_of, is_loopback
from ledgerbridge.outgoing.clients import checked_client
from ledgerbridge.outgoing.network import AddressRefused
from ledgerbridge.pleo.wire import Limits, NoAnswer, NotJson, bare_request, exchange, read_json
from ledgerbridge.settings import Settings, is_secure_url

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""Signatures that only the provider can make: never `none`, and no secret that we hold as well."""
LEEWAY_SECONDS = 60
"""Between the provider's clock and ours."""
KEPT_SECONDS = 3600.0
"""How long what the provider says of itself is believed without asking again."""
_KEYS_AGAIN_SECONDS = 30.0
"""A key we do not know is asked for, but not for every forged token anew."""
_LIMITS = Limits(connect=5.0, read=10.0, total=20.0, max_bytes=512 * 1024)


class ProviderUnavailable(Exception):
    """The provider did not answer, or not as it must. The text is for the log; it holds no secret."""


class NotBelieved(Exception):
    """The provider refused the code, or what it sent proves nothing. The text is for the log."""


@dataclass(frozen=True, slots=True)
class Endpoints:
    """What the provider says of itself."""

    authorization: str
    token: str
    keys: str
    userinfo: str | None
    secret_in_body: bool


@dataclass(slots=True)
class _Kept:
    """Something asked of the provider, and when."""

    value: Any
    at: float


@dataclass(slots=True)
class Provider:
    """The provider of `OIDC_ISSUER`; made once a process."""

    settings: Settings
    http: httpx.AsyncClient
    _endpoints: _Kept | None = field(default=None, init=False)
    _keys: _Kept | None = field(default=None, init=False)

    async def authorise_url(self, *, redirect_uri: str, state: str, nonce: str, verifier: str) -> str:
        """Where to send the browser. Raises `ProviderUnavailable`."""
        asked = {
            "response_type": "code",
            "client_id": self.settings.oidc_client_id,
            "redirect_uri": redirect_uri,
            "scope": self.settings.oidc_scopes,
            "state": state,
            "nonce": nonce,
            "code_challenge": create_s256_code_challenge(verifier),
            "code_challenge_method": "S256",
        }
        return str(add_params_to_uri((await self._discovered()).authorization, list(asked.items())))

    async def claims(self, *, code: str, redirect_uri: str, verifier: str) -> Mapping[str, Any]:
        """What the provider claims about whoever allowed this code, checked but for the nonce, which is the caller's.

        Raises `ProviderUnavailable` and `NotBelieved`.
        """
        endpoints = await self._discovered()
        answer = await self._granted(endpoints, code, redirect_uri, verifier)
        access_token, id_token = answer.get("access_token"), answer.get("id_token")
        if not isinstance(id_token, str):
            raise NotBelieved("the provider sent no ID token")
        found = self._judged(await self._decoded(id_token), access_token)
        if self._lacking(found) and endpoints.userinfo and isinstance(access_token, str):
            told = await self._asked("GET", endpoints.userinfo, {"Authorization": f"Bearer {access_token}"})
            if told.get("sub") != found["sub"]:
                raise NotBelieved("the provider's user information is about somebody else")
            if told.get("email") != found.get("email", told.get("email")):
                told.pop("email_verified", None)  # of another address than the one that counts
            return {**told, **found}
        return found

    def _lacking(self, found: Mapping[str, Any]) -> bool:
        """Whether more may stand in the user information: some providers keep their ID tokens thin."""
        return "email" not in found or self.settings.oidc_groups_claim not in found

    async def _discovered(self) -> Endpoints:
        if self._endpoints is None or time.monotonic() - self._endpoints.at > KEPT_SECONDS:
            issuer = self.settings.oidc_issuer
            found = await self._asked("GET", f"{issuer.rstrip('/')}/.well-known/openid-configuration")
            if found.get("issuer") != issuer:
                raise ProviderUnavailable(f"OIDC_ISSUER is {issuer}, but the provider calls itself by another name")
            self._endpoints = _Kept(_endpoints(found), time.monotonic())
        assert isinstance(self._endpoints.value, Endpoints)  # noqa: S101
        return self._endpoints.value

    async def _granted(self, endpoints: Endpoints, code: str, redirect_uri: str, verifier: str) -> dict[str, Any]:
        client, secret = self.settings.oidc_client_id, self.settings.oidc_client_secret.get_secret_value()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": verifier,
        }
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        if secret and not endpoints.secret_in_body:
            pair = f"{quote_plus(client)}:{quote_plus(secret)}".encode()
            headers["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
        else:
            form |= {"client_id": client} | ({"client_secret": secret} if secret else {})
        return await self._asked("POST", endpoints.token, headers, urlencode(form).encode())

    async def _decoded(self, id_token: str) -> jwt.Token:
        keys = await self._published()
        for last in (False, True):
            try:
                return jwt.decode(id_token, keys, registry=_registry())
            except InvalidKeyIdError as error:
                # The provider may have changed its keys since we asked.
                if last or (keys := await self._published(anew=True)) is None:
                    raise NotBelieved("the ID token names a key the provider does not publish") from error
            except (JoseError, ValueError) as error:
                raise NotBelieved(f"the ID token is not the provider's: {type(error).__name__}") from error
        raise AssertionError("unreachable")

    def _judged(self, token: jwt.Token, access_token: object) -> dict[str, Any]:
        options = {
            "iss": {"essential": True, "values": [self.settings.oidc_issuer]},
            "aud": {"essential": True, "values": [self.settings.oidc_client_id]},
            "exp": {"essential": True},
            "iat": {"essential": True},
        }
        params = {"client_id": self.settings.oidc_client_id, "access_token": access_token}
        found = CodeIDToken(token.claims, token.header, options, params)
        try:
            found.validate(leeway=LEEWAY_SECONDS)
        except (JoseError, ValueError, TypeError) as error:
            raise NotBelieved(f"the ID token is not for us, or not for now: {error}") from error
        if not isinstance(found["sub"], str) or not found["sub"]:
            raise NotBelieved("the ID token names nobody")
        return dict(found)

    async def _published(self, *, anew: bool = False) -> Any:
        """The provider's keys. Raises `NotBelieved` when a key is not there and was asked for a moment ago."""
        age = time.monotonic() - self._keys.at if self._keys else None
        if anew and age is not None and age < _KEYS_AGAIN_SECONDS:
            raise NotBelieved("the ID token names a key the provider did not publish a moment ago")
        if self._keys is None or anew or (age or 0) > KEPT_SECONDS:
            found = (await self._asked("GET", (await self._discovered()).keys)).get("keys")
            self._keys = _Kept(_usable(found if isinstance(found, list) else []), time.monotonic())
        return self._keys.value

    async def _asked(
        self, method: str, url: str, headers: Mapping[str, str] | None = None, content: bytes | None = None
    ) -> dict[str, Any]:
        """One exchange; the answer's JSON object."""
        where = f"{method} {urlsplit(url).path}"
        request = bare_request(
            method, url, headers={"Accept": "application/json", **(headers or {})}, limits=_LIMITS, content=content
        )
        try:
            answer = await exchange(self.http, request, _LIMITS)
            found = read_json(answer)
        except (NoAnswer, NotJson, AddressRefused) as error:
            raise ProviderUnavailable(f"{where}: {error}") from None
        if method == "POST" and answer.status in (400, 401, 403):
            code = found.get("error") if isinstance(found, dict) else None
            raise NotBelieved(f"the provider refused the code or our client: {answer.status} {str(code)[:60]}")
        if answer.status != 200 or not isinstance(found, dict):
            raise ProviderUnavailable(f"{where}: answered {answer.status}")
        return found


def provider_client(settings: Settings) -> httpx.AsyncClient:
    """For the provider: its own host may be private or this machine, as the settings name it; no other may."""
    host = host_of(urlsplit(settings.oidc_issuer).hostname or "")
    return checked_client(Reach(hosts=frozenset({host}), local=is_loopback(host)))


def _registry() -> JWSRegistry:
    return JWSRegistry(algorithms=list(ALGORITHMS), strict_check_header=False)


def _endpoints(found: Mapping[str, Any]) -> Endpoints:
    def address(name: str) -> str:
        value = found.get(name)
        if not isinstance(value, str) or not is_secure_url(value):
            raise ProviderUnavailable(f"the provider's {name} is missing or not https")
        return value

    methods = found.get("token_endpoint_auth_methods_supported")
    ways = methods if isinstance(methods, list) else ["client_secret_basic"]
    return Endpoints(
        authorization=address("authorization_endpoint"),
        token=address("token_endpoint"),
        keys=address("jwks_uri"),
        userinfo=address("userinfo_endpoint") if "userinfo_endpoint" in found else None,
        secret_in_body="client_secret_basic" not in ways and "client_secret_post" in ways,
    )


def _usable(found: list[Any]) -> KeySet:
    """The keys a signature may be checked with: public ones, of kinds we know, not meant for encryption."""
    keys = []
    for one in found:
        if not isinstance(one, dict) or one.get("kty") not in ("RSA", "EC", "OKP") or one.get("use", "sig") != "sig":
            continue
        try:
            keys.append(JWKRegistry.import_key(one))
        except (JoseError, ValueError, TypeError, KeyError):
            continue
    return KeySet(keys)
