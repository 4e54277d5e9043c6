"""Eyes and hands of the Tryton bench for master data: count, make, change and switch off records as people do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ledgerbridge.erp.conformance.bench import Facts, Record

_MODELS = {Record.ACCOUNT: "account.account", Record.VALUE: "analytic_account.account", Record.VENDOR: "party.party"}
_ANY = ["active", "in", [True, False]]


class MasterHands:
    """What `TrytonBench` can do with master data."""

    facts: Facts
    at: Any

    async def search(self, model: str, domain: list[Any], fields: str) -> list[dict[str, Any]]:
        raise NotImplementedError

    async def send(
        self, method: str, path: str, body: Any = None, parameters: Any = (), *, user: str = "erp_admin"
    ) -> Any:
        raise NotImplementedError

    async def counted(self) -> Mapping[str, int]:
        ours = ["company", "=", self.at.company]
        purchase = ["OR", ["group", "=", None], ["group.kind", "in", ["purchase", "both"]]]
        companies = [row["party"] for row in await self.search("company.company", [], "party")]
        return {
            "accounts": await self._count("account.account", [ours, ["type", "!=", None]]),
            "tax_codes": await self._count("account.tax", [ours, _ANY, ["parent", "=", None], purchase]),
            "dimensions": await self._count("analytic_account.account", [ours, _ANY, ["type", "=", "root"]]),
            "vendors": await self._count("party.party", [_ANY, ["id", "not in", companies]]),
        }

    async def _count(self, model: str, domain: list[Any]) -> int:
        return int(await self.send("POST", f"model/{model}/search_count", {"domain": domain}))

    async def add(self, record: Record, code: str | None, name: str, *, below: Sequence[str] = ()) -> str:
        values: dict[str, Any] = {"name": name, "code": code}
        match record:
            case Record.ACCOUNT:
                like = [["company", "=", self.at.company], ["code", "=", self.facts.expense]]
                (model,) = await self.search("account.account", like, "type parent")
                values |= {"type": model["type"], "parent": model["parent"], "company": self.at.company}
            case Record.VALUE:
                root = int(below[0])
                values |= {"type": "normal", "state": "opened", "root": root, "company": self.at.company}
                values["parent"] = await self._view(root, below[1]) if below[1:] else root
            case Record.VENDOR:
                values["addresses"] = [["create", [{}]]]
        return str((await self.send("POST", f"model/{_MODELS[record]}", values))["id"])

    async def _view(self, root: int, name: str) -> int:
        values = {"type": "view", "name": name, "root": root, "parent": root, "company": self.at.company}
        return int((await self.send("POST", "model/analytic_account.account", values | {"state": "opened"}))["id"])

    async def change(self, record: Record, erp_id: str, **values: str) -> None:
        await self.send("PUT", f"model/{_MODELS[record]}/{erp_id}", values)

    async def switch_off(self, record: Record, erp_id: str) -> None:
        off: dict[Record, dict[str, Any]] = {
            Record.ACCOUNT: {"closed": True},
            Record.VALUE: {"state": "closed"},
            Record.VENDOR: {"active": False},
        }
        await self.send("PUT", f"model/{_MODELS[record]}/{erp_id}", off[record])

    async def set_default_taxes(self, account: str, tax_codes: Sequence[str]) -> None:
        (row,) = await self.search("account.account", [["id", "=", int(account)]], "taxes")
        wanted = [int(code) for code in tax_codes]
        commands = [["remove", [tax for tax in row["taxes"] if tax not in wanted]], ["add", wanted]]
        await self.send("PUT", f"model/account.account/{account}", {"taxes": commands})

    async def vendors_called(self, name: str) -> Sequence[str]:
        rows = await self.search("party.party", [_ANY, ["name", "=", name]], "name")
        return [str(row["id"]) for row in rows]
