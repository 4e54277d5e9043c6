"""What booking needs to know of a document of Tryton and of one sort of them, be it a journal entry or a bill."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Generic, Protocol, TypeVar

from ledgerbridge.bookkeeping.problem import Failure, Problem, problem
from ledgerbridge.bookkeeping.words import PostingKey
from ledgerbridge.erp.port import ErpError
from ledgerbridge.erp.tryton.errors import CallFailed
from ledgerbridge.erp.tryton.key import Mark
from ledgerbridge.erp.tryton.wire import Record


class Document(Protocol):
    """A journal entry or a bill as it stands in Tryton."""

    @property
    def id(self) -> int: ...

    @property
    def posted(self) -> bool:
        """Whether it is final."""
        ...

    @property
    def total(self) -> Decimal:
        """In the company's currency; what it is the sum of is the same for all documents of a sort."""
        ...

    @property
    def reference(self) -> str:
        """What a bookkeeper finds it by."""
        ...

    @property
    def touched(self) -> bool:
        """Whether somebody wrote to it after it was made."""
        ...

    @property
    def created_by(self) -> int | None: ...

    @property
    def created_at(self) -> datetime: ...


D = TypeVar("D", bound=Document)


@dataclass(frozen=True, slots=True)
class Live(Generic[D]):
    """A document in force and the key that names it."""

    mark: Mark
    revision: int
    document: D


class Sort(Protocol[D]):
    """One wanted document of its sort: how it is found, made, judged and explained."""

    model: str
    action: str
    """What the user must be allowed to do, as it completes "may not ..."."""

    @property
    def key(self) -> PostingKey: ...

    @property
    def mark(self) -> Mark: ...

    @property
    def total(self) -> Decimal:
        """What `Document.total` must be."""
        ...

    @property
    def fields(self) -> Sequence[str]: ...

    @property
    def posted_fields(self) -> Sequence[str]:
        """Those read again after posting."""
        ...

    async def prepare(self) -> None:
        """Look up all that the document needs. Raises `ErpError` for what is missing."""
        ...

    async def live(self) -> Sequence[Live[D]]:
        """What stands under the key, any revision. Raises `ErpError` when another sort of document does."""
        ...

    async def check(self) -> None:
        """Read once more what a new document needs. Raises `ErpError` for what `create` must not be tried with."""
        ...

    async def create(self) -> D:
        """Make the draft after `check`; once."""
        ...

    def parse(self, record: Record) -> D: ...

    def after_post(self, draft: D, record: Record) -> D:
        """The draft after its posting, of which `posted_fields` were read again. Raises `CallFailed`."""
        ...

    def differs(self, document: D) -> str | None:
        """How a draft differs from what was wanted; None when it is the same."""
        ...

    async def refusal(self, failure: CallFailed, document: D | None) -> Problem | CallFailed:
        """Why Tryton refused a write of it, or a `CallFailed` that may pass."""
        ...

    async def against_draft(self) -> Problem | None:
        """What Tryton would refuse a new draft for, of what `refusal` tells; found without writing."""
        ...

    async def against_final(self, document: D | None) -> Problem | None:
        """What it would refuse besides when that draft, or the one that stands, is to be made final."""
        ...


def elsewhere(document: Document, internal: str) -> ErpError:
    """Something else stands under the key, and is left alone."""
    return ErpError(
        problem(Failure.BOOKED_ELSEWHERE, f"document {document.id}: {internal}", reference=document.reference)
    )
