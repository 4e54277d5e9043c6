"""A whole installation on this machine: the command as real processes, a real database, a real Tryton, the sandbox.

Driven from outside only: what is asked of the service goes over HTTP, what it did is read in Pleo's and in Tryton's own
books.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
from psycopg.conninfo import conninfo_to_dict

from ledgerbridge.demo.books import bookkeeping
from pleo_sandbox.config import DEMO_COMPANY_ID, ClientConfig, SandboxConfig
from pleo_sandbox.core.recorder import Recorded
from pleo_sandbox.server import Running
from pleo_sandbox.server import running as sandbox_running
from tests.support import leaks
from tests.support.canaries import canary, canary_key
from tests.support.clones import TrytonServers
from tests.support.commands import Process, until
from tests.support.leak_watch import HUNT
from tests.support.ports import free_port
from tests.support.rig import Pleo
from tryton_sandbox import TrytonServer, moves

FINAL = ("completed", "completed_with_errors", "failed")
_KEY = re.compile(r"\[PLEO:([^\]]+)\]$")


@dataclass
class Site:
    """One company's Pleo and ERP, and the service between them. Nothing is started or connected yet."""

    url: str
    """PUBLIC_URL; the first `serve` listens there."""
    environment: dict[str, str]
    admin_token: str
    sandbox: Running
    pleo: Pleo
    tryton: TrytonServer
    database_url: str
    folder: Path
    browser: httpx.Client
    """A person's: keeps cookies, does not follow redirects."""
    admin: httpx.Client
    """Sends an administrator's token."""
    anybody: httpx.Client
    processes: list[Process] = field(default_factory=list)
    answers: list[tuple[str, str]] = field(default_factory=list)
    """Everything the service ever answered, as (request, headers and body)."""
    secrets: dict[str, str] = field(default_factory=dict, repr=False)
    """Known secrets by a name for each."""

    # ------------------------------------------------------------------ processes

    def start(self, *arguments: str, **environment: str) -> Process:
        """Any command, on this installation's settings."""
        name = f"{len(self.processes)}-{arguments[0]}"
        process = Process(name, list(arguments), self.environment | environment, self.folder, fork=True)
        self.processes.append(process)
        return process

    def serve(self, *arguments: str, ready: str = "/readyz", **environment: str) -> Process:
        """`ledgerbridge serve` at `url`, waited for until `ready` answers 200."""
        process = self.start("serve", *arguments, "--port", self.url.rpartition(":")[2], **environment)
        until_answering(process, f"{self.url}{ready}")
        return process

    # ------------------------------------------------------------------ as the customer and the administrator

    def note_secrets(self) -> None:
        """Learn the secrets that exist now; call it before some of them are forgotten by Pleo."""
        self.secrets |= leaks.of_pleo(self.sandbox.sandbox.world)

    def leaked(self) -> list[str]:
        """Secrets found in a log, an answer, or in clear text in the database."""
        self.note_secrets()
        logs = [(f"log of {number}", one.stdout + one.stderr) for number, one in enumerate(self.processes)]
        return leaks.in_texts(self.secrets, [*logs, *self.answers, *leaks.database_text(self.database_url)])

    def press_connect(self, company_id: str = DEMO_COMPANY_ID) -> httpx.Response:
        """Press Connect, allow on Pleo's consent page, come back: the answer of our callback."""
        pressed = self.browser.get("/connect")
        assert pressed.status_code == 302, pressed.text
        consent = {"authorize_url": pressed.headers["location"], "subject": company_id}
        return self.browser.get(self.pleo.control("POST", "/consents", consent)["location"])

    def connect(self) -> str:
        """Connected; the connection's id."""
        back = self.press_connect()
        assert back.status_code == 303, back.text
        known = {one["company_id"]: one["id"] for one in self.ask("GET", "/connections")["data"]}
        return str(known[DEMO_COMPANY_ID])

    def configured(self, **changes: Any) -> str:
        """Connected, bound to Tryton and configured; the connection's id."""
        connection = self.connect()
        self.ask("PUT", f"/connections/{connection}/erp", {"kind": "tryton", "settings": self.tryton.binding()})
        self.ask("PUT", f"/connections/{connection}/config", self.configuration(**changes))
        return connection

    def live(self, *, lists: bool = True) -> str:
        """Connected and active; the connection's id. Without `lists` no kind is synced: bringing some three hundred
        records to Pleo takes most of the time, and few tests are about master data."""
        off = {kind: {"enabled": False} for kind in ("tags", "accounts", "tax_codes", "vendors")}
        connection = self.configured(**({} if lists else {"syncs": off}))
        self.activate(connection)
        return connection

    def activate(self, connection: str) -> dict[str, Any]:
        """Going live, the first syncs waited for; the connection as shown."""
        self.ask("POST", f"/connections/{connection}/activate")

        def ended() -> dict[str, Any] | None:
            shown: dict[str, Any] = self.ask("GET", f"/connections/{connection}")
            return shown if shown["activating"] is None else None

        shown = until("the end of the activation", ended, 180)
        assert shown["status"] == "active", shown["status_reason"]
        return shown

    def configuration(self, **changes: Any) -> dict[str, Any]:
        """A bookkeeping configuration that fits the books."""
        return {**bookkeeping(self.tryton.facts), **changes}

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """One call of the admin API that must succeed; its JSON."""
        answer = self.admin.request(method, f"/admin/api{path}", json=body)
        assert answer.status_code < 300, (method, path, answer.status_code, answer.text)
        return answer.json() if answer.content else None

    def metric(self, name: str, **labels: str) -> float:
        """The value of a metric, 0 when it was never counted."""
        wanted = [f'{label}="{value}"' for label, value in labels.items()]
        for line in self.anybody.get("/metrics").text.splitlines():
            series, _, value = line.rpartition(" ")
            if series.partition("{")[0] == name and all(label in series for label in wanted):
                return float(value)
        return 0

    # ------------------------------------------------------------------ as the bookkeeper, in Pleo and in Tryton

    def press_export(self, *seeds: str, copies: int = 1) -> str:
        """Queue expenses and press Export; the job's id at Pleo."""
        return self.pleo.export(self.pleo.queue(*seeds, copies=copies))

    def closed(self, job_id: str, seconds: float = 90) -> Any:
        """The job with its items, once Pleo shows it ended."""
        return until(
            f"job {job_id} closed",
            lambda: (job := self.pleo.job(job_id))["status"] in FINAL and job,
            seconds,
        )

    def events(self, job_id: str) -> list[str]:
        """The events Pleo accepted for a job, in order."""
        return [event for job, event in self.all_events() if job == job_id]

    def all_events(self) -> list[tuple[str, str]]:
        """The events Pleo accepted for any job, in order, each with its job."""
        sent = [
            json.loads(request.body)
            for request in list(self.sandbox.sandbox.world.recorder.requests)
            if request.path == "/v3/export-job-events" and request.status == 202
        ]
        return [(event["jobId"], event["event"]) for event in sent]

    def calls_after(self, number: int) -> list[Recorded]:
        """The service's calls to Pleo's APIs after the call of this number."""
        recorded = list(self.sandbox.sandbox.world.recorder.requests)
        return [call for call in recorded if call.number > number and call.path.startswith("/v")]

    def entries(self) -> Counter[str]:
        """How many entries Tryton holds for each accounting entry, read in Tryton itself."""
        found = [_KEY.search(move["description"]) for move in moves(self.tryton, "%[PLEO:%")]
        return Counter(match[1] if match else "without a key" for match in found)

    def booked_some(self, number: int, of: int) -> int:
        """Wait for the middle of a job: at least `number` entries, fewer than `of`; how many there are."""
        found = until(f"{number} entries in Tryton", lambda: (n := len(self.entries())) >= number and n, 60, 0.02)
        assert found < of, "the job was too quick to be interrupted"
        return found


def until_answering(process: Process, url: str) -> None:
    """Wait until a process answers 200 there."""

    def answers() -> bool:
        assert process.running, process.stderr[-2000:]
        try:
            return httpx.get(url, timeout=5, trust_env=False).status_code == 200
        except httpx.HTTPError:
            return False

    until(f"{url} answers", answers)


@contextmanager
def site(
    servers: TrytonServers, database_url: str, folder: Path, sandbox: SandboxConfig | None = None, **environment: str
) -> Iterator[Site]:
    """An installation for the length of a `with` block.

    Afterwards every process it started is gone, and no secret may have leaked, whatever the test was about.
    """
    url = f"http://127.0.0.1:{free_port()}"
    client = ClientConfig(
        redirect_uris=(f"{url}/oauth/callback",), initiation_uri=f"{url}/connect", settings_uri=f"{url}/settings"
    )
    with ExitStack() as stack:
        served = stack.enter_context(sandbox_running(replace(sandbox or SandboxConfig(), clients=(client,))))
        tryton = servers.fresh()
        stack.callback(servers.template.drop, tryton.database)
        token = canary("admin token")
        settings = {
            "DATABASE_URL": database_url,
            "PUBLIC_URL": url,
            "PLEO_AUTH_URL": served.url,
            "PLEO_API_URL": served.url,
            "PLEO_CLIENT_ID": client.client_id,
            "PLEO_CLIENT_SECRET": client.client_secret,
            "ENCRYPTION_KEYS": canary_key(),
            "ADMIN_TOKENS": f"ada:{hashlib.sha256(token.encode()).hexdigest()}",
            "PLEO_REQUESTS_PER_MINUTE": "60000",
            **environment,
        }

        answers: list[tuple[str, str]] = []

        def keep(answer: httpx.Response) -> None:
            answer.read()
            place = f"answer to {answer.request.method} {answer.url.path}"
            answers.append((place, f"{answer.headers}{answer.text}"))
            HUNT.look(place, answer.text)

        def person(**headers: str) -> httpx.Client:
            hooks = {"response": [keep]}
            made = httpx.Client(base_url=url, timeout=60, trust_env=False, headers=headers, event_hooks=hooks)
            return stack.enter_context(made)

        pleo = Pleo(served.url, chart=seed_chart(tryton))
        stack.callback(pleo.close)
        wallet = tryton.facts["companies"]["DK"]["accounts"]["wallet"]
        pleo.control("PUT", f"/companies/{DEMO_COMPANY_ID}/contra-accounts", {"contra_accounts": {"DKK": wallet}})
        made = Site(
            url=url,
            environment=settings,
            admin_token=token,
            sandbox=served,
            pleo=pleo,
            tryton=tryton,
            database_url=database_url,
            folder=folder,
            browser=person(),
            admin=person(Authorization=f"Bearer {token}"),
            anybody=person(),
            answers=answers,
            secrets={
                "admin token": token,
                "encryption key": settings["ENCRYPTION_KEYS"],
                "database password": str(conninfo_to_dict(database_url)["password"]),
                **{f"ERP key of {login}": key for login, key in tryton.keys.items()},
            },
        )
        try:
            yield made
        finally:
            for process in made.processes:
                process.terminate()
            for process in made.processes:
                process.end()
        assert made.leaked() == []


def seed_chart(tryton: TrytonServer) -> dict[str, Any]:
    """Codes for Pleo's seeds that exist in Tryton's books."""
    facts = tryton.facts["companies"]["DK"]
    accounts, expense = facts["accounts"], facts["expenses"][0]
    names = ("expense", "rent", "software", "travel", "meals", "office", "equipment", "mileage", "per_diem")
    return {
        "accounts": {
            **dict.fromkeys((*names, "fees", "interest", "cashback"), expense),
            "wallet": accounts["wallet"],
            "contra": accounts["contra"],
            "out_of_pocket": accounts["out_of_pocket"],
            "payable": accounts["payable_without_party"],
            "input_tax": accounts["input_vat"],
            "output_tax": accounts["output_vat"],
        },
        "closed_date": f"{tryton.facts['months']['closed']}-15",
    }
