"""A page of our own making that shows every part of the visual language, served without the service behind it."""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Browser

from ledgerbridge.web import pages
from ledgerbridge.web.console.page import CUSTOMER_PAGES, FieldError
from ledgerbridge.web.middleware import CONTENT_SECURITY_POLICY
from ledgerbridge.web.texts import known, text
from tests.support.browser import Person, person
from tests.support.site import Site

LONG = "Kjøbenhavns Ø-Forsyningsselskab-og-Regnskabsaktieselskab-af-1897 " * 3 + "x" * 120
ACCOUNTS = [(str(code), f"{code} {name}") for code, name in enumerate(("Cash", "Bank", "Travel", "Café & meals"), 1000)]
ACCOUNTS += [(f"9{number:03}", f"9{number:03} Account of no use") for number in range(300)]
WRONG = (FieldError("name", "Enter the company's name."), FieldError("account", "Choose an account of the chart."))
_STATIC = Path(pages.__file__).parent / "static"
_KINDS = {".css": "text/css", ".js": "text/javascript", "": "text/html; charset=utf-8"}
_SLOW_SECONDS = 0.3


class Gallery:
    """The page at `url`, in as many browsers as wanted, and the forms that were sent from it."""

    def __init__(self, browser: Browser, url: str) -> None:
        self.url = url
        self.sent: list[dict[str, list[str]]] = []
        """The fields of each form."""
        self.stream = ""
        """What `/live` answers with."""
        self.page = ""
        self.people: list[Person] = []
        self._browser = browser

    def open(self, *, javascript: bool = True, **values: Any) -> Person:
        """Somebody at the page, drawn with these values."""
        given: dict[str, Any] = {
            "company": LONG, "page": "/settings", "nav": CUSTOMER_PAGES, "visitor": SimpleNamespace(csrf="c" * 64),
            "accounts": ACCOUNTS, "long": LONG, "now": dt.datetime(2026, 11, 21, 12, tzinfo=dt.UTC),
            "stream": self.stream, "t": _words, **values,
        }  # fmt: skip
        source = Path(__file__).with_name("gallery.html").read_text()
        self.page = pages._templates.from_string(source).render(given)
        site = cast("Site", SimpleNamespace(url=self.url, answers=[]))
        self.people.append(person(self._browser, site, javascript=javascript))
        self.people[-1].go("/settings/gallery")
        return self.people[-1]


def _words(name: str, **values: Any) -> str:
    """A text, or its name while nobody has written it."""
    return text(name, **values) if known(name) else name


@contextmanager
def gallery_of(browser: Browser) -> Iterator[Gallery]:
    """The page, served for the length of a `with` block."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = urlsplit(self.path).path
            if path.startswith("/assets/"):
                self._answer((_STATIC / Path(path).name).read_bytes(), _KINDS[Path(path).suffix])
            elif path == "/live":
                self._answer(made.stream.encode(), "text/event-stream")
            else:
                self._answer(made.page.encode(), _KINDS[""])

        def do_POST(self) -> None:
            made.sent.append(parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode()))
            time.sleep(_SLOW_SECONDS)
            self._answer(made.page.encode(), _KINDS[""])

        def _answer(self, body: bytes, kind: str) -> None:
            self.send_response(200)
            for name, value in (("Content-Type", kind), ("Content-Security-Policy", CONTENT_SECURITY_POLICY)):
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        made = Gallery(browser, f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield made
        finally:
            for one in made.people:
                one.settle()
                one.context.close()
            server.shutdown()
            thread.join()
