"""What a person is told of a vendor that Pleo refused: who else has its number, or which of its fields to look at."""

from __future__ import annotations

import structlog

from ledgerbridge.pleo.errors import BadRequest, Conflict, PleoError, Unprocessable
from ledgerbridge.pleo.vendors import Vendor
from ledgerbridge.syncs.apply import code_of
from ledgerbridge.syncs.failing import concerns_all
from ledgerbridge.syncs.record import Action
from ledgerbridge.syncs.vendors import links, words
from ledgerbridge.syncs.vendors.bench import Bench
from ledgerbridge.syncs.vendors.judge import Judged
from ledgerbridge.syncs.vendors.settle import settle

log = structlog.get_logger(__name__)


async def settle_or_tell(bench: Bench, judged: Judged) -> Action | None:
    """`settle`, with a refusal of this one vendor recorded in words that say what to look for (VEN-055, VEN-133).

    Raises what `settle` raises otherwise.
    """
    try:
        return await settle(bench, judged)
    except (Conflict, BadRequest, Unprocessable) as error:
        log.warning("vendor refused by pleo", record=judged.named, error=str(error))
        text = await _clash(bench, judged) if isinstance(error, Conflict) else _faulty(judged)
        said = f' Pleo says: "{error.message}"' if error.message else ""
        refused = f"Pleo refused this vendor ({error.status}). {text}{said}"
        bench.desk.record.failed(judged.named, judged.row.act.value, code_of(error), refused)
        return None


async def _clash(bench: Bench, judged: Judged) -> str:
    key, code = await _keys(bench, judged)
    uses = " or ".join(
        [*([f"the number {code}"] if code else []), f"the identifier {key}" if key else "its identifier"]
    )
    if others := await _others(bench, judged, key, code):
        named = ", ".join(f"{words.in_pleo(one)} ({one.state.lower()})" for one in others[:5])
        return (
            f"Another vendor in Pleo already uses {uses}: {named}. If both are one supplier, take the number off the "
            "other one in Pleo; if not, give this one another number in the accounting system."
        )
    return (
        f"Another vendor in Pleo already uses {uses}, but Pleo does not show which. Look for it in Pleo, among the "
        "archived ones, too, and take the number off it, or give this one another number in the accounting system."
    )


async def _keys(bench: Bench, judged: Judged) -> tuple[str | None, str | None]:
    """Identifier and number that Pleo was sent; those of a vendor just made from a draft stand in its link."""
    if judged.details is not None:
        return judged.details.external_id, judged.details.code
    if judged.pair.pleo is None:
        return None, None
    async with bench.desk.db.reading() as session:
        known = await links.about(session, bench.desk.connection_id, [judged.pair.pleo.id], [])
    return (known[0].erp_id, known[0].code) if known else (None, None)


async def _others(bench: Bench, judged: Judged, key: str | None, code: str | None) -> list[Vendor]:
    """Pleo's other vendors with either of them; none where Pleo does not say."""
    company, found = bench.desk.company_id, dict[str, Vendor]()
    try:
        if key:
            found |= {one.id: one for one in await bench.api.search(company, external_ids=[key])}
        if code:
            found |= {one.id: one for one in await bench.api.search(company, codes=[code])}
    except PleoError as error:
        if concerns_all(error):
            raise
        return []
    own = judged.pair.pleo.id if judged.pair.pleo else None
    return [one for one in found.values() if one.id != own]


def _faulty(judged: Judged) -> str:
    shown = judged.details
    held = f" (country {shown.country or 'none'}, currency {shown.currency})" if shown else ""
    return (
        f"Look at {judged.named}{held} in the accounting system: its name, number, registration and tax number and "
        "country. Correct what Pleo cannot hold; the next run sends it again."
    )
