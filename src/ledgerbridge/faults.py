"""Fault points: the moments between an effect and the record of it, at which a process may die.

A point is passed on either side of every call to Pleo, to a file host and to an ERP, of every commit, and of every
change of the queue's own rows. It costs a look at one variable, and nothing happens there, unless a test installs a
hook that ends the process. Points are named after the code they stand in, so that new code brings its own.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

Hook = Callable[[str], None]
"""Told the name of each point when it is passed."""

_PACKAGE = __name__.partition(".")[0]
_hook: Hook | None = None


def install(hook: Hook | None) -> None:
    """Call `hook` at every point from now on; None takes it away. For tests only: nothing in the service calls this."""
    global _hook
    _hook = hook


def reach(name: str) -> None:
    """Pass the point `name`."""
    if _hook is not None:
        _hook(name)


@contextmanager
def around(what: str) -> Iterator[None]:
    """Pass `what before` and, when the body did not raise, `what after`."""
    reach(f"{what} before")
    yield
    reach(f"{what} after")


def caller() -> str:
    """The function of ours that called into the store, as `exports.report:Reporter._send`; empty without a hook.

    A context manager that opens a transaction for others is passed over: the point bears the name of its user.
    """
    if _hook is None:
        return ""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        module = str(frame.f_globals.get("__name__", ""))
        ours = module.startswith(f"{_PACKAGE}.") and not module.startswith(f"{_PACKAGE}.store.")
        if ours and not frame.f_code.co_flags & inspect.CO_ASYNC_GENERATOR:
            return f"{module.removeprefix(f'{_PACKAGE}.')}:{frame.f_code.co_qualname}"
        frame = frame.f_back
    return "elsewhere"
