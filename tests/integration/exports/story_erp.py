"""An accounting system for stories: it books what it is asked to, as often as it is asked, and remembers being asked.

The ordinary double books a key once; this one leaves that to whoever drives it, as most real ones do. A call may take
effect long after its caller gave up on it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from ledgerbridge import faults
from ledgerbridge.bookkeeping.payables import Document
from ledgerbridge.bookkeeping.problem import Failure, problem
from ledgerbridge.bookkeeping.words import PostingKey
from ledgerbridge.erp.port import Attachment, Booked, DocumentRef, ErpError, Found, Reversed, Wanted
from tests.support.double_payables import Entry
from tests.support.erp_double import (
    Books,
    DoubleAdapter,
    DoubleErp,
    down,
    lost_reply,
    refused,
    unreadable,
)
from tests.support.rig import Killed

BOOKINGS = (
    "down",
    "refused",
    "period closed",
    "a bug",
    "lost before",
    "lost after",
    "lost and late",
    "dies before",
    "dies after",
    "dies and late",
    "taken over",
    "taken over and late",
)
"""What may become of a call to book."""
REVERSALS = (
    "down",
    "refused",
    "lost before",
    "lost after",
    "lost and late",
    "dies before",
    "dies after",
    "dies and late",
    "taken over",
    "taken over and late",
)
"""What may become of a call to take an entry back."""
LOOKS = ("down", "lost before", "unreadable")
"""What may become of a look by key."""


@dataclass
class StoryBooks(Books):
    """The books, and what goes wrong with them."""

    history: list[tuple[str, str]] = field(default_factory=list)
    """What happened to each accounting entry, in order: `asked`, `lost`, `seen`, `told` by a person."""
    on_its_way: list[Entry] = field(default_factory=list)
    """Calls nobody waits for any more, which will be carried out."""
    backwards: list[Entry] = field(default_factory=list)
    """The same of calls that take an entry back."""
    doubled: list[str] = field(default_factory=list)
    """Entries that two calls took back."""
    trouble: dict[str, list[str]] = field(default_factory=dict)
    """What becomes of the next calls; each is used up by one."""
    takeover: Callable[[], Awaitable[None]] | None = None
    """Another worker gets hold of the company and works it."""
    passing: Callable[[str], None] = lambda what: None
    """Told of every call, which takes its time."""
    number: int = 1000

    def live(self, accounting_entry_id: str) -> list[Entry]:
        return self.of(accounting_entry_id)

    def arrive(self) -> None:
        """What was on its way is carried out now."""
        while self.on_its_way:
            self.put(self.on_its_way.pop())
        while self.backwards:
            self.turn(self.backwards.pop())

    def turn(self, entry: Entry) -> None:
        """A counter-entry is made, whether there is one or not."""
        if entry.taken_back is not None:
            self.doubled.append(entry.id)
        entry.taken_back = f"{entry.id}-counter"

    def put(self, entry: Entry) -> None:
        self.entries[entry.id] = entry

    def next_trouble(self, what: str) -> str:
        waiting = self.trouble.get(what, [])
        return waiting.pop(0) if waiting else ""

    def searchable(self, yes: bool) -> None:
        self.capabilities = replace(self.capabilities, can_probe=yes)

    def takes(self, batch: int, writers: int) -> None:
        """So many documents in a call, and so many calls at once."""
        self.capabilities = replace(self.capabilities, batch=batch, parallel_writers=writers)


class StoryErp(DoubleErp):
    """One opening of the books."""

    _books: StoryBooks

    async def find(self, accounting_entry_id: str, company_id: str) -> Sequence[Found]:
        assert self.capabilities.can_probe
        self._books.passing("find")
        match self._books.next_trouble("find"):
            case "down":
                raise down()
            case "lost before":
                raise lost_reply()
            case "unreadable":
                raise unreadable()
        found = [self._found(one) for one in self._books.live(accounting_entry_id)]
        self._books.history.append(("seen", accounting_entry_id))
        return found

    async def book(self, document: Document, attachments: Sequence[Attachment], *, final: bool) -> Booked:
        books = self._books
        key = document.key.accounting_entry_id
        trouble = books.next_trouble("book")
        match trouble:
            case "down":
                books.passing("down")
                raise down()
            case "refused":
                raise refused()
            case "period closed":
                raise ErpError(problem(Failure.PERIOD_CLOSED, date=document.date))
        books.history.append(("asked", key))
        books.passing("book")
        faults.reach("erp book before")
        # An adapter that can search does so before it writes, and cannot know of a call that has not arrived.
        for there in books.live(key) if self.capabilities.can_probe else ():
            return replace(self._booked(there), already_there=True)
        if trouble.startswith("taken over") and books.takeover is not None:
            await books.takeover()
        books.number += 1
        made = Entry(str(books.number), document, tuple(file.name for file in attachments), final)
        self._check(made)
        if trouble.endswith("late"):
            books.on_its_way.append(made)
        elif not trouble.endswith("before"):
            books.put(made)
        if trouble.startswith("dies"):
            books.history.append(("lost", key))
            raise Killed
        if trouble.startswith(("lost", "taken over")):
            books.history.append(("lost", key))
            raise lost_reply()
        if trouble == "a bug":
            books.history.append(("lost", key))
            raise KeyError("a bug after the effect")
        faults.reach("erp book after")
        return self._booked(made)

    async def book_many(self, wanted: Sequence[Wanted], *, final: bool) -> Sequence[Booked | ErpError]:
        """A death or a bug in the midst of it: its caller has heard of none of them."""
        try:
            return await super().book_many(wanted, final=final)
        except BaseException:
            self._books.history += [("lost", one.document.key.accounting_entry_id) for one in wanted]
            raise

    async def reverse(self, document: DocumentRef, key: PostingKey, *, reason: str, day: date | None) -> Reversed:
        assert self.capabilities.can_probe, "nobody could look for the counter-entry"
        books = self._books
        trouble = books.next_trouble("reverse")
        match trouble:
            case "down":
                books.passing("down")
                raise down()
            case "refused":
                raise refused()
        books.passing("reverse")
        faults.reach("erp reverse before")
        one = books.entries.get(document.id)
        if one is None or one.taken_back is not None:
            return self._reverse(document, key, reason, day)
        if trouble.startswith("taken over") and books.takeover is not None:
            await books.takeover()
        if trouble.endswith("late"):
            books.backwards.append(one)
        elif not trouble.endswith("before"):
            books.turn(one)
        if trouble.startswith("dies"):
            raise Killed
        if trouble.startswith(("lost", "taken over")):
            raise lost_reply()
        faults.reach("erp reverse after")
        return self._reverse(document, key, reason, day)


class StoryAdapter(DoubleAdapter):
    """Opens the books of a story."""

    books: StoryBooks

    @asynccontextmanager
    async def open(
        self, settings: dict[str, Any], observe: object = None, *, book: object = None
    ) -> AsyncIterator[StoryErp]:
        yield StoryErp(self.books)
