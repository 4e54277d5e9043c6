"""The company of the walks with its books in a real Tryton, and the paths that end there."""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from pleo_sandbox.config import DEMO_COMPANY_ID
from tests.faults.scenarios import press_reverse
from tests.faults.stage import Stage
from tests.support.site import seed_chart
from tryton_sandbox import TrytonServer, bills, moves, parties

_KEY = re.compile(r"\[PLEO:([^\[\]#]+)\]")
Json = dict[str, Any]


@dataclass
class TrytonStage(Stage):
    """Tryton outlives the service by itself: it is another program."""

    tryton: TrytonServer = field(kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.pleo._chart = seed_chart(self.tryton)
        wallet = self.tryton.facts["companies"]["DK"]["accounts"]["wallet"]
        path = f"/companies/{DEMO_COMPANY_ID}/contra-accounts"
        self.pleo.control("PUT", path, {"contra_accounts": {"DKK": wallet}})

    def made_of(self, pleo_id: str) -> list[str]:
        """The parties of a draft."""
        return [
            str(one["id"]) for one in parties(self.tryton) if any(pleo_id in code for _, code in one["identifiers"])
        ]

    def booked(self) -> Counter[tuple[str, str]]:
        """How many moves and bills stand for each accounting entry."""
        found: Counter[tuple[str, str]] = Counter()
        for move in moves(self.tryton, "%[PLEO:%"):
            found |= _keys("move", move["description"], found)
        for bill in bills(self.tryton):
            found |= _keys("bill", bill["description"] or bill["reference"] or "", found)
        return found


def _keys(kind: str, text: str, so_far: Counter[tuple[str, str]]) -> Counter[tuple[str, str]]:
    return Counter({(kind, key): so_far[kind, key] + 1 for key in _KEY.findall(text)})


@dataclass
class Booked:
    """A bookkeeper presses Export for what is told here."""

    turn: int = 0
    job: str = ""
    goings: int = 1

    def begin(self, stage: TrytonStage) -> None:
        self.turn += 1
        self.job = self.export(stage)

    def export(self, stage: TrytonStage) -> str:
        """A purchase with its receipt, as a journal entry."""
        return stage.pleo.export(stage.pleo.queue("receipt_jpeg"))

    def resume(self, stage: TrytonStage) -> None:
        """Nobody does anything: what Pleo told us or the poll brings it about."""

    def check(self, stage: TrytonStage) -> None:
        booked, job = stage.booked(), stage.pleo.job(self.job)
        assert job["status"] == "completed", f"{job['status']}: {[item['failureReason'] for item in job['items']]}"
        for item in job["items"]:
            found = [(kind, count) for (kind, key), count in booked.items() if key == item["accountingEntryId"]]
            assert [count for _, count in found] == [1], f"in Tryton: {found}"
        assert stage.events(self.job) == ["started", "completed"]


class Together(Booked):
    """Several purchases, one of them with its receipt, made in one call and posted one by one."""

    def export(self, stage: TrytonStage) -> str:
        return stage.pleo.export(stage.pleo.queue("tax_inclusive", "receipt_jpeg", "tax_none"))

    def check(self, stage: TrytonStage) -> None:
        super().check(stage)
        states = {move["state"] for move in moves(stage.tryton, "%[PLEO:%")}
        assert states == {"posted"}, "drafts were left"


@dataclass
class BillTakenBack(Booked):
    """A bill with the payment of its own item is taken back by a person, and exported again."""

    first: str = ""
    entry: str = ""

    def begin(self, stage: TrytonStage) -> None:
        self.turn += 1
        self.job, self.first = "", self.export(stage)
        (item,) = stage.pleo.job(self.first)["items"]
        self.entry = item["accountingEntryId"]
        stage.settle()
        self.resume(stage)

    def export(self, stage: TrytonStage) -> str:
        body = {"company_id": DEMO_COMPANY_ID, "items": [purchase(stage)], "vendor_based": True}
        return str(stage.pleo.control("POST", "/exports", body)["id"])

    def resume(self, stage: TrytonStage) -> None:
        stage.settle()
        stage.time_passes()
        if not self.job:
            assert press_reverse(stage, self.first, self.entry) == "reversed"
            self.job = stage.pleo.export([self.entry], vendor_based=True)

    def check(self, stage: TrytonStage) -> None:
        assert stage.pleo.job(self.job)["status"] == "completed"
        named = [one for one in bills(stage.tryton) if self.entry in (one["description"] or "")]
        assert sorted((one["state"], one["open"]) for one in named) == [("cancelled", 0), ("paid", 0)]
        texts = [one["description"] for one in moves(stage.tryton, f"%{self.entry}%")]
        assert sum(text.startswith("Reversal of ") for text in texts) == 1, f"the payment, taken back: {texts}"
        assert len(texts) == 3, f"and made anew: {texts}"


class Payables(Booked):
    """A bill and what pays it; and what paid the last one comes back."""

    def export(self, stage: TrytonStage) -> str:
        body = {"company_id": DEMO_COMPANY_ID, "items": list(self._items(stage)), "vendor_based": True}
        return str(stage.pleo.control("POST", "/exports", body)["id"])

    def check(self, stage: TrytonStage) -> None:
        super().check(stage)
        by_number = {one["reference"]: one for one in bills(stage.tryton)}
        assert by_number[f"WALK-{self.turn}"]["open"] == 0, "the bill is not settled"
        if self.turn > 1:
            assert by_number[f"WALK-{self.turn - 1}"]["open"] == Decimal(500), "the bill is not open again"

    def _items(self, stage: TrytonStage) -> Iterator[Json]:
        facts = stage.tryton.facts["companies"]["DK"]
        tags, vendor = known_to(stage)
        first = dt.datetime.now(dt.UTC).date().replace(day=1).isoformat()

        def item(kind: str, turn: int, account: str, **more: Any) -> Json:
            line = {"net": 50_000, "account": account, "tags": tags}
            invoice = {"number": f"WALK-{turn}", "date": first}
            return {"type": kind, "vendor_id": vendor, "invoice": invoice, "lines": [line], **more}

        payable = facts["accounts"]["payable_without_party"]
        yield item("invoice", self.turn, facts["expenses"][0])
        yield item("invoice_payment", self.turn, payable, sub_type="invoice_payment_sent")
        if self.turn > 1:
            yield item("invoice_payment", self.turn - 1, payable, sub_type="invoice_payment_returned")


def known_to(stage: TrytonStage) -> tuple[dict[str, str], str]:
    """A value of each dimension, and a vendor of Pleo that the ERP has."""
    dimensions = stage.tryton.facts["companies"]["DK"]["dimensions"]
    known = stage.pleo.control("GET", f"/companies/{DEMO_COMPANY_ID}/master-data")["vendors"]
    (vendor,) = [one["id"] for one in known if one["code"] == stage.tryton.facts["vendors"]["plain_code"]]
    return {code: sorted(each["values"])[0] for code, each in dimensions.items()}, vendor


def purchase(stage: TrytonStage) -> Json:
    """A card purchase from a vendor: a bill that its own item has paid."""
    tags, vendor = known_to(stage)
    expense = stage.tryton.facts["companies"]["DK"]["expenses"][0]
    return {"type": "card_purchase", "vendor_id": vendor, "lines": [{"net": 50_000, "account": expense, "tags": tags}]}
