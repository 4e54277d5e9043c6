"""An ERP that must say itself what it can do, and cannot be asked, is no ERP that can do nothing."""

from __future__ import annotations

from dataclasses import replace

from ledgerbridge.bookkeeping.problem import Failure
from ledgerbridge.connections.abilities import beyond, problems_of_job
from ledgerbridge.connections.config_body import ConfigurationBody
from ledgerbridge.erp.http_target.target import NOTHING
from ledgerbridge.store.tables import SyncKind
from ledgerbridge.syncs.kept import keeps
from tests.support.rig import CONFIGURATION

WANTED = ConfigurationBody.read({**CONFIGURATION, "posting_mode": "draft", "dimensions": ["CC"]}).configuration(
    version=1
)


def test_silence_of_a_partner_fails_no_job_as_if_it_kept_no_dimensions() -> None:
    assert beyond(WANTED, NOTHING) == ()
    assert problems_of_job(WANTED, NOTHING, vendor_based=True) == ()


def test_a_partner_that_says_so_has_the_job_refused() -> None:
    found = problems_of_job(WANTED, replace(NOTHING, told=True), vendor_based=True)
    assert [one.failure for one in found] == [
        Failure.BILLS_NOT_SUPPORTED, Failure.DRAFTS_NOT_SUPPORTED, Failure.DIMENSIONS_NOT_SUPPORTED,
    ]  # fmt: skip


def test_silence_of_a_partner_ends_a_sync_in_the_reason_and_not_in_nothing_to_do() -> None:
    assert all(keeps(NOTHING, kind) for kind in SyncKind)
    assert not keeps(replace(NOTHING, told=True), SyncKind.TAGS)
