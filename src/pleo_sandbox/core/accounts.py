"""The chart of accounts of a company, and which of its accounts categories and wallets are set to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pleo_sandbox.core.choices import Choices
from pleo_sandbox.core.problems import Refusal, bad_request, not_found
from pleo_sandbox.core.shelf import Shelf
from pleo_sandbox.core.tax_codes import TaxCodes
from pleo_sandbox.core.words import filled_text_of, flag_of, new_id, nullable_text_of, object_of, text_of

LONGEST = 255
BATCH_LIMIT = 1000
ITEM_MEMBERS = ("archived", "code", "externalId", "metadata", "name", "taxCodeExternalId")
CREATE_MEMBERS = (*ITEM_MEMBERS, "companyId")
UPDATE_MEMBERS = ("archived", "code", "metadata", "name", "taxCodeExternalId")


@dataclass(frozen=True)
class AccountDetails:
    """What ``PUT`` may change, checked. ``metadata`` is free-form."""

    archived: bool
    name: str
    code: str | None = None
    tax_code: str | None = None
    metadata: dict[str, Any] | None = None


@dataclass
class Account:
    """One account; ``external_id`` never changes."""

    id: str
    company_id: str
    external_id: str
    details: AccountDetails

    def as_published(self) -> dict[str, Any]:
        """The shape of ``BookkeepingAccountRestModelV1``."""
        details = self.details
        return {
            "id": self.id,
            "companyId": self.company_id,
            "externalId": self.external_id,
            "archived": details.archived,
            "code": details.code,
            "name": details.name,
            "taxCodeExternalId": details.tax_code,
            "metadata": details.metadata,
        }


class Accounts:
    """All accounts, and per company the account each expense category is set to."""

    def __init__(self, tax_codes: TaxCodes, choices: Choices) -> None:
        self._tax_codes, self._choices = tax_codes, choices
        self._shelf: Shelf[Account] = Shelf(lambda a: a.company_id, lambda a: (a.company_id, a.external_id.lower()))
        self._categories: dict[str, dict[str, str]] = {}

    def of(self, companies: str | Iterable[str]) -> list[Account]:
        """The accounts of these companies, in order of creation."""
        return self._shelf.of(companies)

    def visible(self, account_id: str, companies: frozenset[str]) -> Account:
        """One account of one of these companies; a 404 refusal otherwise."""
        found = self._shelf.get(account_id)
        if found is None or found.company_id not in companies:
            raise not_found("There is no such account")
        return found

    def create(self, company_id: str, body: dict[str, Any]) -> tuple[Account, bool]:
        """``POST``: the account and whether it is new. 409 for a taken ``externalId`` unless the two match."""
        external_id = filled_text_of(body, "externalId", longest=LONGEST)
        details = read_details(body)
        self._check_tax_code(company_id, details, creating=True)
        known = self.identified(company_id, external_id)
        if known is None:
            return self.put(company_id, external_id, details), True
        repeat = self._choices.account_repeat
        if repeat == "found" or (repeat == "match" and known.details == details):
            return known, False
        raise Refusal(409, "ACCOUNT_ALREADY_EXISTS", "The company has an account with this externalId")

    def create_batch(self, company_id: str, items: Any) -> tuple[list[Account], list[dict[str, Any]]]:
        """``POST /batch``: what was created, and what was not with its reasons. 400 refuses the whole request."""
        if not isinstance(items, list) or not 1 <= len(items) <= BATCH_LIMIT:
            raise bad_request(f"items must hold 1 to {BATCH_LIMIT} accounts")
        checked = [_checked_item(item) for item in items]
        created: list[Account] = []
        failed: list[dict[str, Any]] = []
        for item in checked:
            reasons = self._reasons(company_id, item)
            if reasons:
                failed.append({"reasons": reasons, "request": item})
            else:
                created.append(self.put(company_id, item["externalId"], read_details(item)))
        return created, failed

    def put(self, company_id: str, external_id: str, details: AccountDetails) -> Account:
        """Stores an account as given."""
        return self._shelf.put(Account(new_id(), company_id, external_id, details))

    def update(self, account: Account, body: dict[str, Any]) -> Account:
        """``PUT``. 400 for a tax code Pleo does not have."""
        details = read_details(body)
        if self._choices.put_omitted == "kept":
            old = account.details
            details = AccountDetails(
                details.archived,
                details.name,
                details.code if "code" in body else old.code,
                details.tax_code if "taxCodeExternalId" in body else old.tax_code,
                details.metadata if "metadata" in body else old.metadata,
            )
        self._check_tax_code(account.company_id, details, creating=False)
        account.details = details
        return account

    def delete(self, account: Account, *, used: bool) -> None:
        """``DELETE``. 409 while accounting entries use it."""
        if used:
            raise Refusal(409, "ACCOUNT_IN_USE", "Accounting entries use the account; archive it instead")
        self._shelf.drop(account)

    def identified(self, company_id: str, external_id: str) -> Account | None:
        """The account of a company with this ``externalId``."""
        found = self._shelf.under((company_id, external_id.lower()))
        if self._choices.external_id_case == "exact":
            found = [account for account in found if account.external_id == external_id]
        return found[0] if found else None

    def assign(self, company_id: str, categories: dict[str, str]) -> None:
        """Sets every category of a company, by name, to the ``externalId`` of an account."""
        for name, external_id in categories.items():
            if self.identified(company_id, external_id) is None:
                raise bad_request(f"Category {name}: there is no account with externalId {external_id}")
        self._categories[company_id] = dict(categories)

    def categories(self, company_id: str) -> dict[str, str]:
        """Which account each category is set to."""
        return dict(self._categories.get(company_id, {}))

    def _check_tax_code(self, company_id: str, details: AccountDetails, *, creating: bool) -> None:
        if details.tax_code is None or not self._tax_code_is_checked(creating):
            return
        known = self._tax_codes.coded(company_id, details.tax_code)
        if self._choices.account_archived_tax_code == "refused":
            known = [tax_code for tax_code in known if not tax_code.details.archived]
        if not known:
            raise Refusal(400, "TAX_CODE_NOT_FOUND", f"There is no tax code {details.tax_code}")

    def _tax_code_is_checked(self, creating: bool) -> bool:
        checked = self._choices.account_tax_code_checked
        return checked == "always" or (checked == "put" and not creating)

    def _reasons(self, company_id: str, item: dict[str, Any]) -> list[str]:
        external_id, name, code = item["externalId"], item["name"], item.get("code") or ""
        reasons = []
        if not external_id:
            reasons.append("EXTERNAL_ID_EMPTY")
        if len(external_id) > LONGEST:
            reasons.append("EXTERNAL_ID_TOO_LONG")
        if not name:
            reasons.append("NAME_EMPTY")
        if len(name) > LONGEST:
            reasons.append("NAME_TOO_LONG")
        if len(code) > LONGEST:
            reasons.append("CODE_TOO_LONG")
        if external_id and self.identified(company_id, external_id) is not None:
            reasons.append("EXTERNAL_ID_ALREADY_EXISTS")
        if not reasons:
            try:
                self._check_tax_code(company_id, read_details(item), creating=True)
            except Refusal:
                reasons.append("OTHER")
        return reasons


def read_details(body: dict[str, Any]) -> AccountDetails:
    """Checks the members that create and update share; a 400 refusal."""
    name = text_of(body, "name", required=True) or ""
    if len(name) > LONGEST:
        raise bad_request(f"name must have at most {LONGEST} characters")
    metadata = body.get("metadata")
    return AccountDetails(
        archived=bool(flag_of(body, "archived", required=True)),
        name=name,
        code=nullable_text_of(body, "code", longest=LONGEST),
        tax_code=nullable_text_of(body, "taxCodeExternalId"),
        metadata=None if metadata is None else object_of(metadata, "metadata"),
    )


def _checked_item(item: Any) -> dict[str, Any]:
    # What breaks a length becomes a reason of its item; what breaks the form refuses the whole request.
    fields = object_of(item, "Each item")
    flag_of(fields, "archived", required=True)
    for name in ("externalId", "name"):
        text_of(fields, name, required=True)
    for name in ("code", "taxCodeExternalId"):
        nullable_text_of(fields, name)
    if fields.get("metadata") is not None:
        object_of(fields["metadata"], "metadata")
    return fields
