"""Which pages there are, as the routes themselves tell, and the way to them."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache

from ledgerbridge.web.application import build
from tests.browser.stage import Stage
from tests.integration.web.guarded import Guard, Guarded, guarded
from tests.support.browser import Person

NO_PAGES = re.compile(r"/(live|file|download|search|back|provider)$")
"""What a path of a stream, of a file, or of a step between two pages ends with."""


@cache
def pages(guard: Guard) -> tuple[Guarded, ...]:
    """The pages behind this door."""
    return tuple(
        one
        for one in guarded(build(None, secure=False))
        if one.method == "GET" and one.guard is guard and not NO_PAGES.search(one.path)
    )


def name_at(person: Person) -> str:
    """How the pictures of the page are called that the person is at, wherever they wanted to go."""
    path = person.path.partition("?")[0]
    patterns = sorted((one.path for guard in Guard for one in pages(guard)), key=lambda one: one.count("{"))
    found = next(one for one in patterns if re.fullmatch(re.sub(r"\{\w+(:\w+)?\}", "[^/]+", one), path))
    return re.sub(r"[^a-z0-9]+", "-", re.sub(r"[{}]", "", found.strip("/")))


def enter(make_person: Callable[..., Person], stage: Stage, guard: Guard, *, javascript: bool = True) -> Person:
    """Somebody who has come through this door."""
    if guard is Guard.CUSTOMER:
        return make_person(stage.site, cookies=stage.cookies(), javascript=javascript)
    ada = make_person(stage.site, javascript=javascript)
    ada.go("/admin/sign-in")
    ada.sign_in()
    return ada
