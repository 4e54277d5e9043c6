"""The runbook has a page for every alert, and every alert is about a metric and an invariant that there is."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from ledgerbridge.ops.invariants import ALL
from ledgerbridge.ops.metrics import Metrics
from ledgerbridge.ops.roster import Trouble
from ledgerbridge.store.tables import SyncStatus
from ledgerbridge.web import application
from ledgerbridge.web.console.admin.exports import STATUSES
from tests.integration.web.guarded import Guard, guarded

DOCS = Path(__file__).parents[3] / "docs"
RUNBOOK = (DOCS / "runbook.md").read_text()
GROUPS: list[dict[str, Any]] = yaml.safe_load((DOCS / "alerts.yml").read_text())["groups"]
RULES: list[dict[str, Any]] = [rule for group in GROUPS for rule in group["rules"]]
PAGES = dict(re.findall(r"^## (.+)\n\n((?:.+\n?|\n(?!#))+)", RUNBOOK, re.MULTILINE))
NAME = re.compile(r"ledgerbridge_[a-z_]+")
PARTS = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count")}


def metrics() -> dict[str, set[str]]:
    """For each metric as people write it, the names its samples have."""
    found = {}
    for family in Metrics().registry.collect():
        shown = f"{family.name}_total" if family.type == "counter" else family.name
        found[shown] = {f"{family.name}{part}" for part in PARTS[family.type]}
    return found


def test_every_invariant_and_every_alerted_metric_has_its_page() -> None:
    anchors = {rule["annotations"]["runbook"].removeprefix("docs/runbook.md#") for rule in RULES}
    headings = set(PAGES) - {"For graphs only"}
    assert headings == anchors | {"ledgerbridge_invariant_violations"}
    assert {invariant.name for invariant in ALL} <= headings
    for heading in headings:
        assert re.fullmatch(r"[a-z0-9_-]+", heading), "an anchor is its heading, unchanged"


def test_every_metric_has_an_alert_or_is_said_to_need_none() -> None:
    named = {name for heading in PAGES for name in NAME.findall(heading)}
    graphs = set(NAME.findall(PAGES["For graphs only"]))
    assert named & graphs == set()
    assert named | graphs == set(metrics())


def test_every_page_says_what_to_do_and_whom_to_wake() -> None:
    for heading, page in PAGES.items():
        if heading not in ("For graphs only", "ledgerbridge_invariant_violations"):
            assert re.findall(r"^- \*\*(\w+(?: \w+)?)\*\*: ", page, re.MULTILINE) == [
                "Means",
                "How bad",
                "Page",
                "Look",
                "Do",
                "Wake",
            ], heading


def test_every_page_that_is_named_is_there() -> None:
    """A path of the console in the runbook is a route of the app, and what it filters by is a word it knows."""
    routes = {one.path for one in guarded(application.build(None, secure=True)) if one.guard is Guard.OPERATOR}
    named = set(re.findall(r"`(/admin(?!/api)[^`]*)`", RUNBOOK))
    assert len(named) > 8
    for path in named:
        bare, _, query = path.partition("?")
        assert bare in routes or bare.replace("{id}", "{connection_id}") in routes, path
        for name, value in re.findall(r"(\w+)=(\w+)", query):
            known = {"trouble": set(Trouble), "status": {*SyncStatus, *STATUSES}}[name]
            assert value in known, path


@pytest.mark.parametrize("rule", RULES, ids=[rule["alert"] for rule in RULES])
def test_an_alert_asks_for_samples_there_are(rule: dict[str, Any]) -> None:
    samples = {name for names in metrics().values() for name in names}
    asked = set(NAME.findall(rule["expr"]))
    assert asked
    assert asked <= samples
    assert rule["labels"]["severity"] in ("page", "ticket")
    assert rule["expr"].count("(") == rule["expr"].count(")")


def test_the_links_of_the_runbook_lead_somewhere() -> None:
    targets = set(re.findall(r"\]\(#([^)]+)\)", RUNBOOK))
    assert targets - {"invariants", "metrics"} <= set(PAGES)


def test_each_invariant_has_one_alert_in_its_own_words() -> None:
    told = {
        match[1]: rule["annotations"]["summary"]
        for rule in RULES
        if (match := re.search(r'invariant_violations\{invariant="([^"]+)"\}', rule["expr"]))
    }
    assert told == {invariant.name: invariant.alert for invariant in ALL}


def test_checks_that_run_less_often_are_called_late_later() -> None:
    deep = "|".join(invariant.name for invariant in ALL if invariant.deep)
    late = [rule["expr"] for rule in RULES if "checked_seconds" in rule["expr"]]
    assert any(f'invariant!~"{deep}"' in expr for expr in late)
    assert any(f'invariant=~"{deep}"' in expr for expr in late)


def test_labels_that_alerts_choose_by_are_labels_there_are() -> None:
    known = {
        name: frozenset(collector._labelnames)  # type: ignore[attr-defined]
        for collector, names in Metrics().registry._collector_to_names.items()
        for name in names
    }
    for rule in RULES:
        for name, chosen in re.findall(r"(ledgerbridge_[a-z_]+)\{([^}]*)\}", rule["expr"]):
            assert set(re.findall(r"(\w+)(?:=|!)", chosen)) <= known[name], rule["alert"]


def test_the_first_event_of_a_kind_is_counted() -> None:
    """A counter with labels is not there before its first event, and `increase` sees no rise in a first sample."""
    labelled = {f"{family.name}_total" for family in Metrics().registry.collect() if not family.samples}
    for rule in RULES:
        for series, name, window in re.findall(r"increase\(((ledgerbridge_[a-z_]+)[^[]*)\[(\w+)\]\)", rule["expr"]):
            if name in labelled:
                assert f"(({series} unless {series} offset {window}) or increase(" in rule["expr"], rule["alert"]
