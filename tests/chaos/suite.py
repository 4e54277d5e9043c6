"""Seed after seed in one world; a world that did not end a seed well is not used again."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path

from tests.chaos import books, throughput
from tests.chaos.play import choose, play, until_ready
from tests.chaos.report import Report
from tests.chaos.world import History, World, world
from tryton_sandbox import Template


class Suite:
    """Plays seeds and keeps the report."""

    def __init__(self, template: Template, history: History, logs: Path, say: Callable[[str], None] = print) -> None:
        """`logs` is where the logs of seeds go that did not end well."""
        self._template = template
        self._history = history
        self._logs = logs
        self._say = say
        self._stack = ExitStack()
        self._world: World | None = None
        self.report = Report()

    def run(self, seeds: Iterable[int], only: str | None = None) -> None:
        """Play the seeds; what goes wrong in one does not keep the others from being played."""
        for seed in seeds:
            self._history.context = {"seed": seed}
            here = self._opened()
            began = time.monotonic()
            trouble = self._seed(here, seed, only)
            if trouble:
                self.report.trouble.append(f"seed {seed}: {trouble}")
                self._history.tell("seed failed", trouble=trouble)
                self._keep_logs(seed)
                self.close()
            names = " / ".join(" + ".join(one.name for one in each) for each in choose(seed, only))
            self._say(f"seed {seed:>3}  {time.monotonic() - began:6.1f} s  {names}  {trouble or 'ok'}")

    def throughput(self) -> None:
        """Measure whether the service works as fast as before once it was broken and healed."""
        self._history.context = {"faults": "throughput"}
        self.report.throughput = throughput.measure(self._opened(), self._say)

    def _seed(self, here: World, seed: int, only: str | None) -> str:
        """Play one seed; what went wrong, or nothing."""
        try:
            until_ready(here)
            waves = play(here, seed, choose(seed, only))
            findings = books.look(here, waves)
            for wave, finding in zip(waves, findings, strict=True):
                self.report.add(wave, finding)
                if not finding.clean:
                    self._history.tell("finding", faults=[one.name for one in wave.faults], **vars(finding))
            loose = books.loose_ends(here)
        except Exception as error:
            return f"{type(error).__name__}: {error}"
        wrong = [f"{name} {len(set(found))}" for each in findings for name, found in vars(each).items() if found]
        return ", ".join([*wrong, *(f"{count} {name} left open" for name, count in loose.items())])

    def _opened(self) -> World:
        if self._world is None:
            began = time.monotonic()
            self._world = self._stack.enter_context(world(self._template, self._history))
            self._say(f"a world of {len(self._world.companies)} companies is live  {time.monotonic() - began:.1f} s")
        return self._world

    def _keep_logs(self, seed: int) -> None:
        if self._world is None:
            return
        kept = self._logs / f"seed-{seed}"
        kept.mkdir(parents=True, exist_ok=True)
        for log in self._world.folder.glob("*.err"):
            shutil.copy(log, kept)

    def close(self) -> None:
        """End the world."""
        self._world = None
        self._stack.close()
