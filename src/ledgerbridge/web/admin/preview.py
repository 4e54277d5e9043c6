"""A preview of one export job or item: what would be booked or refused, looked up and written nowhere."""

from __future__ import annotations

import uuid
from typing import Annotated

from fastapi import Body

from ledgerbridge.bookkeeping.problem import Problem
from ledgerbridge.connections.config_body import ConfigurationBody
from ledgerbridge.exports import preview as previews
from ledgerbridge.exports.outlook import ItemPreview
from ledgerbridge.exports.shown_entries import ShownEntry, ShownLine
from ledgerbridge.web.admin import preview_models as models
from ledgerbridge.web.admin.auth import Actor
from ledgerbridge.web.admin.router import admin_router, answers
from ledgerbridge.web.problems import HttpProblem
from ledgerbridge.web.services import Provided

router = admin_router("export jobs")


@router.post(
    "/connections/{connection_id}/preview",
    summary="What an export would book, without booking it",
    responses=answers(400, 404, 409, 415, 422),
)
async def preview_export(
    services: Provided,
    _actor: Actor,
    connection_id: uuid.UUID,
    body: Annotated[models.PreviewWanted | None, Body()] = None,
) -> models.Preview:
    """The same look-ups and checks as the real posting, live; nothing is written here, in Pleo or in the ERP.

    Works before a connection is active. Problems that would stop the job stand in `problems_of_the_job`.
    """
    wanted = body or models.PreviewWanted()
    given = ConfigurationBody.read(wanted.configuration) if wanted.configuration is not None else None
    listing = f"preview/{connection_id}/{wanted.job_id or ''}"
    place = services.cursors.read_place(listing, wanted.cursor)
    try:
        found = await previews.preview(
            services.exports,
            connection_id,
            job_id=wanted.job_id,
            entry_id=wanted.entry_id,
            configuration=given.configuration(version=0) if given else None,
            limit=wanted.limit,
            place=previews.Place(*place) if place else None,
        )
    except previews.NoSuchJob:
        raise HttpProblem(404, "The company has no such export job.", kind="job-unknown") from None
    except previews.NoSuchItem:
        raise HttpProblem(404, "The export job has no such item.", kind="item-unknown") from None
    following = found.next
    return _shown(
        found,
        services.cursors.write(listing, (following.pleo_job_id, following.after, following.seen))
        if following
        else None,
    )


def _shown(found: previews.Preview, next_cursor: str | None) -> models.Preview:
    job = found.job
    return models.Preview(
        checked_at=found.checked_at,
        job=models.PreviewJob(
            pleo_job_id=job.pleo_job_id,
            status=job.status,
            number_of_items=job.number_of_items,
            created_at=job.created_at,
            vendor_based=job.vendor_based,
        )
        if job
        else None,
        ended=found.ended,
        problems_of_the_job=[_problem(one) for one in found.problems_of_the_job],
        items=[_item(one) for one in found.items],
        without_data=found.without_data,
        config_version=found.config_version,
        next_cursor=next_cursor,
    )


def _item(one: ItemPreview) -> models.PreviewItem:
    told = one.told
    return models.PreviewItem(
        id=one.accounting_entry_id,
        accounting_entry_id=one.accounting_entry_id,
        outcome=one.outcome,
        type=one.type,
        date=one.date,
        amount=None if one.amount is None else f"{one.amount:.2f}",
        currency=one.currency,
        text=one.text,
        entries=[_entry(entry) for entry in one.entries],
        final=one.final,
        revision=one.revision,
        replaces=one.replaces,
        receipts=[
            models.PreviewReceipt(
                name=each.name, type=each.type, bytes=each.bytes, taken=each.taken, form=each.form, joined=each.joined
            )
            for each in one.receipts
        ],
        problems=[_problem(each) for each in one.problems],
        told=told.text if told else None,
        failure_type=told.row.item_type if told else None,
        reason=one.reason,
    )


def _problem(found: Problem) -> models.FoundProblem:
    return models.FoundProblem(failure=found.failure.value, kind=found.row.kind.value, text=found.text)


def _entry(entry: ShownEntry) -> models.PreviewEntry:
    return models.PreviewEntry(
        kind=entry.kind,
        journal=entry.journal,
        journal_name=entry.journal_name,
        date=entry.date,
        original_date=entry.original_date,
        period=entry.period,
        currency=entry.currency,
        total=f"{entry.total:.2f}",
        text=entry.text,
        vendor=entry.vendor,
        number=entry.number,
        due_date=entry.due_date,
        lines=[_line(line) for line in entry.lines],
    )


def _line(line: ShownLine) -> models.PreviewLine:
    return models.PreviewLine(
        account=line.account,
        account_name=line.account_name,
        debit=f"{line.debit:.2f}",
        credit=f"{line.credit:.2f}",
        text=line.text,
        dimensions=[
            models.PreviewDimension(
                dimension=each.dimension, name=each.name, value=each.value, value_name=each.value_name
            )
            for each in line.dimensions
        ],
        taxes=[
            models.PreviewTax(tax_id=tax.tax_id, name=tax.name, kind=tax.kind, amount=f"{tax.amount:.2f}")
            for tax in line.taxes
        ],
        vendor=line.vendor,
    )
