"""Everything the sandbox knows, in one place: the parts, and the few actions that touch several of them.

All methods are plain functions that run to their end on the event loop without a pause, which is what makes every
request atomic towards every other.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pleo_sandbox.config import CompanyConfig, SandboxConfig
from pleo_sandbox.core.accounts import Accounts
from pleo_sandbox.core.authorise import Consents
from pleo_sandbox.core.choices import Choices
from pleo_sandbox.core.clients import Client, Clients
from pleo_sandbox.core.clock import Clock
from pleo_sandbox.core.companies import Companies, Company
from pleo_sandbox.core.credentials import Credentials
from pleo_sandbox.core.employees import Employees
from pleo_sandbox.core.entries import Entries, Entry, wallets_of
from pleo_sandbox.core.faults import Faults
from pleo_sandbox.core.files import Files
from pleo_sandbox.core.installations import Installation, Installations
from pleo_sandbox.core.jobs import Job, JobItem, Jobs
from pleo_sandbox.core.limits import Limiter
from pleo_sandbox.core.messages import Message, compose, new_event_id
from pleo_sandbox.core.problems import ConsentRefusal, Refusal, bad_request
from pleo_sandbox.core.recorder import Recorder
from pleo_sandbox.core.subscriptions import EXPORT_JOB_CREATED, VENDOR_CREATED, Subscriptions
from pleo_sandbox.core.tags import Tags
from pleo_sandbox.core.tax_codes import TaxCodes
from pleo_sandbox.core.tokens import TokenPair, Tokens
from pleo_sandbox.core.vendors import Vendor, Vendors
from pleo_sandbox.core.words import organisation_urn, parse_subject
from pleo_sandbox.seeds.chart import Chart

BOOKKEEPER_ID = "e3118b03-691c-4bd4-944e-1a9c1f1031b7"
_VENDOR_MEMBERS = ("vendor", "bookkeeping")


class World:
    """The sandbox's whole state. ``send`` is called with every new webhook message; by default they only pile up."""

    def __init__(self, config: SandboxConfig) -> None:
        self.config = config
        self.clock = Clock()
        self.recorder = Recorder(self.clock)
        self.send: Callable[[Message], None] = lambda message: None
        self._fill()

    def reset(self) -> None:
        """Back to the first moment: configuration kept, everything that happened forgotten."""
        self.clock.reset()
        self.recorder.clear()
        self._fill()

    def _fill(self) -> None:
        config, clock = self.config, self.clock
        self.faults = Faults()
        self.limiter = Limiter(config.requests_per_minute, config.minute_seconds)
        self.companies = Companies(config.companies, config.organisation_id)
        self.clients = Clients(config.clients)
        self.tokens = Tokens(clock, config.access_token_seconds, config.refresh_token_seconds)
        self.consents = Consents(clock, self.clients, self.tokens, config.code_seconds)
        self.credentials = Credentials(self.tokens, self.clients, self.companies)
        self.installations = Installations(clock)
        self.subscriptions = Subscriptions(clock)
        self.entries = Entries()
        self.chart = Chart()
        self.jobs = Jobs(clock, config.job_seconds)
        self.files = Files(clock, config.file_url_seconds)
        self.messages: list[Message] = []
        self._fill_master_data()

    def _fill_master_data(self) -> None:
        self.choices = Choices()
        self.tags = Tags(self.clock, self.choices)
        self.tax_codes = TaxCodes(self.clock, self.choices)
        self.accounts = Accounts(self.tax_codes, self.choices)
        self.vendors = Vendors(self.clock, self.choices)
        self.employees = Employees()
        for company in self.companies.all():
            self.employees.welcome(company.id)

    def add_company(self, config: CompanyConfig) -> Company:
        """Adds a company with the people every company has."""
        company = self.companies.add(config)
        self.employees.welcome(company.id)
        return company

    # ---------------------------------------------------------------- connecting

    def subject_for(self, chosen: str) -> str:
        """A subject URN from the consent form, checked to exist here."""
        parsed = parse_subject(chosen)
        if parsed is not None and parsed[0] == "organisation" and parsed[1] == self.config.organisation_id:
            return organisation_urn(parsed[1])
        for company in self.companies.all():
            if parsed == ("company", company.id):
                return company.urn
        raise ConsentRefusal("Choose one of the companies shown.")

    def exchange(self, client: Client, code: str, redirect_uri: str, verifier: str) -> TokenPair:
        """The end of an OAuth flow: first token pair, and the installation that comes with it."""
        family, pair = self.consents.exchange(client, code, redirect_uri, verifier)
        needs_activation = client.config.needs_activation
        self.installations.authorised(
            client.client_id, client.application_id, family.subject, needs_activation=needs_activation
        )
        return pair

    def uninstall(self, installation: Installation, because: str) -> None:
        """Deletes an installation and revokes its tokens. Its subscriptions stay: nothing says that they go."""
        self.installations.delete(installation)
        self.tokens.end_installation(installation.client_id, installation.resource, because)

    # ---------------------------------------------------------------- exporting

    def export(
        self,
        company_id: str,
        entries: list[Entry],
        *,
        created_by: str | None = BOOKKEEPER_ID,
        is_interactive: bool = True,
        vendor_based: bool = False,
        expires_in: int | None = None,
        alongside: bool = False,
        event_type: str = EXPORT_JOB_CREATED,
    ) -> Job:
        """Makes a job of these entries and announces it. 400 for a missing contra account, 409 while one runs."""
        company = self.companies.get(company_id)
        for entry in entries:
            if entry.company_id != company.id:
                raise bad_request(f"Accounting entry {entry.id} belongs to another company")
            if entry.locked_by is not None and alongside:
                raise bad_request(f"Accounting entry {entry.id} is locked by export job {entry.locked_by}")
        if not alongside and self.jobs.unfinished(company.id):
            raise Refusal(409, "EXPORT_ALREADY_IN_PROGRESS", "The company already has an unfinished export job")
        self.require_contra_accounts(company.id, wallets_of(entries))
        job = self.jobs.create(
            company.id,
            entries,
            created_by=created_by,
            is_interactive=is_interactive,
            vendor_based=vendor_based,
            expires_in=expires_in,
            alongside=alongside,
        )
        for item in job.items.values():
            item.file_keys = tuple(self.files.keep(file) for file in item.files or ())
            if item.entry.vendor_id is not None:
                vendor = self.vendors.visible(item.entry.vendor_id, frozenset({company.id}))
                item.payload["vendor"] = vendor.as_exported()
        self.announce(event_type, company.id, job.as_event_data())
        return job

    def require_contra_accounts(self, company_id: str, wallets: frozenset[str]) -> None:
        """400 ``MISSING_CONTRA_ACCOUNTS`` naming the currencies, when one of these wallets has none."""
        configured = self.companies.get(company_id).contra_accounts
        missing = sorted(wallets - set(configured) - {""})
        missing = [currency for currency in missing if currency != "UNDEFINED"]
        if missing:
            raise missing_contra_accounts(missing)

    def export_item(self, job: Job, item: JobItem, base_url: str) -> dict[str, Any]:
        """The data-layer payload, with receipt links that start to run now.

        ``vendor`` and ``bookkeeping`` come only with vendor-based jobs, unless the entry was made verbatim.
        """
        payload = dict(item.payload)
        if not (job.vendor_based or item.entry.verbatim):
            for member in _VENDOR_MEMBERS:
                payload[member] = None
        payload.setdefault(
            "_links", {"api": {}, "mobile": {}, "web": {"exportItem": f"{base_url}/expenses/{item.entry_id}"}}
        )
        if item.files is not None:
            payload["files"] = [
                {"url": base_url + self.files.link(key), "type": file.type, "size": len(file.content)}
                for key, file in zip(item.file_keys, item.files, strict=True)
            ]
        return payload

    # ---------------------------------------------------------------- announcing

    def announce(
        self,
        event_type: str,
        company_id: str,
        data: dict[str, Any],
        *,
        event_id: str | None = None,
        wrapped: bool = False,
    ) -> list[Message]:
        """Sends an event to every active subscription that covers it."""
        event_id = event_id or new_event_id()
        made = [
            compose(self.clock, subscription, event_type, data, event_id, wrapped=wrapped)
            for subscription in self.subscriptions.wanting(event_type, company_id)
        ]
        for message in made:
            self.messages.append(message)
            self.send(message)
        return made

    def announce_vendor(self, vendor: Vendor) -> list[Message]:
        """Announces that a vendor came into being in Pleo."""
        wrapped = self.choices.vendor_event_wrapped
        return self.announce(VENDOR_CREATED, vendor.company_id, vendor.as_event_data(), wrapped=wrapped)

    # ---------------------------------------------------------------- remarks

    def remark_on_start(self, job: Job) -> None:
        """Notes a start out of turn."""
        older = [j for j in self.jobs.unfinished(job.company_id) if j.created_at < job.created_at]
        if older:
            self.recorder.remark("started_out_of_turn", f"Job {job.id} was started before the older {older[-1].id}")

    def remark_on_reading(self, job: Job) -> None:
        """Notes a data layer that is read before its turn."""
        if job.status == "pending":
            self.recorder.remark("data_layer_before_start", f"Items of job {job.id} were read before it was started")
        if not job.control_layer_read:
            text = f"Items of job {job.id} were read before all pages of its control layer"
            self.recorder.remark("data_layer_before_control_layer", text)

    def remark_on_items(self, items: list[JobItem]) -> None:
        """Notes outcomes a bookkeeper cannot act on."""
        for item in items:
            if item.status == "failed" and not (item.failure_reason_type and item.failure_reason):
                self.recorder.remark("failed_without_reason", f"Entry {item.entry_id} failed without type and text")
            if item.status == "successful" and not item.external_id:
                self.recorder.remark("successful_without_external_id", f"Entry {item.entry_id} has no externalId")


def missing_contra_accounts(currencies: list[str]) -> Refusal:
    """The refusal Pleo gives while a wallet currency has no contra account."""
    names = ", ".join(currencies)
    return Refusal(400, "MISSING_CONTRA_ACCOUNTS", f"Contra accounts are missing for {names} expenses")
