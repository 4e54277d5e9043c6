"""What a person sees on a page and can press, read from its HTML without a browser."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

import httpx

_UNSEEN = frozenset({"script", "style", "title", "head", "noscript"})
_BREAKS = frozenset({"p", "li", "td", "th", "tr", "h1", "h2", "h3", "div", "dd", "dt", "label", "legend", "section"})
_VOID = frozenset({"input", "br", "link", "meta", "img", "hr"})


@dataclass
class Form:
    """A form with what it would send."""

    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)
    """What stands in it as the page came, boxes and radios only where ticked."""
    options: dict[str, list[str]] = field(default_factory=dict)
    """What each choice offers."""
    words: str = ""
    """All its text."""
    buttons: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    """Names of the fields that take a file."""


class Page(HTMLParser):
    """A page's words, links and forms."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.html = html
        self.title = ""
        self.forms: list[Form] = []
        self.links: dict[str, str] = {}
        """Words to address; of several with the same words the last."""
        self.addresses: list[str] = []
        """Of all links, in order."""
        self.headings: list[tuple[str, str]] = []
        """Level (`h1`) and words."""
        self._parts: list[str] = []
        self._open: list[str] = []
        self._form: Form | None = None
        self._link: tuple[str, list[str]] | None = None
        self._heading: list[str] | None = None
        self._select: str | None = None
        self._button: list[str] | None = None
        self.feed(html)

    @property
    def text(self) -> str:
        """Everything that is read, one space between words."""
        return " ".join(" ".join(self._parts).split())

    def form(self, action: str, **fields: str) -> Form:
        """The one form that posts to `action` with these fields."""
        (found,) = [one for one in self.forms if one.action == action and fields.items() <= one.fields.items()]
        return found

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag not in _VOID:
            self._open.append(tag)
        if tag in _BREAKS:
            self._parts.append(" ")
        match tag:
            case "form":
                self._form = Form(given.get("action", ""), given.get("method", "get"))
                self.forms.append(self._form)
            case "a":
                self._link = (given.get("href", ""), [])
            case "h1" | "h2" | "h3":
                self._heading = []
            case "button":
                self._button = []
                if self._form is not None and given.get("name"):
                    self._form.options.setdefault(given["name"], []).append(given.get("value", ""))
            case "input":
                self._input(given)
            case "select" | "textarea":
                self._select = given.get("name")
                if self._form is not None and self._select:
                    self._form.fields.setdefault(self._select, "")
            case "option" if self._form is not None and self._select:
                value = given.get("value", "")
                chosen = self._form.options.setdefault(self._select, [])
                if "selected" in given or not chosen:
                    self._form.fields[self._select] = value
                chosen.append(value)

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop() != tag:
            pass
        match tag:
            case "form":
                self._form = None
            case "a" if self._link is not None:
                self.links[_joined(self._link[1])] = self._link[0]
                self.addresses.append(self._link[0])
                self._link = None
            case "h1" | "h2" | "h3" if self._heading is not None:
                self.headings.append((tag, _joined(self._heading)))
                self._heading = None
            case "button" if self._button is not None:
                if self._form is not None:
                    self._form.buttons.append(_joined(self._button))
                self._button = None
            case "select" | "textarea":
                self._select = None
        if tag in _BREAKS:
            self._parts.append(" ")

    def handle_data(self, data: str) -> None:
        if "title" in self._open:
            self.title += data
        if _UNSEEN & set(self._open):
            return
        self._parts.append(data)
        for kept in (self._heading, self._button, self._link[1] if self._link else None):
            if kept is not None:
                kept.append(data)
        if self._form is not None:
            self._form.words += data
            if self._open[-1:] == ["textarea"] and self._select:
                self._form.fields[self._select] += data

    def _input(self, given: dict[str, str]) -> None:
        if self._form is None or not given.get("name"):
            return
        name, value = given["name"], given.get("value", "")
        if given.get("type") == "file":
            self._form.files.append(name)
            return
        if given.get("type") in ("checkbox", "radio"):
            self._form.options.setdefault(name, []).append(value)
            if "checked" not in given:
                return
        self._form.fields[name] = value


async def look(browser: httpx.AsyncClient, path: str, status: int = 200) -> Page:
    """The page at `path`."""
    answer = await browser.get(path)
    assert answer.status_code == status, (path, answer.status_code, answer.text)
    return Page(answer.text)


async def send(browser: httpx.AsyncClient, form: Form, **changes: Any) -> httpx.Response:
    """Press a form's button, with some fields filled in otherwise; the answer, not followed."""
    return await browser.request(form.method, form.action, data={**form.fields, **changes})


async def press(browser: httpx.AsyncClient, form: Form, **changes: Any) -> Page:
    """The same, and the page that follows."""
    answer = await send(browser, form, **changes)
    assert answer.status_code == 303, (form.action, answer.status_code, Page(answer.text).text)
    return await look(browser, answer.headers["location"])


def _joined(parts: list[str]) -> str:
    return " ".join("".join(parts).split())
