"""Lets a key of the REST API match the lines of posted moves with each other, which Tryton offers in a wizard only.

It does what the wizard does for lines that balance, and needs the same right. SPDX-License-Identifier: GPL-3.0-or-later
"""

from trytond.exceptions import UserError  # type: ignore[import-not-found]
from trytond.pool import Pool, PoolMeta  # type: ignore[import-not-found]
from trytond.rpc import RPC  # type: ignore[import-not-found]
from trytond.transaction import without_check_access  # type: ignore[import-not-found]


class Line(metaclass=PoolMeta):  # type: ignore[metaclass]
    __name__ = "account.move.line"

    @classmethod
    def __setup__(cls) -> None:
        super().__setup__()  # type: ignore[misc]
        cls.__rpc__["match"] = RPC(readonly=False)

    @classmethod
    def match(cls, lines: list[int]) -> list[int]:
        """Reconcile these lines, which must be visible, posted, open and balanced; the ids of the reconciliations."""
        Pool().get("ir.model.access").check("account.move.reconciliation", "create")
        found = cls.search([("id", "in", lines), ("reconciliation", "=", None), ("move.state", "=", "posted")])
        if len(found) != len(set(lines)) or sum(line.debit - line.credit for line in found):
            raise UserError("Only open lines of posted moves that balance can be matched.")
        with without_check_access():
            return [made.id for made in cls.reconcile(found)]
