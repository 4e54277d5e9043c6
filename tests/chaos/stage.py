"""What a fault is, and what it works with: the stage of a wave and the catalogue that faults enter."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from random import Random
from typing import Any

from tests.chaos.company import Company
from tests.chaos.line import Line, Trouble
from tests.chaos.systems import System, Wire
from tests.chaos.world import World

Breaking = Generator[None, None, int]
WAIT_SECONDS = 20.0


@dataclass
class Stage:
    """What a fault works with: the world, dice of its own, and whether there still is work to disturb."""

    world: World
    dice: Random
    working: threading.Event = field(default_factory=threading.Event)
    """Set while jobs of the wave are open."""

    def pause(self, least: float, most: float) -> None:
        """A random while."""
        time.sleep(self.dice.uniform(least, most))

    def company(self) -> Company:
        return self.dice.choice(self.world.companies)

    def until_struck(self, where: Line, *troubles: Trouble) -> int:
        """The troubles on a line until they are used up, the work is done, or it has been long enough."""
        return self._until_struck([(where, troubles)])

    def at_each_erp(self, trouble: Callable[[Wire], Sequence[Trouble]]) -> int:
        """The same on the lines of all accounting systems at once, to each what suits it."""
        return self._until_struck([(one.line, trouble(one.wire)) for one in self.world.answering])

    def _until_struck(self, strokes: Sequence[tuple[Line, Sequence[Trouble]]]) -> int:
        troubles = [one for _, each in strokes for one in each]
        with ExitStack() as stack:
            for where, each in strokes:
                stack.enter_context(where.troubled(*each))
            give_up = time.monotonic() + WAIT_SECONDS
            while self.working.is_set() and time.monotonic() < give_up:
                if all(one.times is not None and one.struck >= one.times for one in troubles):
                    break
                time.sleep(0.05)
        return sum(one.struck for one in troubles)

    def erp(self) -> System:
        """One of those that answer."""
        return self.dice.choice(self.world.answering)


@dataclass(frozen=True)
class Fault:
    """A way to break something."""

    name: str
    about: str
    strike: Callable[[Stage], Breaking]
    options: dict[str, Any]
    """How Export is pressed for it."""
    of: frozenset[str] | None
    """Kinds of accounting systems of which there must be one; None for any."""

    def possible(self, kinds: Sequence[str]) -> bool:
        """Whether there is something to break in a world of these kinds."""
        return self.of is None or not self.of.isdisjoint(kinds)


CATALOGUE: dict[str, Fault] = {}


def fault(
    name: str, of: frozenset[str] | None = None, **options: Any
) -> Callable[[Callable[[Stage], Breaking]], Callable[[Stage], Breaking]]:
    """Enters a generator into the catalogue; its docstring is what the fault is."""

    def enter(strike: Callable[[Stage], Breaking]) -> Callable[[Stage], Breaking]:
        CATALOGUE[name] = Fault(name, (strike.__doc__ or "").strip(), strike, options, of)
        return strike

    return enter
