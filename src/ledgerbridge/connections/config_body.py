"""The bookkeeping configuration as JSON: its members, their types, and sentences for what is wrong with them.

What the ERP has to say about it is checked in `bookkeeping.configuration`, and in `configuration` against a live chart.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from ledgerbridge.bookkeeping import words
from ledgerbridge.connections.errors import ConfigurationRefused, Fault

MAX_EVERY_MINUTES = 7 * 24 * 60


def _wrong(text: str) -> PydanticCustomError:
    return PydanticCustomError("told", "{text}", {"text": text})


def _code(value: str) -> str:
    if value != value.strip() or not value:
        raise _wrong("must not be empty or begin or end with a space")
    return value


def _wallet(value: dict[str, str]) -> dict[str, str]:
    if not value:
        raise _wrong('needs at least one account; "*" stands for every currency')
    for currency in value:
        if currency != "*" and not re.fullmatch("[A-Z]{3}", currency):
            raise _wrong(f'"{currency}" is no currency; use three capital letters such as DKK, or "*" for every other')
    return value


Code = Annotated[str, AfterValidator(_code)]
ErpId = Annotated[Code, BeforeValidator(lambda value: str(value) if type(value) is int else value)]
"""An id of the ERP; ids that are numbers may be written as such."""


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class AccountsBody(_Body):
    """ERP account codes."""

    wallet: Annotated[dict[str, Code], AfterValidator(_wallet)]
    out_of_pocket: Code
    contra: Code
    external_reimbursement: Code | None = None
    payable: Code | None = None


class TaxBody(_Body):
    mode: Literal["explicit", "erp"] = "explicit"
    codes: dict[str, ErpId] = Field(default_factory=dict)


class TagsSyncBody(_Body):
    enabled: bool = True
    every_minutes: Annotated[int, Field(ge=1, le=MAX_EVERY_MINUTES)] = 60


class SyncBody(_Body):
    enabled: bool = True
    every_minutes: Annotated[int, Field(ge=1, le=MAX_EVERY_MINUTES)] = 1440


class SyncsBody(_Body):
    tags: TagsSyncBody = TagsSyncBody()
    accounts: SyncBody = SyncBody()
    tax_codes: SyncBody = SyncBody()
    vendors: SyncBody = SyncBody()


class ConfigurationBody(_Body):
    """The configuration as a person writes it and reads it back."""

    journal: Code
    accounts: AccountsBody
    posting_mode: Literal["draft", "final"] = "draft"
    closed_period: Literal["fail", "next_open", "today"] = "fail"
    time_zone: Code = "UTC"
    tax: TaxBody = TaxBody()
    dimensions: list[Code] | None = None
    """None leaves them open: on going live those are selected that have an active tag group in Pleo (TAG-028)."""
    syncs: SyncsBody = SyncsBody()
    default_vendor: Code | None = None
    changed_reexport: Literal["fail", "reverse_and_rebook"] = "fail"

    @classmethod
    def read(cls, body: object) -> Self:
        """Read what a person sent. Raises `ConfigurationRefused` naming every faulty member, unknown ones included."""
        try:
            return cls.model_validate(body)
        except ValidationError as error:
            raise ConfigurationRefused([_fault(detail) for detail in error.errors(include_url=False)]) from None

    def configuration(self, version: int) -> words.Configuration:
        """The same as bookkeeping's record."""
        return words.Configuration(
            version=version,
            journal=self.journal,
            accounts=words.Accounts(
                wallet=dict(self.accounts.wallet),
                out_of_pocket=self.accounts.out_of_pocket,
                contra=self.accounts.contra,
                external_reimbursement=self.accounts.external_reimbursement,
                payable=self.accounts.payable,
            ),
            posting_mode=words.PostingMode(self.posting_mode),
            closed_period=words.ClosedPeriod(self.closed_period),
            time_zone=self.time_zone,
            tax_mode=words.TaxMode(self.tax.mode),
            tax_codes=dict(self.tax.codes),
            dimensions=tuple(self.dimensions or ()),
            default_vendor=self.default_vendor,
            changed_reexport=words.ChangedReexport(self.changed_reexport),
        )


_SENTENCES = {
    "extra_forbidden": "is not a setting we know",
    "missing": "is missing",
    "string_type": "must be text",
    "bool_type": "must be true or false",
    "int_type": "must be a whole number",
    "dict_type": "must be an object",
    "list_type": "must be a list",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
}


def _fault(detail: ErrorDetails) -> Fault:
    path = ".".join(str(part) for part in detail["loc"] if part != "[key]")
    context: Mapping[str, Any] = detail.get("ctx", {})
    match detail["type"]:
        case "literal_error":
            return Fault(path, f"must be one of {context['expected']}")
        case "greater_than_equal":
            return Fault(path, f"must be at least {context['ge']}")
        case "less_than_equal":
            return Fault(path, f"must be at most {context['le']}")
        case kind:
            return Fault(path, _SENTENCES.get(kind, detail["msg"]))
