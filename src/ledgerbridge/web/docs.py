"""`/docs`: the OpenAPI document as a page of our own, because the usual one loads scripts from elsewhere."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from ledgerbridge.web.pages import PageRoute, render

router = APIRouter(route_class=PageRoute, include_in_schema=False)
_DEPTH = 6


@router.get("/docs")
async def docs(request: Request) -> HTMLResponse:
    """Every route with its parameters, an example body, its answers and an example answer."""
    schema = request.app.openapi()
    groups: dict[str, list[dict[str, Any]]] = {}
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            tag = (operation.get("tags") or ["service"])[0]
            groups.setdefault(tag, []).append(_operation(schema, method.upper(), path, operation))
    return render("docs.html", groups=[{"name": name, "operations": found} for name, found in groups.items()])


def _operation(schema: dict[str, Any], method: str, path: str, operation: dict[str, Any]) -> dict[str, Any]:
    body = operation.get("requestBody", {}).get("content", {}).get("application/json")
    answers = operation["responses"]
    good: dict[str, Any] = next((answers[code] for code in answers if code.startswith("2")), {})
    shown = good.get("content", {}).get("application/json")
    return {
        "method": method,
        "path": path,
        "summary": operation.get("summary", ""),
        "description": operation.get("description", ""),
        "parameters": [
            {"name": one["name"], "where": one["in"], "text": one.get("description", "")}
            for one in operation.get("parameters", [])
        ],
        "request": _shown(schema, body),
        "answers": ", ".join(f"{code} {answer['description']}" for code, answer in answers.items()),
        "response": _shown(schema, shown),
    }


def _shown(schema: dict[str, Any], media: dict[str, Any] | None) -> str:
    if not media:
        return ""
    for found in _given_examples(media):
        return json.dumps(found, indent=2)
    example = _example(schema, media.get("schema", {}), _DEPTH)
    return json.dumps(example, indent=2) if example else ""


def _given_examples(media: dict[str, Any]) -> Iterator[Any]:
    for one in media.get("examples", {}).values():
        yield one["value"]


def _example(schema: dict[str, Any], node: dict[str, Any], depth: int) -> Any:
    """An example of a schema: its own where it has one, else made of its parts."""
    if depth == 0:
        return None
    if "$ref" in node:
        return _example(schema, schema["components"]["schemas"][node["$ref"].rsplit("/", 1)[-1]], depth)
    for name in ("example", "const", "default"):
        if name in node:
            return node[name]
    if node.get("examples"):
        return node["examples"][0]
    if "enum" in node:
        return node["enum"][0]
    if "anyOf" in node:
        return _example(schema, node["anyOf"][0], depth)
    match node.get("type"):
        case "object" | None:
            return {name: _example(schema, part, depth - 1) for name, part in node.get("properties", {}).items()}
        case "array":
            return [_example(schema, node.get("items", {}), depth - 1)]
        case "boolean":
            return False
        case "integer" | "number":
            return 0
        case _:
            return {"date-time": "2025-05-23T15:21:32Z", "uuid": "b4c4d068-ebbe-45b7-b562-2f16f0deb8b9"}.get(
                node.get("format", ""), "..."
            )
