"""What stands in Tryton for a Pleo accounting entry: found by key, reversed entries left out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ledgerbridge.bookkeeping.words import PostingKey
from ledgerbridge.erp.tryton import key, moves
from ledgerbridge.erp.tryton.client import Client
from ledgerbridge.erp.tryton.moves import MODEL, Move


async def live_moves(
    client: Client, company: int, accounting_entry_id: str, fields: Sequence[str]
) -> list[tuple[int, Move]]:
    """Drafts and posted entries of any revision that are in force, as (revision, move) by rising id."""
    first, later = key.patterns(accounting_entry_id)
    # The company stands in every search: a key with access to several companies sees the entries of all of them.
    domain = [
        ["company", "=", company],
        ["OR", ["description", "like", first], ["description", "like", later]],
    ]
    keyed = [moves.parse(record) for record in await client.search(MODEL, domain, fields)]
    found = [(named.revision, move) for move in keyed if (named := _named(move, accounting_entry_id))]
    # The copy that reverses an entry carries its description, key and all.
    originals = [(revision, move) for revision, move in found if not _is_mirror(move)]
    reversed_ids = await _reversed(client, company, [move for _, move in originals], fields)
    return [(revision, move) for revision, move in originals if move.id not in reversed_ids]


def _named(move: Move, accounting_entry_id: str) -> PostingKey | None:
    named = key.read(move.description, "")
    return named if named and named.accounting_entry_id == accounting_entry_id else None


def _is_mirror(move: Move) -> bool:
    return bool(move.origin and move.origin.startswith(f"{MODEL},"))


async def _reversed(client: Client, company: int, originals: Sequence[Move], fields: Sequence[str]) -> frozenset[int]:
    """Which of the entries are taken back by a posted mirror that is not itself taken back."""
    known = {move.id: move for move in originals if move.posted}
    mirrors: dict[int, list[Move]] = {}
    level: Iterable[int] = list(known)
    while level:
        origins = [f"{MODEL},{number}" for number in level]
        records = await client.search(MODEL, [["company", "=", company], ["origin", "in", origins]], fields)
        fresh = [move for record in records if (move := moves.parse(record)).id not in known]
        for move in fresh:
            known[move.id] = move
            mirrors.setdefault(int((move.origin or "").rpartition(",")[2]), []).append(move)
        level = [move.id for move in fresh if move.posted]

    def taken_back(number: int) -> bool:
        return any(
            mirror.posted and mirror.mirrors(known[number]) and not taken_back(mirror.id)
            for mirror in mirrors.get(number, ())
        )

    return frozenset(move.id for move in originals if move.posted and taken_back(move.id))
