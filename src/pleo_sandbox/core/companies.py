"""Companies, the organisation above them, and what each of them has set up in Pleo."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pleo_sandbox.config import CompanyConfig
from pleo_sandbox.core.problems import company_not_found
from pleo_sandbox.core.words import company_urn, is_uuid, new_id


@dataclass
class Company:
    """One company; ``contra_accounts`` maps the currency of a wallet to the ERP account that stands for it."""

    id: str
    name: str
    default_currency: str
    registration_number: str
    country: str
    organisation_id: str
    contra_accounts: dict[str, str] = field(default_factory=dict)

    @property
    def urn(self) -> str:
        """Its subject URN."""
        return company_urn(self.id)

    def as_published(self) -> dict[str, Any]:
        """The shape of ``GET /v1/companies/{companyId}``."""
        return {
            "id": self.id,
            "name": self.name,
            "organizationId": self.organisation_id,
            "registrationNumber": self.registration_number,
            "address": {"addressLine1": "Ravnsborg Tværgade 5", "locality": "Copenhagen", "country": self.country},
        }


class Companies:
    """All companies of the one organisation."""

    def __init__(self, initial: tuple[CompanyConfig, ...], organisation_id: str) -> None:
        self.organisation_id = organisation_id
        self._companies: dict[str, Company] = {}
        for config in initial:
            self.add(config)

    def add(self, config: CompanyConfig) -> Company:
        """Adds a company; an empty id is given one."""
        company = Company(
            id=config.id.lower() or new_id(),
            name=config.name,
            default_currency=config.default_currency,
            registration_number=config.registration_number,
            country=config.country,
            organisation_id=self.organisation_id,
            contra_accounts=dict(config.contra_accounts),
        )
        self._companies[company.id] = company
        return company

    def all(self) -> list[Company]:
        """Every company, in order of creation."""
        return list(self._companies.values())

    def get(self, company_id: str) -> Company:
        """One company; raises a 404 refusal."""
        company = self._companies.get(company_id.lower()) if is_uuid(company_id) else None
        if company is None:
            raise company_not_found(company_id)
        return company

    def set_contra_accounts(self, company_id: str, accounts: Mapping[str, str]) -> Company:
        """Replaces the contra-account settings."""
        company = self.get(company_id)
        company.contra_accounts = dict(accounts)
        return company
