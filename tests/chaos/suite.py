"""Seed after seed in one world; a world that did not end a seed well is not used again."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path

from tests.chaos import books, throughput
from tests.chaos.faults import Fault
from tests.chaos.play import choose, play, until_ready
from tests.chaos.report import Report
from tests.chaos.world import History, World, world
from tryton_sandbox import Template


class Suite:
    """Plays seeds and keeps the report."""

    def __init__(
        self,
        template: Template | None,
        kinds: Sequence[str],
        history: History,
        logs: Path,
        say: Callable[[str], None] = print,
    ) -> None:
        """A company for each of `kinds`; `logs` is where the logs of seeds go that did not end well."""
        self._template = template
        self._kinds = kinds
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
            waves = choose(seed, only, self._kinds)
            trouble = self._seed(here, seed, waves)
            if trouble:
                self.report.trouble.append(f"seed {seed}: {trouble}")
                self._history.tell("seed failed", trouble=trouble)
                self._keep_logs(seed)
                self.close()
            names = " / ".join(" + ".join(one.name for one in each) for each in waves)
            self._say(f"seed {seed:>3}  {time.monotonic() - began:6.1f} s  {names}  {trouble or 'ok'}")

    def throughput(self) -> None:
        """Measure whether the service works as fast as before once it was broken and healed."""
        self._history.context = {"faults": "throughput"}
        self.report.throughput = throughput.measure(self._opened(), self._say)

    def _seed(self, here: World, seed: int, chosen: Sequence[tuple[Fault, ...]]) -> str:
        """Play one seed; what went wrong, or nothing."""
        try:
            until_ready(here)
            waves = play(here, seed, chosen)
            loose = books.loose_ends(here)
            findings = books.look(here, waves)
            for wave, found in zip(waves, findings, strict=True):
                self.report.add(wave, found)
                for kind, finding in found.items():
                    if not finding.clean:
                        names = [one.name for one in wave.faults]
                        self._history.tell("finding", faults=names, erp=kind, **vars(finding))
        except Exception as error:
            return f"{type(error).__name__}: {error}"
        wrong = [
            f"{kind} {name} {len(set(what))}"
            for each in findings
            for kind, finding in each.items()
            for name, what in vars(finding).items()
            if what
        ]
        return ", ".join([*wrong, *(f"{count} {name} left open" for name, count in loose.items())])

    def _opened(self) -> World:
        if self._world is None:
            began = time.monotonic()
            self._world = self._stack.enter_context(world(self._template, self._history, kinds=self._kinds))
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
