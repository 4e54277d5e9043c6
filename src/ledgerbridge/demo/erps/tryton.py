"""A real Tryton, with vendors and their bills."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ledgerbridge.demo.books import bookkeeping, seed_chart
from ledgerbridge.demo.erps.base import ShownEntry, ShownLine
from ledgerbridge.store.embedded import EmbeddedPostgres
from tryton_sandbox import TrytonServer, build, count_documents, moves

if TYPE_CHECKING:
    from ledgerbridge.demo.calls import Calls

BUILT = Path(".cache/tryton")
_OURS = "%[PLEO:%"


class TrytonBooks:
    """The sandbox's company DK. Implements `base.DemoErp`."""

    kind = "tryton"
    name = "Tryton"
    vendors = True
    takes = frozenset[str]()

    def __init__(self, server: TrytonServer) -> None:
        self.server = server

    def settings(self) -> dict[str, Any]:
        return self.server.binding()

    def configuration(self) -> dict[str, Any]:
        return bookkeeping(self.server.facts)

    def seed_chart(self) -> dict[str, Any]:
        return seed_chart(self.server.facts)

    def count(self, calls: Calls) -> int:
        return count_documents(self.server)

    def entries(self, calls: Calls) -> Sequence[ShownEntry]:
        return [
            ShownEntry(
                str(move["number"]),
                move["date"],
                [
                    ShownLine(
                        line["account"],
                        line["debit"],
                        line["credit"],
                        " ".join(part["account"] for part in line["analytic"]),
                    )
                    for line in move["lines"]
                ],
            )
            for move in moves(self.server, _OURS)
        ]

    def places(self) -> Sequence[tuple[str, str]]:
        return [("Tryton:", f"{self.server.base_url}/{self.server.database}/")]


@contextmanager
def tryton(postgres: EmbeddedPostgres, progress: Callable[[str], None]) -> Iterator[TrytonBooks]:
    """A database of its own of the built template; dropped at the end."""
    template = build(BUILT, postgres.url(), progress)
    progress("Starting Tryton")
    template.sweep()
    clone = template.clone()
    try:
        with template.start(clone) as server:
            yield TrytonBooks(server)
    finally:
        template.drop(clone)
