"""A browser for the tests of this folder, people in front of it, and installations to look at."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.support.browser import PATIENCE_MS, Person, person, running_browser
from tests.support.site import Site
from tests.support.sites import MakeSite, make_site
from tools.browser import Machine, NoBrowser, find

__all__ = ["MakePerson", "MakeSite", "make_site"]

MakePerson = Callable[..., Person]
expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """One browser for all tests of this folder in one worker.

    It ends with the folder: Playwright keeps an event loop running in this thread, beside which no test of another
    folder could run its own.
    """
    machine = Machine.here()
    try:
        if find(machine) is None:
            raise NoBrowser("There is no browser: `python -m tools.browser` installs one or says how.")
    except NoBrowser as missing:
        if machine.required:
            pytest.fail(str(missing), pytrace=False)
        pytest.skip(str(missing))
    with running_browser() as browser:
        yield browser


@pytest.fixture
def make_person(chromium: Browser) -> Iterator[MakePerson]:
    """Puts people in front of browsers of their own; keywords are as for `person`.

    The test fails when a page wrote errors to the console, broke its own security policy, asked another machine or
    was answered with a broken page.
    """
    made: list[Person] = []

    def make(site: Site, **options: Any) -> Person:
        made.append(person(chromium, site, **options))
        return made[-1]

    yield make
    for one in made:
        one.settle()
        one.context.close()
    trouble = [told for one in made for told in one.trouble]
    assert not trouble, "\n".join([*trouble, *_errors(made)])


def _errors(people: list[Person]) -> Iterator[str]:
    """What the services wrote in their logs as errors, for whoever has to find out."""
    for process in {process for one in people for process in one.site.processes}:
        lines = [line for line in process.stderr.splitlines() if '"level": "error"' in line]
        yield from (line.replace("\\n", "\n")[-3000:] for line in lines[-3:])
