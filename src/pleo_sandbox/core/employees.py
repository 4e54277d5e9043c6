"""Employees: who spends, with the number the ERP knows them by."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pleo_sandbox.core.problems import not_found
from pleo_sandbox.core.shelf import Shelf
from pleo_sandbox.core.words import lasting_id

# Name, number, team and team code of the people every company has, and whom seeds name.
PEOPLE = (
    ("Astrid Møller", "1001", "Sales", "SAL"),
    ("Jonas Lindqvist", "1002", "Engineering", "ENG"),
    ("Zoë O'Connor", "1003", "Finance", "FIN"),
)


@dataclass(frozen=True)
class Employee:
    """One employee; ``code`` is the external id, which not everybody has."""

    id: str
    company_id: str
    first_name: str
    last_name: str
    email: str
    code: str | None = None
    job_title: str | None = None
    phone: str | None = None

    @property
    def name(self) -> str:
        """First and last name."""
        return f"{self.first_name} {self.last_name}".strip()

    def as_published(self) -> dict[str, Any]:
        """The shape of ``ExternalEmployeeResponseModel``."""
        optional = {"code": self.code, "jobTitle": self.job_title, "phone": self.phone}
        return {
            "id": self.id,
            "companyId": self.company_id,
            "firstName": self.first_name,
            "lastName": self.last_name,
            "email": self.email,
            **{name: value for name, value in optional.items() if value is not None},
        }


class Employees:
    """All employees."""

    def __init__(self) -> None:
        self._shelf: Shelf[Employee] = Shelf(lambda e: e.company_id, lambda e: (e.company_id, e.code))

    def of(self, companies: str | Iterable[str]) -> list[Employee]:
        """The employees of these companies."""
        return self._shelf.of(companies)

    def get(self, employee_id: str) -> Employee:
        """One employee; a 404 refusal."""
        found = self._shelf.get(employee_id)
        if found is None:
            raise not_found("There is no such employee")
        return found

    def put(self, employee: Employee) -> Employee:
        """Adds an employee, or replaces the one with this id."""
        known = self._shelf.get(employee.id)
        if known is not None:
            self._shelf.drop(known)
        return self._shelf.put(employee)

    def welcome(self, company_id: str) -> None:
        """Gives a new company its people."""
        for name, code, team, _ in PEOPLE:
            first, _, last = name.partition(" ")
            address = f"{first}.{code}@example.com".lower().replace("ë", "e")
            self.put(Employee(employee_id(company_id, code), company_id, first, last, address, code, team))

    def named(self, company_id: str, name: str, code: str | None) -> Employee:
        """The employee with this number, made up when there is none."""
        known = self._shelf.under((company_id, code)) if code else []
        if known:
            return known[0]
        first, _, last = name.partition(" ")
        made = employee_id(company_id, code or name)
        return self.put(Employee(made, company_id, first, last, f"{made[:8]}@example.com", code))


def employee_id(company_id: str, code: str) -> str:
    """The id of an employee: the same for the same number in the same company."""
    return lasting_id("user", company_id, code)
