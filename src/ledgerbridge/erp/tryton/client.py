"""Tryton's REST API for one company: search, create, act on, delete. Every failure is a `CallFailed`.

Reads repeat themselves while that may help. Writes never do: whoever writes must look first (`booking`).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import quote

import httpx

from ledgerbridge import faults
from ledgerbridge.erp.port import Observe
from ledgerbridge.erp.tryton import errors, nesting, wire
from ledgerbridge.erp.tryton.errors import CallFailed, Outcome
from ledgerbridge.erp.tryton.patience import Patience
from ledgerbridge.erp.tryton.settings import Access
from ledgerbridge.erp.tryton.wire import Record
from ledgerbridge.outgoing.addresses import PUBLIC, Reach
from ledgerbridge.outgoing.bodies import ACCEPT_ENCODING, read_body
from ledgerbridge.outgoing.clients import checked_client
from ledgerbridge.outgoing.network import AddressRefused

ANY: list[object] = ["active", "in", [True, False]]
"""A clause without which a search hides what is inactive. It counts for its own list only: see `one_of`."""
_PAGE = 500
_LONGEST_DOMAIN = 3_000
"""Characters of a packed domain that still fit into an address: gunicorn takes 4,094 with the fields and the rest."""
_COUNTS = 3
"""How often a list is read again that changed while it was read."""
_LARGEST_ANSWER = 32 * 1024 * 1024
_TIMEOUT = httpx.Timeout(60.0, connect=10.0)
_LONGEST_CALL = 300.0
"""Seconds from first to last byte, so that a trickle cannot hold us for ever; the largest receipt needs a while."""


def one_of(*clauses: object) -> list[object]:
    """Clauses of which one must hold, for a search with `ANY`.

    Tryton leaves out what is inactive in every list of a domain that does not itself speak of `active`, nested ones
    included; the last clause speaks of it and never holds.
    """
    return ["OR", *clauses, ["active", "in", []]]


def http_client(
    settings: Access, transport: httpx.AsyncBaseTransport | None = None, *, reach: Reach = PUBLIC
) -> httpx.AsyncClient:
    """The one HTTP client of an opened company, or before one is chosen. Follows no redirect, so the key stays here."""
    return checked_client(
        reach,
        transport=transport,
        base_url=f"{settings.base_url}/{quote(settings.database, safe='')}/rest/",
        headers={
            "Authorization": f"bearer {settings.api_key}",
            "Accept": "application/json",
            "Accept-Encoding": ACCEPT_ENCODING,
            # Also the language of journal names and error sentences.
            "Accept-Language": "en",
            "X-Tryton-Context": wire.packed(settings.context),
        },
        timeout=_TIMEOUT,
    )


class Client:
    def __init__(self, http: httpx.AsyncClient, patience: Patience, observe: Observe | None = None) -> None:
        self._http = http
        self._patience = patience
        self._observe = observe
        self.silence: CallFailed | None = None
        """How the last call failed, if nothing of Tryton answered it."""

    async def search(self, model: str, domain: Sequence[object], fields: Sequence[str]) -> list[Record]:
        """All records, by rising id, page after page: complete or an error, never cut short."""
        found: list[Record] = []
        while True:
            # By id and not by offset: a record deleted meanwhile must not make us skip another.
            after = [["id", ">", found[-1]["id"]]] if found else []
            page = await self._search_page(model, [*domain, *after], fields)
            if found and page and page[0]["id"] <= found[-1]["id"]:
                raise CallFailed(Outcome.STRANGE, f"{model} search", said="a page came twice")
            found += page
            if len(page) < _PAGE:
                return found

    async def whole(self, model: str, domain: Sequence[object], fields: Sequence[str]) -> list[Record]:
        """As `search`, and counted: a list cut short by anybody on the way must not look as if records had vanished."""
        said = ""
        for _ in range(_COUNTS):
            found = await self.search(model, domain, fields)
            count = await self.ask(model, "search_count", {"domain": list(domain)})
            if count == len({row["id"] for row in found}):
                return found
            said = f"{len(found)} records read, {count} counted"
        raise CallFailed(Outcome.STRANGE, f"{model} search", said=said)

    async def _search_page(self, model: str, domain: Sequence[object], fields: Sequence[str]) -> list[Record]:
        operation = f"{model} search"
        packed = wire.packed(list(domain))
        if len(packed) > _LONGEST_DOMAIN:
            body = {"domain": list(domain), "order": [["id", "ASC"]], "limit": _PAGE}
            body["fields_names"] = nesting.with_ids(fields)
            found = await self._read(operation, "POST", f"model/{model}/search_read", body=body)
            answer = nesting.as_searched(found)
        else:
            parameters = [("d", packed), ("o", wire.packed([["id", "ASC"]])), ("s", str(_PAGE))]
            parameters += [("f", field) for field in fields]
            answer = await self._read(operation, "GET", f"model/{model}", parameters)
        if not isinstance(answer, list) or not all(isinstance(row, dict) and _is_id(row.get("id")) for row in answer):
            raise CallFailed(Outcome.STRANGE, operation, said="the answer is not a list of records")
        return answer

    async def ask(self, model: str, method: str, arguments: Record) -> Any:
        """Call a class-level method that only reads."""
        operation = f"{model} {method}"
        return await self._read(operation, "POST", f"model/{model}/{method}", body=arguments)

    async def call(self, model: str, method: str, arguments: Record) -> Any:
        """Call a class-level method that writes; once."""
        return await self._send(f"{model} {method}", "POST", f"model/{model}/{method}", body=arguments)

    async def create(self, model: str, values: Record, fields: Sequence[str]) -> Record:
        """Create one record; once."""
        return await self._write(f"{model} create", f"model/{model}", values, fields)

    async def create_many(self, model: str, values: Sequence[Record]) -> list[int]:
        """Create several records in one transaction, all or none; once. Their ids, in order."""
        operation = f"{model} create_many"
        numbers = await self._send(operation, "POST", f"model/{model}/create", body={"vlist": list(values)})
        if not isinstance(numbers, list) or not all(map(_is_id, numbers)) or len(set(numbers)) != len(values):
            raise CallFailed(Outcome.STRANGE, operation, said="the answer is not as many ids as records were sent")
        return numbers

    async def act(self, model: str, record: int, action: str, fields: Sequence[str]) -> Record:
        """Press a button on a record; once. NOT_FOUND means that the record is gone."""
        return await self._write(f"{model} {action}", f"model/{model}/{record}/{action}", {}, fields)

    async def update(self, model: str, record: int, values: Record, fields: Sequence[str]) -> Record:
        """Write to a record; once. NOT_FOUND means that the record is gone."""
        return await self._write(f"{model} update", f"model/{model}/{record}", values, fields, method="PUT")

    async def delete(self, model: str, record: int) -> None:
        """Delete a record; once. NOT_FOUND means that it is gone already."""
        await self._send(f"{model} delete", "DELETE", f"model/{model}/{record}")

    async def _write(
        self, operation: str, path: str, body: Record, fields: Sequence[str], method: str = "POST"
    ) -> Record:
        answer = await self._send(operation, method, path, [("f", field) for field in fields], body)
        if not isinstance(answer, dict) or not _is_id(answer.get("id")):
            raise CallFailed(Outcome.STRANGE, operation, said="the answer is not a record")
        return answer

    async def _read(
        self,
        operation: str,
        method: str,
        path: str,
        parameters: Sequence[tuple[str, str]] = (),
        body: Record | None = None,
    ) -> Any:
        return await self._patience.retrying()(self._send, operation, method, path, parameters, body)

    async def _send(
        self,
        operation: str,
        method: str,
        path: str,
        parameters: Sequence[tuple[str, str]] = (),
        body: Record | None = None,
    ) -> Any:
        started = time.monotonic()
        seen = "cancelled"
        try:
            with faults.around(f"erp {operation}"):
                status, kind, content, after = await self._exchange(operation, method, path, parameters, body)
            seen, self.silence = str(status), None
            if failure := errors.of_response(operation, status, kind, content, after):
                raise failure
            if status == 204:
                return None
            try:
                return wire.loads(content)
            except ValueError:
                raise CallFailed(Outcome.STRANGE, operation, status=status, said="unreadable JSON") from None
        except CallFailed as failure:
            seen = str(failure.status or failure.outcome)
            self.silence = failure if failure.no_answer else None
            raise
        finally:
            if self._observe:
                self._observe(operation, seen, time.monotonic() - started)

    async def _exchange(
        self, operation: str, method: str, path: str, parameters: Sequence[tuple[str, str]], body: Record | None
    ) -> tuple[int, str, bytes, float | None]:
        content = None if body is None else wire.written(body)
        headers = {} if content is None else {"Content-Type": "application/json"}
        if isinstance(content, wire.Body):
            headers["Content-Length"] = str(content.length)
        try:
            async with (
                asyncio.timeout(_LONGEST_CALL),
                self._http.stream(method, path, params=list(parameters), content=content, headers=headers) as response,
            ):
                read, whole = await read_body(response, _LARGEST_ANSWER)
                if not whole:
                    raise CallFailed(Outcome.STRANGE, operation, said="the answer is too long")
                kind = response.headers.get("Content-Type", "")
                return response.status_code, kind, read, _seconds(response.headers.get("Retry-After"))
        except AddressRefused as refused:
            raise CallFailed(Outcome.ADDRESS_REFUSED, operation, said=str(refused)) from None
        except TimeoutError:
            raise CallFailed(Outcome.TIMED_OUT, operation, said="the whole call took too long") from None
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol) as error:
            raise CallFailed(Outcome.NOT_SENT, operation, said=repr(error)) from None
        except httpx.TimeoutException as error:
            raise CallFailed(Outcome.TIMED_OUT, operation, said=repr(error)) from None
        except httpx.HTTPError as error:
            raise CallFailed(Outcome.NO_REPLY, operation, said=repr(error)) from None


def _is_id(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _seconds(retry_after: str | None) -> float | None:
    with suppress(TypeError, ValueError):
        return max(0.0, float(retry_after or ""))
    return None
