"""A real S3-compatible server: SeaweedFS on ports and in a folder of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from ledgerbridge.clock import utcnow
from ledgerbridge.outgoing.signing_s3 import EMPTY, S3Key, signed
from tests.support.canaries import canary
from tests.support.ports import free_port

ACCESS, SECRET, REGION = "AKLEDGER", canary("S3 secret key"), "eu-north-1"
READER = "AKREADER"
"""May read and not write, with the same secret."""
BUCKET = "vouchers"
_ALONE = {"s3.port.iceberg": 0, "s3.port.lance": 0, "master.telemetry": "false"}
"""No services at fixed ports, which a second server could not take, and no reports to the makers."""
_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Seaweed:
    """A running server."""

    address: str
    """Without a bucket."""

    def settings(self, folder: str) -> dict[str, Any]:
        """Of a destination in a folder of the one bucket; buckets are dear."""
        return {
            "delivery": "s3",
            "s3_address": f"{self.address}/{BUCKET}/{folder}",
            "s3_region": REGION,
            "s3_access_key": ACCESS,
            "s3_secret_key": SECRET,
        }

    def call(self, method: str, path: str) -> httpx.Response:
        url = httpx.URL(f"{self.address}/{path}")
        headers = signed(method, url, EMPTY, S3Key(ACCESS, REGION, SECRET), utcnow())
        return httpx.request(method, url, headers=headers, trust_env=False)


@contextmanager
def seaweed(folder: Path) -> Iterator[Seaweed]:
    """A server that is killed in the end: it takes half a minute to stop by itself."""
    config = folder / "s3.json"
    identities = [
        {"name": "ledger", "credentials": [{"accessKey": ACCESS, "secretKey": SECRET}], "actions": ["Admin"]},
        {"name": "reader", "credentials": [{"accessKey": READER, "secretKey": SECRET}], "actions": ["Read", "List"]},
    ]
    config.write_text(json.dumps({"identities": identities}))
    here = "127.0.0.1"
    parts = ("master", "volume", "filer", "s3")
    ports = {f"{name}.{kind}": free_port() for name in parts for kind in ("port", "port.grpc")}
    options = {"ip": here, "ip.bind": here, "dir": folder, "s3.config": config, "volume.max": 5}
    options |= ports | _ALONE | {"master.volumeSizeLimitMB": 64}
    command = [str(Path(sys.executable).with_name("weed")), "server", "-s3", *(f"-{k}={v}" for k, v in options.items())]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
    try:
        address = f"http://{here}:{ports['s3.port']}"
        _wait(address, process, folder / "log")
        yield Seaweed(address)
    finally:
        process.kill()
        process.wait(10)
        for port in ports.values():
            for left in Path("/tmp").glob(f"seaweedfs-*-{port}.sock"):
                left.unlink(missing_ok=True)


def _wait(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    ends = time.monotonic() + _SECONDS
    while time.monotonic() < ends:
        if process.poll() is not None:
            break
        try:
            made = Seaweed(address).call("PUT", BUCKET)
        except httpx.HTTPError:
            made = None
        if made is not None and made.status_code in (200, 409):
            return
        time.sleep(0.2)
    raise AssertionError(f"SeaweedFS does not answer: {log.read_text(errors='replace')[-2000:]}")
