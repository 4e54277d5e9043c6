"""People in front of a real browser. What a page does behind their back is noted and fails the test.

Each `Person` is a browser of its own: cookies, storage and windows are shared with nobody. Nothing reaches a host that
is not this machine; whoever asks for one is told of. What the service answers is searched for secrets.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlsplit

from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Error,
    Page,
    Request,
    Response,
    sync_playwright,
)

from tests.support.leak_watch import HUNT
from tests.support.site import Site
from tools.browser import Machine, find

Scheme = Literal["light", "dark"]
WIDE = (1280, 900)
PHONE = (390, 844)
NARROW = (320, 640)
"""A page must still reflow here (WCAG 1.4.10)."""
PATIENCE_MS = 30_000
_HERE = ("127.0.0.1", "localhost")
_SWITCHES = [
    "--disable-dev-shm-usage",
    "--disable-gpu",
    f"--host-resolver-rules=MAP * ~NOTFOUND, {', '.join(f'EXCLUDE {host}' for host in _HERE)}",
]
_OWN_NOISE = "Failed to load resource"
"""The browser's word on every answer of 400 and above, which we note ourselves."""


@contextmanager
def running_browser() -> Iterator[Browser]:
    """Chromium without a window, for any number of people. Raises `tools.browser.NoBrowser`."""
    program = find(Machine.here())
    assert program is not None
    with sync_playwright() as playwright:
        switches = [*_SWITCHES, "--no-sandbox"] if os.geteuid() == 0 else _SWITCHES
        browser = playwright.chromium.launch(executable_path=program, args=switches)
        yield browser
        browser.close()


@dataclass
class Person:
    """Somebody with a browser of their own, at one page of it."""

    site: Site
    context: BrowserContext
    page: Page
    javascript: bool
    trouble: list[str] = field(default_factory=list)
    """What must not happen: errors in the console, scripts that failed, broken answers, requests to other machines."""
    _refused: list[tuple[str, int]] = field(default_factory=list)
    _reading: int = 0

    def go(self, path: str) -> Response:
        """Open a page of the service, or any address."""
        answer = self.page.goto(path)
        assert answer is not None, path
        return answer

    def press(self, name: str) -> None:
        """Press the button or follow the link of this name, wholly written, and wait for the page it leads to."""
        button = self.page.get_by_role("button", name=name, exact=True)
        with self.page.expect_navigation():
            button.or_(self.page.get_by_role("link", name=name, exact=True)).click()

    def connect(self, company: str = "Demo ApS") -> None:
        """Press Connect in Pleo and allow it for a company; the browser is back at our page."""
        self.go("/connect")
        self.page.get_by_role("radio", name=company, exact=True).check()
        self.press("Allow")

    def sign_in(self, token: str | None = None) -> None:
        """As an administrator, at the door where the browser stands."""
        self.page.get_by_label("token").fill(token or self.site.admin_token)
        self.press("Sign in")

    def follow(self) -> None:
        """Wait until the page has been told all there is by the streams it follows."""
        until = time.monotonic() + PATIENCE_MS / 1000
        while self.javascript and self._is_told_more() and time.monotonic() < until:
            self.page.wait_for_timeout(50)

    def _is_told_more(self) -> bool:
        try:
            return self.page.locator("[data-live]:not([data-over])").count() > 0
        except Error:  # the page is just being left for the one behind it
            return True

    @property
    def path(self) -> str:
        """Where the browser is, with what is asked for."""
        parts = urlsplit(self.page.url)
        return parts.path + (f"?{parts.query}" if parts.query else "")

    @property
    def refused(self) -> list[tuple[str, int]]:
        """Answers of 400 to 499 so far, as (path, status)."""
        self.settle()
        return list(self._refused)

    @property
    def text(self) -> str:
        """What can be read on the page."""
        return self.page.locator("body").inner_text()

    def cookies(self) -> list[Any]:
        """To give to another browser of the same person."""
        return list(self.context.cookies())

    @contextmanager
    def inspected(self) -> Iterator[Page]:
        """The page for instruments that are scripts; without script a copy of what stands there."""
        if self.javascript:
            yield self.page
            return
        head, body, rest = self.page.content().partition("<body")
        html = head + body + re.sub(r"</?noscript>", "", rest)
        browser = self.context.browser
        assert browser is not None
        with closing(browser.new_context(base_url=self.site.url, reduced_motion="reduce")) as context:
            copy = context.new_page()
            copy.route("**/*.js", lambda route: route.fulfill(body="", content_type="text/javascript"))
            address = self.page.url
            copy.route(lambda url: url == address, lambda route: route.fulfill(body=html, content_type="text/html"))
            copy.goto(address)
            yield copy

    # ------------------------------------------------------------------ what happens behind their back

    def watch(self) -> None:
        """From now on, in every window."""
        self.context.on("console", self._said)
        self.context.on("weberror", lambda error: self.trouble.append(f"script failed: {error.error}"))
        self.context.on("request", self._asked)
        self.context.on("requestfailed", self._failed)
        self.context.on("requestfinished", self._answered)

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not message.text.startswith(_OWN_NOISE):
            self.trouble.append(f"console: {message.text}")

    def _asked(self, request: Request) -> None:
        if urlsplit(request.url).scheme in ("http", "https") and urlsplit(request.url).hostname not in _HERE:
            self.trouble.append(f"asked another machine: {request.url}")

    def _failed(self, request: Request) -> None:
        if request.failure not in ("net::ERR_ABORTED", "net::ERR_NAME_NOT_RESOLVED"):
            self.trouble.append(f"no answer: {request.method} {request.url} ({request.failure})")

    def settle(self) -> None:
        """Wait until every answer that has come is read."""
        until = time.monotonic() + PATIENCE_MS / 1000
        while self._reading and time.monotonic() < until:
            self.page.wait_for_timeout(5)

    def _answered(self, request: Request) -> None:
        self._reading += 1
        try:
            answer = request.response()
            if answer is not None and answer.url.startswith(self.site.url):
                self._read(request, answer)
        finally:
            self._reading -= 1

    def _read(self, request: Request, answer: Response) -> None:
        path = urlsplit(answer.url).path
        if answer.status >= 500:
            self.trouble.append(f"answer {answer.status}: {request.method} {path}")
        elif answer.status >= 400:
            self._refused.append((path, answer.status))
        place = f"answer to {request.method} {path} in a browser"
        shown = answer.headers.get("location", "") if path != "/connect" else ""
        with suppress(Error, UnicodeDecodeError):  # a redirect has no body, a page that was left keeps none
            shown += answer.text()
        HUNT.look(place, shown)
        self.site.answers.append((place, shown))


def person(
    browser: Browser,
    site: Site,
    *,
    scheme: Scheme = "light",
    viewport: tuple[int, int] = WIDE,
    javascript: bool = True,
    cookies: list[Any] | None = None,
) -> Person:
    """Somebody at an empty page. Nobody is signed in, unless with the cookies of another browser."""
    context = browser.new_context(
        base_url=site.url,
        color_scheme=scheme,
        viewport={"width": viewport[0], "height": viewport[1]},
        java_script_enabled=javascript,
        reduced_motion="reduce",
        locale="en-GB",
        timezone_id="Europe/Copenhagen",
    )
    context.set_default_timeout(PATIENCE_MS)
    if cookies:
        context.add_cookies(cookies)
    made = Person(site, context, context.new_page(), javascript)
    made.watch()
    return made
