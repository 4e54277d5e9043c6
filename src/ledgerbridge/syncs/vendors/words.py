"""What people are told of vendors that were left alone, parked or put right: what is wrong and where to fix it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from ledgerbridge.bookkeeping.master_data import ErpVendor
from ledgerbridge.pleo.vendors import Vendor, VendorDetails
from ledgerbridge.syncs.vendors.fields import differing
from ledgerbridge.syncs.vendors.pairing import Pair

T = TypeVar("T")

TEXTS = {
    "several_in_erp": "Several vendors of the accounting system fit it: {erp}. "
    "Merge them or correct their numbers there, or choose one here.",
    "country_missing": "It has the number of {erp} in the accounting system, but one of the two names no country, so "
    "they may be different companies. Enter the country there and in Pleo, or link the two, or have a new one made.",
    "several_in_pleo": "Several vendors in Pleo stand for the same vendor of the accounting system: {pleo}. "
    "Archive in Pleo the ones that are not needed, or clear their tax numbers.",
    "state_unknown": "Pleo shows it in state {state}, which we do not know. It is left alone.",
    "archived_counterpart": "It is archived in Pleo and may be the same as {erp} of the accounting system. "
    "Link the two, or have a new vendor made in Pleo.",
    "inactive_in_erp": "It fits {erp}, which is inactive in the accounting system. "
    "Make that one active there, or have a new one made.",
    "not_ours": "It is active in Pleo but does not come from the accounting system. It is left alone; "
    "give both sides the same tax number and country, or archive it in Pleo.",
    "other_external_id": "It was made in the accounting system as {erp}, but in Pleo it now carries {external_id}. "
    "Nothing is overwritten; archive one of the two.",
    "archived_meanwhile": "It was archived in Pleo while {erp} was made for it in the accounting system, "
    "and is active again. Make {erp} inactive there if it is not wanted.",
    "gone_from_erp": "The vendor made for it in the accounting system has been deleted there. "
    "Link it to another vendor, have it made again, or archive it.",
    "gone_from_pleo": "Pleo does not know the vendor any more for which {erp} was made in the accounting system. "
    "That one stays; it goes to Pleo as a new vendor with the next run.",
    "vanished_from_pleo": "Pleo does not know the vendor any more that {erp} was linked to, though Pleo deletes none. "
    "It is looked for, and made again if it is not there.",
    "overwritten": "It was changed in Pleo ({fields}) and is as in the accounting system again. Make changes there.",
}


def text(key: str, pair: Pair, details: VendorDetails | None) -> str:
    """The sentence for a row of the table."""
    shown = pair.pleo.details if pair.pleo else None
    changed = differing(shown, details) if shown and details else ()
    return TEXTS[key].format(
        erp=_listed([*([pair.erp] if pair.erp else []), *pair.erp_rivals], in_erp),
        pleo=_listed(pair.pleo_rivals, in_pleo),
        state=pair.pleo.state if pair.pleo else "",
        external_id=shown.external_id if shown else "",
        fields=", ".join(name.replace("_", " ") for name in changed) or "nothing that is compared",
    )


def named(pair: Pair) -> str:
    """A pair as people know it: by the vendor's name, from whichever side there is."""
    if pair.pleo is not None:
        return f"vendor {in_pleo(pair.pleo)}"
    for erp in (pair.erp, *pair.erp_rivals):
        if erp is not None:
            return f"vendor {in_erp(erp)}"
    if pair.pleo_rivals:
        return f"vendor {in_pleo(pair.pleo_rivals[0])}"
    return f"vendor {pair.link.code or pair.link.pleo_id if pair.link else ''}"


def in_erp(vendor: ErpVendor) -> str:
    """Number and name."""
    return f"{vendor.code or vendor.id} {vendor.name}".strip()


def in_pleo(vendor: Vendor) -> str:
    """Number, if it has one, and name."""
    return f"{vendor.code or ''} {vendor.name}".strip() or vendor.id


def _listed(vendors: Sequence[T], show: Callable[[T], str]) -> str:
    names = [show(vendor) for vendor in vendors]
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
