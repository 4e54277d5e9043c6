"""What the control API shows of jobs, entries, faults and tokens: everything, but never a secret."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from pleo_sandbox.core.clients import Client
from pleo_sandbox.core.companies import Company
from pleo_sandbox.core.entries import Entry
from pleo_sandbox.core.faults import Fault
from pleo_sandbox.core.jobs import Job
from pleo_sandbox.core.tokens import Family


def company_view(company: Company) -> dict[str, Any]:
    """A company with its settings."""
    return {
        "id": company.id,
        "name": company.name,
        "urn": company.urn,
        "default_currency": company.default_currency,
        "registration_number": company.registration_number,
        "country": company.country,
        "contra_accounts": company.contra_accounts,
    }


def entry_view(entry: Entry) -> dict[str, Any]:
    """An accounting entry in the queue, with the payload it would be exported with."""
    return {
        "id": entry.id,
        "company_id": entry.company_id,
        "seed": entry.seed,
        "type": entry.payload.get("type"),
        "state": entry.state,
        "locked_by": entry.locked_by,
        "expected_failure": entry.expected_failure,
        "last_error": entry.last_error,
        "jobs": entry.jobs,
        "vendor_id": entry.vendor_id,
        "files": None if entry.files is None else [{"type": f.type, "size": len(f.content)} for f in entry.files],
        "payload": entry.payload,
    }


def job_view(job: Job, *, items: bool = False) -> dict[str, Any]:
    """A job as published, with its counts and, when asked for, every item beside what its seed expected."""
    view: dict[str, Any] = {
        **job.as_published(),
        "counts": {status: job.count(status) for status in sorted({i.status for i in job.items.values()})},
        "expected_failures": sum(item.entry.expected_failure is not None for item in job.items.values()),
    }
    if items:
        view["items"] = [
            {**item.as_published(), "seed": item.entry.seed, "expectedFailure": item.entry.expected_failure}
            for item in job.items.values()
        ]
    return view


def fault_view(fault: Fault) -> dict[str, Any]:
    """A fault with its hits."""
    return {**asdict(fault), "spent": fault.spent}


def client_view(client: Client) -> dict[str, Any]:
    """A registered client without its secret."""
    config = client.config
    return {
        "client_id": config.client_id,
        "application_id": client.application_id,
        "name": config.name,
        "redirect_uris": config.redirect_uris,
        "scopes": config.scopes,
        "initiation_uri": config.initiation_uri,
        "settings_uri": config.settings_uri,
        "needs_activation": config.needs_activation,
    }


def family_view(family: Family) -> dict[str, Any]:
    """An authorisation without its tokens."""
    return {
        "id": family.id,
        "client_id": family.client_id,
        "subject": family.subject,
        "scope": " ".join(family.scope),
        "refreshes": family.refreshes,
        "alive": family.ended_because is None,
        "ended_because": family.ended_because,
    }
