"""`ledgerbridge demo`: the whole story, once or until Ctrl-C."""

from __future__ import annotations

import json
import signal
import sys
import time
from typing import Annotated

import typer

from ledgerbridge.demo.calls import StoryError
from ledgerbridge.demo.erps import ERPS
from ledgerbridge.demo.show import Show
from ledgerbridge.demo.stage import Stage, StageError, stage
from ledgerbridge.demo.story import tell
from ledgerbridge.store.embedded import EmbeddedPostgresError
from tryton_sandbox import TrytonSandboxError


def main(
    once: Annotated[bool, typer.Option("--once", help="End when the export job is closed.")] = False,
    erp: Annotated[str, typer.Option("--erp", help=f"Accounting system: {', '.join(ERPS)}.")] = "tryton",
    as_json: Annotated[bool, typer.Option("--json", help="End stdout with the result as one line of JSON.")] = False,
) -> None:
    """Connect a company to a Pleo sandbox, bring it in step with its accounting, and book there what it exports."""
    if erp not in ERPS:
        raise typer.BadParameter(f"There is no {erp} here; choose {', '.join(ERPS)}.", param_hint="--erp")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    show = Show()
    try:
        with stage(show.step, erp) as up:
            result = tell(up, show)
            if as_json:
                print(json.dumps(result), flush=True)
            if not once:
                _stay(up, show)
    except (StageError, StoryError, TrytonSandboxError, EmbeddedPostgresError) as error:
        show.say(f"[red]{error}[/]")
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        raise typer.Exit(130 if once else 0) from None


def _stay(up: Stage, show: Show) -> None:
    show.step("Everything stays up; Ctrl-C ends it")
    for label, where in (
        ("Pleo, as its bookkeeper:", f"{up.sandbox_url}/"),
        ("  its lists, new vendors:", f"{up.sandbox_url}/lists"),
        ("Ledgerbridge, customer:", f"{up.service_url}/settings"),
        ("Ledgerbridge, operations:", f"{up.service_url}/admin"),
        ("  admin token, this run:", up.admin_token),
        ("Ledgerbridge, API:", f"{up.service_url}/docs"),
        *up.erp.places(),
    ):
        show.say(f"{label:<26}{where}")
    while True:
        time.sleep(3600)


if __name__ == "__main__":
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(main)
    app()
