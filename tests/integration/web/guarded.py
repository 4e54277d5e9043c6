"""What the routes themselves say of who may use them, read from the app and from no list."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from starlette.routing import Mount

from ledgerbridge.web.admin.auth import AdminRoute
from ledgerbridge.web.console import doors

UNSAFE = {"POST", "PUT", "PATCH", "DELETE"}
STREAM = "/live"
"""What the path of a stream of events ends with."""


class Guard(StrEnum):
    """What keeps others out."""

    TOKEN = "administrator's token"
    CUSTOMER = "customer's session"
    OPERATOR = "operator's session"
    NONE = "nothing"


@dataclass(frozen=True)
class Guarded:
    """A route with one of its methods."""

    method: str
    path: str
    guard: Guard

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def unsafe(self) -> bool:
        return self.method in UNSAFE

    def filled(self, ids: Mapping[str, str]) -> str:
        """The path with ids in it; a place without an id in `ids` is filled with its own name."""
        return re.sub(r"\{(\w+)(?::\w+)?\}", lambda found: ids.get(found[1], found[1]), self.path)


def guarded(app: Any) -> Iterator[Guarded]:
    """Every route of the app with each of its methods, pages that no document lists included."""
    for route in _routes(app):
        for method in sorted(set(getattr(route, "methods", None) or ()) - {"HEAD"}):
            guard = _guard(route) if isinstance(route, APIRoute) else Guard.NONE
            yield Guarded(method, route.path, guard)


def _routes(router: Any) -> Iterator[Any]:
    """The routes of an app or router, and of the routers that are included in it."""
    for route in router.routes:
        included = getattr(route, "original_router", None)
        if included is not None:
            yield from _routes(included)
        elif not isinstance(route, Mount):
            yield route


def _guard(route: APIRoute) -> Guard:
    if isinstance(route, AdminRoute):
        return Guard.TOKEN
    asked = set(_calls(route.dependant))
    # Only the route's class makes a page of what these raise.
    if isinstance(route, doors.ConsoleRoute):
        if doors._customer in asked:
            return Guard.CUSTOMER
        if doors._operator in asked:
            return Guard.OPERATOR
    return Guard.NONE


def _calls(dependant: Dependant) -> Iterator[Any]:
    for one in dependant.dependencies:
        yield one.call
        yield from _calls(one)
