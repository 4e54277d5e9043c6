"""How every step with a form is shown and taken: what was entered is kept first, and only then judged."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse, Response

from ledgerbridge.connections import setup
from ledgerbridge.connections.errors import ConfigurationRefused, ErpNotBound, Fault, Refused
from ledgerbridge.connections.setup import Setup, Step
from ledgerbridge.web.console import forms
from ledgerbridge.web.console.doors import Customer
from ledgerbridge.web.console.page import FieldError, page
from ledgerbridge.web.console.setup import reading
from ledgerbridge.web.console.setup.steps import HERE, company_of, lives, next_path, path_of, walk
from ledgerbridge.web.services import Services
from ledgerbridge.web.texts import text

Entered = Mapping[str, Any]
"""Fields of a step's form by name: text, or lists of text."""
PRESSED = "press"
"""Name of the buttons: `save`, `later`, `reload` or `discard`."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A form as it was sent."""

    fields: Mapping[str, str]
    lists: Mapping[str, list[str]]
    """Every value of each repeated name, in order."""

    def get(self, name: str) -> str:
        """One field; empty when it was not sent."""
        return self.fields.get(name, "")


@dataclass(frozen=True, slots=True)
class Read:
    """What a form says."""

    entered: Entered
    answers: Mapping[str, Any]
    """Members of the configuration; only good without errors."""
    errors: Sequence[FieldError] = ()


@dataclass(frozen=True, slots=True)
class StepPage:
    """One step with a form."""

    step: Step
    template: str
    entered_of: Callable[[Mapping[str, Any]], Entered]
    """The form's fields for members of the configuration, which may be missing."""
    read: Callable[[Sent, Setup], Read]
    field_of: Callable[[str, Entered], str]
    """The field of the form in which a path of the configuration was entered."""
    live: Callable[[Services, Setup, Entered, bool], Awaitable[Mapping[str, Any]]]
    """What else the template needs; told what the form shows, and whether it was ever answered. `entered` in it
    replaces what the form shows."""


async def show(
    request: Request,
    services: Services,
    customer: Customer,
    one: StepPage,
    *,
    entered: Entered | None = None,
    errors: Sequence[FieldError] = (),
) -> HTMLResponse:
    """The page of a step: what waits in the draft, else what is in force."""
    found = await setup.read(services.connections, customer.connection_id)
    kept = found.draft.get(one.step)
    fresh = kept is None and not found.answered(one.step)
    if entered is None:
        entered = kept.entered if kept else one.entered_of(found.answers())
    live = await one.live(services, found, entered, fresh)
    values: dict[str, Any] = {
        "company": company_of(found),
        "steps": walk(found, one.step.value, await reading.capabilities(services, found)),
        "here": path_of(one.step),
        "entered": entered,
        "waiting": None if errors else setup.unfinished_since(found, one.step),
        "lives": lives(found),
    }
    values |= {**live, "status": 422 if errors else 200, "errors": errors}
    # A chart of thousands of accounts takes its time to draw, and deliveries must not wait for it.
    return await asyncio.to_thread(page, request, customer, one.template, **values)


async def take(request: Request, services: Services, customer: Customer, one: StepPage) -> Response:
    """What a person pressed on the page of a step."""
    room, own = services.connections, customer.connection_id
    sent = await _sent(request)
    pressed, here = sent.get(PRESSED), path_of(one.step)
    if pressed == "discard":
        await setup.discard(room, own, one.step, customer.actor)
        return forms.go(here, done="setup.flash.discarded")
    found = await setup.read(room, own)
    read = one.read(sent, found)
    if pressed in ("later", "reload") or read.errors:
        await setup.keep(room, own, one.step, read.entered, customer.actor)
    if pressed == "later":
        if lives(found):
            return forms.go(HERE, done="setup.flash.kept_aside")
        return forms.go("/settings", done="setup.flash.kept")
    if pressed == "reload":
        return forms.go(here)
    if read.errors:
        return await show(request, services, customer, one, entered=read.entered, errors=read.errors)
    try:
        version = await setup.save(room, own, one.step, read.entered, read.answers, customer.actor)
    except Refused as refused:
        return await show(
            request, services, customer, one, entered=read.entered, errors=_errors(one, read.entered, refused)
        )
    now = await setup.read(room, own)
    if not lives(now):
        return forms.go(next_path(now))
    same = found.in_force is not None and version is not None and version.version == found.in_force.version
    return forms.go(here, done="common.flash.nothing_changed" if same else "setup.flash.in_force")


def _errors(one: StepPage, entered: Entered, refused: Refused) -> list[FieldError]:
    """A refusal as the form shows it: faults of this step beside their fields, others with the step they are in."""
    if isinstance(refused, ErpNotBound):
        return [FieldError("", text("setup.away.not_bound"))]
    if not isinstance(refused, ConfigurationRefused):
        return [FieldError("", refused.text), FieldError("", text("setup.kept_unchecked"))]
    return [_error(one, entered, fault) for fault in refused.faults]


def _error(one: StepPage, entered: Entered, fault: Fault) -> FieldError:
    step = setup.step_of(fault)
    if step is one.step:
        return FieldError(one.field_of(fault.path, entered), fault.text)
    where = text(f"setup.step.{step.value}") if step else fault.path
    return FieldError("", text("setup.elsewhere", step=where, fault=fault.text))


async def _sent(request: Request) -> Sent:
    fields = await forms.fields(request)
    form = await request.form()
    return Sent(fields, {name: await forms.several(request, name) for name in form})
