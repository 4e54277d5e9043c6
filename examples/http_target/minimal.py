"""The least that answers the HTTP target: entries with a probe, in memory, and nothing else claimed.

    python -m examples.http_target.minimal whsec_...

To be read before `server.py`. What it books is gone when it ends, so it is for reading and for trying only.
"""

from __future__ import annotations

import base64
import datetime as dt
import hmac
import json
import sys
import threading
import time
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Json = dict[str, Any]
NOT_CLAIMED = (
    "vendors vendor_bills drafts attachments several_attachments dimensions tax_codes can_reverse lists_entries"
)
CAPABILITIES: Json = dict.fromkeys(NOT_CLAIMED.split(), False) | {
    "protocol": 1, "name": "Minimal books", "can_probe": True, "batch": 1, "parallel_writers": 1,
    "attachment_types": None, "max_attachment_bytes": None, "matching_limits": None, "document_url": None,
}  # fmt: skip
COMPANIES = [{"id": "1", "name": "Minimal ApS", "registration_number": None, "currency": "DKK"}]
PLAIN = {"active": True, "tax_code": None, "needs_vendor": False, "needs_dimensions": False, "type": ""}
LISTS: dict[str, list[Json]] = {
    "accounts": [
        PLAIN | {"id": "6000", "code": "6000", "name": "Expense", "income": True},
        PLAIN | {"id": "5820", "code": "5820", "name": "Wallet", "income": False},
    ],
    "journals": [{"id": "1", "code": "EXP", "name": "Expenses"}],
    "periods": [{"id": "all", "name": "From 2026", "start": "2026-01-01", "end": "2099-12-31", "open": True}],
}
BOOKED: dict[tuple[str, str], Json] = {}
"""What stands, by Pleo's company and accounting entry: the one thing that keeps money from being booked twice."""
LARGEST = 16 * 1024 * 1024
LOCK = threading.Lock()


def refusal(document: Json) -> Json | None:
    for line in document["lines"]:
        if line["account"]["id"] not in {one["id"] for one in LISTS["accounts"]}:
            return {"code": "unknown_account", "account": line["account"]["code"]}
    if not any(one["start"] <= document["date"] <= one["end"] for one in LISTS["periods"]):
        return {"code": "closed_period", "date": document["date"]}
    if sum(Decimal(line["debit"]) - Decimal(line["credit"]) for line in document["lines"]):
        return {"code": "refused", "detail": "Debits and credits differ."}
    return None


def book(document: Json, *, write: bool = True) -> Json:
    key = document["key"]
    standing = BOOKED.get((key["company"], key["entry"]))
    if standing:
        if (standing["key"], standing["total"]) != (key, document["total"]):
            return {"key": key, "error": {"code": "duplicate_key_other_content", "reference": standing["number"]}}
        return {"key": key, "booked": standing | {"already_there": True}, "error": None}
    error = refusal(document)
    if error or not write:
        return {"key": key, "error": error}
    number = f"JE-{len(BOOKED) + 1}"
    BOOKED[key["company"], key["entry"]] = made = {
        "key": key, "document": {"kind": "journal_entry", "id": number}, "number": number, "final": True,
        "booked_at": dt.datetime.now(dt.UTC).isoformat(), "total": document["total"], "complete": True,
    }  # fmt: skip
    return {"key": key, "booked": made | {"already_there": False}}


def answer(operation: str, asked: Json) -> Json:
    match operation:
        case "capabilities":
            return CAPABILITIES
        case "companies":
            return {"companies": COMPANIES}
        case "preflight":
            return {}
        case "accounts" | "journals" | "periods":
            return {"items": LISTS[operation], "next": None, "total": len(LISTS[operation])}
        case "find":
            keys = [(asked["pleo_company"], entry) for entry in asked["entries"]]
            return {"found": [BOOKED[key] for key in keys if key in BOOKED]}
        case "fits":
            return {"results": [{"error": None} | book(one, write=False) for one in asked["documents"]]}
        case "book":
            return {"results": [book(one) for one in asked["documents"]]}
    raise ValueError(operation)


class Handler(BaseHTTPRequestHandler):
    key = b""

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        if not 0 < length <= LARGEST:
            return self.reply(413, {"code": "validation", "detail": "too large"})
        body = self.rfile.read(length)
        operation = self.path.rpartition("/v1/")[2]
        if not self.genuine(body):
            return self.reply(401, {"code": "unauthorised"})
        asked = json.loads(body)
        try:
            if asked["operation"] != operation:
                raise ValueError("signed for another operation")
            with LOCK:
                return self.reply(200, answer(operation, asked))
        except (KeyError, ValueError) as error:
            return self.reply(400, {"code": "validation", "detail": repr(error)})

    def genuine(self, body: bytes) -> bool:
        name, moment = self.headers["webhook-id"], self.headers["webhook-timestamp"]
        digest = hmac.digest(self.key, f"{name}.{moment}.".encode() + body, "sha256")
        expected = "v1," + base64.b64encode(digest).decode()
        offered = self.headers.get("webhook-signature", "").encode(errors="replace").split()
        return (
            any(hmac.compare_digest(expected.encode(), one) for one in offered)
            and abs(time.time() - int(moment)) <= 300
        )

    def reply(self, status: int, content: Json) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json" if status == 200 else "application/problem+json")
        self.end_headers()
        self.wfile.write(json.dumps(content).encode())

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Nothing."""


def serving(secret: str, port: int = 8765) -> ThreadingHTTPServer:
    key = base64.b64decode(secret.removeprefix("whsec_"))
    return ThreadingHTTPServer(("127.0.0.1", port), type("Bound", (Handler,), {"key": key}))


if __name__ == "__main__":
    serving(sys.argv[1]).serve_forever()
