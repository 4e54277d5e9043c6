"""What the demo prints: progress and tables for people on stderr, so that stdout holds nothing but the result."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from ledgerbridge.demo.customer import Synced, named
from ledgerbridge.demo.employee import Arrived
from ledgerbridge.demo.erps.base import ShownEntry

SHOWN_ENTRIES = 8


class Update(Protocol):
    """Moves a progress bar."""

    def __call__(self, done: int, total: int, text: str | None = None) -> None:
        """So many of so many are done; `text` says what is under way."""


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
    def bar(self, text: str) -> Iterator[Update]:
        """A progress bar. Without a terminal it stays silent."""
        columns = (TextColumn("  {task.description}"), BarColumn(20), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=self._console, disable=not self._console.is_terminal) as progress:
            task = progress.add_task(text, total=None)

            def update(done: int, total: int, text: str | None = None) -> None:
                progress.update(task, completed=done, total=total, description=text)

            yield update

    def first_syncs(self, kinds: Sequence[Synced], where: str) -> None:
        """What each first sync did in Pleo, from the accounting system called `where`."""
        table = _table(f"From {where} to Pleo")
        table.add_column("first sync of")
        table.add_column("result")
        table.add_column("calls to Pleo", justify="right")
        table.add_column("seconds", justify="right")
        for one in kinds:
            counts = ", ".join(f"{count} {what}" for what, count in one.counts.items())
            table.add_row(named(one.kind), counts or "nothing to do", str(one.calls), f"{one.seconds:.1f}")
        self._console.print(table)

    def vendor(self, arrived: Arrived) -> None:
        """The same vendor on both sides."""
        table = _table("From Pleo to Tryton")
        for column in ("where", "vendor", "country", "number", "state"):
            table.add_column(column, overflow="fold")
        pleo, tryton = arrived.in_pleo, arrived.in_tryton
        state = f"[green]{pleo['state']}[/]"
        table.add_row("Pleo", escape(pleo["name"]), pleo["country"], pleo["code"], state)
        active = "active" if tryton["active"] else "inactive"
        table.add_row("Tryton", escape(tryton["name"]), ", ".join(tryton["countries"]), tryton["code"], active)
        self._console.print(table)

    def items(self, job: dict[str, Any]) -> None:
        """Outcomes as the bookkeeper sees them in Pleo: what was booked side by side, then each failure's reason."""
        good = [one for one in job["items"] if one["status"] == "successful"]
        title = f"Export job: {job['status']}"
        booked = _table(title)
        for column in ("expense", "entry") * 2:
            booked.add_column(column, overflow="fold")
        half = (len(good) + 1) // 2
        for position in range(half):
            pair = [good[position], *good[half + position : half + position + 1]]
            booked.add_row(*[cell for one in pair for cell in (_seed(one), f"[green]{one['externalId'] or ''}[/]")])
        self._console.print(booked)
        failed = _table("Not booked, as Pleo shows it")
        failed.add_column("expense", overflow="fold", max_width=26)
        failed.add_column("reason", overflow="fold")
        for one in job["items"]:
            if one["status"] != "successful":
                reason = f"[red]{one['failureReasonType']}[/]: {escape(one['failureReason'])}"
                failed.add_row(_seed(one), reason)
        if failed.row_count:
            self._console.print(failed)

    def entries(self, entries: Sequence[ShownEntry], where: str) -> None:
        """Some of the journal entries, read from the accounting system called `where`."""
        table = _table(f"In {where}: {len(entries)} journal entries, the first {SHOWN_ENTRIES}")
        table.add_column("entry")
        table.add_column("date")
        table.add_column("account")
        table.add_column("debit", justify="right")
        table.add_column("credit", justify="right")
        table.add_column("dimensions")
        for entry in entries[:SHOWN_ENTRIES]:
            lines = sorted(entry.lines, key=lambda line: not line.debit)
            for position, line in enumerate(lines):
                first = position == 0
                table.add_row(
                    entry.number if first else "",
                    str(entry.date) if first else "",
                    line.account,
                    f"{line.debit:.2f}" if line.debit else "",
                    f"{line.credit:.2f}" if line.credit else "",
                    line.dimensions,
                    end_section=position == len(lines) - 1,
                )
        self._console.print(table)

    def bills(self, bills: Sequence[dict[str, Any]], called: Callable[[str], str]) -> None:
        """Vendor bills and credit notes with what is left to pay; `called` gives a vendor's name by its number."""
        table = _table(f"In Tryton: {len(bills)} bills and credit notes")
        for column in ("number", "vendor", "state"):
            table.add_column(column, overflow="fold")
        for column in ("VAT", "total", "to pay"):
            table.add_column(column, justify="right")
        for one in bills:
            amounts = (one["tax"], one["total"], one["open"])
            table.add_row(
                str(one["number"]), escape(called(one["party"])), one["state"], *[f"{each:.2f}" for each in amounts]
            )
        self._console.print(table)


def _table(title: str) -> Table:
    """Without a frame, so that eighty columns hold more."""
    return Table(title=title, title_justify="left", show_edge=False, pad_edge=False)


def _seed(item: dict[str, Any]) -> str:
    return str(item["seed"] or "")
