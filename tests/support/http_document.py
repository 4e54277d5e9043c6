"""The wire of the HTTP target, held against the published document: what we send and what is answered."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import httpx
from jsonschema import Draft202012Validator

from tools.http_target import document


@cache
def published() -> dict[str, Any]:
    """The document that tests/unit/erp/test_http_document.py finds in docs."""
    return document()


def faults(schema: dict[str, Any], value: object) -> list[str]:
    """What of a value a schema of the document does not allow."""
    return [f"{error.json_path}: {error.message}"[:300] for error in _validator(json.dumps(schema)).iter_errors(value)]


@cache
def _validator(schema: str) -> Draft202012Validator:
    return Draft202012Validator({**json.loads(schema), "components": {"schemas": published()["components"]["schemas"]}})


class Checked(httpx.AsyncBaseTransport):
    """Lets through what the document allows, and fails the test for all else."""

    def __init__(self, wire: httpx.AsyncBaseTransport) -> None:
        self._wire = wire

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        name = request.url.path.rpartition("/v1/")[2]
        if name.startswith("attachments/"):
            return await self._wire.handle_async_request(request)
        operation = published()["paths"][f"/v1/{name}"]["post"]
        asked = operation["requestBody"]["content"]["application/json"]["schema"]
        assert not faults(asked, json.loads(await request.aread())), name
        needed = {one["$ref"].rpartition("/")[2] for one in operation["parameters"]}
        assert needed <= {known for known in needed if known in request.headers}, name
        response = await self._wire.handle_async_request(request)
        content = json.loads(await response.aread())
        if response.status_code == 200:
            answered = operation["responses"]["200"]["content"]["application/json"]["schema"]
        else:
            assert str(response.status_code) in operation["responses"], name
            answered = {"$ref": "#/components/schemas/Problem"}
        assert not faults(answered, content), name
        return response

    async def aclose(self) -> None:
        await self._wire.aclose()
