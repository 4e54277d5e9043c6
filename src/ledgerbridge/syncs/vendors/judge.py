"""One pair brought before the decision table, with what the ERP wants Pleo to hold. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ledgerbridge.bookkeeping.master_data import ErpVendor
from ledgerbridge.pleo.vendors import DRAFT, STATES, Vendor, VendorDetails
from ledgerbridge.store.tables import LinkPhase
from ledgerbridge.syncs.vendors import words
from ledgerbridge.syncs.vendors.fields import NotMappable, erp_digest, mapped, pleo_digest
from ledgerbridge.syncs.vendors.links import Link
from ledgerbridge.syncs.vendors.pairing import By, Pair
from ledgerbridge.syncs.vendors.table import Act, After, Case, Changed, Erp, Last, Pleo, Row, decide


@dataclass(frozen=True, slots=True)
class Books:
    """What is the same for every vendor of a company."""

    currency: str
    """Of the ERP company, for vendors without one (VEN-018)."""
    systems: frozenset[str]
    """Names under which Pleo may know the connected ERP, in lower case (VEN-051)."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A pair and what is to become of it."""

    pair: Pair
    row: Row
    details: VendorDetails | None
    """What Pleo is to hold; None without an ERP vendor, or with one that cannot be mapped."""
    fault: str | None = None
    """Why the ERP's record cannot be sent, for a person; only where it would have to be."""

    @property
    def named(self) -> str:
        """The vendor as people know it."""
        return words.named(self.pair)

    @property
    def note(self) -> str | None:
        """What a person is told."""
        return words.text(self.row.tell, self.pair, self.details) if self.row.tell else None

    @property
    def parks(self) -> bool:
        """Whether the Pleo vendor is kept for a person: by the table, or a draft that fits twice (VEN-064)."""
        pleo = self.pair.pleo
        doubted = self.row.number in (1, 2) and pleo is not None and pleo.state == DRAFT and not _bound(self.pair.link)
        return doubted or self.row.after is After.PARKED


def judge(pair: Pair, books: Books) -> Judged:
    """What is to become of a pair."""
    details, fault = None, None
    if pair.erp is not None:
        try:
            details = mapped(pair.erp, books.currency)
        except NotMappable as error:
            fault = str(error)
    row = decide(_case(pair, details, books))
    if pair.by is By.DOUBT:
        row = replace(row, tell="country_missing")
    needed = row.act in (Act.CREATE_IN_PLEO, Act.ACTIVATE, Act.EQUALISE)
    return Judged(pair, row, details, fault if needed else None)


def _case(pair: Pair, details: VendorDetails | None, books: Books) -> Case:
    pleo, last = pair.pleo, _last(pair)
    shown = pleo.details if pleo else None
    return Case(
        erp=_erp(pair),
        pleo=_pleo(pair),
        last=last,
        changed=_changed(pair.link, pair.erp, details, pleo) if last is Last.LINKED else Changed.NOTHING,
        equal=shown is not None and shown == details,
        same_external_id=shown is not None and pair.erp is not None and shown.external_id == pair.erp.id.strip(),
        has_external_id=shown is not None and shown.external_id is not None,
        ours=pleo is None or (pleo.accounting_system or "").strip().lower() in {"", *books.systems},
    )


def _erp(pair: Pair) -> Erp:
    if pair.erp_rivals:
        return Erp.SEVERAL
    if pair.erp is None:
        return Erp.ABSENT
    return Erp.ACTIVE if pair.erp.active else Erp.INACTIVE


def _pleo(pair: Pair) -> Pleo:
    if pair.pleo_rivals:
        return Pleo.SEVERAL
    if pair.pleo is None:
        return Pleo.ABSENT
    return Pleo(pair.pleo.state) if pair.pleo.state in STATES else Pleo.UNKNOWN


def _last(pair: Pair) -> Last:
    """The reference in the ERP says as much as a link whose write-back is open (VEN-082)."""
    if pair.by is By.REFERENCE:
        return Last.PENDING
    if pair.by is By.OFFER or not _bound(pair.link):
        return Last.NONE
    return Last.LINKED if pair.link and pair.link.phase in (LinkPhase.LINKED, LinkPhase.ENDED) else Last.PENDING


def _bound(link: Link | None) -> bool:
    return link is not None and link.binds


def _changed(link: Link | None, erp: ErpVendor | None, details: VendorDetails | None, pleo: Vendor | None) -> Changed:
    if link is None or erp is None or pleo is None:
        return Changed.NOTHING
    in_erp = details is None or link.erp_digest != erp_digest(erp, details)
    in_pleo = link.pleo_digest != pleo_digest(pleo)
    if in_erp:
        return Changed.BOTH if in_pleo else Changed.ERP
    return Changed.PLEO if in_pleo else Changed.NOTHING


def link_of(judged: Judged, phase: LinkPhase, note: str | None = None) -> Link:
    """The link of a pair as it is to be saved, with both sides as they stand now."""
    pair = judged.pair
    assert pair.pleo is not None or pair.link is not None  # noqa: S101
    link = pair.link or Link(pair.pleo.id if pair.pleo else "", phase)
    if pair.erp is not None and pair.by is not By.OFFER:
        link = replace(
            link,
            erp_id=pair.erp.id.strip(),
            code=judged.details.code if judged.details else link.code,
            merged_into=pair.erp.merged_into,
            erp_digest=erp_digest(pair.erp, judged.details) if judged.details else link.erp_digest,
        )
    elif pair.pleo is not None and phase is LinkPhase.ENDED and link.erp_id is None:
        link = replace(link, erp_id=pair.pleo.details.external_id)
    if pair.pleo is not None:
        link = replace(link, pleo_digest=pleo_digest(pair.pleo))
    return replace(link, phase=phase, note=note)
