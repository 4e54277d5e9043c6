"""One seed: waves of exports, each with its faults, worked until a bookkeeper would be content."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from random import Random
from typing import Any, TypeVar

import httpx

from pleo_sandbox.seeds import named
from tests.chaos.company import FINAL, Company
from tests.chaos.faults import CATALOGUE, Fault, Stage
from tests.chaos.world import World

JOURNAL = sorted(seed.name for seed in named("good") if seed.name != "zero_amount")
PAYABLES = sorted(seed.name for seed in named("good_payables"))
RECOVERY_SECONDS = 330
"""After the last fault is healed; a write without an answer alone is looked for during two minutes."""
_PRESSES = 8
"""How often a bookkeeper exports what failed before giving up."""

Found = TypeVar("Found")


@dataclass
class Basket:
    """What a company exports in a wave, and how far it has come."""

    company: Company
    left: list[str]
    """Accounting entries that Pleo does not show successful yet."""
    job: str = ""
    presses: int = 0
    good: dict[str, str | None] = field(default_factory=dict)
    """Accounting entries that are, with the number in the ERP that Pleo was told."""
    reasons: list[str] = field(default_factory=list)
    """What bookkeepers were told on the way."""

    @property
    def entries(self) -> list[str]:
        return [*self.good, *self.left]

    def closed(self) -> bool:
        return bool(self.company.job(self.job)["status"] in FINAL)

    @property
    def given_up(self) -> bool:
        """Whether the bookkeeper exports it no more."""
        return self.presses >= _PRESSES

    def press(self, **options: Any) -> None:
        """Export what is left."""
        self.job = self.company.export(self.left, **options)
        self.presses += 1

    def read(self) -> None:
        """Take over what a closed job came to."""
        shown = self.company.job(self.job)
        for item in shown["items"]:
            if item["status"] == "successful":
                self.good[item["accountingEntryId"]] = item["externalId"]
            else:
                self.reasons.append(f"{item['status']}: {item['failureReason'] or shown['failureReason']}")
        self.left = [entry for entry in self.left if entry not in self.good]


@dataclass
class Wave:
    """One round of exports under one or more faults."""

    faults: tuple[Fault, ...]
    baskets: list[Basket]
    injected: dict[str, int] = field(default_factory=dict)
    recovery: float = 0.0
    """Seconds from the end of the last fault until everything exported is successful at Pleo."""

    @property
    def kinds(self) -> list[str]:
        """Of accounting systems."""
        return list(dict.fromkeys(basket.company.books.kind for basket in self.baskets))

    def items(self, kind: str | None = None) -> int:
        """Of one kind of accounting system, or of all."""
        return sum(len(one.entries) for one in self.baskets if kind in (None, one.company.books.kind))


def choose(seed: int, only: str | None = None, kinds: Sequence[str] = ("tryton",)) -> list[tuple[Fault, ...]]:
    """The faults of a seed's waves: one alone, then two at once. Thirteen seeds in a row try every fault there can be.

    `kinds` are those of the accounting systems.
    """
    if only is not None:
        return [(CATALOGUE[only],), (CATALOGUE[only],)]
    possible = sorted(name for name, fault in CATALOGUE.items() if fault.possible(kinds))
    names = Random(4).sample(possible, len(possible))
    first, second = (CATALOGUE[names[(2 * seed + n) % len(names)]] for n in (0, 1))
    others = [CATALOGUE[name] for name in names if name not in (first.name, second.name)]
    return [(first,), (second, Random(seed).choice(others))]


def play(world: World, seed: int, faults: Sequence[tuple[Fault, ...]], *, items: int = 6) -> list[Wave]:
    """The waves of a seed, one after the other. `items` for each company and wave, a third payables where it can be."""
    dice = Random(seed)
    return [_wave(world, dice, each, items) for each in faults]


def _wave(world: World, dice: Random, faults: tuple[Fault, ...], items: int) -> Wave:
    names = [fault.name for fault in faults]
    world.history.context["faults"] = names
    world.history.tell("wave begins")
    wave = Wave(faults, [Basket(company, _queued(company, dice, items)) for company in world.companies])
    options = {name: value for fault in faults for name, value in fault.options.items()}
    stage = [Stage(world, Random(dice.random())) for _ in faults]
    breaking = [fault.strike(on) for fault, on in zip(faults, stage, strict=True)]
    for each in breaking:
        next(each)
    for basket in wave.baskets:
        basket.press(**options)
    for on in stage:
        on.working.set()
    with ThreadPoolExecutor(len(faults) + 1) as threads:
        running = [threads.submit(_struck, world, fault, each) for fault, each in zip(faults, breaking, strict=True)]
        over = threading.Event()
        watching = threads.submit(_watch, wave, stage, over)
        try:
            wave.injected = {fault.name: each.result() for fault, each in zip(faults, running, strict=True)}
        finally:
            over.set()
        watching.result()
    healed = time.monotonic()
    world.history.tell("healed", injected=wave.injected)
    _recover(world, wave, healed)
    wave.recovery = time.monotonic() - healed
    world.history.tell("recovered", seconds=round(wave.recovery, 1), left=[basket.left for basket in wave.baskets])
    return wave


def _queued(company: Company, dice: Random, items: int) -> list[str]:
    if not company.books.payables:
        return company.queue(dice.sample(JOURNAL, items))
    payables = max(1, items // 3)
    return company.queue([*dice.sample(JOURNAL, items - payables), *dice.sample(PAYABLES, payables)])


def _struck(world: World, fault: Fault, breaking: Any) -> int:
    """Let a fault go on to its end; how often it struck. What another fault kept from it does not count."""
    world.history.tell("fault begins", fault=fault.name)
    try:
        next(breaking)
    except StopIteration as ended:
        world.history.tell("fault ends", fault=fault.name, struck=ended.value)
        return int(ended.value)
    raise AssertionError(f"{fault.name} yields twice")


def _watch(wave: Wave, stage: list[Stage], over: threading.Event) -> None:
    """Tell the faults when there is nothing left to disturb."""
    while not over.wait(0.2):
        if all(basket.closed() for basket in wave.baskets):
            for on in stage:
                on.working.clear()
            return


def _recover(world: World, wave: Wave, healed: float) -> None:
    """Wait, and do what people would do: connect again, export again."""
    looked = healed
    while time.monotonic() - healed < RECOVERY_SECONDS:
        for basket in wave.baskets:
            if basket.left and basket.closed():
                basket.read()
                if basket.left and not basket.given_up:
                    world.history.tell("exported again", company=basket.company.name, reasons=basket.reasons[-9:])
                    basket.press()
        if all(not basket.left or (basket.given_up and basket.closed()) for basket in wave.baskets):
            break
        if time.monotonic() - looked > 1.5:
            looked = time.monotonic()
            _tend(world)
        time.sleep(0.1)
    until_ready(world)


def _tend(world: World) -> None:
    """Keep replicas running; connect the companies again that were told to."""
    for replica in world.replicas:
        replica.ready()
    for company in world.companies:
        shown = perhaps(company.shown)
        if shown is not None and shown["status"] == "reconnect_needed":
            perhaps(company.press_connect)
            world.history.tell("connected again", company=company.name)


def until_ready(world: World) -> None:
    """Wait until both replicas say that they are."""
    give_up = time.monotonic() + 120
    while not all(replica.ready() for replica in world.replicas):
        assert time.monotonic() < give_up, "a replica does not come back"
        time.sleep(0.2)


def perhaps(do: Callable[[], Found]) -> Found | None:
    """The answer, or None while the service does not give one."""
    try:
        return do()
    except (httpx.HTTPError, AssertionError):
        return None
