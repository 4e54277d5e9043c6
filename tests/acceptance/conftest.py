"""Whole installations for tests that kill, signal and drive real processes from outside."""

from __future__ import annotations

import signal

import pytest

from tests.support.sites import MakeSite, make_site

__all__ = ["MakeSite", "make_site"]


@pytest.fixture(scope="session", autouse=True)
def _interruptible() -> None:
    """A shell that runs us in the background may have us ignore Ctrl-C; our children must not inherit that."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
