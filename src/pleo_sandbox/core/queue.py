"""Filling the Export queue: named seeds built for a company, or payloads given whole."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pleo_sandbox.core.companies import Company
from pleo_sandbox.core.entries import Entry, StoredFile
from pleo_sandbox.core.problems import bad_request
from pleo_sandbox.core.words import new_id
from pleo_sandbox.core.world import World
from pleo_sandbox.seeds import Chart, Draft, Frame, Seed, named
from pleo_sandbox.seeds.described import Described, build


def queue_seeds(
    world: World,
    company_id: str,
    choices: Iterable[str],
    chart: Chart,
    copies: int = 1,
    vendor_id: str | None = None,
) -> list[Entry]:
    """Queues seeds by name, group, ``good`` or ``all``; a 400 refusal for an unknown name, before any is queued.

    Seeds that want a vendor take ``vendor_id``, else the company's first active vendor with a code; 400 without one.
    """
    company = world.companies.get(company_id)
    try:
        chosen = [seed for choice in choices for seed in named(choice)]
    except KeyError as unknown:
        raise bad_request(f"There is no seed named {unknown.args[0]}") from None
    queued = []
    drafts = [(seed, draft) for _ in range(copies) for seed, draft in _built(world, company, chosen, chart)]
    vendor = _vendor(world, company.id, vendor_id) if any(draft.wants_vendor for _, draft in drafts) else None
    for seed, draft in drafts:
        entry = world.entries.add(
            company.id,
            draft.payload,
            draft.files,
            seed=seed.name,
            expected_failure=seed.expected_failure,
            vendor_id=vendor if draft.wants_vendor else None,
        )
        queued.append(entry)
    return queued


def queue_items(world: World, company_id: str, items: Iterable[Described], chart: Chart) -> list[Entry]:
    """Queues items described in few words; a 400 refusal for a vendor that is not the company's, before any."""
    company = world.companies.get(company_id)
    frame = Frame(chart, company.id, company.default_currency, world.clock.now().date())
    drafts = []
    for described in items:
        spender = described.user and world.employees.named(company.id, *described.user)
        vendor = described.vendor_id and world.vendors.visible(described.vendor_id, frozenset({company.id})).id
        drafts.append((build(frame, described, spender or None), described, vendor or None))
    return [
        world.entries.add(
            company.id,
            draft.payload,
            draft.files,
            seed=f"described_{described.type}",
            expected_failure=described.expected_failure,
            vendor_id=vendor,
        )
        for draft, described, vendor in drafts
    ]


def queue_payload(
    world: World,
    company_id: str,
    payload: dict[str, Any],
    files: Sequence[Mapping[str, str]] | None,
    *,
    verbatim: bool,
    expected_failure: str | None,
) -> Entry:
    """Queues one export item as given. ``files`` hold ``type`` and ``base64``; 400 when the base64 is none."""
    company = world.companies.get(company_id)
    try:
        stored = (
            None
            if files is None
            else tuple(StoredFile(file["type"], base64.b64decode(file["base64"], validate=True)) for file in files)
        )
    except binascii.Error:
        raise bad_request("files must be base64") from None
    return world.entries.add(company.id, payload, stored, verbatim=verbatim, expected_failure=expected_failure)


def _built(world: World, company: Company, chosen: list[Seed], chart: Chart) -> list[tuple[Seed, Draft]]:
    frame = Frame(chart, company.id, company.default_currency, world.clock.now().date(), batch=new_id())
    return [(seed, seed.build(frame)) for seed in chosen]


def _vendor(world: World, company_id: str, vendor_id: str | None) -> str:
    if vendor_id is not None:
        return world.vendors.visible(vendor_id, frozenset({company_id})).id
    for vendor in world.vendors.of(company_id):
        if vendor.state == "ACTIVE" and vendor.details.code:
            return vendor.id
    raise bad_request("The company has no active vendor with a code: make one first, or name one")
