"""Filling the Export queue: named seeds built for a company, or payloads given whole."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pleo_sandbox.core.entries import Entry, StoredFile
from pleo_sandbox.core.problems import bad_request
from pleo_sandbox.core.world import World
from pleo_sandbox.seeds import Chart, Frame, named


def queue_seeds(world: World, company_id: str, choices: Iterable[str], chart: Chart, copies: int = 1) -> list[Entry]:
    """Queues seeds by name, group, ``good`` or ``all``; a 400 refusal for an unknown name, before any is queued."""
    company = world.companies.get(company_id)
    frame = Frame(chart, company.id, company.default_currency, world.clock.now().date())
    try:
        chosen = [seed for choice in choices for seed in named(choice)]
    except KeyError as unknown:
        raise bad_request(f"There is no seed named {unknown.args[0]}") from None
    queued = []
    for _ in range(copies):
        for seed in chosen:
            draft = seed.build(frame)
            entry = world.entries.add(
                company.id, draft.payload, draft.files, seed=seed.name, expected_failure=seed.expected_failure
            )
            queued.append(entry)
    return queued


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
