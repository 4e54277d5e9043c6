"""Where files of strangers are given another form: by a process for each order, that lives as long as it works.

    made = await workshop.make(Make.PDF, [Sheet("R-1-1.jpg", photo), Sheet("R-1-2.pdf", invoice)], most=2_000_000)

The process starts in a fifth of a second and is given nothing of the service: no settings, no connection, no secret in
its environment, and of all open files only those it works on. What it may take is bounded (`bounds`); whatever a file
does to it, the service loses nothing but that time.
"""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from ledgerbridge.outgoing.files import FileNotKept, HeldFile
from ledgerbridge.outgoing.papers.order import AT, Answer, Given, Make, Order, Why

AT_ONCE = 2
"""Processes at a time. Each may take a processor and `bounds.MEMORY`."""
CPU_SECONDS = 20
"""Of a processor, for one order."""
SECONDS = 120.0
"""For one order by the clock; a process that has its share of a processor is done or out of time long before."""
_SAID = 16 * 1024
"""Bytes that are heard of what a process says; an honest one says much less."""
_KEPT = ("PYTHONPATH", "PYTHONHOME", "PYTHONDONTWRITEBYTECODE", "LD_LIBRARY_PATH", "TMPDIR")
"""What a process has to know of the service's environment to find its libraries."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A file to be worked on."""

    name: str
    """Its name in an archive."""
    file: HeldFile


class CannotMake(Exception):
    """One of the files cannot be taken into what is to be made; the same on every try."""

    def __init__(self, why: Why, position: int | None) -> None:
        super().__init__(f"file {position or '?'}: {why}")
        self.why = why
        self.position = position
        """Of that file, from 1; None where no single one is to blame."""


class TooLargeMade(Exception):
    """What would be made is larger than it may be."""


class NotMade(Exception):
    """Nothing is wrong with the files as far as anybody knows: the process did not come to its end. For operators."""


class Workshop:
    """Makes files of files, so many at a time as the process of the service has places for it."""

    def __init__(self, at_once: int = AT_ONCE, seconds: int = CPU_SECONDS) -> None:
        self._places = asyncio.Semaphore(at_once)
        self._seconds = seconds

    async def make(self, make: Make, sheets: Sequence[Sheet], most: int) -> HeldFile:
        """One file of these, of at most `most` bytes, on disk; to be closed by the caller.

        Raises `CannotMake`, `TooLargeMade`, `NotMade` and `FileNotKept`. However it ends, no process of it is left.
        """
        async with self._places:
            with ExitStack() as held:
                into = held.enter_context(HeldFile())
                with ExitStack() as lent:
                    files = tuple(Given(one.name, lent.enter_context(one.file.lent()), one.file.size) for one in sheets)
                    order = Order(make, files, lent.enter_context(into.filled()), most, self._seconds)
                    _heed(await _carried_out(order))
                held.pop_all()
                return into


def _heed(answer: Answer) -> None:
    """Raise what an answer tells, unless it is done."""
    if answer.done:
        return
    if answer.why is not None:
        raise CannotMake(answer.why, answer.position)
    if answer.too_large:
        raise TooLargeMade
    raise FileNotKept(OSError(errno.EIO, answer.unwritten or "a file could not be written"))


async def _carried_out(order: Order) -> Answer:
    descriptors = (*(one.descriptor for one in order.files), order.into)
    try:
        process = await asyncio.create_subprocess_exec(
            # Neither the folder it is started in nor the user's own packages are looked into.
            sys.executable, "-P", "-s", "-m", __package__, order.told(),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            pass_fds=descriptors,
            # A signal to all that was started with the service ends the service in order, and no file is to blame.
            start_new_session=True,
            env=_environment(os.environ),
            cwd="/",
        )  # fmt: skip
    except OSError as error:
        raise NotMade(f"no process: {error.strerror or type(error).__name__}") from None
    try:
        async with asyncio.timeout(SECONDS):
            said = await _heard(process)
            await process.wait()
    except TimeoutError:
        raise NotMade(f"not done after {SECONDS:g} seconds") from None
    finally:
        await _ended(process)
    return _understood(process.returncode, said.decode("ascii", "replace").splitlines())


async def _heard(process: asyncio.subprocess.Process) -> bytes:
    assert process.stdout is not None  # noqa: S101
    said = b""
    while len(said) < _SAID and (piece := await process.stdout.read(_SAID - len(said))):
        said += piece
    return said


async def _ended(process: asyncio.subprocess.Process) -> None:
    """See to it that the process is no more, also for a caller who goes away."""
    if process.returncode is not None:
        return
    process.kill()
    ending = asyncio.ensure_future(process.wait())
    while not ending.done():
        try:
            await asyncio.shield(ending)
        except asyncio.CancelledError:
            # It dies of the signal at once; whoever cancelled has been heard before.
            continue


def _understood(code: int | None, said: Sequence[str]) -> Answer:
    """The answer of a process that has ended. Raises `NotMade` where it gave none."""
    at = [line.removeprefix(AT) for line in said if line.startswith(AT)]
    if code == -signal.SIGXCPU or code in _CRASHES:
        last = int(at[-1]) if at and at[-1].isdecimal() else 0
        return Answer(why=Why.BEYOND if code == -signal.SIGXCPU else Why.DAMAGED, position=last or None)
    if code == 0 and said:
        try:
            return Answer.heard(said[-1])
        except ValueError:
            raise NotMade("the process said what nobody understands") from None
    raise NotMade(f"the process ended with {code}")


_CRASHES = frozenset({-signal.SIGSEGV, -signal.SIGABRT, -signal.SIGBUS, -signal.SIGFPE, -signal.SIGILL})
"""Ways in which a library ends that a file has upset."""


def _environment(own: Mapping[str, str]) -> dict[str, str]:
    return {name: own[name] for name in _KEPT if name in own} | {"LANG": "C.UTF-8", "PYTHONHASHSEED": "0"}
