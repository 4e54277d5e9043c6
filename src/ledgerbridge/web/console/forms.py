"""Forms that were sent: their fields as text, and where to go afterwards (post, redirect, get)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlencode

from fastapi import Request
from fastapi.responses import RedirectResponse
from starlette.datastructures import UploadFile

from ledgerbridge.web.problems import HttpProblem

MAX_FIELD = 10_000
"""Characters of one field."""
_MOST_OF_A_NAME = 100
"""Characters of a file's name that are shown."""


async def fields(request: Request) -> dict[str, str]:
    """The text fields of a form, trimmed; the last of a repeated name. Raises `HttpProblem` for one too long."""
    form = await request.form()
    found = {name: value.strip() for name, value in form.multi_items() if isinstance(value, str)}
    if any(len(value) > MAX_FIELD for value in found.values()):
        raise HttpProblem(413, "A field holds more than we can take.", kind="too-large")
    found.pop("csrf", None)
    return found


@dataclass(frozen=True, slots=True)
class Sent:
    """A file that was sent with a form."""

    name: str
    """As the person called it, without folders and what cannot be read."""
    content: bytes


async def files(request: Request, most: int) -> dict[str, Sent]:
    """The files that were chosen, by field. Of one larger than `most` bytes one byte more is read."""
    found = {}
    for name, value in (await request.form()).multi_items():
        if isinstance(value, UploadFile) and value.filename:
            called = re.sub(r"[\x00-\x1f\x7f]", "", value.filename.replace("\\", "/").rpartition("/")[2])
            found[name] = Sent(called[:_MOST_OF_A_NAME], await value.read(most + 1))
    return found


async def several(request: Request, name: str) -> list[str]:
    """All values of one field, such as boxes that were ticked, in their order."""
    form = await request.form()
    return [value.strip() for value in form.getlist(name) if isinstance(value, str) and value.strip()]


def link(path: str, **query: object) -> str:
    """An address of ours with what is not empty."""
    kept = {name: str(value) for name, value in query.items() if value not in (None, "", False)}
    return f"{path}?{urlencode(kept)}" if kept else path


def go(path: str, *, done: str | None = None, **query: str) -> RedirectResponse:
    """Go on to a page of ours after a form; `done` names a text of the catalogue it shows at its top."""
    return RedirectResponse(link(path, **query, done=done), 303, {"Cache-Control": "no-store"})
