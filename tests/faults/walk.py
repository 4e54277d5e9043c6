"""The walk: record which points a scenario passes, then for each of them kill there, restart, and look at the books.

Nothing outside changes between two effects, so the moment after one and the moment before the next are the same
experiment: it is made once and counts for both, and for the questions asked in between, which change nothing.
"""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Protocol

import pytest

from tests.faults.plan import plan
from tests.faults.points import Derived, derived
from tests.faults.stage import Died, Stage

_ENOUGH = 5
"""Failures after which a walk stops."""


class Scenario(Protocol):
    """One path through the service, which can be gone again and again."""

    goings: int
    """After so many the path is the one that is always gone; the last of them is recorded."""

    def begin(self, stage: Stage) -> None:
        """What people and Pleo do; may be cut short by `Died`."""

    def resume(self, stage: Stage) -> None:
        """What they do when the service is there again: what a person repeats who got no answer."""

    def check(self, stage: Stage) -> None:
        """What must be true in the end."""


Kill = tuple[str, int]
"""The name of a point, and which passing of it counted from the beginning of the scenario."""


def base(point: str) -> str:
    """A point without before or after."""
    return point.rpartition(" ")[0]


def every(trace: Iterable[str]) -> list[Kill]:
    """A kill at each passing of each point."""
    seen: Counter[str] = Counter()
    kills = []
    for point in trace:
        seen[point] += 1
        kills.append((point, seen[point]))
    return kills


def once(trace: Iterable[str], wanted: Collection[str], derived: Derived) -> list[Kill]:
    """As few kills as stand for the first passing of each wanted point.

    A call is died at on both sides. Of a commit the side before is left out, because nothing has changed since the
    effect that came before it; and of what is only asked one side is enough.
    """
    kills = every(trace)
    gaps: list[list[Kill]] = [[]]
    for kill in kills:
        if kill[0].endswith(" after") and not derived.reading(base(kill[0])):
            gaps.append([])
        gaps[-1].append(kill)
    due = {
        kill
        for kill in kills
        if kill[1] == 1
        and base(kill[0]) in wanted
        and (kill[0].endswith(" after") or (not kill[0].startswith("commit ") and not derived.reading(base(kill[0]))))
    }
    return [max(here, key=gap.index) for gap in gaps if (here := due & set(gap))]


def walked(stage: Stage, name: str, scenario: Scenario, *, everywhere: bool = False) -> None:
    """Go the walk `name` of `points.txt`: once without a death, then once for each kill. Fails with all that it found.

    A walk that the plan does not name, a long one, kills at the first passing of each point it passes.
    `everywhere`: kill at each passing of each point, whatever the plan says.
    """
    source, planned = derived(), plan().walks.get(name, ())
    trace = _recorded(stage, scenario)
    passed = dict.fromkeys(map(base, trace))
    strange = [point for point in passed if not source.of(point) and not point.startswith("double ")]
    assert not strange, f"passed, but not derived from the code: {strange}"
    missed = [point for point in planned if point not in passed]
    assert not missed, f"not on this path (any more): {missed}"
    stage.leave_parent()
    kills = every(trace) if everywhere else once(trace, planned or passed, source)
    failures: list[str] = []
    for kill in kills:
        try:
            _killed(stage, scenario, kill)
        except (AssertionError, Died) as error:
            failures.append(f"killed at {kill[0]} ({kill[1]}): {error!r}")
            print(failures[-1], flush=True)
            if len(failures) >= _ENOUGH:
                break
            _afresh(stage)
    print(f"{name}: {len(passed)} points passed, {len(kills)} kills")
    assert not failures, "\n".join(failures)


def _recorded(stage: Stage, scenario: Scenario) -> list[str]:
    trace: list[str] = []
    for _ in range(scenario.goings):
        stage.arm(None)
        scenario.begin(stage)
        stage.settle()
        trace = stage.passed()
        scenario.check(stage)
        stage.in_order()
    return trace


def _killed(stage: Stage, scenario: Scenario, kill: Kill) -> None:
    stage.arm(kill)
    try:
        scenario.begin(stage)
        stage.settle()
    except Died:
        assert stage.ended() == -signal.SIGKILL, "the service ended by itself"
    else:
        # How often the queue is asked for work depends on who wakes when; this time it was not asked that often.
        assert base(kill[0]) == "queue fetch", "the point was not passed"
        assert kill[1] > 1, "the point was not passed"
        stage.arm(None)
        scenario.check(stage)
        return
    stage.time_passes()
    stage.start()
    scenario.resume(stage)
    stage.settle()
    scenario.check(stage)
    stage.in_order()


def _afresh(stage: Stage) -> None:
    """After a failure: another service, so that the next kill has a fair chance."""
    if stage.pid is not None:
        stage.signal(signal.SIGKILL)
        stage.ended()
    stage.time_passes()
    stage.start()


def cases(scenarios: Mapping[str, Scenario], *, long: Collection[str]) -> list[Any]:
    """The walks by name, for `parametrize`; those in `long` are left to `make test-long`."""
    return [pytest.param(name, marks=pytest.mark.long) if name in long else name for name in scenarios]
