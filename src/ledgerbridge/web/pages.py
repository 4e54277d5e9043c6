"""Pages for a browser: templates rendered here, styles and one small script of our own, every text from `texts`."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, Response
from fastapi.routing import APIRoute
from fastapi.staticfiles import StaticFiles
from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup
from starlette.exceptions import HTTPException

from ledgerbridge.web.problems import HttpProblem, from_exception, problem_response, request_id
from ledgerbridge.web.refusals import problem_of
from ledgerbridge.web.texts import text

_HERE = Path(__file__).parent
_NO_STORE = {"Cache-Control": "no-store"}
_STARTS = (("/settings", "home.title"), ("/admin", "admin.connections.title"))
"""Where each part of the console begins, for whoever got lost in it."""


class _Assets(StaticFiles):
    """Files that are nobody's secret: kept by browsers, asked about again."""

    def file_response(self, *arguments: Any, **named: Any) -> Response:
        answer = super().file_response(*arguments, **named)
        answer.headers["Cache-Control"] = "public, no-cache"
        return answer


ASSETS = _Assets(directory=_HERE / "static")


@pass_context
def _moment(context: Context, value: datetime | None) -> Markup | str:
    """A time for people and machines: in the time zone of the company whose page it is, else in UTC, and it says so."""
    if value is None:
        return text("common.never")
    utc = value.astimezone(UTC)
    local = utc.astimezone(getattr(context.get("visitor"), "zone", UTC))
    name = local.tzname() or "UTC"
    told = f"{local:%d %b %Y, %H:%M} {f'UTC{name}' if name[0] in '+-' else name}"
    return Markup('<time datetime="{}">{}</time>').format(utc.isoformat(timespec="seconds"), told)


def _day(value: date) -> Markup:
    return Markup('<time datetime="{}">{}</time>').format(value.isoformat(), f"{value:%d %b %Y}")


def _number(value: int) -> str:
    return f"{value:,}"


def _amount(value: Decimal | str) -> str:
    """An amount in an entry: two decimals at least, thousands parted."""
    number = Decimal(value)
    exponent = number.as_tuple().exponent
    return f"{number:,.{max(2, -exponent) if isinstance(exponent, int) else 2}f}"


_templates = Environment(
    loader=FileSystemLoader(_HERE / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_templates.filters |= {"moment": _moment, "day": _day, "number": _number, "amount": _amount}
_templates.globals["t"] = text
_templates.globals |= {
    "page": None,
    "errors": (),
    "done": None,
    "nav": (),
    "company": None,
    "visitor": None,
    "refresh_seconds": None,
}
"""What the layout asks for and a page may leave out."""


def render(template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """A page from `templates/`; never cached, because it is about one company."""
    return HTMLResponse(fragment(template, **values), status, headers=_NO_STORE)


def fragment(template: str, **values: Any) -> str:
    """A piece of a page, or a whole one, as text."""
    return _templates.get_template(template).render(values)


def message(
    status: int,
    title: str,
    text: str,
    what_to_do: str,
    reference: str | None = None,
    links: Sequence[tuple[str, str]] = (),
) -> HTMLResponse:
    """A page that says what happened and what to do; `links`: words and paths of ours; `reference`: for support."""
    return render(
        "message.html", status, title=title, text=text, what_to_do=what_to_do, reference=reference, links=links
    )


class PageRoute(APIRoute):
    """A route whose failures are pages, too: a person in a browser cannot use a problem document."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler = super().get_route_handler()

        async def handle(request: Request) -> Response:
            try:
                return await handler(request)
            except Exception as error:
                return self.failed(request, error)

        return handle

    def failed(self, request: Request, error: Exception) -> Response:
        """The page for an exception that a route let escape."""
        try:
            problem = problem_of(error)
        except Exception:
            problem = from_exception(error)
        return _refusal(request, problem)


def install(app: FastAPI) -> None:
    """A person in a browser gets a page where no route takes them; who asks for anything else, a problem document."""

    async def lost(request: Request, error: Exception) -> Response:
        return refuse(request, from_exception(error))

    app.add_exception_handler(HTTPException, lost)


def refuse(request: Request, problem: HttpProblem) -> Response:
    """A refusal as whoever asks can read it: a page for a person, a problem document for a program."""
    return _refusal(request, problem) if _is_person(request) else problem_response(request, problem)


def _is_person(request: Request) -> bool:
    api = request.url.path.startswith(("/admin/api/", "/webhooks/"))
    return not api and "text/html" in request.headers.get("accept", "")


def _refusal(request: Request, problem: HttpProblem) -> Response:
    whose = "ours" if problem.status >= 500 else "lost" if problem.status == 404 else "theirs"
    answer = message(
        problem.status,
        text(f"common.failed.title_{whose}"),
        problem.detail,
        text(f"common.failed.what_to_do_{whose}"),
        request_id(request),
        [(text(name), start) for start, name in _STARTS if request.url.path.startswith(start)],
    )
    answer.headers.update(problem.headers)
    return answer
