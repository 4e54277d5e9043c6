"""The mistakes. A row is a line somebody could change in good faith."""

from tests.mutants.runner import Mutant

_EXPORTS = "tests/integration/exports"
_REFRESH = "tests/integration/connections/test_refresh.py"
_SYNCS = "tests/integration/syncs"

MUTANTS = (
    Mutant(
        1,
        "forgets-a-persons-word",
        "An item that a person marked as booked is searched for, not found, and booked.",
        "exports/standing.py",
        "    if sure and (standing.by_hand or not desk.erp.capabilities.can_probe):",
        "    if sure and not desk.erp.capabilities.can_probe:",
        (f"{_EXPORTS}/test_again.py::test_an_item_marked_booked_is_never_posted_again",),
    ),
    Mutant(
        1,
        "does-not-look-again",
        "The adapter does not look whether another writer made the same entry meanwhile.",
        "erp/tryton/booking.py",
        "        await self._create()\n        document = await self._standing()\n",
        "        await self._create()\n        document = self._draft\n",
        ("tests/integration/erp/test_tryton_once.py", "tests/integration/erp/test_tryton_conformance.py"),
    ),
    Mutant(
        2,
        "successful-before-booked",
        "An item in doubt is reported to Pleo as successful.",
        "exports/outbox.py",
        "DONE_STATES = (ItemState.BOOKED,",
        "DONE_STATES = (ItemState.UNKNOWN, ItemState.BOOKED,",
        (f"{_EXPORTS}/test_trouble.py", f"{_EXPORTS}/test_doubt.py"),
    ),
    Mutant(
        3,
        "lost-reply-is-a-refusal",
        "A booking without a reply counts as refused, so that the next export books it again.",
        "exports/item.py",
        "    if error.outcome_unknown:\n",
        "    if False:\n",
        (f"{_EXPORTS}/test_trouble.py", f"{_EXPORTS}/test_doubt.py"),
    ),
    Mutant(
        3,
        "does-not-wait-for-a-late-write",
        "A write that may still be under way is repeated as soon as it is not found.",
        "exports/standing.py",
        "    if not found and _may_still_arrive(desk, standing):",
        "    if not found and False:",
        (f"{_EXPORTS}/test_doubt.py",),
    ),
    Mutant(
        4,
        "works-without-the-fence",
        "A worker that lost its lease goes on booking.",
        "exports/ledger.py",
        "    if not await holds(session, lease):",
        "    if not await holds(session, lease) and False:",
        (f"{_EXPORTS}/test_trouble.py::test_a_worker_that_lost_its_lease_posts_nothing_more",),
    ),
    Mutant(
        4,
        "newest-job-first",
        "Jobs are worked in the order of their ids instead of their age.",
        "exports/run.py",
        "key=lambda job: (job.created_at, job.id)",
        "key=lambda job: (-job.created_at.timestamp(), job.id)",
        (f"{_EXPORTS}/test_trouble.py::test_jobs_are_worked_oldest_first_and_one_after_the_other",),
    ),
    Mutant(
        5,
        "repeat-counts-as-new",
        "A delivery that came twice queues its work twice.",
        "web/inbox.py",
        "    return bool(new)\n",
        "    return True\n",
        ("tests/integration/web/test_webhooks.py",),
    ),
    Mutant(
        5,
        "deliveries-never-end",
        "A delivery whose job was worked stays queued for ever.",
        "exports/spool.py",
        "            WebhookDelivery.received_at <= until,\n",
        "            WebhookDelivery.received_at > until,\n",
        (f"{_EXPORTS}/test_whole_job.py",),
    ),
    Mutant(
        6,
        "refreshes-side-by-side",
        "A refresh does not mind that another one is under way.",
        "connections/refresh.py",
        "or_(Credential.refresh_until.is_(None), Credential.refresh_until <= func.clock_timestamp())",
        "or_(Credential.refresh_until.is_(None), Credential.refresh_until.is_not(None))",
        (_REFRESH,),
    ),
    Mutant(
        6,
        "keeps-the-old-generation",
        "A stored pair looks as old as the one before it, so that whoever waited refreshes once more.",
        "connections/refresh.py",
        "    row.generation += 1\n",
        "    row.generation += 0\n",
        (f"{_REFRESH}::test_two_service_instances_with_many_tasks_refresh_once",),
    ),
    Mutant(
        7,
        "seal-without-a-row",
        "A sealed token opens in the row of another company.",
        "store/vault.py",
        "    parts = (prefix, table.encode(), column.encode(), name)",
        "    parts = (prefix, table.encode(), column.encode())",
        ("tests/unit/store/test_vault.py",),
    ),
    Mutant(
        7,
        "foreign-items-are-booked",
        "An item of another company in the job is booked.",
        "exports/item.py",
        "    if item.company_id.lower() != desk.company_id.lower():",
        "    if False:",
        (f"{_EXPORTS}/test_items.py::test_an_item_of_another_company_is_never_booked",),
    ),
    Mutant(
        8,
        "believes-an-empty-list",
        "An empty list of the ERP archives everything at Pleo.",
        "syncs/guard.py",
        "    if read == 0 and active > 0:",
        "    if read < 0:",
        (f"{_SYNCS}/test_accounts.py", f"{_SYNCS}/test_tags.py"),
    ),
    Mutant(
        9,
        "reports-inside-a-transaction",
        "The report to Pleo is sent while the transaction that reads the outcomes is open.",
        "exports/report.py",
        "            if len(rows) < at_least or not rows:\n"
        "                self._waiting = len(rows)\n"
        "                return\n"
        "            await self._send(rows)\n",
        "                if len(rows) < at_least or not rows:\n"
        "                    self._waiting = len(rows)\n"
        "                    return\n"
        "                await self._send(rows)\n",
        (f"{_EXPORTS}/test_whole_job.py",),
    ),
    Mutant(
        10,
        "silent-until-the-end",
        "Nothing is reported before a batch is full, however slow the ERP is.",
        "exports/report.py",
        "        if self._waiting and self.since_last_action > self._job.expires_in * share:",
        "        if self._waiting < 0 and self.since_last_action > self._job.expires_in * share:",
        (f"{_EXPORTS}/test_trouble.py::test_a_slow_job_reports_well_inside_its_expiry",),
    ),
)
