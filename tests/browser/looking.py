"""One look at a page as everybody sees it: wide and on a phone, light and dark, by keyboard and by screen reader.

`look` fails with every finding at once, and leaves the page as it was. Where `PICTURES` names a folder it takes
pictures of every look, which costs as much as all the rest; else one of a page that something was found on, in
`pictures/`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page

from tests.support.browser import NARROW, PHONE, WIDE, Person, Scheme

PICTURES = Path(os.environ.get("PICTURES") or Path(__file__).with_name("pictures"))
ALL_PICTURES = bool(os.environ.get("PICTURES"))
"""Whether there is somebody to look at pictures of pages that are as they should be."""
TAGS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
COLOURS = ("color-contrast", "link-in-text-block")
"""The rules that light and dark may answer differently."""
MOST_TABS = 150
"""Presses of Tab; a longer page repeats itself."""
_TALLEST = int(os.environ.get("PICTURE_HEIGHT") or 2600)
"""Pixels of a page in a picture; what is further down looks like what is above."""
_titles: dict[str, str] = {}


def look(person: Person, name: str, *, keyboard: bool = True) -> None:
    """All there is to check on the page a person is at; its pictures are called `name`.

    `name` is the page's own and, after a dot, the state it is in: `settings`, `settings.empty`. Two pages never bear
    one title. `keyboard` walks through the page with Tab.
    """
    person.settle()
    with person.inspected() as page:
        found = [*_looked(page, name, keyboard=keyboard), *_titled(page, name)]
        if found:
            _picture(page, name, "wrong")
    assert not found, f"{name} at {person.path}:\n" + "\n".join(found)


def look_once(person: Person, name: str, *, everywhere: bool = False) -> None:
    """In the light and on a wide screen, by keyboard, and whether a phone's would do; for pages made of parts that were
    looked at well in every light and width. `everywhere`, or where pictures are wanted, it is `look`."""
    if everywhere or ALL_PICTURES:
        look(person, name)
        return
    person.settle()
    with person.inspected() as page:
        found = [*_in_the_light(page, name), *_titled(page, name)]
        _seen_as(page, "light", PHONE)
        found += _told("phone", page.evaluate(_script("too_wide")))
        if found:
            _picture(page, name, "wrong")
        _seen_as(page, "light", WIDE)
    assert not found, f"{name} at {person.path}:\n" + "\n".join(found)


def glance(person: Person, name: str) -> None:
    """The quick look, on a phone alone and with one picture; for another state of a page that was looked at well."""
    person.settle()
    with person.inspected() as page:
        _seen_as(page, "light", PHONE)
        found = _told("shape", page.evaluate(_script("shape"))) + _told("axe", axe(page, TAGS))
        found += _told("phone", page.evaluate(_script("too_wide")))
        _shown(page, name, "light-phone")
        if found:
            _picture(page, name, "wrong")
    assert not found, f"{name} at {person.path}:\n" + "\n".join(found)


def _looked(page: Page, name: str, *, keyboard: bool) -> Iterator[str]:
    """What is found at each of the looks, which follow each other with as few changes of the window as possible."""
    yield from _in_the_light(page, name, keyboard=keyboard)
    _seen_as(page, "dark", WIDE)
    yield from _told("axe, dark", axe(page, COLOURS, rules=True))
    _shown(page, name, "dark-wide")
    if ALL_PICTURES:
        _seen_as(page, "dark", PHONE)
        _shown(page, name, "dark-phone")
    _seen_as(page, "light", PHONE)
    yield from _told("axe, phone", axe(page, TAGS))
    yield from _told("phone", page.evaluate(_script("too_wide")))
    _shown(page, name, "light-phone")
    _seen_as(page, "light", NARROW)
    yield from _told(f"at {NARROW[0]} px", page.evaluate(_script("too_wide")))
    yield from _told("widely spaced", page.evaluate(_script("spacing"), True))
    yield from _told("widely spaced", page.evaluate(_script("too_wide")))
    page.evaluate(_script("spacing"), False)
    _seen_as(page, "light", WIDE)


def _in_the_light(page: Page, name: str, *, keyboard: bool = True) -> Iterator[str]:
    _seen_as(page, "light", WIDE)
    yield from _told("shape", page.evaluate(_script("shape")))
    yield from _told("axe, light and wide", axe(page, TAGS))
    if keyboard:
        yield from _told("keyboard", by_keyboard(page))
    _shown(page, name, "light-wide")


def _told(when: str, found: list[str]) -> list[str]:
    return [f"{when}: {one}" for one in found]


def axe(page: Page, chosen: tuple[str, ...], *, rules: bool = False) -> list[str]:
    """What axe finds against the rules of these tags, or these rules: rule, help, places."""
    if not page.evaluate("'axe' in globalThis"):
        page.evaluate(AXE_SCRIPT)
    found = page.evaluate(_script("axe"), {"type": "rule" if rules else "tag", "values": list(chosen)})
    return [f"{one['rule']} ({one['help']}): {'; '.join(one['places'][:4])}" for one in found]


def by_keyboard(page: Page) -> list[str]:
    """Press Tab through the page once; what could not be reached, and where the focus could not be seen."""
    wanted = page.evaluate(_script("walk_begin"))
    for _ in range(min(MOST_TABS, 2 * wanted + 10)):
        page.keyboard.press("Tab")
        if not page.evaluate(_script("walk_here")):
            break
    told: list[str] = page.evaluate(_script("walk_end"))
    return [one for one in told if wanted <= MOST_TABS or not one.startswith("not reached")]


def _titled(page: Page, name: str) -> list[str]:
    title, own = page.title(), name.partition(".")[0]
    if not title:
        return ["title: there is none"]
    known = _titles.setdefault(title, own)
    return [] if known == own else [f"title: {title!r} is already the title of {known}"]


def _seen_as(page: Page, scheme: Scheme, size: tuple[int, int]) -> None:
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": size[0], "height": size[1]})


def _shown(page: Page, name: str, kind: str) -> None:
    if ALL_PICTURES:
        _picture(page, name, kind)


def _picture(page: Page, name: str, kind: str) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    size: dict[str, Any] = page.evaluate(
        "() => ({width: innerWidth, height: Math.max(innerHeight, document.documentElement.scrollHeight)})"
    )
    clip: Any = {"x": 0, "y": 0, "width": size["width"], "height": min(size["height"], _TALLEST)}
    page.screenshot(path=PICTURES / f"{name}.{kind}.png", full_page=True, clip=clip, caret="initial")


@cache
def _script(name: str) -> str:
    """A function of `scripts/`, without the comments before it."""
    lines = (Path(__file__).parent / "scripts" / f"{name}.js").read_text().splitlines()
    return "\n".join(line for line in lines if not line.startswith("//"))
