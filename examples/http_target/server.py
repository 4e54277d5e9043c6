"""A reference for partners: a small accounting system that answers the operations of docs/http-target.md.

It needs nothing but Python's standard library:

    python -m examples.http_target.server --secret whsec_... --books books.sqlite --port 8765

Books and files survive a kill. It is no accounting system for real use: one company, no rights, no HTTPS.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import hmac
import json
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from .ledger import Ledger
from .records import COMPANY, LISTS, Record, Records, Refused

TOLERANCE = 300
PAGE = 200
LARGEST_JSON = 16 * 1024 * 1024
CAPABILITIES: Record = {
    "protocol": 1, "name": "Reference books", "vendors": True, "vendor_bills": True, "drafts": True,
    "attachments": True, "several_attachments": True, "attachment_types": None, "max_attachment_bytes": None,
    "dimensions": True, "tax_codes": True, "can_probe": True, "can_reverse": True, "lists_entries": True, "batch": 50,
    "parallel_writers": 2, "matching_limits": None, "document_url": None,
}  # fmt: skip


class Books:
    """All operations, one at a time."""

    def __init__(self, path: Path, *, largest_file: int = 30 * 1024 * 1024, **declared: object) -> None:
        """`declared` are capabilities that differ from the usual ones."""
        self.files = path.with_suffix(".files")
        self.files.mkdir(parents=True, exist_ok=True)
        db = sqlite3.connect(path, check_same_thread=False)
        db.row_factory = sqlite3.Row
        self.records = Records(db)
        self.ledger = Ledger(db, self.records, self.uploaded)
        self.largest_file = largest_file
        self.declared = CAPABILITIES | declared
        self.lock = threading.Lock()

    def answer(self, operation: str, asked: Record) -> Record:
        """Raises `Refused`."""
        with self.lock:
            if asked.get("operation") != operation:
                raise Refused("validation", "Signed for another operation.", 400, pointer="/operation")
            if operation == "capabilities":
                return self.declared
            if operation == "companies":
                return {"companies": [COMPANY]}
            if asked.get("company") != COMPANY["id"]:
                raise Refused("unknown_company", "There is no such company.", 404)
            if operation in LISTS:
                return _page(self.records.all(operation), asked)
            known: dict[str, Callable[[Record], Record]] = {
                "preflight": lambda asked: {},
                "dimension_values": lambda asked: _page(self.records.all(f"values:{asked['dimension']}"), asked),
                "find_vendors": lambda asked: {"vendors": self.records.find_vendors(asked)},
                "create_vendor": lambda asked: {"vendor": self.records.create_vendor(asked["vendor"])},
                "book": lambda asked: {"results": [self._book(one, asked["final"]) for one in asked["documents"]]},
                "fits": lambda asked: {"results": [self._fits(one) for one in asked["documents"]]},
                "find": self._find,
                "entries": self._entries,
                "reverse": lambda asked: self.ledger.reverse(
                    asked["document"], asked["key"], asked["reason"], asked["day"]
                ),
                "settle": lambda asked: {"done": self.ledger.settle(asked["documents"])},
                "reopen": lambda asked: {"done": self.ledger.reopen(asked["documents"])},
            }
            if operation not in known:
                raise Refused("not_supported", f"There is no operation {operation}.", 404)
            return known[operation](asked)

    def _book(self, document: Record, final: bool) -> Record:
        try:
            return {"key": document["key"], "booked": self.ledger.book(document, final=final)}
        except Refused as refused:
            return {"key": document["key"], "error": refused.problem}

    def _fits(self, document: Record) -> Record:
        try:
            self.ledger.check(document)
        except Refused as refused:
            return {"key": document["key"], "error": refused.problem}
        return {"key": document["key"], "error": None}

    def _find(self, asked: Record) -> Record:
        return {"found": self.ledger.find(asked["pleo_company"], asked["entries"], taken_back=asked["taken_back"])}

    def _entries(self, asked: Record) -> Record:
        return _page(self.ledger.entries(asked["pleo_company"], asked["first"], asked["last"]), asked)

    def uploaded(self, sha256: str) -> int | None:
        file = self.files / sha256
        return file.stat().st_size if file.exists() else None


def _page(records: list[Record], asked: Record) -> Record:
    start = int(asked.get("cursor") or 0)
    end = start + PAGE
    return {"items": records[start:end], "next": str(end) if end < len(records) else None, "total": len(records)}


class Signature:
    """A Standard Webhooks signature, checked while the body comes in."""

    def __init__(self, secret: str, headers: Any) -> None:
        self.id, self.moment = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
        self._offered = headers.get("webhook-signature", "").encode(errors="replace").split()
        key = base64.b64decode(secret.removeprefix("whsec_"))
        self._digest = hmac.new(key, f"{self.id}.{self.moment}.".encode(), "sha256")

    def add(self, piece: bytes) -> None:
        self._digest.update(piece)

    def check(self) -> None:
        """Raises `Refused`."""
        expected = b"v1," + base64.b64encode(self._digest.digest())
        matches = [hmac.compare_digest(expected, offered) for offered in self._offered]
        fresh = self.moment.isdigit() and abs(time.time() - int(self.moment)) <= TOLERANCE
        if not (any(matches) and fresh):
            raise Refused("unauthorised", "The signature is missing, wrong or too old.", 401)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    books: Books
    secret: str

    def do_POST(self) -> None:
        self._guarded(self._operation)

    def do_PUT(self) -> None:
        self._guarded(self._attachment)

    def _operation(self) -> tuple[int, Record]:
        length = self._length(LARGEST_JSON)
        body = self.rfile.read(length)
        signature = Signature(self.secret, self.headers)
        signature.add(body)
        signature.check()
        return 200, self.books.answer(self.path.rpartition("/v1/")[2], json.loads(body))

    def _attachment(self) -> tuple[int, Record]:
        """Take a file piece by piece, and keep it only when signature and hash are right."""
        sha256 = self.path.rpartition("/")[2]
        left = self._length(self.books.largest_file, sha256)
        signature, digest = Signature(self.secret, self.headers), hashlib.sha256()
        part = self.books.files / f"{threading.get_ident()}.part"
        with part.open("wb") as file:
            while left and (piece := self.rfile.read(min(left, 65536))):
                left -= len(piece)
                file.write(piece)
                signature.add(piece)
                digest.update(piece)
        signature.check()
        if left or signature.id != f"attachment-{sha256}" or digest.hexdigest() != sha256:
            raise Refused("validation", "The bytes are not those of the hash.", 400, pointer="/sha256")
        part.replace(self.books.files / sha256)
        return 201, {}

    def _length(self, most: int, sha256: str | None = None) -> int:
        length = int(self.headers.get("Content-Length", 0))
        if length > most:
            self.close_connection = True
            raise Refused("attachment_too_large", "The file is too large.", 413, attachment=sha256, limit=most)
        return length

    def _guarded(self, work: Callable[[], tuple[int, Record]]) -> None:
        kind = "application/json"
        try:
            status, answer = work()
        except Refused as refused:
            status, answer, kind = refused.status, refused.problem, "application/problem+json"
        except (KeyError, TypeError, ValueError) as error:
            status, kind = 400, "application/problem+json"
            answer = Refused("validation", f"Not as the document has it: {error!r}", 400).problem
        content = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(content)
        if self.close_connection and status == 413:
            self._hear_out()

    def _hear_out(self) -> None:
        """Read on for a moment after a refusal: whoever closes with bytes unread takes the answer back."""
        self.wfile.flush()
        self.connection.settimeout(2)
        with suppress(OSError):
            while self.connection.recv(65536):
                pass

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Nothing."""


def serving(books: Books, secret: str, port: int = 0, host: str = "127.0.0.1") -> ThreadingHTTPServer:
    """A server that is bound and not running yet; `server_port` tells where."""
    handler = type("Bound", (Handler,), {"books": books, "secret": secret})
    server = ThreadingHTTPServer((host, port), handler)
    server.daemon_threads = True
    return server


def main() -> None:
    parser = argparse.ArgumentParser(description="A reference accounting system for the HTTP target.")
    parser.add_argument("--secret", required=True, help="whsec_ and the base64 of 24 to 64 bytes")
    parser.add_argument("--books", type=Path, default=Path("books.sqlite"))
    parser.add_argument("--port", type=int, default=8765)
    given = parser.parse_args()
    server = serving(Books(given.books), given.secret, given.port)
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
