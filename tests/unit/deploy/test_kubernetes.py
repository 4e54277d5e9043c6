"""The manifests say of the service what the service says of itself: names, ports, routes, times, metrics."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from ledgerbridge.ops.metrics import Metrics
from ledgerbridge.settings import Settings
from tests.unit.deploy.words import NOT_PUBLIC, ROOT, SECRETS, SETTINGS, fault_of, routes, seconds_to_stop
from tools.manifests import FOLDER, Manifest, faults_of, manifests, pod

DOCKERFILE = (ROOT / "Dockerfile").read_text()
EVERY = manifests()
PODS = ["web", "worker", "migrate"]


def one(kind: str, name: str) -> dict[str, Any]:
    base = (m for m in EVERY if m.kind == kind and "example" not in m.path.parts)
    return next(dict(m.document) for m in base if m.document["metadata"]["name"] == name)


def spec_of(name: str) -> dict[str, Any]:
    found = pod(one("Job" if name == "migrate" else "Deployment", f"ledgerbridge-{name}"))
    assert found is not None
    return dict(found)


def container(name: str) -> dict[str, Any]:
    return dict(spec_of(name)["containers"][0])


@pytest.mark.parametrize("name", PODS)
def test_a_pod_runs_a_command_there_is_as_the_user_of_the_image(name: str) -> None:
    program, command, *options = container(name)["args"]
    assert program == "ledgerbridge"
    assert fault_of([command, *options]) is None
    # Arguments take the place of the image's CMD: an ENTRYPOINT would come before them.
    assert "ENTRYPOINT" not in DOCKERFILE
    assert json.loads(re.findall(r"^CMD (.+)$", DOCKERFILE, re.MULTILINE)[-1]) == ["ledgerbridge", "serve"]
    user = spec_of(name)["securityContext"]
    assert f"--uid {user['runAsUser']}" in DOCKERFILE
    # By number: of a user known by name a cluster cannot tell that it is not root.
    assert re.search(r"^USER (\d+):(\d+)$", DOCKERFILE, re.MULTILINE).groups() == (  # type: ignore[union-attr]
        str(user["runAsUser"]),
        str(user["runAsGroup"]),
    )


@pytest.mark.parametrize("name", PODS)
def test_every_variable_is_a_setting_and_every_secret_comes_by_reference(name: str) -> None:
    configured = one("ConfigMap", "ledgerbridge")["data"]
    given = {each["name"]: each for each in container(name)["env"]}
    assert set(given) | set(configured) <= SETTINGS
    assert not SECRETS & set(configured)
    for secret in SECRETS & set(given):
        reference = given[secret]["valueFrom"]["secretKeyRef"]
        assert (reference["name"], reference["key"]) == ("ledgerbridge", secret)
        assert "value" not in given[secret]
    if name != "migrate":
        assert set(given) >= SECRETS
        assert container(name)["envFrom"] == [{"configMapRef": {"name": "ledgerbridge"}}]


def test_web_and_worker_have_the_same_settings() -> None:
    assert container("web")["env"] == container("worker")["env"]


@pytest.mark.parametrize("path", sorted(FOLDER.rglob("*.yaml")), ids=lambda path: str(path.relative_to(FOLDER)))
def test_settings_of_a_file_can_be_read(path: Path) -> None:
    for document in yaml.safe_load_all(path.read_text()):
        if document.get("kind") == "ConfigMap":
            Settings(_env_file=None, **{name.lower(): value for name, value in document["data"].items()})


@pytest.mark.parametrize("name", ["web", "worker"])
def test_probes_ask_routes_there_are_at_the_port_that_is_served(name: str) -> None:
    served = container(name)
    port = next(each["value"] for each in served["env"] if each["name"] == "PORT")
    assert [str(each["containerPort"]) for each in served["ports"]] == [port]
    assert f"PORT={port}" in DOCKERFILE
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        asked = served[probe]["httpGet"]
        assert asked["path"] in routes()
        assert asked["port"] == served["ports"][0]["name"]
    scraped = one("Deployment", f"ledgerbridge-{name}")["spec"]["template"]["metadata"]["annotations"]
    assert scraped == {"prometheus.io/scrape": "true", "prometheus.io/port": port, "prometheus.io/path": "/metrics"}
    # A database that is away must get no process killed, and no dead worker takes the console away.
    assert served["livenessProbe"]["httpGet"]["path"] == "/healthz"
    assert served["readinessProbe"]["httpGet"]["path"] == {"web": "/healthz", "worker": "/readyz"}[name]


@pytest.mark.parametrize("name", ["web", "worker"])
def test_a_pod_gets_the_time_that_stopping_takes(name: str) -> None:
    leaving = container(name)["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert spec_of(name)["terminationGracePeriodSeconds"] >= leaving + seconds_to_stop()


@pytest.mark.parametrize("name", ["web", "worker"])
def test_what_is_written_has_a_place_with_a_bound(name: str) -> None:
    mounts = {
        mount["mountPath"]: mount["name"] for mount in container(name)["volumeMounts"] if not mount.get("readOnly")
    }
    volumes = {volume["name"]: volume for volume in spec_of(name)["volumes"]}
    assert mounts == {"/tmp": "tmp"}
    assert volumes["tmp"]["emptyDir"]["sizeLimit"]


@pytest.mark.parametrize("name", PODS)
def test_the_authority_of_the_database_is_where_the_page_says(name: str) -> None:
    (mount,) = [mount for mount in container(name)["volumeMounts"] if mount.get("readOnly")]
    (volume,) = [volume for volume in spec_of(name)["volumes"] if volume["name"] == mount["name"]]
    page = (ROOT / "docs" / "deploy.md").read_text()
    assert f"sslrootcert={mount['mountPath']}/db-ca.pem" in page
    assert f"ConfigMap `{volume['configMap']['name']}`" in page
    assert volume["configMap"]["optional"] is True


def test_all_visitors_find_what_is_for_them_and_nothing_else() -> None:
    ingresses = [m.document for m in EVERY if m.kind == "Ingress"]
    paths = [
        (path["path"], path["pathType"], path["backend"]["service"])
        for ingress in ingresses
        for rule in ingress["spec"]["rules"]
        for path in rule.get("http", {"paths": ()})["paths"]
    ]
    service = one("Service", "ledgerbridge")
    for _, _, backend in paths:
        assert backend == {"name": service["metadata"]["name"], "port": {"name": service["spec"]["ports"][0]["name"]}}

    def reached(route: str) -> bool:
        return any(
            route == path or (kind == "Prefix" and route.startswith(f"{path}/")) for path, kind, _ in paths
        )  # fmt: skip

    assert {route for route in routes() if not reached(route)} == NOT_PUBLIC
    assert reached("/assets/style.css")
    for path, _, _ in paths:
        assert any(route == path or route.startswith(f"{path}/") for route in {*routes(), "/assets/x"}), path


def test_the_service_leads_to_web_pods_alone() -> None:
    chosen = one("Service", "ledgerbridge")["spec"]["selector"]
    labels = {
        name: one("Deployment", f"ledgerbridge-{name}")["spec"]["template"]["metadata"]["labels"]
        for name in ("web", "worker")
    }
    assert chosen.items() <= labels["web"].items()
    assert not chosen.items() <= labels["worker"].items()
    assert not chosen.items() <= one("Job", "ledgerbridge-migrate")["spec"]["template"]["metadata"]["labels"].items()


@pytest.mark.parametrize("name", ["web", "worker"])
def test_a_budget_for_disruption_is_about_pods_there_are(name: str) -> None:
    chosen = one("PodDisruptionBudget", f"ledgerbridge-{name}")["spec"]["selector"]["matchLabels"]
    template = one("Deployment", f"ledgerbridge-{name}")["spec"]
    assert chosen == template["selector"]["matchLabels"]
    assert chosen.items() <= template["template"]["metadata"]["labels"].items()


def test_the_autoscaler_asks_for_a_metric_of_ours_that_the_adapter_serves() -> None:
    scaler = one("HorizontalPodAutoscaler", "ledgerbridge-worker")["spec"]
    rule = yaml.safe_load((FOLDER / "prometheus-adapter.yaml").read_text())["rules"]["external"][0]
    assert rule["name"]["as"] == scaler["metrics"][0]["external"]["metric"]["name"]
    series, status = re.search(r'__name__="(\w+)",status="(\w+)"', rule["seriesQuery"]).groups()  # type: ignore[union-attr]
    assert series in {family.name for family in Metrics().registry.collect()}
    assert f'status="{status}"' in rule["metricsQuery"]
    assert rule["metricsQuery"].startswith("max("), "every replica shows the whole queue"
    assert re.search(rf'"{status}", stats\.{status}', (ROOT / "src/ledgerbridge/ops/gauges.py").read_text())
    target = scaler["scaleTargetRef"]
    assert "replicas" not in one(target["kind"], target["name"])["spec"], "only the autoscaler says how many"
    assert scaler["minReplicas"] >= 1, "polls, syncs and the daily looks come round by a worker"


def test_the_example_migrates_with_the_image_it_rolls_out() -> None:
    images = [yaml.safe_load((FOLDER / "example" / part / "kustomization.yaml").read_text())["images"]
              for part in ("service", "migrate")]  # fmt: skip
    assert images[0] == images[1]
    assert {container(name)["image"] for name in PODS} == {images[0][0]["name"]}


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not here to put kustomizations together")
@pytest.mark.parametrize("folder", ["example/service", "example/migrate"])
def test_what_kustomize_makes_of_it_fits_too(folder: str) -> None:
    made = subprocess.run(["kubectl", "kustomize", FOLDER / folder], capture_output=True, text=True, timeout=60)
    assert made.returncode == 0, made.stderr
    documents = list(yaml.safe_load_all(made.stdout))
    assert documents
    for document in documents:
        assert faults_of(Manifest(FOLDER / folder, document)) == []
    ingresses = [each for each in documents if each["kind"] == "Ingress"]
    hosts = {rule["host"] for each in ingresses for rule in each["spec"]["rules"]}
    certified = {host for each in ingresses for tls in each["spec"].get("tls", ()) for host in tls["hosts"]}
    public = {each["data"]["PUBLIC_URL"].removeprefix("https://") for each in documents if each["kind"] == "ConfigMap"}
    assert hosts == certified == public


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not here to put kustomizations together")
def test_every_path_of_the_example_is_served_although_several_ingresses_share_its_host() -> None:
    made = subprocess.run(
        ["kubectl", "kustomize", FOLDER / "example/service"], capture_output=True, text=True, timeout=60, check=True
    )
    ingresses = [each for each in yaml.safe_load_all(made.stdout) if each["kind"] == "Ingress"]
    # F5's controller gives a host to its oldest Ingress alone, unless one is its master and all others are its parts.
    parts: dict[str, list[dict[str, Any]]] = {"master": [], "minion": []}
    for each in ingresses:
        parts[each["metadata"]["annotations"]["nginx.org/mergeable-ingress-type"]].append(each["spec"])
    (master,) = parts["master"]
    assert len(parts["minion"]) == 3
    assert {spec["ingressClassName"] for spec in (master, *parts["minion"])} == {"nginx"}
    assert master["tls"]
    assert all("http" not in rule for rule in master["rules"]), "a master has no paths"
    assert all("tls" not in spec for spec in parts["minion"]), "the certificate is the master's"
