"""The paths through the service on which it is killed. Each can be gone again and again on one stage."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from ledgerbridge.bookkeeping.master_data import MasterAccount, MasterDimension, MasterTaxCode, MasterValue, TaxKind
from ledgerbridge.bookkeeping.words import Dimension as ErpDimension
from pleo_sandbox.config import DEMO_COMPANY_ID
from tests.faults.stage import Stage
from tests.support.double_master import Master, vendor
from tests.support.erp_double import Later, down, lost_reply, refused
from tests.support.rig import CONFIGURATION

FINAL = ("completed", "completed_with_errors", "failed")
KINDS = ("tags", "accounts", "tax_codes", "vendors")
ONLY_TAGS = {kind: {"enabled": False} for kind in KINDS if kind != "tags"}
ERP = {"kind": "double", "settings": {"api_key": "x"}}


# ------------------------------------------------------------------ connecting


def press_connect(stage: Stage) -> None:
    """Press Connect, allow, come back."""
    with stage.browser() as browser:
        pressed = stage.visit(browser, "/connect")
        assert pressed.status_code == 302, pressed.text
        consent = {"authorize_url": pressed.headers["location"], "subject": DEMO_COMPANY_ID}
        back = stage.visit(browser, stage.pleo.control("POST", "/consents", consent)["location"])
        assert back.status_code == 303, back.text


def live(stage: Stage, erp: dict[str, Any] | None = None, configuration: dict[str, Any] | None = None) -> None:
    """Connected, bound, configured and active."""
    press_connect(stage)
    stage.ask("PUT", f"/connections/{stage.connection}/erp", erp or ERP)
    stage.ask("PUT", f"/connections/{stage.connection}/config", configuration or CONFIGURATION)
    stage.ask("POST", f"/connections/{stage.connection}/activate")
    stage.settle()
    assert stage.status() == "active"


@dataclass
class Life:
    """A customer disconnects, connects anew, and goes live with the first sync of the tags."""

    goings: int = 1
    gone: bool = False

    def begin(self, stage: Stage) -> None:
        self.gone = False
        self.resume(stage)

    def resume(self, stage: Stage) -> None:
        """Whoever got no answer asks again; who got one goes on."""
        if not self.gone:
            stage.ask("DELETE", f"/connections/{stage.connection}")
            self.gone = True
        if stage.status() in ("disconnected", "reconnect_needed"):
            press_connect(stage)
        if stage.status() == "active":
            return
        stage.ask("PUT", f"/connections/{stage.connection}/erp", ERP)
        body = {**CONFIGURATION, "syncs": ONLY_TAGS, "dimensions": None}
        stage.ask("PUT", f"/connections/{stage.connection}/config", body)
        stage.ask("POST", f"/connections/{stage.connection}/activate")

    def check(self, stage: Stage) -> None:
        shown = stage.ask("GET", f"/connections/{stage.connection}")
        assert shown["status"] == "active", shown
        assert len(stage.rows("select id from connections")) == 1
        ours = stage.sandbox.sandbox.world.subscriptions.all()
        assert len(ours) == 1, f"{len(ours)} subscriptions at Pleo"
        stage.ask("POST", f"/connections/{stage.connection}/exports")
        stage.settle()
        assert stage.pleo.requests("/v3/export-jobs")[-1]["status"] == 200, "our access does not work"


@dataclass
class Refresh:
    """The access token has run out when somebody asks for a look at the export jobs."""

    goings: int = 1

    def begin(self, stage: Stage) -> None:
        stage.pleo.control("POST", "/tokens/expire", {})
        self._look(stage)

    def resume(self, stage: Stage) -> None:
        """Between Pleo's answer and its storing the new pair exists nowhere else: only then a person connects again."""
        stage.settle()
        if stage.status() == "reconnect_needed":
            assert stage.died_at == "pleo refreshToken after", "the connection was lost"
            press_connect(stage)
            stage.settle()
        self._look(stage)

    def check(self, stage: Stage) -> None:
        assert stage.status() == "active"
        assert stage.pleo.requests("/v3/export-jobs")[-1]["status"] == 200, "the next call did not work"

    def _look(self, stage: Stage) -> None:
        stage.ask("POST", f"/connections/{stage.connection}/exports")


@dataclass
class Start:
    """The service is stopped, as for an update, and started again."""

    goings: int = 1

    def begin(self, stage: Stage) -> None:
        stage.restart()

    def resume(self, stage: Stage) -> None:
        """It has been started once more."""

    def check(self, stage: Stage) -> None:
        assert stage.status() == "active"


@dataclass
class Rounds:
    """A day has passed: every round comes, and with them the check of the connection."""

    goings: int = 1

    def begin(self, stage: Stage) -> None:
        stage.round_comes()

    def resume(self, stage: Stage) -> None:
        """They come by themselves."""

    def check(self, stage: Stage) -> None:
        assert stage.status() == "active"
        left = {
            row["task_name"] for row in stage.rows("select task_name from procrastinate_jobs where status = 'todo'")
        }
        assert set(stage.periodic) <= left, f"a round will never come again: {set(stage.periodic) - left}"


# ------------------------------------------------------------------ exporting


@dataclass
class Export:
    """A bookkeeper presses Export; Pleo tells us of it."""

    seeds: tuple[str, ...] = ("card_purchase", "out_of_pocket")
    job: str = ""
    goings: int = 1

    def begin(self, stage: Stage) -> None:
        self.trouble(stage)
        self.job = stage.pleo.export(stage.pleo.queue(*self.seeds))

    def trouble(self, stage: Stage) -> None:
        """What goes wrong in the ERP meanwhile."""

    def resume(self, stage: Stage) -> None:
        """Nobody does anything: what Pleo told us or the poll brings it about."""

    def check(self, stage: Stage) -> None:
        job = stage.pleo.job(self.job)
        assert job["status"] in FINAL, f"the job is {job['status']} at Pleo"
        for item in job["items"]:
            entries = stage.entries(item["accountingEntryId"])
            wanted = 1 if item["status"] == "successful" else 0
            assert entries == wanted, f"{entries} entries for an item that is {item['status']} at Pleo"
            assert item["status"] in ("successful", "failed"), "an item without an end"
        assert stage.events(self.job) == ["started", job["status"]]


@dataclass
class TroubledExport(Export):
    """The ERP refuses one item, is away for a moment, and its reply to another is lost."""

    seeds: tuple[str, ...] = ("card_purchase", "fee", "cashback", "personal_spend")

    def trouble(self, stage: Stage) -> None:
        books = stage.books.books
        books.before["book"] = [refused(), down()]
        books.after["book"] = [lost_reply()]

    def check(self, stage: Stage) -> None:
        stage.books.books.before.clear()
        stage.books.books.after.clear()
        super().check(stage)


@dataclass
class GroupExport(Export):
    """The ERP takes three documents at once; it refuses one of them, is away for the next, and loses a whole reply."""

    seeds: tuple[str, ...] = ("card_purchase", "fee", "cashback", "personal_spend", "out_of_pocket")

    def trouble(self, stage: Stage) -> None:
        books = stage.books.books
        books.capabilities = replace(books.capabilities, batch=3)
        books.before["book"] = Later(1, [refused(), down()])
        books.after["book_many"] = Later(1, [lost_reply()])

    def check(self, stage: Stage) -> None:
        books = stage.books.books
        books.capabilities = replace(books.capabilities, batch=1)
        books.before.clear()
        books.after.clear()
        super().check(stage)


@dataclass
class Reversal(Export):
    """A person has a booked entry taken back, the reply is lost and the press repeated; then it is exported again."""

    seeds: tuple[str, ...] = ("fee",)
    first: str = ""
    entry: str = ""

    def begin(self, stage: Stage) -> None:
        stage.books.books.after["reverse"] = [lost_reply()]
        self.first, self.job = stage.pleo.export(stage.pleo.queue(*self.seeds)), ""
        (item,) = stage.pleo.job(self.first)["items"]
        self.entry = item["accountingEntryId"]
        stage.settle()
        press_reverse(stage, self.first, self.entry)
        self.resume(stage)

    def resume(self, stage: Stage) -> None:
        """Whoever got no answer presses again; who got one exports the expense again."""
        for _ in range(2):  # what the first time was cut short may now lose its reply
            stage.time_passes()
            stage.settle()
        stage.time_passes()
        if not self.job:
            if press_reverse(stage, self.first, self.entry) != "reversed":
                stage.time_passes()
                assert press_reverse(stage, self.first, self.entry) == "reversed"
            self.job = stage.pleo.export([self.entry])

    def check(self, stage: Stage) -> None:
        super().check(stage)
        assert stage.pleo.items(self.job)[self.entry]["status"] == "successful"
        books = stage.books.books
        back = [one for one in books.all_of(self.entry) if one.taken_back]
        assert (len(books.all_of(self.entry)), len(back)) == (2, 1), "taken back and booked anew, each once"


def press_reverse(stage: Stage, job: str, entry: str) -> str:
    """Press the button; what the answer says of it."""
    body = {"action": "reverse", "reason": "Wrong cost centre", "confirm": True}
    answer = stage.ask("POST", f"/export-jobs/{job}/items/{entry}/resolve", body)
    return str(answer["posting"]["reversal"]["state"])


# ------------------------------------------------------------------ master data


@dataclass
class Sync:
    """The ERP's list has changed, and somebody asks for the sync of its kind."""

    kind: str
    turn: int = 0
    goings: int = 3
    change: str = ""
    """Of `CHANGES`; that of the kind if none is named."""

    def begin(self, stage: Stage) -> None:
        self.turn += 1
        CHANGES[self.change or self.kind](stage.books.books.master, self.turn)
        self.resume(stage)

    def resume(self, stage: Stage) -> None:
        stage.ask("POST", f"/connections/{stage.connection}/syncs/{self.kind}")

    def check(self, stage: Stage) -> None:
        master = stage.books.books.master
        shown = stage.pleo.control("GET", f"/companies/{DEMO_COMPANY_ID}/master-data")
        told, wanted = SHOWN[self.kind](shown), WANTED[self.kind](master)
        assert told == wanted, f"only in Pleo {sorted(told - wanted)}, only in the ERP {sorted(wanted - told)}"
        stage.pleo.forget()
        self.resume(stage)
        stage.settle()
        writes = [
            call for call in stage.pleo.calls("/v") if not call.startswith("GET") and not call.endswith(":search")
        ]
        assert writes == [], "a second sync of the same lists wrote"


def _accounts(master: Master, turn: int) -> None:
    new = [MasterAccount(f"n{turn}-{k}", f"9{turn:04}{k}", f"New {turn} {k}", None, active=True) for k in range(2)]
    ours = [one for one in master.accounts if one.id.startswith("n")]
    rest = [one for one in master.accounts if not one.id.startswith("n")]
    master.accounts = [*rest, *(replace(one, name=f"Renamed {turn}", active=not one.active) for one in ours[-3:-1]),
                       *(replace(one, name=f"Renamed {turn}") for one in ours[-1:]), *new]  # fmt: skip


def _many_accounts(master: Master, turn: int) -> None:
    new = [MasterAccount(f"m{turn}-{k}", f"8{turn:04}{k}", f"Many {turn} {k}", None, active=True) for k in range(6)]
    master.accounts = [*(replace(one, active=one.active and one.id[0] != "m") for one in master.accounts), *new]


def _tax_codes(master: Master, turn: int) -> None:
    made = [one for one in master.tax_codes if one.code.startswith("N")]
    rest = [one for one in master.tax_codes if not one.code.startswith("N")]
    changed = [replace(one, name=f"Renamed {turn}", active=one.active ^ (k == 0)) for k, one in enumerate(made[-2:])]
    new = MasterTaxCode(f"N{turn}", f"New {turn}", Decimal("0.25"), TaxKind.INCLUSIVE, "6851", None, active=True)
    master.tax_codes = [*rest, *changed, new]


def _tags(master: Master, turn: int) -> None:
    first = next(one for one in master.dimensions if one.code == "CC")
    values = master.values[first.id]
    made = [one for one in values if one.id.startswith("n")]
    rest = [one for one in values if not one.id.startswith("n")]
    changed = [replace(one, name=f"Renamed {turn}", active=one.active ^ (k < 2)) for k, one in enumerate(made[-3:])]
    master.values[first.id] = [*rest, *changed, MasterValue(f"n{turn}", f"N{turn}", f"New {turn}", active=True)]


def _vendors(master: Master, turn: int) -> None:
    kept = master.vendors[-2:]
    changed = [replace(one, name=f"Renamed {turn} {k}", active=one.active ^ (k == 0)) for k, one in enumerate(kept)]
    master.vendors = [*master.vendors[:-2], *changed, vendor(1000 + turn)]


CHANGES = {
    "accounts": _accounts,
    "many accounts": _many_accounts,
    "tax_codes": _tax_codes,
    "tags": _tags,
    "vendors": _vendors,
}
"""Records come, change their name, go and come back, by the turn."""
SHOWN = {
    "accounts": lambda pleo: {(one["code"], one["name"]) for one in pleo["accounts"] if not one["archived"]},
    "tax_codes": lambda pleo: {(one["code"], one["name"]) for one in pleo["tax_codes"] if not one["archived"]},
    "tags": lambda pleo: {
        (tag["code"], tag["name"])
        for group in pleo["tag_groups"] if group["code"] == "CC" and not group["archived"]
        for tag in group["tags"] if not tag["archived"]
    },
    "vendors": lambda pleo: {(one["externalId"], one["name"]) for one in pleo["vendors"] if one["state"] == "ACTIVE"},
}  # fmt: skip
"""What Pleo shows of a kind."""
WANTED = {
    "accounts": lambda erp: {(one.code, one.name) for one in erp.accounts if one.active},
    "tax_codes": lambda erp: {(one.code, one.name) for one in erp.tax_codes if one.active},
    "tags": lambda erp: {
        (one.code, one.name)
        for group in erp.dimensions if group.code == "CC"
        for one in erp.values[group.id] if one.active
    },
    "vendors": lambda erp: {(one.id, one.name) for one in erp.vendors if one.active},
}  # fmt: skip
"""What the ERP has of it."""


@dataclass
class Dimension(Sync):
    """A dimension of the ERP is selected, and the one that was selected before no longer is."""

    kind: str = "tags"
    goings: int = 2
    body: dict[str, Any] = field(default_factory=dict)

    def begin(self, stage: Stage) -> None:
        self.turn += 1
        master = stage.books.books.master
        made = MasterDimension(f"d{self.turn}", f"D{self.turn}", f"Dimension {self.turn}", True)
        master.dimensions = [*master.dimensions, made]
        master.values[made.id] = [MasterValue(f"{made.id}-1", "ONE", "One", active=True)]
        self.body = {**CONFIGURATION, "dimensions": ["CC", "PRJ", made.code]}
        stage.books.books.chart = replace(
            stage.books.books.chart,
            dimensions=(*stage.books.books.chart.dimensions, ErpDimension(made.id, made.code, made.name, {"ONE": "1"})),
        )
        self.resume(stage)

    def resume(self, stage: Stage) -> None:
        stage.ask("PUT", f"/connections/{stage.connection}/config", self.body)
        super().resume(stage)

    def check(self, stage: Stage) -> None:
        groups = stage.pleo.control("GET", f"/companies/{DEMO_COMPANY_ID}/master-data")["tag_groups"]
        shown = [group["code"] for group in groups if not group["archived"]]
        assert sorted(shown) == sorted(self.body["dimensions"]), f"groups in Pleo: {shown}"
        super().check(stage)


@dataclass
class Draft:
    """An employee makes a vendor in Pleo; Pleo tells us of it."""

    turn: int = 0
    id: str = ""
    goings: int = 1

    def begin(self, stage: Stage) -> None:
        self.turn += 1
        rows = [{"name": f"Drafted {self.turn} ApS", "country": "DK"}]
        made = stage.pleo.control("POST", f"/companies/{DEMO_COMPANY_ID}/vendors", {"items": rows, "announce": True})
        self.id = str(made[0]["id"])

    def resume(self, stage: Stage) -> None:
        """What Pleo told us or the look for drafts brings it about."""

    def check(self, stage: Stage) -> None:
        vendors = stage.pleo.control("GET", f"/companies/{DEMO_COMPANY_ID}/master-data")["vendors"]
        (ours,) = [one for one in vendors if one["id"] == self.id]
        made = stage.made_of(self.id)
        assert len(made) == 1, f"{len(made)} vendors in the ERP for one draft"
        assert (ours["state"], ours["externalId"]) == ("ACTIVE", made[0])
        same = [one for one in vendors if one["state"] == "ACTIVE" and one["externalId"] == made[0]]
        assert len(same) == 1, "two active vendors in Pleo for one in the ERP"
