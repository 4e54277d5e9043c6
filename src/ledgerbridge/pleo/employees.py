"""One employee's number in the ERP, and nothing else about the person (VEN-113, VEN-114)."""

from __future__ import annotations

from pydantic import Field

from ledgerbridge.pleo.endpoints import path_of
from ledgerbridge.pleo.models import Wire
from ledgerbridge.pleo.transport import Call, PleoClient


class Employee(Wire):
    """An employee without name, address or telephone, which are never read into a record."""

    id: str = Field(min_length=1)
    company_id: str
    code: str | None = None
    """Number of the ERP vendor or employee that spend of this person is booked on."""


class EmployeesApi:
    """Calls on employees."""

    def __init__(self, client: PleoClient) -> None:
        self._client = client

    async def get(self, employee_id: str) -> Employee:
        """One employee. Raises `NotFound`, and `Forbidden` without the scope `users:read`, which is not repeated."""
        call = Call("getEmployeeById", "GET", path_of("v2", "employees", employee_id))
        return await self._client.record(call, Employee, inside="data")
