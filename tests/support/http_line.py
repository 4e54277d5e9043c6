"""A line to an ERP that a test can cut, or that shows a list empty, as a server does whose user may read nothing."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

_KEPT = ("authorization", "content-type", "accept", "accept-language", "x-tryton-context")


class HttpLine:
    """Passes requests on to `target`, and answers back."""

    def __init__(self, target: str) -> None:
        self._http = httpx.Client(base_url=target, timeout=60, trust_env=False)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self.cut = ""
        """Requests whose path contains this get no answer; `/` cuts all, nothing cuts none."""
        self.empty = ""
        """Tryton model of which no record is shown, nor counted."""
        self.struck = 0
        """Requests that got no answer, or an empty list."""
        self.asked: set[str] = set()
        """Each request that came, as method and path."""

    def answer(self, handler: BaseHTTPRequestHandler) -> tuple[int, str, bytes] | None:
        """Status, content type and body; None to hang up."""
        path = handler.path.partition("?")[0]
        self.asked.add(f"{handler.command} {path}")
        body = handler.rfile.read(int(handler.headers.get("content-length", 0)))
        if self.cut and self.cut in path:
            self.struck += 1
            return None
        if self.empty and path.endswith((f"/model/{self.empty}", f"/model/{self.empty}/search_count")):
            self.struck += 1
            return 200, "application/json", b"0" if path.endswith("search_count") else b"[]"
        headers = {name: value for name, value in handler.headers.items() if name.lower() in _KEPT}
        said = self._http.request(handler.command, handler.path, headers=headers, content=body)
        return said.status_code, said.headers.get("content-type", ""), said.content

    def serve(self) -> None:
        self._server.serve_forever(0.05)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._http.close()


@contextmanager
def http_line(target: str) -> Iterator[HttpLine]:
    """A line for the length of a `with` block."""
    line = HttpLine(target)
    thread = threading.Thread(target=line.serve, name="line", daemon=True)
    thread.start()
    try:
        yield line
    finally:
        line.close()
        thread.join(5)


def _handler(line: HttpLine) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            answer = line.answer(self)
            if answer is None:
                self.close_connection = True
                return
            status, kind, body = answer
            self.send_response(status)
            for name, value in (("Content-Type", kind), ("Content-Length", str(len(body)))):
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_PUT = do_DELETE = do_GET

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    return Handler
