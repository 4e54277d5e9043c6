"""`ledgerbridge demo`: the whole story, once or until Ctrl-C."""

from __future__ import annotations

import json
import signal
import sys
import time
from typing import Annotated, Any

import typer

from ledgerbridge.demo.customer import Customer, StoryError
from ledgerbridge.demo.show import Show
from ledgerbridge.demo.stage import Stage, StageError, stage
from ledgerbridge.store.embedded import EmbeddedPostgresError
from tryton_sandbox import TrytonSandboxError, count_moves, moves


def main(
    once: Annotated[bool, typer.Option("--once", help="End when the export job is closed.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="End stdout with the result as one line of JSON.")] = False,
) -> None:
    """Connect a company to a Pleo sandbox, export a job with every kind of expense, book it in a real Tryton."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    show = Show()
    try:
        with stage(show.step) as up:
            result = _story(up, show)
            if as_json:
                print(json.dumps(result), flush=True)
            if not once:
                _stay(up, show)
    except (StageError, StoryError, TrytonSandboxError, EmbeddedPostgresError) as error:
        show.say(f"[red]{error}[/]")
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        raise typer.Exit(130 if once else 0) from None


def _story(up: Stage, show: Show) -> dict[str, Any]:
    customer = Customer(up)
    try:
        show.step(f"{customer.company['name']} presses Connect in Pleo and authorises over OAuth")
        connection_id = customer.connect()
        show.step("Binding Tryton, configuring the bookkeeping, going live")
        shown = customer.set_up(connection_id)
        erp = shown["erp"]["company"]
        show.say(
            f"{shown['company_name']} now books in {erp['name']}, registration number {erp['registration_number']}"
        )
        show.step("The bookkeeper presses Export; Pleo sends the webhook")
        began = time.monotonic()
        export = customer.press_export()
        with show.bar("Booking") as update:
            job = customer.wait(export, update)
        seconds = time.monotonic() - began
        show.items(job)
        show.entries(moves(up.tryton, "%[PLEO:%"))
        failed = sum(item["status"] != "successful" for item in job["items"])
        result = {
            "job_status": job["status"],
            "items": len(job["items"]),
            "posted": len(job["items"]) - failed,
            "failed": failed,
            "erp": "tryton",
            "erp_entries": count_moves(up.tryton, "%[PLEO:%"),
            "pleo_calls": customer.pleo_calls(),
            "seconds": round(seconds, 1),
        }
        if failed != export.bad_seeds:
            raise StoryError(f"{failed} items failed, but {export.bad_seeds} are deliberately bad.")
        if result["erp_entries"] != result["posted"]:
            raise StoryError(f"{result['posted']} items were posted, but Tryton holds {result['erp_entries']} entries.")
        show.say(f"{result['posted']} posted, {failed} deliberately bad, {result['pleo_calls']} calls to Pleo")
        return result
    finally:
        customer.close()


def _stay(up: Stage, show: Show) -> None:
    show.step("Everything stays up; Ctrl-C ends it")
    show.say(f"Pleo, where you play the bookkeeper:  {up.sandbox_url}/")
    show.say(f"Ledgerbridge, the customer's page:    {up.service_url}/settings")
    show.say(f"Ledgerbridge, the API:                {up.service_url}/docs")
    show.say(f"  its admin token, for this run only: {up.admin_token}")
    show.say(f"Tryton:                               {up.tryton.base_url}/{up.tryton.database}/")
    while True:
        time.sleep(3600)


if __name__ == "__main__":
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(main)
    app()
