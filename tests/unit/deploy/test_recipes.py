"""Whoever follows docs/deploy.md meets commands, settings, files and numbers that there are."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from bench.sizing.given import PLACES, POOL, WORKER_POOL
from ledgerbridge.exports.ahead import MOST_BYTES
from ledgerbridge.exports.receipts import MAX_TOTAL_BYTES
from ledgerbridge.ops.metrics import Metrics
from ledgerbridge.outgoing.papers import workshop
from ledgerbridge.settings import Settings
from ledgerbridge.store.engine import connection_settings
from ledgerbridge.web.middleware import MAX_UPLOAD
from tests.unit.deploy.words import (
    NOT_PUBLIC,
    ROOT,
    SECRETS,
    SETTINGS,
    commands_in,
    connections,
    fault_of,
    routes,
    seconds_to_stop,
)
from tools.manifests import manifests, pod

PAGE = (ROOT / "docs" / "deploy.md").read_text()
SIZING = (ROOT / "docs" / "sizing.md").read_text()
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
UNIT = (ROOT / "deploy" / "systemd" / "ledgerbridge@.service").read_text()
CADDYFILE = (ROOT / "deploy" / "systemd" / "Caddyfile").read_text()
FLY = tomllib.loads((ROOT / "deploy" / "fly.toml").read_text())
OF_OTHERS = {"HTTPS_PROXY", "SSL_CERT_FILE", "POSTGRES_PASSWORD"}
"""Variables that the pages name and that are no settings of ours."""
MADE_BY_THE_ADAPTER = "ledgerbridge_queue_waiting"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_of_a_page_is_one(page: Path) -> None:
    assert [fault for words in commands_in(page.read_text()) if (fault := fault_of(words))] == []


def test_a_command_that_is_none_would_be_seen() -> None:
    assert {"serve", "worker", "migrate", "doctor", "rotate-keys"} <= {words[0] for words in commands_in(PAGE)}
    (words,) = commands_in("`ledgerbridge serve --no-workers`")
    assert fault_of(words) == "serve knows no --no-workers"
    (words,) = commands_in("```\n/opt/ledgerbridge/.venv/bin/ledgerbridge migrations && true\n```\n")
    assert fault_of(words) == "there is no command migrations"


def test_every_variable_of_the_page_is_a_setting() -> None:
    code = " ".join(re.findall(r"`([^`\n]+)`", PAGE) + re.findall(r"```\n(.*?)```", PAGE, re.DOTALL))
    named = set(re.findall(r"\b[A-Z][A-Z0-9]*_[A-Z0-9_]+\b", code))
    assert {"DATABASE_URL", "TRUSTED_PROXIES", "RESCUE_SECONDS"} <= named
    assert named - SETTINGS - OF_OTHERS == set()


@pytest.mark.parametrize("name", ["deploy.md", "sizing.md"])
def test_every_metric_of_a_page_is_one(name: str) -> None:
    families = {family.name: family.type for family in Metrics().registry.collect()}
    known = {f"{family}_total" if kind == "counter" else family for family, kind in families.items()}
    named = set(re.findall(r"ledgerbridge_[a-z_]+", (ROOT / "docs" / name).read_text()))
    assert len(named) > 2
    assert named - known - {MADE_BY_THE_ADAPTER} == set()


def test_what_the_page_leads_to_is_there() -> None:
    links = re.findall(r"\]\((?!http)([^)#]+)\)", PAGE)
    paths = {*links, *(f"../{path}" for path in re.findall(r"[ =/](deploy/[\w@./-]+\w)", PAGE))}
    assert len(paths) > 10
    for path in paths:
        assert (ROOT / "docs" / path).exists(), path


def test_the_pages_count_connections_as_the_code_makes_them() -> None:
    serving, working = connections()
    assert (serving, working) == (POOL, WORKER_POOL)
    assert f"at most {serving} for a process that serves and {working} more for one that works" in PAGE
    assert f"`--max-instances` times {serving + working}" in PAGE
    assert f"Postgres: 1 processor, 2 GiB, {serving + working} connections" in SIZING


def test_the_page_sets_for_the_role_what_a_connection_asks_for() -> None:
    options = str(connection_settings("postgresql://h/d", "x")["options"])
    for name, value in re.findall(r"ALTER ROLE ledgerbridge SET (\w+) = '(\w+)';", PAGE):
        options = options.replace(f"-c {name}={value}", "")
    assert options.strip() == ""


@pytest.mark.parametrize("given", ["systemd", "fly", "compose", "page"])
def test_a_process_gets_the_time_that_stopping_takes(given: str) -> None:
    text, pattern = {
        "systemd": (UNIT, r"TimeoutStopSec=(\d+)"),
        "fly": (str(FLY["kill_timeout"]), r"(\d+)$"),
        "compose": ((ROOT / "docker-compose.yml").read_text(), r"stop_grace_period: (\d+)s"),
        "page": (PAGE, r"give it (\d+) seconds"),
    }[given]
    found = re.search(pattern, text)
    assert found is not None
    assert int(found[1]) >= seconds_to_stop()


def test_the_unit_runs_a_command_there_is_with_no_right_it_does_not_need() -> None:
    (line,) = re.findall(r"^ExecStart=/\S+/ledgerbridge (.+)$", UNIT, re.MULTILINE)
    assert fault_of(line.split()) is None
    settings = dict(re.findall(r"^(\w+)=(.*)$", UNIT, re.MULTILINE))
    assert settings["User"] == "ledgerbridge"
    assert settings["CapabilityBoundingSet"] == ""
    assert settings["ProtectSystem"] == "strict"
    for name in ("NoNewPrivileges", "PrivateTmp", "MemoryDenyWriteExecute", "RestrictNamespaces", "ProtectHome"):
        assert settings[name] == "yes"
    # Forbidding core dumps is a call of that set.
    assert "~@resources" not in UNIT.replace("# @resources", "")


def test_the_proxy_of_the_unit_keeps_to_itself_what_is_for_nobody_outside() -> None:
    (inside,) = re.findall(r"@inside path (.+)$", CADDYFILE, re.MULTILINE)
    assert set(inside.split()) == NOT_PUBLIC
    assert routes() >= NOT_PUBLIC
    (asked,) = re.findall(r"health_uri (\S+)", CADDYFILE)
    assert asked in routes()


def test_fly_migrates_first_and_never_puts_the_worker_to_sleep() -> None:
    assert fault_of(FLY["deploy"]["release_command"].split()[1:]) is None
    assert set(FLY["env"]) <= SETTINGS - SECRETS
    Settings(_env_file=None, **{name.lower(): value for name, value in FLY["env"].items()})
    web = FLY["http_service"]
    assert (web["auto_stop_machines"], web["min_machines_running"] >= 1) == ("off", True)
    assert str(web["internal_port"]) == FLY["env"]["PORT"]
    assert web["checks"][0]["path"] in routes()
    assert FLY["metrics"]["path"] in routes()


def test_cloud_run_keeps_a_processor_and_gets_its_secrets_by_reference() -> None:
    assert "--no-cpu-throttling" in PAGE
    assert int(re.findall(r"--min-instances=(\d+)", PAGE)[0]) >= 1
    (plain,) = re.findall(r"--set-env-vars=(\S+)", PAGE)
    assert {pair.partition("=")[0] for pair in plain.split(",")} <= SETTINGS - SECRETS
    for secrets in re.findall(r"--set-secrets=(\S+)", PAGE):
        assert {pair.partition("=")[0] for pair in secrets.split(",")} <= SECRETS


def test_there_is_room_for_all_receipts_that_a_worker_may_hold() -> None:
    worker = next(m for m in manifests() if m.document["metadata"]["name"] == "ledgerbridge-worker" and pod(m.document))
    spec = pod(worker.document)
    assert spec is not None
    (limit,) = [volume["emptyDir"]["sizeLimit"] for volume in spec["volumes"] if "emptyDir" in volume]
    made = workshop.AT_ONCE * MAX_TOTAL_BYTES
    assert int(limit.removesuffix("Gi")) * 1024**3 >= MOST_BYTES + PLACES * MAX_TOTAL_BYTES + made


def test_the_url_of_the_database_reaches_a_shell_whole(tmp_path: Path) -> None:
    """Without quotes a shell puts what comes before `&` aside, and the commands would take the embedded database."""
    (line,) = re.findall(r"^DATABASE_URL=.+$", PAGE, re.MULTILINE)
    (tmp_path / "env").write_text(f"{line}\n")
    read = ["sh", "-c", f'set -a && . {tmp_path}/env && set +a && printf %s "$DATABASE_URL"']
    said = subprocess.run(read, env={}, capture_output=True, text=True, timeout=20, check=True).stdout
    assert said == line.removeprefix("DATABASE_URL=").strip('"')
    assert "sslrootcert=" in said
    assert Settings(_env_file=tmp_path / "env").database_url is not None


def test_the_proxies_let_an_uploaded_chart_through() -> None:
    (caddy,) = re.findall(r"max_size (\d+)MB", CADDYFILE)
    host = (ROOT / "deploy" / "kubernetes" / "example" / "service" / "host.yaml").read_text()
    (nginx,) = re.findall(r"client-max-body-size: (\d+)m", host)
    assert int(caddy) * 1_000_000 >= MAX_UPLOAD
    assert int(nginx) * 1024 * 1024 >= MAX_UPLOAD
