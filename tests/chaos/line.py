"""An HTTP line between two parts, on which answers are lost after the effect, cut, late, refused, or never come."""

from __future__ import annotations

import itertools
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

import httpx

_OF_ONE_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "te", "upgrade", "proxy-connection"})
_MADE_ANEW = frozenset({"content-length", "content-encoding", "date", "server"})
_LATEST = 90.0
_REFUSED = b"not today"

Told = Callable[[str], None]


@dataclass
class Trouble:
    """What befalls requests that match, until it has struck `times` or is taken away."""

    kind: Literal["lose", "cut", "truncate", "slow", "delay", "status", "fail"]
    """The answer is lost after the effect; the request never arrives; half an answer; a late answer; a late effect; a
    refusal; a failure told after the effect."""
    method: str = r".*"
    path: str = r".*"
    times: int | None = None
    skip: int = 0
    """Matching requests that pass first."""
    seconds: float = 0
    status: int = 503
    retry_after: int | None = None
    struck: int = 0

    def due(self, method: str, path: str) -> bool:
        """Whether it strikes this request; using it counts."""
        if not re.fullmatch(self.method, method) or not re.search(self.path, path):
            return False
        if self.times is not None and self.struck >= self.times:
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        self.struck += 1
        return True


class Line:
    """Passes requests on to the first of its targets that takes them, in turn, and answers back."""

    def __init__(self, *targets: str, keep_host: bool = False, told: Told = lambda _: None) -> None:
        """With `keep_host` the target is told the line's own address, and gives out links that lead here."""
        self._targets = targets
        self._turn = itertools.count()
        self._keep_host = keep_host
        self._told = told
        self._alone = threading.Lock()
        self._troubles: list[Trouble] = []
        # A kept connection could be dead by the next request; what is lost here shall be lost on purpose.
        limits = httpx.Limits(max_keepalive_connections=0)
        self._http = httpx.Client(timeout=_LATEST, trust_env=False, limits=limits)
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    @contextmanager
    def troubled(self, *troubles: Trouble) -> Iterator[None]:
        """The troubles for the length of a `with` block."""
        with self._alone:
            self._troubles += troubles
        try:
            yield
        finally:
            with self._alone:
                self._troubles = [one for one in self._troubles if all(one is not each for each in troubles)]

    def answer(self, handler: BaseHTTPRequestHandler) -> tuple[int, list[tuple[str, str]], bytes, int] | None:
        """Status, headers, body and how much of the body is sent; None to hang up."""
        body = handler.rfile.read(int(handler.headers.get("content-length", 0)))
        trouble = self._due(handler.command, handler.path.partition("?")[0])
        kind = trouble.kind if trouble else None
        if trouble is not None and kind == "delay":
            time.sleep(trouble.seconds)
        said = None if kind in ("cut", "status") else self._passed_on(handler, body)
        if trouble is not None and kind == "slow":
            time.sleep(trouble.seconds)
        if trouble is not None and kind in ("status", "fail"):
            after = [] if trouble.retry_after is None else [("Retry-After", str(trouble.retry_after))]
            return trouble.status, [*after, ("Content-Type", "text/plain")], _REFUSED, len(_REFUSED)
        if said is None or kind == "lose":
            return None
        headers = [one for one in said.headers.multi_items() if one[0].lower() not in _OF_ONE_HOP | _MADE_ANEW]
        sent = len(said.content) // 2 if kind == "truncate" else len(said.content)
        return said.status_code, headers, said.content, sent

    def _due(self, method: str, path: str) -> Trouble | None:
        with self._alone:
            found = next((one for one in self._troubles if one.due(method, path)), None)
        if found is not None:
            self._told(f"{found.kind} {method} {path}")
        return found

    def _passed_on(self, handler: BaseHTTPRequestHandler, body: bytes) -> httpx.Response | None:
        headers = {name: value for name, value in handler.headers.items() if name.lower() not in _OF_ONE_HOP}
        if not self._keep_host:
            headers.pop("Host", headers.pop("host", None))
        first = next(self._turn)
        for number in range(len(self._targets)):
            target = self._targets[(first + number) % len(self._targets)]
            try:
                return self._http.request(handler.command, target + handler.path, headers=headers, content=body)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                continue
            except httpx.HTTPError:
                return None
        return None

    def serve(self) -> None:
        self._server.serve_forever(0.05)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._http.close()


@contextmanager
def line(*targets: str, keep_host: bool = False, told: Told = lambda _: None) -> Iterator[Line]:
    """A line for the length of a `with` block."""
    made = Line(*targets, keep_host=keep_host, told=told)
    thread = threading.Thread(target=made.serve, name="line", daemon=True)
    thread.start()
    try:
        yield made
    finally:
        made.close()
        thread.join(5)


class _Server(ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Somebody hung up: that is what this is for."""


def _handler(of: Line) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            answer = of.answer(self)
            if answer is None:
                self.close_connection = True
                return
            status, headers, body, sent = answer
            self.send_response_only(status)
            for name, value in [*headers, ("Content-Length", str(len(body)))]:
                if status != 204 or name != "Content-Length":
                    self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body[:sent])
            if sent < len(body):
                self.close_connection = True

        do_POST = do_PUT = do_DELETE = do_PATCH = do_GET

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    return Handler
