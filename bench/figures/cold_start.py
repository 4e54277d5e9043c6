"""How long the service takes from nothing to ready.

Ours: `ledgerbridge serve` as the README starts it, worker included, on a migrated database, from the start of its
process to the first 200 of `/readyz`. Bare: an interpreter that imports the same third-party modules and ends; which
these are is asked of a running service, so that what the service does not import at its start, the bare term does not
import either. Alternating rounds, medians.
"""

from __future__ import annotations

import subprocess
import sys
import time
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from bench import hooks, stage
from bench.stage import size
from bench.terms import Figure, Terms

FIGURE = Figure("Cold start to ready, over importing the same libraries", floor=3, aim=1.5, higher_is_better=False)
SERVE = [sys.executable, "-c", hooks.LEDGERBRIDGE, "serve"]
LISTED = """
import os, sys, threading, time
from importlib.metadata import packages_distributions
from bench.figures.cold_start import ready
from ledgerbridge.cli import main
def tell():
    while not ready(int(os.environ["PORT"])):
        time.sleep(0.1)
    theirs = packages_distributions().keys() - {"ledgerbridge", "pleo_sandbox", "tryton_sandbox"}
    names = [name for name in list(sys.modules) if name.split(".")[0] in theirs]
    open(os.environ["NAMES"], "w").write("\\n".join(names))
    os._exit(0)
threading.Thread(target=tell, daemon=True).start()
main()
"""
IMPORT = "import sys\nfor name in open(sys.argv[1]).read().split():\n    __import__(name)"
SECONDS = 120


def measure() -> Terms:
    ours, bare = [], []
    with stage.postgres() as cluster, stage.database(cluster) as url, TemporaryDirectory() as folder:
        names = Path(folder, "modules")
        variables = hooks.environment(url, hooks.free_port()) | {"NAMES": str(names)}
        subprocess.run(
            [sys.executable, "-c", LISTED, "serve"], env=variables, stderr=subprocess.DEVNULL, timeout=SECONDS
        )
        modules = len(names.read_text().split())
        for _ in range(size(9, 3)):
            ours.append(_to_ready(url))
            bare.append(_to_imported(names))
    rounds = {"rounds_ours": [round(one, 2) for one in ours], "rounds_bare": [round(one, 2) for one in bare]}
    return Terms(median(ours), median(bare), "s", {"third_party_modules": modules, **rounds})


def ready(port: int) -> bool:
    """Whether a service that listens there says that it can work."""
    visit = HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        visit.request("GET", "/readyz")
        return visit.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        visit.close()


def _to_ready(url: str) -> float:
    port = hooks.free_port()
    variables = hooks.environment(url, port)
    began = time.monotonic()
    with subprocess.Popen(SERVE, env=variables, stderr=subprocess.DEVNULL) as service:
        try:
            while not ready(port):
                if service.poll() is not None or time.monotonic() - began > SECONDS:
                    raise RuntimeError("the service did not become ready")
                time.sleep(0.01)
            return time.monotonic() - began
        finally:
            service.kill()


def _to_imported(names: Path) -> float:
    began = time.monotonic()
    subprocess.run([sys.executable, "-c", IMPORT, str(names)], check=True, timeout=SECONDS)
    return time.monotonic() - began
