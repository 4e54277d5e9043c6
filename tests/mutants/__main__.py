"""`make mutants`: every mutant, one after another; exit status 1 when one of them survives."""

from __future__ import annotations

import argparse
import time

from tests.mutants.runner import Mutant, try_out
from tests.mutants.table import MUTANTS


def main() -> None:
    parser = argparse.ArgumentParser(prog="make mutants ARGS=...", description=__doc__)
    parser.add_argument("--only", help="names of mutants, separated by commas")
    parser.add_argument("--verbose", action="store_true", help="show what pytest said of a survivor")
    given = parser.parse_args()
    wanted = given.only.split(",") if given.only else [mutant.name for mutant in MUTANTS]
    chosen = [mutant for mutant in MUTANTS if mutant.name in wanted]
    if len(chosen) < len(wanted):
        parser.error(f"there are: {', '.join(mutant.name for mutant in MUTANTS)}")
    print("inv  mutant                              noticed  seconds  mistake")
    survivors = [mutant for mutant in chosen if not noticed(mutant, verbose=given.verbose)]
    print(f"{len(chosen) - len(survivors)} of {len(chosen)} noticed")
    raise SystemExit(1 if survivors else 0)


def noticed(mutant: Mutant, *, verbose: bool) -> bool:
    began = time.monotonic()
    verdict = try_out(mutant)
    said = "yes" if verdict.killed else f"NO ({verdict.status})"
    seconds = time.monotonic() - began
    print(f"{mutant.invariant:3}  {mutant.name:<34}  {said:<7}  {seconds:7.1f}  {mutant.mistake}", flush=True)
    if verbose and not verdict.killed:
        print(verdict.output)
    return verdict.killed


if __name__ == "__main__":
    main()
