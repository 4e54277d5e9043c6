"""`python -m tools.manifests` finds what a cluster would refuse, or worse, take and not do."""

from __future__ import annotations

import copy
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tools import manifests
from tools.manifests import FOLDER, Manifest, faults_of, faults_of_kustomizations, pod

EVERY = manifests.manifests()


def document(kind: str, name: str) -> dict[str, Any]:
    """A copy of one of ours, to be spoilt."""
    found = next(one for one in EVERY if one.kind == kind and one.document["metadata"]["name"] == name)
    return copy.deepcopy(dict(found.document))


def told(spoilt: dict[str, Any]) -> list[str]:
    return faults_of(Manifest(Path("spoilt.yaml"), spoilt))


@pytest.mark.parametrize("manifest", EVERY, ids=[f"{one.kind}-{one.document['metadata']['name']}" for one in EVERY])
def test_every_manifest_of_ours_fits(manifest: Manifest) -> None:
    assert faults_of(manifest) == []


def test_our_kustomizations_name_every_manifest_and_nothing_else() -> None:
    assert faults_of_kustomizations() == []


def _misspelt(worker: dict[str, Any]) -> None:
    worker["spec"]["template"]["spec"]["terminationGracePeriodsSeconds"] = 90


def _deep(worker: dict[str, Any]) -> None:
    worker["spec"]["template"]["spec"]["containers"][0]["readinessProbe"]["httpGet"]["pth"] = "/readyz"


def _wrong_type(worker: dict[str, Any]) -> None:
    worker["spec"]["minReadySeconds"] = "soon"


def _no_such_kind(worker: dict[str, Any]) -> None:
    worker["apiVersion"] = "extensions/v1beta1"


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (_misspelt, "terminationGracePeriodsSeconds"),
        (_deep, "pth"),
        (_wrong_type, "minReadySeconds"),
        (_no_such_kind, "no schema"),
    ],
)
def test_what_the_schema_does_not_know_is_a_fault(spoil: Callable[[dict[str, Any]], None], says: str) -> None:
    worker = document("Deployment", "ledgerbridge-worker")
    spoil(worker)
    found = told(worker)
    assert len(found) == len(manifests.RELEASES), "each release is asked"
    assert all(says in fault for fault in found)


@pytest.mark.parametrize(
    ("where", "field", "value", "says"),
    [
        ("pod", "hostNetwork", True, "hostNetwork"),
        ("pod", "volumes", [{"name": "host", "hostPath": {"path": "/"}}], "hostPath"),
        ("pod security", "runAsNonRoot", False, "runAsNonRoot"),
        ("pod security", "runAsUser", 0, "runAsUser"),
        ("pod security", "seccompProfile", {"type": "Unconfined"}, "seccompProfile"),
        ("container security", "allowPrivilegeEscalation", True, "allowPrivilegeEscalation"),
        ("container security", "privileged", True, "privileged"),
        ("container security", "capabilities", {"drop": ["NET_RAW"]}, "capabilities"),
        ("container security", "readOnlyRootFilesystem", False, "readOnlyRootFilesystem"),
    ],
)
def test_a_pod_that_could_do_more_than_it_needs_is_a_fault(where: str, field: str, value: object, says: str) -> None:
    worker = document("Deployment", "ledgerbridge-worker")
    spec = pod(worker)
    assert isinstance(spec, dict)
    place = {
        "pod": spec,
        "pod security": spec["securityContext"],
        "container security": spec["containers"][0]["securityContext"],
    }[where]
    place[field] = value
    assert any(says in fault for fault in told(worker))


def test_a_file_with_a_secret_in_it_is_a_fault() -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "x"}, "stringData": {"A": "b"}}
    assert any("kept elsewhere" in fault for fault in told(secret))


def test_a_manifest_that_nobody_names_and_a_name_without_a_manifest_are_faults(tmp_path: Path) -> None:
    shutil.copytree(FOLDER, tmp_path / "k")
    base = tmp_path / "k" / "base"
    (base / "worker.yaml").rename(base / "workers.yaml")
    kustomization = base / "kustomization.yaml"
    kustomization.write_text(kustomization.read_text() + "commonLables: {}\n")
    assert faults_of_kustomizations(tmp_path / "k") == [
        "base/kustomization.yaml: commonLables is no key of a kustomization of ours",
        "base/kustomization.yaml: worker.yaml is not there",
        "base/workers.yaml: no kustomization names it",
    ]


def test_the_command_fails_for_a_fault_and_where_there_is_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert manifests.main(tmp_path) == 1, "a folder that was moved away is no success"
    shutil.copy(FOLDER / "base" / "service-account.yaml", tmp_path)
    (tmp_path / "kustomization.yaml").write_text("resources: [service-account.yaml]\n")
    capsys.readouterr()
    assert manifests.main(tmp_path) == 0
    assert "1 documents fit Kubernetes" in capsys.readouterr().out
    account = tmp_path / "service-account.yaml"
    account.write_text(account.read_text().replace("automount", "automaunt"))
    assert manifests.main(tmp_path) == 1
    assert "automaunt" in capsys.readouterr().out
