"""The bench of the Tryton adapter: a company in a real Tryton, faults on the wire, and eyes and hands of its own.

It speaks to Tryton in its own few lines, with an administrator's key, and shares none with the adapter.
"""

from __future__ import annotations

import asyncio
import base64
import datetime as dt
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import httpx

from ledgerbridge.bookkeeping.problem import Failure
from ledgerbridge.bookkeeping.words import Chart
from ledgerbridge.erp.conformance.bench import SLOWLY, Facts, Fate, Fault, Killed, Standing, Step
from ledgerbridge.erp.port import Erp
from ledgerbridge.erp.tryton import TrytonAdapter
from ledgerbridge.erp.tryton.company import CAPABILITIES
from ledgerbridge.erp.tryton.patience import Patience
from ledgerbridge.outgoing.addresses import Reach
from tests.support.tryton_master import MasterHands
from tests.support.tryton_payables import PayableHands

IMPATIENT = Patience(tries=7, first=0.05, longest=0.6)


class FaultyTransport(httpx.AsyncBaseTransport):
    """The real wire, with a fault on the first calls of one step."""

    def __init__(self, fault: Fault | None, *, matches: bool = True) -> None:
        """`matches` tells by which call bills are settled here."""
        self._matches = matches
        self._wire = httpx.AsyncHTTPTransport(verify=False)
        self._fault = fault
        self._spared = fault.spared if fault else 0
        self._left = fault.times if fault else 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if not self._fault or not self._left or _step(request, self._matches) is not self._fault.step:
            return await self._wire.handle_async_request(request)
        if self._spared:
            self._spared -= 1
            return await self._wire.handle_async_request(request)
        self._left -= 1
        match self._fault.fate:
            case Fate.NEVER_ARRIVED:
                raise httpx.ReadError("connection broken", request=request)
            case Fate.BUSY:
                return httpx.Response(503, html="<p>could not obtain lock on row</p>", request=request)
            case Fate.SLOW:
                await asyncio.sleep(SLOWLY)
                return await self._wire.handle_async_request(request)
        if self._fault.fate is Fate.TWICE:
            await (await self._wire.handle_async_request(request)).aread()
            return await self._wire.handle_async_request(request)
        response = await self._wire.handle_async_request(request)
        await response.aread()
        assert response.status_code == 200, response.text
        match self._fault.fate:
            case Fate.KILLED:
                raise Killed
            case Fate.TIMED_OUT:
                raise httpx.ReadTimeout("too late", request=request)
        raise httpx.RemoteProtocolError("server disconnected without a reply", request=request)

    async def aclose(self) -> None:
        await self._wire.aclose()


def _step(request: httpx.Request, matches: bool) -> Step | None:
    path = request.url.path
    if request.method == "PUT" and "/model/account.invoice/" in path and not matches:
        return Step.MATCH
    if request.method != "POST" or (path.endswith("/match") and not matches):
        return None
    endings = {
        "/model/account.move": Step.CREATE,
        "/model/account.move/create": Step.CREATE_MANY,
        "/model/account.invoice": Step.CREATE_BILL,
        "/model/ir.attachment": Step.ATTACH,
        "/match": Step.MATCH,
        "/cancel": Step.CANCEL_BILL,
        "/post": Step.POST_BILL if "/model/account.invoice/" in path else Step.POST,
        "/model/party.party": Step.VENDOR,
    }
    return next((step for ending, step in endings.items() if path.endswith(ending)), None)


@dataclass
class Tryton:
    """Where a Tryton is and who may do what there."""

    base_url: str
    database: str
    company: int
    other_company: int
    keys: Mapping[str, str]
    """By login: `erp_integration`, `erp_admin`, `erp_nogroups`, `erp_be_only`."""

    @property
    def settings(self) -> dict[str, Any]:
        return {
            "base_url": self.base_url,
            "database": self.database,
            "api_key": self.keys["erp_integration"],
            "company": self.company,
        }


@dataclass(frozen=True)
class Line:
    """A line as Tryton keeps it; amounts are debit less credit."""

    account: str
    amount: Decimal
    taxes: list[tuple[int, str, Decimal]]
    dimensions: list[tuple[str, Decimal]]
    complete: bool
    foreign: tuple[str, Decimal] | None


@dataclass
class TrytonBench(MasterHands, PayableHands):
    at: Tryton
    facts: Facts
    adapter: TrytonAdapter = field(default_factory=lambda: TrytonAdapter(reach=Reach(local=True), patience=IMPATIENT))
    capabilities = CAPABILITIES
    _chart: Chart | None = None

    @property
    def settings(self) -> dict[str, Any]:
        return self.at.settings

    @property
    def refused(self) -> Mapping[str, tuple[dict[str, Any], Failure]]:
        good, keys = self.settings, self.at.keys
        return {
            "wrong key": (good | {"api_key": "wrong"}, Failure.ERP_AUTHENTICATION),
            "user without rights": (good | {"api_key": keys["erp_nogroups"]}, Failure.ERP_FORBIDDEN),
            "user of another company": (good | {"api_key": keys["erp_be_only"]}, Failure.ERP_COMPANY_UNKNOWN),
            "no such company": (good | {"company": 99}, Failure.ERP_COMPANY_UNKNOWN),
            "no such database": (good | {"database": "nosuch"}, Failure.ERP_UNREACHABLE),
            "nobody there": (good | {"base_url": "http://127.0.0.1:1"}, Failure.ERP_UNREACHABLE),
        }

    @property
    def refused_access(self) -> Mapping[str, tuple[dict[str, Any], str]]:
        good, keys = self.settings, self.at.keys
        return {
            "no address": (good | {"base_url": ""}, "base_url"),
            "wrong key": (good | {"api_key": "wrong"}, "api_key"),
            "user without rights": (good | {"api_key": keys["erp_nogroups"]}, "api_key"),
            "no such database": (good | {"database": "nosuch"}, "database"),
            "nobody there": (good | {"base_url": "http://127.0.0.1:1"}, "base_url"),
        }

    def opened(self, fault: Fault | None = None) -> AbstractAsyncContextManager[Erp]:
        return TrytonAdapter(
            patience=IMPATIENT, transport=lambda: FaultyTransport(fault, matches=self.facts.reconciles)
        ).open(self.settings)

    async def chart(self) -> Chart:
        if self._chart is None:
            async with self.opened() as erp:
                self._chart = await erp.chart()
        return self._chart

    # ------------------------------------------------------------------ eyes

    async def entries(self, accounting_entry_id: str) -> Sequence[Standing]:
        pattern = accounting_entry_id.replace("_", r"\_")
        rows = await self.search(
            "account.move",
            [["company", "=", self.at.company], ["description", "like", f"%{pattern}%"]],
            "state number description lines.debit",
        )
        return [
            Standing(
                id=str(row["id"]),
                final=row["state"] == "posted",
                number=row["number"],
                text=row["description"],
                total=sum((line["debit"] for line in row["lines"]), Decimal(0)),
                lines=len(row["lines"]),
            )
            for row in rows
        ]

    async def files(self, erp_id: str) -> Sequence[tuple[str, bytes]]:
        rows = await self.search("ir.attachment", [["resource", "=", f"account.move,{erp_id}"]], "name data")
        return [(row["name"], row["data"]) for row in rows]

    async def net_of(self, accounting_entry_id: str) -> Mapping[str, Decimal]:
        pattern = f"%{accounting_entry_id.replace('_', chr(92) + '_')}%"
        bills = await self.search("account.invoice", [["description", "like", pattern]], "move cancel_move")
        numbers = [row[name] for row in bills for name in ("move", "cancel_move") if row[name]]
        either = ["OR", ["move.description", "like", pattern], ["move", "in", numbers]]
        domain = [["move.company", "=", self.at.company], ["move.state", "=", "posted"], either]
        net: dict[str, Decimal] = {}
        for row in await self.search("account.move.line", domain, "account.code debit credit"):
            code = row["account"]["code"]
            net[code] = net.get(code, Decimal(0)) + row["debit"] - row["credit"]
        return net

    async def lines(self, erp_id: str) -> list[Line]:
        """The lines of an entry in the order they were sent."""
        fields = (
            "lines.account.code lines.debit lines.credit lines.second_currency.code lines.amount_second_currency "
            "lines.analytic_state lines.analytic_lines.account.code lines.analytic_lines.debit "
            "lines.analytic_lines.credit lines.tax_lines.tax lines.tax_lines.type lines.tax_lines.amount"
        )
        (move,) = await self.search("account.move", [["id", "=", int(erp_id)]], fields)
        return [_line(line) for line in sorted(move["lines"], key=lambda line: line["id"])]

    # ------------------------------------------------------------------ hands

    async def reverse(self, erp_id: str) -> None:
        await self.post(await self.copy(erp_id, reversing=True))

    async def copy(
        self, erp_id: str, *, reversing: bool = False, user: str = "erp_admin", factor: Decimal = Decimal(1)
    ) -> str:
        fields = "journal date period description lines.account lines.debit lines.credit"
        (original,) = await self.search("account.move", [["id", "=", int(erp_id)]], fields)
        debit, credit = ("credit", "debit") if reversing else ("debit", "credit")
        lines = [
            {"account": line["account"], "debit": line[debit] * factor, "credit": line[credit] * factor}
            for line in original["lines"]
        ]
        values = {name: original[name] for name in ("journal", "date", "period", "description")}
        values |= {"company": self.at.company, "lines": [["create", lines]]}
        if reversing:
            values["origin"] = f"account.move,{erp_id}"
        made = await self.send("POST", "model/account.move", values, user=user)
        return str(made["id"])

    async def post(self, erp_id: str) -> None:
        await self.send("POST", f"model/account.move/{erp_id}/post", {})

    async def change_amounts(self, erp_id: str) -> None:
        (move,) = await self.search("account.move", [["id", "=", int(erp_id)]], "lines.debit lines.credit")
        for side in ("debit", "credit"):
            line = next(line for line in move["lines"] if line[side])
            await self.send("PUT", f"model/account.move.line/{line['id']}", {side: line[side] + 1})

    async def set_period(self, date: dt.date, *, open_: bool) -> None:
        period = await self._period(date)
        await self.send("POST", f"model/account.period/{period}/{'reopen' if open_ else 'close'}", {})
        closed = [["period", "=", period], ["state", "=", "closed"]]
        for row in await self.search("account.journal.period", closed, "id") if open_ else ():
            await self.send("POST", f"model/account.journal.period/{row['id']}/reopen", {})

    async def _period(self, date: dt.date) -> int:
        domain = [["company", "=", self.at.company], ["start_date", "<=", date], ["end_date", ">=", date]]
        (period,) = await self.search("account.period", domain, "name")
        return int(period["id"])

    # ------------------------------------------------------------------ wire

    async def search(self, model: str, domain: list[Any], fields: str) -> list[dict[str, Any]]:
        query = [("d", _packed(domain)), ("o", _packed([["id", "ASC"]])), *(("f", name) for name in fields.split())]
        rows: list[dict[str, Any]] = await self.send("GET", f"model/{model}", parameters=query)
        return rows

    async def send(
        self, method: str, path: str, body: Any = None, parameters: Any = (), *, user: str = "erp_admin"
    ) -> Any:
        async with self._http(user) as http:
            content = None if body is None else json.dumps(body, default=_tagged)
            answer = await http.request(method, path, params=parameters, content=content)
            assert answer.status_code in (200, 204), f"{method} {path}: {answer.status_code} {answer.text[:300]}"
            return json.loads(answer.content, object_hook=_plain) if answer.content else None

    @asynccontextmanager
    async def _http(self, user: str) -> AsyncIterator[httpx.AsyncClient]:
        headers = {
            "Authorization": f"bearer {self.at.keys[user]}",
            "Content-Type": "application/json",
            "Accept-Language": "en",
            "X-Tryton-Context": _packed({"company": self.at.company}),
        }
        base = f"{self.at.base_url}/{self.at.database}/rest/"
        async with httpx.AsyncClient(base_url=base, headers=headers, timeout=60, trust_env=False, verify=False) as http:
            yield http


def _line(row: dict[str, Any]) -> Line:
    return Line(
        account=row["account"]["code"],
        amount=row["debit"] - row["credit"],
        taxes=sorted((tax["tax"], tax["type"], tax["amount"]) for tax in row["tax_lines"]),
        dimensions=sorted((each["account"]["code"], each["debit"] - each["credit"]) for each in row["analytic_lines"]),
        complete=row["analytic_state"] == "valid",
        foreign=row["second_currency"] and (row["second_currency"]["code"], row["amount_second_currency"]),
    )


def _tagged(value: object) -> object:
    match value:
        case Decimal():
            return {"__class__": "Decimal", "decimal": str(round(value, 2))}
        case dt.date():
            return {"__class__": "date", "year": value.year, "month": value.month, "day": value.day}
    raise TypeError(value)


def _plain(value: dict[str, Any]) -> Any:
    match value.get("__class__"):
        case "Decimal":
            return Decimal(value["decimal"])
        case "date":
            return dt.date(value["year"], value["month"], value["day"])
        case "bytes":
            return base64.b64decode(value["base64"])
    return value


def _packed(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value, default=_tagged).encode()).decode()
