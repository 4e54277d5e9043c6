"""What the demo prints: progress and tables for people on stderr, so that stdout holds nothing but the result."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

SHOWN_ENTRIES = 8


class Show:
    """Output for a person."""

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False)

    def step(self, text: str) -> None:
        """One thing begins."""
        self._console.print(f"[bold cyan]›[/] {text}")

    def say(self, text: str) -> None:
        """A fact."""
        self._console.print(f"  {text}", soft_wrap=True)

    @contextmanager
    def bar(self, text: str) -> Iterator[Any]:
        """A progress bar; yields `update(done, total)`. Without a terminal it stays silent."""
        columns = (TextColumn("  {task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=self._console, disable=not self._console.is_terminal) as progress:
            task = progress.add_task(text, total=None)
            yield lambda done, total: progress.update(task, completed=done, total=total)

    def items(self, job: dict[str, Any]) -> None:
        """Outcomes as the bookkeeper sees them in Pleo."""
        table = Table(title=f"Export job: {job['status']}", title_justify="left")
        for column in ("expense", "outcome", "entry", "reason"):
            table.add_column(column, overflow="fold")
        for item in job["items"]:
            good = item["status"] == "successful"
            colour = "green" if good else "red"
            outcome = f"[{colour}]{item['status']}[/]"
            reason = "" if good else f"{item['failureReasonType']}: {item['failureReason']}"
            table.add_row(item["seed"] or "", outcome, item["externalId"] or "", reason.replace("[", r"\["))
        self._console.print(table)

    def entries(self, moves: Sequence[dict[str, Any]]) -> None:
        """Some of the journal entries, read from the ERP."""
        table = Table(title=f"In Tryton: {len(moves)} journal entries, the first {SHOWN_ENTRIES}", title_justify="left")
        table.add_column("entry")
        table.add_column("date")
        table.add_column("account")
        table.add_column("debit", justify="right")
        table.add_column("credit", justify="right")
        table.add_column("dimensions")
        for move in moves[:SHOWN_ENTRIES]:
            lines = sorted(move["lines"], key=lambda line: not line["debit"])
            for position, line in enumerate(lines):
                first = position == 0
                table.add_row(
                    str(move["number"]) if first else "",
                    str(move["date"]) if first else "",
                    line["account"],
                    f"{line['debit']:.2f}" if line["debit"] else "",
                    f"{line['credit']:.2f}" if line["credit"] else "",
                    " ".join(part["account"] for part in line["analytic"]),
                    end_section=position == len(lines) - 1,
                )
        self._console.print(table)
