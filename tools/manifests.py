"""The Kubernetes manifests, held against the published schemas, for `make check`.

Every document of deploy/kubernetes is validated strictly (a field that the schema does not know is an error) for the
oldest and the newest release that we say works, its pods against the Pod Security Standard "restricted", and no file
may hold a secret's value. Says one line for each fault and ends with status 1, or one line in all.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped]
import yaml

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "deploy" / "kubernetes"
RELEASES = ("1.33", "1.37")
"""Oldest and newest. What is older lacks a field that we use, or is no longer maintained."""
KUSTOMIZATION = "kustomization.yaml"
_KEYS = {"apiVersion", "kind", "namespace", "resources", "images", "patches"}
"""Of a kustomization: all that we use, so that a misspelt one is seen; the tool itself is not here."""
_POD_IN = {"Deployment": ("spec", "template", "spec"), "Job": ("spec", "template", "spec"), "Pod": ("spec",)}
_VOLUMES = {
    "configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret",
}  # fmt: skip

Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Manifest:
    """One document of one file."""

    path: Path
    document: Document

    @property
    def kind(self) -> str:
        return str(self.document.get("kind", ""))

    @property
    def name(self) -> str:
        return f"{self.path.name}: {self.kind or 'no kind'} {self.document.get('metadata', {}).get('name', '')}".strip()


def manifests(folder: Path = FOLDER) -> list[Manifest]:
    """Every document that a cluster is given. Values for charts of others (no `kind`) are none of them."""
    found = []
    for path in sorted(folder.rglob("*.yaml")):
        if path.name != KUSTOMIZATION:
            found += [Manifest(path, one) for one in yaml.safe_load_all(path.read_text()) if one and "kind" in one]
    return found


def pod(document: Document) -> Document | None:
    """The pod that a document describes; None where it describes none."""
    inner: Any = document
    for key in _POD_IN.get(str(document.get("kind")), ("",)):
        inner = inner.get(key) if isinstance(inner, Mapping) else None
    return inner if isinstance(inner, Mapping) else None


def misfits(document: Document, release: str) -> list[str]:
    """What of a document the schema of a release does not allow."""
    try:
        kubernetes_validate.validate(document, release, strict=True)
    except kubernetes_validate.ValidationError as error:
        where = ".".join(str(part) for part in error.path)
        return [f"{where or 'document'}: {error.message} (Kubernetes {release})"]
    except kubernetes_validate.SchemaNotFoundError:
        return [f"no schema of {document.get('apiVersion')} {document.get('kind')} in Kubernetes {release}"]
    return []


def unrestricted(spec: Document) -> Iterator[str]:
    """Where a pod breaks the Pod Security Standard "restricted"; we also want the root file system read-only."""
    context = spec.get("securityContext", {})
    for field in ("hostNetwork", "hostPID", "hostIPC"):
        if spec.get(field):
            yield f"{field} is set"
    for volume in spec.get("volumes", ()):
        for kind in set(volume) - {"name"} - _VOLUMES:
            yield f"volume {volume['name']}: {kind} is not allowed"
    for container in [*spec.get("initContainers", ()), *spec["containers"]]:
        own = container.get("securityContext", {})
        asked = {**context, **own}
        wanted = {
            "runAsNonRoot": asked.get("runAsNonRoot") is True,
            "runAsUser": isinstance(asked.get("runAsUser"), int) and asked["runAsUser"] > 0,
            "seccompProfile": asked.get("seccompProfile", {}).get("type") in ("RuntimeDefault", "Localhost"),
            "allowPrivilegeEscalation": own.get("allowPrivilegeEscalation") is False,
            "privileged": not own.get("privileged"),
            "capabilities": own.get("capabilities") == {"drop": ["ALL"]},
            "readOnlyRootFilesystem": own.get("readOnlyRootFilesystem") is True,
            "hostPort": not any(port.get("hostPort") for port in container.get("ports", ())),
        }  # fmt: skip
        yield from (f"container {container['name']}: {field}" for field, right in wanted.items() if not right)


def faults_of(manifest: Manifest, releases: Sequence[str] = RELEASES) -> list[str]:
    """Everything wrong with one document."""
    found = [fault for release in releases for fault in misfits(manifest.document, release)]
    if manifest.kind == "Secret":
        found.append("a secret is named here and kept elsewhere")
    spec = pod(manifest.document)
    if not found and spec is not None:
        found += unrestricted(spec)
    return [f"{manifest.name}: {fault}" for fault in found]


def faults_of_kustomizations(folder: Path = FOLDER) -> list[str]:
    """Kustomizations that name what is not there or have a key we never use, and manifests that none of them names."""
    found, named = [], set()
    for path in sorted(folder.rglob(KUSTOMIZATION)):
        written = yaml.safe_load(path.read_text())
        shown = path.relative_to(folder)
        found += [f"{shown}: {key} is no key of a kustomization of ours" for key in sorted(set(written) - _KEYS)]
        wanted = [*written.get("resources", ()), *(one["path"] for one in written.get("patches", ()) if "path" in one)]
        for one in wanted:
            target = (path.parent / one).resolve()
            named.add(target)
            if not target.is_file() and not (target / KUSTOMIZATION).is_file():
                found.append(f"{shown}: {one} is not there")
    strangers = {manifest.path for manifest in manifests(folder)} - named
    return found + [f"{path.relative_to(folder)}: no kustomization names it" for path in sorted(strangers)]


def main(folder: Path = FOLDER) -> int:
    every = manifests(folder)
    faults = [fault for manifest in every for fault in faults_of(manifest)] + faults_of_kustomizations(folder)
    print("\n".join(f"manifests: {fault}" for fault in faults) or _all_well(len(every)))
    return 1 if faults or not every else 0


def _all_well(number: int) -> str:
    return f"manifests: {number} documents fit Kubernetes {' to '.join(RELEASES)}"


if __name__ == "__main__":
    sys.exit(main())
