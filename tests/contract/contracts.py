"""Checks HTTP traffic with Pleo against the OpenAPI documents in ``docs/pleo/contract``.

Three ways in: ``ContractTransport`` around any httpx transport checks everything that passes; ``request_breaches`` and
``response_breaches`` check one message; ``recorded_breaches`` checks a request the sandbox recorded. A breach is a
sentence; an empty list means the contract holds.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import httpx
import yaml
from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "pleo" / "contract"
NAMES = ("platform", "export", "companies", "accounts", "tags", "tax-codes", "vendors")
METHODS = ("get", "post", "put", "patch", "delete")
# The codes the portal lists for every operation, and 429, which every client must expect.
GENERIC_STATUSES = frozenset({400, 401, 403, 404, 429, 500, 502, 503})


class ContractBreach(AssertionError):
    """Traffic that does not fit the published contract."""


@dataclass(frozen=True)
class Operation:
    """One operation of one document; ``pointer`` is its JSON pointer there."""

    document: str
    method: str
    template: str
    pointer: str
    node: Mapping[str, Any]
    parameters: tuple[Mapping[str, Any], ...]

    @property
    def name(self) -> str:
        """Method and path template."""
        return f"{self.method} {self.template}"


@cache
def load(name: str) -> dict[str, Any]:
    """One contract document."""
    quickest = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    document: dict[str, Any] = yaml.load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"), quickest)
    return document


@cache
def operations() -> tuple[Operation, ...]:
    """Every operation of every document, literal paths before templated ones."""
    found = []
    for name in NAMES:
        for template, item in load(name)["paths"].items():
            for method in METHODS:
                if method not in item:
                    continue
                pointer = f"/paths/{_escape(template)}/{method}"
                parameters = [*item.get("parameters", []), *item[method].get("parameters", [])]
                resolved = tuple(_resolve(name, parameter) for parameter in parameters)
                found.append(Operation(name, method.upper(), template, pointer, item[method], resolved))
    return tuple(sorted(found, key=lambda operation: operation.template.count("{")))


def operation_for(method: str, path: str) -> Operation | None:
    """The operation behind a call, if any contract knows it."""
    for operation in operations():
        if operation.method == method.upper() and _pattern(operation.template).fullmatch(path):
            return operation
    return None


def schema_breaches(document: str, pointer: str, value: Any) -> list[str]:
    """What is wrong with ``value`` by the schema at a JSON pointer such as ``/components/schemas/ExportJobV3``."""
    schema = {"$ref": f"urn:{document}#{pointer}"}
    validator = Draft202012Validator(schema, registry=_registry(), format_checker=FormatChecker())
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(value)]


def request_breaches(request: httpx.Request) -> list[str]:
    """What is wrong with a request: path, parameters, credentials, content type and body."""
    query = request.url.params.multi_items()
    return _request_breaches(request.method, request.url.path, query, request.headers, request.content)


def recorded_breaches(recorded: Mapping[str, Any]) -> list[str]:
    """The same for one entry of the sandbox's ``GET /sandbox/requests``."""
    headers = httpx.Headers([(name, value) for name, value in recorded["headers"]])
    query = [(name, value) for name, value in recorded["query"]]
    return _request_breaches(recorded["method"], recorded["path"], query, headers, recorded["body"].encode())


def response_breaches(request: httpx.Request, response: httpx.Response) -> list[str]:
    """What is wrong with an answer: status, content type and body."""
    operation = operation_for(request.method, request.url.path)
    if operation is None:
        return [f"{request.method} {request.url.path} is in no contract"]
    declared, pointer = _declared(operation, response.status_code)
    if declared is None:
        if response.status_code not in GENERIC_STATUSES:
            return [f"{operation.name} does not answer {response.status_code}"]
        return _generic_error(operation, response)
    content = declared.get("content")
    if not content:
        bare = response.content == b"" or response.status_code >= 400 or operation.template == "/oauth/authorize"
        return [] if bare else [f"{operation.name} {response.status_code} carries a body, the contract has none"]
    return _content_breaches(operation, f"{pointer}/content", content, response.headers, response.content)


class ContractTransport(httpx.AsyncBaseTransport):
    """Passes traffic on and raises :class:`ContractBreach`; ``exercised`` lists operation and status of every call.

    ``requests=False`` leaves requests unchecked, for tests that send nonsense on purpose.
    """

    def __init__(self, inner: httpx.AsyncBaseTransport, *, requests: bool = True) -> None:
        self._inner = inner
        self._requests = requests
        self.exercised: set[tuple[str, int]] = set()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Checks, passes on, checks."""
        await request.aread()
        if self._requests:
            _raise(request, request_breaches(request))
        response = await self._inner.handle_async_request(request)
        await response.aread()
        _raise(request, response_breaches(request, response))
        operation = operation_for(request.method, request.url.path)
        if operation is not None:
            self.exercised.add((operation.name, response.status_code))
        return response

    async def aclose(self) -> None:
        """Closes the transport inside."""
        await self._inner.aclose()


def _raise(request: httpx.Request, breaches: Iterable[str]) -> None:
    found = list(breaches)
    if found:
        raise ContractBreach(f"{request.method} {request.url.path}: " + "; ".join(found))


def _request_breaches(
    method: str, path: str, query: list[tuple[str, str]], headers: httpx.Headers, body: bytes
) -> list[str]:
    operation = operation_for(method, path)
    if operation is None:
        return [f"{method} {path} is in no contract"]
    found = [*_path_breaches(operation, path), *_query_breaches(operation, query), *_credential(operation, headers)]
    declared = operation.node.get("requestBody")
    if declared is None:
        return [*found, "a body was sent, the contract has none"] if body else found
    if not body and not declared.get("required", False):
        return found
    pointer = f"{operation.pointer}/requestBody/content"
    return [*found, *_content_breaches(operation, pointer, declared["content"], headers, body)]


def _path_breaches(operation: Operation, path: str) -> list[str]:
    match = _pattern(operation.template).fullmatch(path)
    values = match.groupdict() if match else {}
    return [
        breach
        for position, parameter in enumerate(operation.parameters)
        if parameter["in"] == "path"
        for breach in _value_breaches(operation, position, parameter, [values.get(parameter["name"], "")])
    ]


def _query_breaches(operation: Operation, query: list[tuple[str, str]]) -> list[str]:
    found = []
    sent: dict[str, list[str]] = {}
    for name, value in query:
        sent.setdefault(name, []).append(value)
    known = [parameter for parameter in operation.parameters if parameter["in"] == "query"]
    for name in sorted(set(sent) - {parameter["name"] for parameter in known}):
        found.append(f"unknown query parameter {name}")
    for position, parameter in enumerate(operation.parameters):
        if parameter["in"] != "query":
            continue
        if parameter["name"] in sent:
            found += _value_breaches(operation, position, parameter, sent[parameter["name"]])
        elif parameter.get("required"):
            found.append(f"query parameter {parameter['name']} is missing")
    if sum(name in sent for name in ("before", "after", "offset")) > 1:
        found.append("before, after and offset exclude each other")
    if len(sent.get("sorting_keys", [])) != len(sent.get("sorting_order", [])):
        found.append("sorting_keys and sorting_order differ in length")
    return found


def _value_breaches(operation: Operation, position: int, parameter: Mapping[str, Any], values: list[str]) -> list[str]:
    schema = _resolve(operation.document, parameter["schema"])
    name = parameter["name"]
    if schema.get("type") != "array" and len(values) > 1:
        return [f"query parameter {name} is repeated"]
    value: Any = values if schema.get("type") == "array" else values[0]
    if schema.get("type") == "integer":
        try:
            value = int(value)
        except ValueError:
            return [f"query parameter {name} is not an integer"]
    if schema.get("type") == "boolean":
        if value not in ("true", "false"):
            return [f"query parameter {name} is neither true nor false"]
        value = value == "true"
    rooted = Draft202012Validator(
        _absolute(operation.document, parameter["schema"]), registry=_registry(), format_checker=FormatChecker()
    )
    return [f"parameter {name}: {error.message}" for error in rooted.iter_errors(value)]


def _credential(operation: Operation, headers: httpx.Headers) -> list[str]:
    security = operation.node.get("security", load(operation.document).get("security", []))
    scheme = headers.get("authorization", "").split(" ", 1)[0].lower()
    if not security:
        return [f"{operation.name} is called without a credential"] if scheme else []
    allowed = set()
    for entry in security:
        for name in entry:
            allowed.add(load(operation.document)["components"]["securitySchemes"][name]["scheme"])
    return [] if scheme in allowed else [f"the credential is {scheme or 'missing'}, not {' or '.join(sorted(allowed))}"]


def _content_breaches(
    operation: Operation, pointer: str, content: Mapping[str, Any], headers: Mapping[str, str], body: bytes
) -> list[str]:
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    for declared in content:
        if declared.partition(";")[0].lower() == media_type:
            break
    else:
        return [f"the content type is {media_type or 'missing'}, not {' or '.join(content)}"]
    try:
        value = _parsed(media_type, body)
    except ValueError as problem:
        return [f"the body cannot be read as {media_type}: {problem}"]
    if "schema" not in content[declared]:
        return []
    return schema_breaches(operation.document, f"{pointer}/{_escape(declared)}/schema", value)


def _parsed(media_type: str, body: bytes) -> Any:
    if media_type == "application/json":
        return json.loads(body)
    pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, strict_parsing=True)
    if len(dict(pairs)) != len(pairs):
        raise ValueError("a form field is repeated")
    return dict(pairs)


def _generic_error(operation: Operation, response: httpx.Response) -> list[str]:
    if not response.content or "json" not in response.headers.get("content-type", ""):
        return []
    document = operation.document if "ExceptionInfo" in load(operation.document)["components"]["schemas"] else "export"
    return schema_breaches(document, "/components/schemas/ExceptionInfo", response.json())


def _declared(operation: Operation, status: int) -> tuple[Mapping[str, Any] | None, str]:
    responses = operation.node["responses"]
    # Where no success has a number, the source publishes none and "default" carries the success; else it is the error.
    unnumbered = not any(key.startswith("2") for key in responses)
    for key in (str(status), f"{status // 100}XX", "default"):
        if key in responses and (key != "default" or (200 <= status < 300 if unnumbered else status >= 400)):
            node = responses[key]
            if "$ref" in node:
                return _resolve(operation.document, node), node["$ref"].removeprefix("#")
            return node, f"{operation.pointer}/responses/{key}"
    return None, ""


@cache
def _registry() -> Registry[Any]:
    resources = [(f"urn:{name}", Resource(contents=load(name), specification=DRAFT202012)) for name in NAMES]
    return Registry().with_resources(resources)


@cache
def _pattern(template: str) -> re.Pattern[str]:
    parts = re.split(r"\{(\w+)\}", template)
    return re.compile("".join(f"(?P<{part}>[^/]+)" if odd % 2 else re.escape(part) for odd, part in enumerate(parts)))


def _resolve(document: str, node: Mapping[str, Any]) -> Mapping[str, Any]:
    while "$ref" in node:
        target: Any = load(document)
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part.replace("~1", "/").replace("~0", "~")]
        node = target
    return node


def _absolute(document: str, node: Any) -> Any:
    if isinstance(node, Mapping):
        return {
            key: f"urn:{document}{value}" if key == "$ref" else _absolute(document, value)
            for key, value in node.items()
        }
    return [_absolute(document, part) for part in node] if isinstance(node, list) else node


def _escape(part: str) -> str:
    quoted = part.replace("~", "~0").replace("/", "~1")
    return quoted.replace("{", "%7B").replace("}", "%7D").replace(" ", "%20")
