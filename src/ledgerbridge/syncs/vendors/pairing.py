"""Who belongs to whom: vendors of the ERP, vendors of Pleo and links, in pairs. Pure; never by name (VEN-025).

The link comes first, then `externalId`, then the reference the ERP keeps of a vendor made from Pleo, then the vendor
number and at last the registered numbers, each only where one candidate stands on either side (VEN-020 to VEN-029).
What fits twice is paired with nobody and told (VEN-027, VEN-098).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TypeVar

from ledgerbridge.bookkeeping.master_data import ErpVendor
from ledgerbridge.pleo.vendors import ACTIVE, ARCHIVED, DRAFT, Vendor, text_or_none
from ledgerbridge.store.tables import LinkPhase
from ledgerbridge.syncs.vendors.fields import registration_key, registration_parts, tax_key, tax_parts
from ledgerbridge.syncs.vendors.links import Link

T = TypeVar("T")
K = TypeVar("K", bound=Hashable)


class By(StrEnum):
    """What brought a pair together."""

    NOTHING = "nothing"
    LINK = "link"
    EXTERNAL_ID = "external_id"
    REFERENCE = "reference"
    """The ERP keeps Pleo's id on the vendor (VEN-066)."""
    CODE = "code"
    NUMBER = "number"
    """Tax number or registration number, with country."""
    DOUBT = "doubt"
    """Nothing but a number, for which one side names no country; a person decides (VEN-064)."""
    REKEYED = "rekeyed"
    """By link, but the ERP has given the vendor another id (VEN-097)."""
    OFFER = "offer"
    """Perhaps the archived counterpart of a vendor that was made anew in the ERP; a person decides (VEN-099)."""


@dataclass(frozen=True, slots=True)
class Pair:
    """What is looked at together: one vendor of each side with its link, or candidates nobody may choose among."""

    erp: ErpVendor | None = None
    pleo: Vendor | None = None
    link: Link | None = None
    by: By = By.NOTHING
    erp_rivals: tuple[ErpVendor, ...] = ()
    """Candidates of the ERP, of which nobody may choose or even take the only one; `erp` is None then."""
    pleo_rivals: tuple[Vendor, ...] = ()
    """Two or more candidates of Pleo; `pleo` is the draft that waits for a person, if it is one."""


def pair(erp: Sequence[ErpVendor], pleo: Sequence[Vendor], links: Iterable[Link]) -> tuple[Pair, ...]:
    """Every vendor of both sides in a pair, and every link. Broken links do not count."""
    return _Pairing(erp, pleo, [link for link in links if link.phase is not LinkPhase.BROKEN]).run()


class _Pairing:
    def __init__(self, erp: Sequence[ErpVendor], pleo: Sequence[Vendor], links: Sequence[Link]) -> None:
        self._erp, self._pleo = _grouped(erp, _id), {one.id: one for one in pleo}
        self._binding = [link for link in links if link.binds]
        self._waiting = {link.pleo_id: link for link in links if not link.binds}
        # What is still to be paired, in the order read.
        self._free_erp = {key: some[0] for key, some in self._erp.items() if len(some) == 1}
        self._free_pleo = dict(self._pleo)
        self._gone: list[Link] = []
        self._pairs: list[Pair] = []

    def run(self) -> tuple[Pair, ...]:
        self._doubled_in_erp()
        self._doubled_in_pleo()
        self._linked()
        self._rekeyed()
        self._by_external_id()
        self._by_reference()
        self._drafts()
        self._by_key(By.CODE, lambda one: text_or_none(one.code), _code_in_pleo)
        self._by_key(By.NUMBER, _tax_of_erp, _tax_in_pleo)
        self._offers()
        self._pairs.extend(Pair(erp=one) for one in self._free_erp.values())
        self._pairs.extend(self._with_note(Pair(pleo=one)) for one in self._free_pleo.values())
        return tuple(self._pairs)

    # ------------------------------------------------------------------ what fits twice

    def _doubled_in_erp(self) -> None:
        """Two ERP vendors with one id: neither is touched, nor the Pleo vendor that names it (VEN-027)."""
        for key, some in self._erp.items():
            if len(some) > 1:
                link = next((one for one in self._binding if one.erp_id == key), None)
                named = [one for one in self._free_pleo.values() if one.details.external_id == key]
                pleo = named[0] if named else self._free_pleo.get(link.pleo_id) if link else None
                self._take(Pair(pleo=pleo, link=link, erp_rivals=tuple(some)))

    def _doubled_in_pleo(self) -> None:
        """Two Pleo vendors with one `externalId`: neither is touched, nor the ERP vendor it names (VEN-027)."""
        for key, some in _grouped(self._free_pleo.values(), lambda one: one.details.external_id).items():
            if key is not None and len(some) > 1:
                self._take(Pair(erp=self._free_erp.get(key), pleo_rivals=tuple(some)))

    # ------------------------------------------------------------------ what is known

    def _linked(self) -> None:
        taken: dict[str, Vendor | None] = {}
        for link in sorted(self._binding, key=lambda one: one.phase is LinkPhase.ENDED):
            key = link.erp_id or ""
            erp, pleo = self._free_erp.get(key), self._free_pleo.get(link.pleo_id)
            if link.pleo_id in self._pleo and pleo is None:
                continue  # told already, with its rivals
            if erp is not None:
                taken[key] = pleo
                self._take(Pair(erp, pleo, link, By.LINK))
            elif key not in self._erp:
                self._gone.append(link)
                self._free_pleo.pop(link.pleo_id, None)
            elif pleo is not None and pleo.state != ARCHIVED:
                self._take(Pair(pleo=pleo, link=link, pleo_rivals=_some(pleo, taken.get(key))))
            else:
                self._take(Pair(pleo=pleo, link=link, by=By.LINK))

    def _rekeyed(self) -> None:
        """A linked vendor whose ERP id is gone while one vendor under a new id is plainly the same (VEN-097)."""
        living = [(link, at) for link in self._gone if (at := self._living(link))]
        same = self._under_new_ids([at for _, at in living]) if living else {}
        claims = Counter(_id(one) for some in same.values() for one in some)
        for link in self._gone:
            found = same.get(link.pleo_id, [])
            if len(found) == 1 and claims[_id(found[0])] == 1:
                self._take(Pair(found[0], self._pleo[link.pleo_id], link, By.REKEYED))
            else:
                self._pairs.append(Pair(None, self._pleo.get(link.pleo_id), link, By.LINK))

    def _under_new_ids(self, living: Iterable[Vendor]) -> dict[str, list[ErpVendor]]:
        """By Pleo id, the ERP vendors nobody names yet that are plainly the same."""
        named = {one.details.external_id for one in self._free_pleo.values()}
        index = _Index(one for one in self._free_erp.values() if one.active and _id(one) not in named)
        return {at.id: [one for one in index.like(at) if _plainly_same(one, at)] for at in living}

    def _living(self, link: Link) -> Vendor | None:
        pleo = self._pleo.get(link.pleo_id)
        return pleo if pleo and pleo.state == ACTIVE and link.phase is LinkPhase.LINKED else None

    def _by_external_id(self) -> None:
        for one in list(self._free_pleo.values()):
            erp = self._free_erp.get(one.details.external_id or "")
            if erp is None:
                continue
            other = self._free_pleo.get(erp.pleo_id or "")
            if other is not None and other is not one and other.state != ARCHIVED:
                self._take(Pair(erp=erp, pleo_rivals=(one, other)))
            else:
                self._take(Pair(erp, one, by=By.EXTERNAL_ID))

    def _by_reference(self) -> None:
        """Vendors we made from a draft, whatever became of the link (VEN-082)."""
        for key, some in _grouped(self._free_erp.values(), lambda one: text_or_none(one.pleo_id)).items():
            pleo = self._free_pleo.get(key or "")
            if pleo is not None and len(some) > 1:
                self._take(Pair(pleo=pleo, erp_rivals=tuple(some)))
            elif pleo is not None:
                self._take(Pair(some[0], pleo, by=By.REFERENCE))

    # ------------------------------------------------------------------ what may be the same

    def _drafts(self) -> None:
        """Drafts beside every ERP vendor with one of their keys, the linked ones, too (VEN-063, VEN-064)."""
        drafts = [one for one in self._free_pleo.values() if one.state == DRAFT]
        if not drafts:
            return
        index = _Index([one for some in self._erp.values() for one in some])
        hits = {draft.id: index.hits(draft) for draft in drafts}
        wanted: dict[str, list[Vendor]] = {}
        for draft in drafts:
            for erp in hits[draft.id]:
                wanted.setdefault(_id(erp), []).append(draft)
        holder = {_id(one.erp): one.pleo for one in self._pairs if one.erp and one.pleo}
        for draft in drafts:
            found = hits[draft.id]
            if not found:
                if doubted := index.doubts(draft):
                    self._take(Pair(pleo=draft, by=By.DOUBT, erp_rivals=tuple(doubted)))
                continue
            erp, key = found[0], _id(found[0])
            rivals = (*_some(holder.get(key)), *wanted[key])
            if len(found) > 1:
                self._take(Pair(pleo=draft, erp_rivals=tuple(found)))
            elif len(rivals) > 1:
                self._take(Pair(pleo=draft, pleo_rivals=rivals))
                self._free_erp.pop(key, None)
            elif key in self._free_erp:
                self._take(Pair(erp, draft, by=By.NUMBER))
            else:
                self._take(Pair(pleo=draft, erp_rivals=tuple(self._erp[key])))

    def _by_key(self, by: By, of_erp: Callable[[ErpVendor], K | None], in_pleo: Callable[[Vendor], K | None]) -> None:
        ours, theirs = _grouped(self._free_erp.values(), of_erp), _grouped(self._free_pleo.values(), in_pleo)
        for key, some in theirs.items():
            match = ours.get(key, [])
            if key is None or not match:
                continue
            if len(match) > 1:
                self._take(Pair(pleo=some[0], erp_rivals=tuple(match)))
                for one in some[1:]:
                    self._take(Pair(pleo=one, erp_rivals=tuple(match)))
            elif len(some) > 1:
                self._take(Pair(erp=match[0], pleo_rivals=tuple(some)))
            else:
                self._take(Pair(match[0], some[0], by=by))

    def _offers(self) -> None:
        """Archived vendors whose ERP vendor is gone, beside a new one with their number (VEN-048, VEN-099)."""
        ended = {one.pleo.id: one for one in self._pairs if one.by is By.LINK and one.pleo and one.link and not one.erp}
        archived = [
            one
            for one in (*self._free_pleo.values(), *(each.pleo for each in ended.values() if each.pleo))
            if one.state == ARCHIVED and one.details.external_id not in self._erp and not self._dismissed(one)
        ]
        by_code = _grouped(archived, lambda one: text_or_none(one.code))
        by_tax = _grouped(archived, lambda one: tax_key(one.tax_registration_number, one.country))
        offered: dict[str, list[ErpVendor]] = {}
        for erp in [one for one in self._free_erp.values() if one.active]:
            code, tax = text_or_none(erp.code), _tax_of_erp(erp)
            found = [*(by_code.get(code, []) if code else []), *(by_tax.get(tax, []) if tax else [])]
            if found:
                offered.setdefault(found[0].id, []).append(erp)
        for pleo_id, some in offered.items():
            pleo, before = self._pleo[pleo_id], ended.get(pleo_id)
            self._pairs = [one for one in self._pairs if one is not before]
            link = before.link if before else None
            if len(some) == 1:
                self._take(Pair(some[0], pleo, link, By.OFFER))
            else:
                self._take(Pair(pleo=pleo, link=link, erp_rivals=tuple(some)))

    def _dismissed(self, vendor: Vendor) -> bool:
        """Whether a person said that this one is not to come back for another ERP vendor."""
        link = self._waiting.get(vendor.id)
        return link is not None and link.phase is LinkPhase.ENDED

    # ------------------------------------------------------------------

    def _take(self, made: Pair) -> None:
        self._pairs.append(self._with_note(made))
        for pleo in (made.pleo,) if made.pleo else made.pleo_rivals:
            self._free_pleo.pop(pleo.id, None)
        for erp in (*_some(made.erp), *made.erp_rivals):
            self._free_erp.pop(_id(erp), None)

    def _with_note(self, made: Pair) -> Pair:
        """With the link of a vendor that waits for a person, so that what it says is kept or put right."""
        if made.link is None and made.pleo is not None and (link := self._waiting.get(made.pleo.id)):
            return replace(made, link=link)
        return made


class _Index:
    """ERP vendors by what a Pleo vendor may have in common with them."""

    def __init__(self, erp: Iterable[ErpVendor]) -> None:
        self._by: dict[Hashable, list[ErpVendor]] = {}
        for one in erp:
            number = registration_key(one.registration_number, one.country)
            keys: tuple[tuple[str, Hashable], ...] = (
                ("code", text_or_none(one.code)),
                ("tax", _tax_of_erp(one)),
                ("number", number),
                ("reference", text_or_none(one.pleo_id)),
                ("bare tax", tax_parts(one.tax_registration_number, one.country)[1] or None),
                ("bare number", registration_parts(one.registration_number, one.country)[1] or None),
            )
            for key in keys:
                if key[1] is not None:
                    self._by.setdefault(key, []).append(one)

    def like(self, vendor: Vendor) -> list[ErpVendor]:
        """Every ERP vendor that names this one, or has its tax number or its code, each once."""
        shown = vendor.details
        tax = tax_key(shown.tax_registration_number, shown.country)
        return self._with(("reference", vendor.id), ("tax", tax), ("code", shown.code))

    def hits(self, draft: Vendor) -> list[ErpVendor]:
        """Every ERP vendor that names the draft or has one of its keys, each once."""
        shown = draft.details
        number = registration_key(shown.registration_number, shown.country) if not shown.external_id else None
        return self._with(
            ("reference", draft.id), ("code", _code_in_pleo(draft)), ("tax", _tax_in_pleo(draft)), ("number", number)
        )

    def doubts(self, draft: Vendor) -> list[ErpVendor]:
        """Every ERP vendor with a number of the draft for which only one side, or none, names a country; each once."""
        shown = draft.details
        if shown.external_id:
            return []
        country, number = tax_parts(shown.tax_registration_number, shown.country)
        found = [
            one
            for one in self._with(("bare tax", number))
            if not (country and tax_parts(one.tax_registration_number, one.country)[0])
        ]
        country, number = registration_parts(shown.registration_number, shown.country)
        found += [
            one
            for one in self._with(("bare number", number))
            if not (country and registration_parts(one.registration_number, one.country)[0])
        ]
        return list({id(one): one for one in found}.values())

    def _with(self, *keys: tuple[str, Hashable]) -> list[ErpVendor]:
        return list({id(one): one for key in keys for one in self._by.get(key, ())}.values())


def _plainly_same(erp: ErpVendor, pleo: Vendor) -> bool:
    """The reference says so, or number or tax number agree and nothing contradicts."""
    if erp.pleo_id == pleo.id:
        return True
    shown = pleo.details
    ours, theirs = _tax_of_erp(erp), tax_key(shown.tax_registration_number, shown.country)
    if ours and theirs:
        return ours == theirs
    return shown.code is not None and shown.code == text_or_none(erp.code)


def _code_in_pleo(vendor: Vendor) -> str | None:
    """The code to match by, which a vendor with another `externalId` has none of (VEN-023)."""
    shown = vendor.details
    return shown.code if shown.external_id in (None, shown.code) else None


def _tax_in_pleo(vendor: Vendor) -> tuple[str, str] | None:
    shown = vendor.details
    return None if shown.external_id else tax_key(shown.tax_registration_number, shown.country)


def _tax_of_erp(vendor: ErpVendor) -> tuple[str, str] | None:
    return tax_key(vendor.tax_registration_number, vendor.country)


def _id(vendor: ErpVendor) -> str:
    return vendor.id.strip()


def _some(*values: T | None) -> tuple[T, ...]:
    return tuple(value for value in values if value is not None)


def _grouped(items: Iterable[T], key: Callable[[T], K]) -> dict[K, list[T]]:
    groups: dict[K, list[T]] = {}
    for one in items:
        groups.setdefault(key(one), []).append(one)
    return groups
