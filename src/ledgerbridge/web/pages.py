"""Pages for the customer's browser: server-side templates, one stylesheet, no script."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from datetime import datetime
from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse, Response
from fastapi.routing import APIRoute
from fastapi.staticfiles import StaticFiles
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ledgerbridge.web.problems import from_exception, request_id

_HERE = Path(__file__).parent
_NO_STORE = {"Cache-Control": "no-store"}


class _Assets(StaticFiles):
    """Files that are nobody's secret: kept by browsers, asked about again."""

    def file_response(self, *arguments: Any, **named: Any) -> Response:
        answer = super().file_response(*arguments, **named)
        answer.headers["Cache-Control"] = "public, no-cache"
        return answer


ASSETS = _Assets(directory=_HERE / "static")


def _moment(value: datetime | None) -> str:
    return f"{value:%d %b %Y, %H:%M} UTC" if value else "never"


_templates = Environment(
    loader=FileSystemLoader(_HERE / "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
)
_templates.filters["moment"] = _moment


def render(template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """A page from `templates/`; never cached, because it is about one company."""
    return HTMLResponse(_templates.get_template(template).render(values), status, headers=_NO_STORE)


def message(status: int, title: str, text: str, what_to_do: str, reference: str | None = None) -> HTMLResponse:
    """A page that says what happened and what to do; `reference` is for support."""
    return render("message.html", status, title=title, text=text, what_to_do=what_to_do, reference=reference)


class PageRoute(APIRoute):
    """A route whose failures are pages, too: a person in a browser cannot use a problem document."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler = super().get_route_handler()

        async def handle(request: Request) -> Response:
            try:
                return await handler(request)
            except Exception as error:
                problem = from_exception(error)
                answer = message(
                    problem.status,
                    "This did not work just now",
                    problem.detail,
                    "Try again in a minute. If it keeps happening, send support the reference below.",
                    request_id(request),
                )
                answer.headers.update(problem.headers)
                return answer

        return handle
