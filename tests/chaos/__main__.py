"""`python -m tests.chaos --seeds 20`: break everything at random on real parts, and check the books."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from ledgerbridge.store.embedded import embedded_postgres
from tests.chaos.faults import CATALOGUE
from tests.chaos.suite import Suite
from tests.chaos.systems import KINDS
from tests.chaos.world import History
from tests.conftest import CACHE, THROW_AWAY
from tests.support.clones import sweep
from tryton_sandbox import build

FOLDER = CACHE / "chaos"


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0 when nothing was booked twice and nothing was lost."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # what was started is ended on the way out
    options = _options(arguments)
    began = time.monotonic()
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
    history = History(options.history or FOLDER / f"{stamp}.jsonl")
    seeds = [options.seed] if options.seed is not None else list(range(1, options.seeds + 1))
    with embedded_postgres(CACHE / "postgres", THROW_AWAY) as cluster:
        sweep(cluster)
        kinds = KINDS if options.erp == "all" else (options.erp,) * 3
        template = build(CACHE / "tryton", cluster.url(), _say) if "tryton" in kinds else None
        if template is not None:
            template.sweep()
        suite = Suite(template, kinds, history, FOLDER / stamp, _say)
        try:
            suite.run(seeds, options.only)
            if options.seed is None and not options.no_throughput:
                suite.throughput()
        finally:
            suite.close()
            history.close()
    report = suite.report
    print(f"\n{report.table()}\n")
    print(f"{len(seeds)} seeds in {time.monotonic() - began:.0f} s; history: {_shown(history.path)}")
    for line in report.trouble:
        number = line.removeprefix("seed ").partition(":")[0]
        only = f" --only {options.only!r}" if options.only else ""
        only += f" --erp {options.erp}" if options.erp != "tryton" else ""
        print(f'{line}\n  replay: make chaos ARGS="--seed {number}{only}"; logs: {_shown(FOLDER / stamp)}')
    if options.json:
        options.json.write_text(json.dumps(report.as_json(), indent=2) + "\n")
    slow = report.throughput and not report.throughput["good"]
    return 0 if report.good and not slow else 1


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--seeds", type=int, default=5, help="play seeds 1 to this one (5)")
    parser.add_argument("--seed", type=int, help="play this seed alone")
    whose = "whose books: one of %(choices)s; three companies of one kind, or with all one of each (tryton)"
    parser.add_argument("--erp", choices=(*KINDS, "all"), default="tryton", help=whose)
    parser.add_argument("--only", choices=sorted(CATALOGUE), metavar="FAULT", help="this fault alone in every wave")
    parser.add_argument("--json", type=Path, metavar="FILE", help="the table for machines")
    parser.add_argument("--history", type=Path, metavar="FILE", help="what happened when (.cache/chaos/<time>.jsonl)")
    parser.add_argument("--no-throughput", action="store_true", help="do not measure the speed before and after")
    options = parser.parse_args(arguments)
    if options.only and not CATALOGUE[options.only].possible(KINDS if options.erp == "all" else (options.erp,)):
        parser.error(f"{options.erp} has nothing that {options.only!r} could break")
    return options


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _shown(path: Path) -> Path:
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


if __name__ == "__main__":
    sys.exit(main())
