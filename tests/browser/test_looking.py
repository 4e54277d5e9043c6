"""The instruments of this folder, on pages with faults made on purpose: whoever finds nothing here finds nothing."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
from playwright.sync_api import Browser, Route

from tests.browser import looking
from tests.browser.looking import glance, look
from tests.support.browser import Person, person
from tests.support.canaries import canary
from tests.support.leak_watch import HUNT
from tests.support.site import Site

URL = "http://127.0.0.1:4"
FAULTS = {
    "no-name-for-a-field": ("<input name=amount>", "label (Form elements must have labels)"),
    "pale-text": ("<p style-free class=pale>Too pale</p>", "axe, light and wide: color-contrast"),
    "pale-in-the-dark": ("<p class=pale-dark>Too pale at night</p>", "axe, dark: color-contrast"),
    "small-button": ("<button class=small>x</button><button class=small>y</button>", "target-size"),
    "skipped-heading": ("<h2>Two</h2><h4>Four</h4>", "heading-order"),
    "second-h1": ("<h1>Another</h1>", "2 times h1 instead of once"),
    "id-twice": ("<p id=a></p><p id=a></p>", "id a is given twice"),
    "inline-style": ('<p style="color: red"></p>', "inline script or style"),
    "inline-handler": ('<button onclick="go()">Go</button>', "inline script or style"),
    "slip": ("<p>None</p>", "a slip of a template: None"),
    "braces": ("<p>{{ company }}</p>", "a slip of a template: {{ company }}"),
    "unguarded-form": ("<form method=post action=/x><button>Save</button></form>", "a form without a token"),
    "bare-table": ("<table><tr><td>1</td></tr></table>", "a table without th scope"),
    "secret-shown": ("<input type=password name=key aria-label=Key value=s3cret>", "a secret rendered back: key"),
    "window-that-reaches-back": ('<a href=/ target=_blank rel="opener">Out</a>', "a new window that can reach back"),
    "too-wide": ("<p class=wide>Wide</p>", "phone: scrolls sideways"),
    "too-wide-when-zoomed": ("<p class=wider>Wide</p>", "at 320 px: scrolls sideways"),
    "focus-unseen": ("<button class=bare>Press</button>", "focus cannot be seen"),
    "focus-trapped": ("<button id=trap>Stay</button><a href=/after>After</a>", 'not reached by Tab: <a href="/after"'),
    "focus-hidden": ("<div class=lid></div><button class=under>Under</button>", "hidden behind"),
    "cut-when-spaced": ("<p class=tight>One line that is just long enough</p>", "widely spaced: cut off: <p class"),
    "tab-order": ("<button tabindex=3>First</button>", "tabindex above 0"),
}
STYLE = """
    body { background: white; color: black } button, input { outline-offset: 2px }
    .pale { color: #bbb } .small { all: unset; display: inline-block; width: 9px; height: 9px; background: #000 }
    .wide { width: 500px } .wider { width: 350px } .bare { outline: none }
    .lid { position: fixed; inset: 0 0 auto 0; height: 300px; background: white; z-index: 2 }
    .tight { height: 26px; overflow: hidden; font-size: 16px; width: 300px }
    @media (prefers-color-scheme: dark) { .pale-dark { color: #ddd } }
"""
SCRIPT = "document.querySelector('#trap')?.addEventListener('keydown', (event) => event.preventDefault())"
POLICY = "default-src 'none'; style-src 'self'; script-src 'self'; img-src *; connect-src 'self'"


@pytest.fixture(autouse=True)
def _own_titles(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setattr(looking, "_titles", {})
    monkeypatch.setattr(looking, "PICTURES", tmp_path)


def visitor(browser: Browser, *, status: int = 200, javascript: bool = True, **parts: str) -> Person:
    """Somebody at a page made of these parts."""
    made = person(browser, cast("Site", SimpleNamespace(url=URL, answers=[])), javascript=javascript)

    def serve(route: Route) -> None:
        path = route.request.url.removeprefix(URL)
        if path in ("/style.css", "/script.js"):
            kind = "text/css" if path == "/style.css" else "text/javascript"
            route.fulfill(body=STYLE if kind == "text/css" else parts.get("script", SCRIPT), content_type=kind)
        else:
            html = (
                f"<!doctype html><html lang=en><head><meta charset=utf-8><title>{parts.get('title', 'Page')}</title>"
                "<meta name=viewport content='width=device-width'><link rel=stylesheet href=/style.css></head><body>"
                f"<main><h1>Page</h1>{parts.get('main', '<p>Good</p>')}</main><script src=/script.js></script></body>"
            )
            headers = {"Content-Security-Policy": POLICY}
            route.fulfill(status=status, body=html, headers=headers, content_type="text/html; charset=utf-8")

    made.page.route(f"{URL}/**", serve)
    made.go(f"{URL}/")
    return made


def test_a_sound_page_passes_and_leaves_four_pictures(chromium: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looking, "ALL_PICTURES", True)
    ada = visitor(chromium, main="<p>Good</p><a href=/next>Next</a> <button>Press</button>")
    look(ada, "sound")
    kinds = {"light-wide", "dark-wide", "light-phone", "dark-phone"}
    assert {path.name for path in looking.PICTURES.iterdir()} == {f"sound.{kind}.png" for kind in kinds}
    assert ada.trouble == []
    ada.context.close()


def test_a_page_is_pictured_without_being_asked_when_something_is_wrong_with_it(
    chromium: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looking, "ALL_PICTURES", False)
    ada = visitor(chromium, main="<p>Good</p>")
    glance(ada, "sound")
    ada = visitor(chromium, main="<input name=amount>")
    with pytest.raises(AssertionError):
        glance(ada, "faulty")
    assert [path.name for path in looking.PICTURES.iterdir()] == ["faulty.wrong.png"]
    ada.context.close()


def test_every_fault_of_a_page_is_found(chromium: Browser) -> None:
    apart = ("focus-hidden", "too-wide", "too-wide-when-zoomed", "focus-trapped")
    together = "".join(html for name, (html, _) in FAULTS.items() if name not in apart)
    for names in (set(FAULTS) - set(apart), *({name} for name in apart)):
        main = together if len(names) > 1 else FAULTS[next(iter(names))][0]
        ada = visitor(chromium, main=main)
        with pytest.raises(AssertionError) as told:
            look(ada, "faulty")
        missed = {name: FAULTS[name][1] for name in names if FAULTS[name][1] not in str(told.value)}
        assert not missed, str(told.value)
        ada.context.close()


def test_what_only_shows_without_script_is_looked_at_as_well(chromium: Browser) -> None:
    ada = visitor(chromium, main="<noscript><p>None</p><input name=amount></noscript>", javascript=False)
    with pytest.raises(AssertionError) as told:
        look(ada, "without-script")
    assert "a slip of a template: None" in str(told.value)
    assert "label (Form elements must have labels)" in str(told.value)
    ada.context.close()


def test_two_pages_with_one_title_are_found(chromium: Browser) -> None:
    ada = visitor(chromium)
    look(ada, "first", keyboard=False)
    look(ada, "first.empty", keyboard=False)
    with pytest.raises(AssertionError, match="'Page' is already the title of first"):
        look(ada, "second", keyboard=False)
    ada.context.close()


@pytest.mark.parametrize(
    ("parts", "told"),
    [
        ({"main": "<script>1</script>"}, "console: Executing inline script violates"),
        (
            {"main": "<img src='https://pictures.example/x.png' alt=x>"},
            "asked another machine: https://pictures.example",
        ),
        ({"script": "console.error('lost')"}, "console: lost"),
        ({"script": "nothing.there"}, "script failed: "),
        ({"script": "fetch('http://127.0.0.1:4444/')"}, "console: Connecting to 'http://127.0.0.1:4444/' violates"),
        ({"status": 503}, "answer 503: GET /"),
    ],
    ids=["inline-script", "other-machine", "console", "script-failed", "policy", "broken-answer"],
)
def test_what_a_page_does_behind_peoples_backs_is_told(chromium: Browser, parts: dict[str, Any], told: str) -> None:
    ada = visitor(chromium, **parts)
    for _ in range(1000):
        if any(one.startswith(told) for one in ada.trouble):
            break
        ada.page.wait_for_timeout(10)
    ada.context.close()
    assert any(one.startswith(told) for one in ada.trouble), ada.trouble


def test_a_secret_in_a_page_is_told(chromium: Browser) -> None:
    secret = canary("a key of the ERP")
    ada = visitor(chromium, main=f"<p>{secret}</p>")
    ada.settle()
    assert HUNT.caught() == ["answer to GET / in a browser: a key of the ERP"]
    assert any(secret in text for _, text in ada.site.answers)
    ada.context.close()


def test_two_people_share_nothing(chromium: Browser) -> None:
    ada, bob = visitor(chromium), visitor(chromium)
    ada.page.evaluate("() => { document.cookie = 'mark=ada'; localStorage.mark = 'ada'; }")
    assert ada.page.evaluate("() => document.cookie + localStorage.mark") == "mark=adaada"
    assert bob.page.evaluate("() => document.cookie + (localStorage.mark ?? '')") == ""
    ada.context.close()
    bob.context.close()
