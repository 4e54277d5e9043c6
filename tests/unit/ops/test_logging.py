"""One event a line, with its ids, whoever logs it, and never a secret."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from ledgerbridge.ops.logging import configure, get_logger
from tests.support.leak_watch import keep_logging

SECRET = "s3cr3t-Value-0123456789"


@pytest.fixture(autouse=True)
def _put_back() -> Iterator[None]:
    restore = keep_logging()
    yield
    restore()


def _logged(log_format: str, say: object) -> str:
    stream = io.StringIO()
    configure("INFO", log_format, stream)  # type: ignore[arg-type]
    assert callable(say)
    say()
    return stream.getvalue()


def test_an_event_is_one_json_object_with_the_bound_ids() -> None:
    def say() -> None:
        with structlog.contextvars.bound_contextvars(connection_id="c1", job_id="j1"):
            get_logger("ledgerbridge.exports").info("job closed", items=3)

    event = json.loads(_logged("json", say))
    assert event["event"] == "job closed"
    assert (event["connection_id"], event["job_id"], event["items"]) == ("c1", "j1", 3)
    assert event["level"] == "info"
    assert event["timestamp"].endswith("Z")


def test_other_libraries_events_come_out_in_the_same_form_with_the_same_ids() -> None:
    def say() -> None:
        with structlog.contextvars.bound_contextvars(connection_id="c1"):
            logging.getLogger("uvicorn.error").info("Started server process [%d]", 7)

    event = json.loads(_logged("json", say))
    assert event["event"] == "Started server process [7]"
    assert event["connection_id"] == "c1"
    assert event["logger"] == "uvicorn.error"


@pytest.mark.rule("AUTH-045")
@pytest.mark.parametrize("log_format", ["json", "console"])
def test_no_secret_is_logged_by_us_or_by_a_library_or_in_a_traceback(log_format: str) -> None:
    def say() -> None:
        log = get_logger("ledgerbridge.pleo")
        log.info("refreshed", refresh_token=SECRET, headers={"Authorization": f"Bearer {SECRET}"})
        log.info(f"GET https://x.example/?token={SECRET}")
        logging.getLogger("httpx").warning("HTTP Request: GET https://x.example/f?X-Amz-Signature=%s", SECRET)
        logging.getLogger("other").warning("sent %s", {"authorization": f"Basic {SECRET}"}, extra={"api_key": SECRET})
        try:
            raise RuntimeError(f"refused Bearer {SECRET}")
        except RuntimeError:
            log.exception("failed")
            logging.getLogger("other").exception("failed")

    out = _logged(log_format, say)
    assert SECRET not in out
    assert out.count("RuntimeError: refused") == 2, "tracebacks themselves are kept"


@pytest.mark.parametrize("log_format", ["json", "console"])
@given(value=st.text(max_size=60))
def test_a_value_cannot_begin_a_line_of_its_own(log_format: str, value: str) -> None:
    forged = f"{value}\n2026-01-01T00:00:00Z [info] all is well\r\x85\u2028\x1b[2K"

    def say() -> None:
        get_logger("x").info("company named", name=forged)
        get_logger("x").info(forged)
        logging.getLogger("y").warning("said %s", forged)

    out = _logged(log_format, say)
    lines = out.split("\n")
    assert lines.pop() == ""
    assert len(lines) == 3
    assert "\r" not in out
    assert "\x1b" not in out


def test_a_traceback_in_console_form_is_marked_line_by_line() -> None:
    def say() -> None:
        try:
            raise ValueError("first\n2026-01-01 [info] forged")
        except ValueError:
            get_logger("x").exception("failed")

    out = _logged("console", say)
    first, *rest = out.rstrip("\n").split("\n")
    assert "failed" in first
    assert rest
    assert all(line.startswith("    | ") for line in rest)


def test_chatter_of_libraries_is_shown_only_when_debugging() -> None:
    assert _logged("json", lambda: logging.getLogger("httpx").info("HTTP Request")) == ""
    assert _logged("json", lambda: logging.getLogger("httpx").warning("odd")) != ""


def test_configuring_twice_logs_once() -> None:
    stream = io.StringIO()
    configure("INFO", "json", stream)
    configure("INFO", "json", stream)
    get_logger("x").info("once")
    assert len(stream.getvalue().splitlines()) == 1


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_no_outside_string_reaches_the_terminal_raw_however_deep_it_hides(log_format: str) -> None:
    nasty = "a\n2026 [info] forged\x1b[2J\x9b2J\u2028\u202e\r\0\x7f\ud800"

    class Odd(Exception):
        def __repr__(self) -> str:
            return nasty

    def say() -> None:
        log = get_logger("x")
        log.info("in a list", values=[nasty, {nasty: (nasty, {nasty})}])
        log.info("as an object", error=Odd(nasty), value=Odd())
        log.info("as bytes", value=nasty.encode(errors="replace"))
        log.info(nasty, value=nasty)
        logging.getLogger("y").warning(nasty, extra={"more": [nasty]})
        logging.getLogger("y").warning("said %r %s", nasty, [Odd()])

    out = _logged(log_format, say)
    lines = out.split("\n")
    assert lines.pop() == ""
    assert len(lines) == 6
    for line in lines:
        assert line.isprintable(), line
        line.encode()
