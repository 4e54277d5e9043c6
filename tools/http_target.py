"""Writes docs/http-target.openapi.yaml: the document of the HTTP target, made of the models that the adapter speaks.

python -m tools.http_target            writes it
python -m tools.http_target --check    ends with 1 when it is not up to date
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import yaml
from pydantic.json_schema import models_json_schema

from ledgerbridge.erp.http_target import wire
from ledgerbridge.erp.http_target.contract import ALWAYS, OPERATIONS, UPLOAD_CODES, Operation
from ledgerbridge.erp.http_target.problems import CODES
from tools.http_target_examples import ANSWERS, ASKED, PROBLEM_MEMBERS, refused

PATH = Path(__file__).parent.parent / "docs" / "http-target.openapi.yaml"
Json = dict[str, Any]

_ABOUT = """\
What an accounting system answers so that Ledgerbridge can book in it. The page docs/http-target.md walks through it;
examples/http_target is a server that answers all of it.

Every request is a POST of JSON (files: a PUT of bytes) and signed as Standard Webhooks: HMAC-SHA256 over
`{webhook-id}.{webhook-timestamp}.{body}` by the key behind `whsec_`, base64, as `v1,<signature>`; several signatures
stand side by side while a secret is replaced, and any one that fits is enough. Refuse a timestamp further than five
minutes from now. The body names its `operation`, so that a request signed for one address is worth nothing at another.
Answers are not signed; they are trusted because of TLS.

Amounts are texts with two decimals, days are ISO 8601, currencies ISO 4217. Both sides ignore members they do not know.
"""


def document() -> Json:
    """The document as plain data."""
    asked = [(one.asked, "serialization") for one in OPERATIONS]
    answered = [(one.answer, "validation") for one in OPERATIONS]
    problem = (wire.Problem, "validation")
    names, schemas = models_json_schema(
        [*asked, *answered, problem],  # type: ignore[list-item]
        ref_template="#/components/schemas/{model}",
    )
    components = {name: _plain(schema) for name, schema in sorted(schemas["$defs"].items())}
    components["Problem"]["properties"]["code"] = {"type": "string", "enum": list(CODES)}
    paths: Json = {f"/v1/{one.name}": {"post": _operation(one, names)} for one in OPERATIONS}
    paths["/v1/attachments/{sha256}"] = {"put": _upload()}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Ledgerbridge HTTP target", "version": "1", "description": _ABOUT},
        "servers": [{"url": "https://erp.example.com/pleo", "description": "The address a customer enters"}],
        "security": [{"standardWebhooks": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "standardWebhooks": {
                    "type": "apiKey", "in": "header", "name": "webhook-signature",
                    "description": "`v1,` and the base64 of the HMAC; several with blanks between them.",
                }
            },
            "parameters": _PARAMETERS,
            "responses": _responses(),
            "schemas": components,
        },
    }  # fmt: skip


def _operation(one: Operation, names: Any) -> Json:
    needs = f"\n\nOnly called where `{one.capability}` is claimed." if one.capability else ""
    codes = ", ".join(f"`{code}`" for code in (*ALWAYS, *one.codes))
    headers = [*_SIGNATURE, "Idempotency-Key"] if one.writes else _SIGNATURE
    return {
        "operationId": one.name,
        "summary": one.summary,
        "description": f"{one.about}{needs}\n\nCodes: {codes}.",
        "parameters": [{"$ref": f"#/components/parameters/{name}"} for name in headers],
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {
                        "allOf": [names[(one.asked, "serialization")]],
                        "properties": {"operation": {"const": one.name}},
                    },
                    "example": {"operation": one.name, **ASKED[one.name]},
                }
            },
        },
        "responses": {
            "200": {
                "description": "Done, or the answer." if one.writes else "The answer.",
                "content": {
                    "application/json": {
                        "schema": names[(one.answer, "validation")],
                        "example": ANSWERS[one.name],
                    }
                },
            },
            **_refusals([*ALWAYS, *one.codes]),
        },
    }


def _upload() -> Json:
    about = (
        "The bytes of a receipt, sent before the document that names them and signed like every body; the `webhook-id` "
        "is `attachment-` and the hash. The hash in the address is that of the bytes: check it. A file may come again "
        "and then is the same. One that no document named within a day may be thrown away. Where `Content-Length` is "
        "too large, answer `attachment_too_large` at once and read on for a moment, or the answer is lost."
    )
    parameters: list[Json] = [{"$ref": f"#/components/parameters/{name}"} for name in _SIGNATURE]
    sha256 = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
    return {
        "operationId": "attachment",
        "summary": "Bring a file under its hash",
        "description": f"{about}\n\nOnly called where `attachments` is claimed.",
        "parameters": [{"name": "sha256", "in": "path", "required": True, "schema": sha256}, *parameters],
        "requestBody": {"required": True, "content": {"*/*": {"schema": {"type": "string", "format": "binary"}}}},
        "responses": {"201": {"description": "Kept. 200 and 204 mean the same."}, **_refusals(list(UPLOAD_CODES))},
    }


def _refusals(codes: list[str]) -> Json:
    """Refusals of a whole request by status."""
    statuses = sorted({CODES[code].status for code in codes})
    return {str(status): {"$ref": f"#/components/responses/Refused{status}"} for status in statuses}


def _responses() -> Json:
    """One for each status, with all codes that it may bear."""
    by_status: dict[int, list[str]] = {}
    for code in CODES:
        by_status.setdefault(CODES[code].status, []).append(code)
    return {
        f"Refused{status}": {
            "description": "\n".join(f"- `{code}`: {CODES[code].meaning}" for code in found),
            "content": _problem_content(found),
            **({"headers": {"Retry-After": {"schema": {"type": "integer"}}}} if status in (429, 503) else {}),
        }
        for status, found in sorted(by_status.items())
    }


def _problem_content(codes: list[str]) -> Json:
    examples = {code: {"value": refused(code, CODES[code].members)} for code in codes}
    return {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}, "examples": examples}}


def _plain(schema: Any) -> Any:
    """Without the titles that only repeat the names of members."""
    if isinstance(schema, dict):
        return {
            name: _plain(value)
            for name, value in schema.items()
            if not (name == "title" and isinstance(value, str) and "properties" not in schema)
        }
    return [_plain(one) for one in schema] if isinstance(schema, list) else schema


_SIGNATURE = ["webhook-id", "webhook-timestamp", "webhook-signature"]


def _header(name: str, about: str, **schema: object) -> Json:
    return {"name": name, "in": "header", "required": True, "description": about, "schema": schema}


_PARAMETERS = {
    "webhook-id": _header("webhook-id", "Names a request; the same on every try of it.", type="string"),
    "webhook-timestamp": _header("webhook-timestamp", "When this try was sent, in Unix seconds.", type="integer"),
    "webhook-signature": _header("webhook-signature", "See the scheme.", type="string"),
    "Idempotency-Key": _header(
        "Idempotency-Key",
        "Made of the operation and the keys it is about: the same whenever that is wanted again. It names what is "
        "wanted, not an answer: look into the books, and never repeat a refusal because of it.",
        type="string",
    ),
}


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: object) -> bool:
        return True

    def represent_str(self, data: str) -> yaml.ScalarNode:
        return self.represent_scalar("tag:yaml.org,2002:str", data, style="|" if "\n" in data else None)


_Dumper.add_representer(str, _Dumper.represent_str)


def text() -> str:
    """The document as it stands in the file."""
    head = "# Made by `python -m tools.http_target` of the models in src/ledgerbridge/erp/http_target.\n"
    return head + yaml.dump(document(), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=118)


def main() -> int:
    assert set(PROBLEM_MEMBERS) >= {name for code in CODES.values() for name in code.members}  # noqa: S101
    if "--check" in sys.argv:
        if PATH.read_text() != text():
            print(f"{PATH.name} is not up to date: run python -m tools.http_target")
            return 1
        return 0
    PATH.write_text(text())
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
