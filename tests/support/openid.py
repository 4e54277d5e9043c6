"""An OpenID Connect provider that lies on demand: discovery, keys, tokens and user information as a test wants them."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl

from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey
from joserfc.jws import JWSRegistry

CLIENT = "ledgerbridge"
CODE = "a code"


@dataclass
class Liar:
    """What it says, and what it was asked."""

    issuer: str = ""
    key: Any = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "one", "use": "sig"}))
    header: dict[str, Any] = field(default_factory=lambda: {"alg": "RS256", "kid": "one"})
    claims: dict[str, Any] = field(default_factory=dict)
    """Instead of the right ones; None leaves a claim out."""
    userinfo: dict[str, Any] | None = None
    discovery: dict[str, Any] = field(default_factory=dict)
    keys: list[dict[str, Any]] | None = None
    """Instead of its own."""
    nonce: str = ""
    """Of the attempt under way, as the browser brought it."""
    asked: list[tuple[str, dict[str, str], str]] = field(default_factory=list)
    """Path, form and Authorization of each request."""
    failing: set[str] = field(default_factory=set)
    """Paths that answer 500."""

    def count(self, path: str) -> int:
        return sum(one[0] == path for one in self.asked)

    def id_token(self) -> str:
        now = int(time.time())
        right: dict[str, Any] = {
            "iss": self.issuer, "aud": CLIENT, "sub": "7", "iat": now, "exp": now + 300, "nonce": self.nonce,
            "email": "ada@example.com", "email_verified": True,
        }  # fmt: skip
        claims = {name: value for name, value in (right | self.claims).items() if value is not None}
        if self.header["alg"] == "none":
            return _unsigned(self.header, claims)
        registry = JWSRegistry(algorithms=[self.header["alg"]])
        return jwt.encode(self.header, claims, self.key, registry=registry)

    def answer(self, path: str) -> dict[str, Any] | None:
        match path:
            case "/.well-known/openid-configuration":
                return {
                    "issuer": self.issuer,
                    "authorization_endpoint": f"{self.issuer}/authorize",
                    "token_endpoint": f"{self.issuer}/oauth/token",
                    "jwks_uri": f"{self.issuer}/jwks",
                    **({"userinfo_endpoint": f"{self.issuer}/userinfo"} if self.userinfo is not None else {}),
                    **self.discovery,
                }
            case "/jwks":
                public = [] if isinstance(self.key, OctKey) else [self.key.as_dict(private=False)]
                return {"keys": self.keys if self.keys is not None else public}
            case "/oauth/token":
                return {"access_token": "access", "token_type": "Bearer", "id_token": self.id_token()}
            case "/userinfo":
                return self.userinfo
        return None


@contextmanager
def lying() -> Iterator[Liar]:
    """The provider on a port of this machine."""
    liar = Liar()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer({})

        def do_POST(self) -> None:
            length = int(self.headers.get("content-length", "0"))
            self._answer(dict(parse_qsl(self.rfile.read(length).decode())))

        def _answer(self, form: dict[str, str]) -> None:
            liar.asked.append((self.path, form, self.headers.get("authorization", "")))
            found = None if self.path in liar.failing else liar.answer(self.path)
            body = json.dumps(found if found is not None else {"error": "server_error"}).encode()
            self.send_response(200 if found is not None else 500)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    liar.issuer = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield liar
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()


def other_key(kid: str = "one") -> RSAKey:
    """A key the provider does not have."""
    return RSAKey.generate_key(2048, {"kid": kid, "use": "sig"})


def curve_key(kid: str = "one") -> ECKey:
    return ECKey.generate_key("P-256", {"kid": kid, "use": "sig"})


def _unsigned(header: dict[str, Any], claims: dict[str, Any]) -> str:
    def part(value: Any) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    return f"{part(header)}.{part(claims)}."
