"""What stands in Tryton for a Pleo accounting entry: found by key, what was taken back left out."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from ledgerbridge.bookkeeping.words import PostingKey
from ledgerbridge.erp.tryton import bills, key, moves
from ledgerbridge.erp.tryton.bills import VendorBill
from ledgerbridge.erp.tryton.client import Client
from ledgerbridge.erp.tryton.documents import D, Live
from ledgerbridge.erp.tryton.key import Mark
from ledgerbridge.erp.tryton.moves import MODEL, Move
from ledgerbridge.erp.tryton.reference import Reference
from ledgerbridge.erp.tryton.wire import Record

_NAMED_AT_ONCE = 100


async def live_moves(client: Client, company: int, accounting_entry_id: str, fields: Sequence[str]) -> list[Live[Move]]:
    """Drafts and posted entries of any revision that are in force, payments of bills included, by rising id.

    The journal entry that Tryton makes of a bill carries no key and is not among them.
    """
    return (await live_moves_of(client, company, [accounting_entry_id], fields))[accounting_entry_id]


async def live_moves_of(
    client: Client, company: int, accounting_entry_ids: Collection[str], fields: Sequence[str]
) -> dict[str, list[Live[Move]]]:
    """The same for each of several accounting entries, in one look."""
    # The company stands in every search: a key with access to several companies sees the entries of all of them.
    domain = [["company", "=", company], _keyed(accounting_entry_ids)]
    keyed = [moves.parse(record) for record in await client.search(MODEL, domain, fields)]
    found = [(named, live) for move in keyed for named, live in _named(move, move.description, accounting_entry_ids)]
    # The copy that reverses an entry carries its description, key and all.
    originals = [(named, live) for named, live in found if not is_mirror(live.document)]
    reversed_ids = await reversed_moves(client, company, [live.document for _, live in originals], fields)
    in_force_ = [(named, live) for named, live in originals if live.document.id not in reversed_ids]
    return _by_name(accounting_entry_ids, in_force_)


async def posted_moves(
    client: Client, company: int, wanted: PostingKey, mark: Mark, fields: Sequence[str]
) -> list[Move]:
    """Posted entries that carry the key, also those taken back since; what takes them back is not among them."""
    domain = [["company", "=", company], ["state", "=", "posted"], _keyed([wanted.accounting_entry_id])]
    found = [moves.parse(record) for record in await client.search(MODEL, domain, fields)]
    mine = [move for move in found if key.read(move.description, wanted.company_id, mark) == wanted]
    return [move for move in mine if not is_mirror(move)]


async def keyed_bills(client: Client, reference: Reference, accounting_entry_id: str) -> list[Live[VendorBill]]:
    """Bills and credit notes of any revision, also those no longer in force, by rising id.

    Tryton copies the description, key and all, to the credit note a person takes a bill back with: no bill of ours.
    """
    return [live for _, live in await _keyed_bills(client, reference, [accounting_entry_id])]


async def in_force(client: Client, reference: Reference, keyed: Sequence[Live[VendorBill]]) -> list[Live[VendorBill]]:
    """Those that are neither cancelled nor taken back by a credit note over the whole of them."""
    left = [live for live in keyed if not live.document.cancelled]
    gone = await _credited(client, reference, [live.document for live in left])
    return [live for live in left if live.document.id not in gone]


async def live_bills(client: Client, reference: Reference, accounting_entry_id: str) -> list[Live[VendorBill]]:
    """Bills and credit notes that are in force."""
    return (await live_bills_of(client, reference, [accounting_entry_id]))[accounting_entry_id]


async def live_bills_of(
    client: Client, reference: Reference, accounting_entry_ids: Collection[str]
) -> dict[str, list[Live[VendorBill]]]:
    """The same for each of several accounting entries, in one look."""
    keyed = await _keyed_bills(client, reference, accounting_entry_ids)
    left = {live.document.id for live in await in_force(client, reference, [live for _, live in keyed])}
    return _by_name(accounting_entry_ids, [(named, live) for named, live in keyed if live.document.id in left])


def chunks(numbers: Sequence[int]) -> Iterable[Sequence[int]]:
    """So many at a time that a search which names them fits into a URL."""
    return (numbers[start : start + _NAMED_AT_ONCE] for start in range(0, len(numbers), _NAMED_AT_ONCE))


async def _keyed_bills(
    client: Client, reference: Reference, accounting_entry_ids: Collection[str]
) -> list[tuple[str, Live[VendorBill]]]:
    domain = [["company", "=", reference.number], ["type", "=", "in"], _keyed(accounting_entry_ids)]
    found = [bills.parse(record) for record in await client.search(bills.MODEL, domain, await reference.bill_fields())]
    keyed = [pair for bill in found for pair in _named(bill, bill.description, accounting_entry_ids)]
    return [(named, live) for named, live in keyed if not live.document.takes_back]


def _keyed(accounting_entry_ids: Iterable[str]) -> list[object]:
    patterns = [pattern for one in accounting_entry_ids for pattern in key.patterns(one)]
    return ["OR", *(["description", "like", pattern] for pattern in patterns)]


def _named(document: D, description: str, accounting_entry_ids: Collection[str]) -> Iterable[tuple[str, Live[D]]]:
    """The document with the one of these accounting entries that its key names; nothing where it names none."""
    for mark in Mark:
        named = key.read(description, "", mark)
        if named and named.accounting_entry_id in accounting_entry_ids:
            return [(named.accounting_entry_id, Live(mark, named.revision, document))]
    return []


def _by_name(names: Iterable[str], found: Iterable[tuple[str, Live[D]]]) -> dict[str, list[Live[D]]]:
    sorted_: dict[str, list[Live[D]]] = {name: [] for name in names}
    for name, live in found:
        sorted_[name].append(live)
    return sorted_


def is_mirror(move: Move) -> bool:
    return bool(move.origin and move.origin.startswith(f"{MODEL},"))


async def reversed_moves(
    client: Client, company: int, originals: Sequence[Move], fields: Sequence[str]
) -> frozenset[int]:
    """Which of the entries are taken back by a posted mirror that is not itself taken back."""
    known = {move.id: move for move in originals if move.posted}
    mirrors: dict[int, list[Move]] = {}
    level: Iterable[int] = list(known)
    while level:
        records: list[Record] = []
        for numbers in chunks(list(level)):
            origins = [f"{MODEL},{number}" for number in numbers]
            records += await client.search(MODEL, [["company", "=", company], ["origin", "in", origins]], fields)
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


async def _credited(client: Client, reference: Reference, originals: Sequence[VendorBill]) -> frozenset[int]:
    """Which of the bills are taken back by a posted credit note that is not itself taken back."""
    gone: set[int] = set()
    for bill in originals:
        if not bill.posted:
            continue
        names_it = ["lines.origin.invoice", "=", bill.id, bills.LINE]
        domain = [["company", "=", reference.number], ["type", "=", "in"], ["id", "!=", bill.id], names_it]
        records = await client.search(bills.MODEL, domain, await reference.bill_fields())
        over_all = [credit for record in records if (credit := bills.parse(record)).total == -bill.total]
        in_force = [credit for credit in over_all if credit.posted]
        if len(await _credited(client, reference, in_force)) < len(in_force):
            gone.add(bill.id)
    return frozenset(gone)
