"""Which pages there are, as the routes themselves tell, and the way to them."""

from __future__ import annotations

import re
from collections.abc import Callable

from ledgerbridge.web.application import build
from tests.browser.stage import Stage
from tests.integration.web.guarded import Guard, Guarded, guarded
from tests.support.browser import Person

NO_PAGES = re.compile(r"/(live|file|download|search|back|provider)$")
"""What a path of a stream, of a file, or of a step between two pages ends with."""


def pages(guard: Guard) -> list[Guarded]:
    """The pages behind this door."""
    return [
        one
        for one in guarded(build(None, secure=False))
        if one.method == "GET" and one.guard is guard and not NO_PAGES.search(one.path)
    ]


def name_of(page: Guarded) -> str:
    """As its pictures are called."""
    return re.sub(r"[^a-z0-9]+", "-", page.path.strip("/").replace("{", "").replace("}", ""))


def enter(make_person: Callable[..., Person], stage: Stage, guard: Guard, *, javascript: bool = True) -> Person:
    """Somebody who has come through this door."""
    if guard is Guard.CUSTOMER:
        return make_person(stage.site, cookies=stage.cookies(), javascript=javascript)
    ada = make_person(stage.site, javascript=javascript)
    ada.go("/admin/sign-in")
    ada.sign_in()
    return ada
