"""The document that partners build against is the one that the adapter speaks, example by example."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from ledgerbridge.erp.http_target.contract import ALWAYS, OPERATIONS, UPLOAD_CODES, Operation
from ledgerbridge.erp.http_target.problems import CODES
from tests.support.http_document import faults, published
from tools.http_target import PATH, text

NAMES = [one.name for one in OPERATIONS]


def example(name: str, part: str) -> Any:
    operation = published()["paths"][f"/v1/{name}"]["post"]
    place = operation["requestBody"] if part == "asked" else operation["responses"]["200"]
    return place["content"]["application/json"]


def test_the_document_in_docs_is_up_to_date() -> None:
    assert PATH.read_text() == text(), "run python -m tools.http_target"


@pytest.mark.parametrize("operation", OPERATIONS, ids=NAMES)
def test_an_example_is_what_the_schema_and_the_adapter_allow(operation: Operation) -> None:
    for part, model in (("asked", operation.asked), ("answered", operation.answer)):
        shown = example(operation.name, part)
        assert faults(shown["schema"], shown["example"]) == []
        assert model.model_validate(shown["example"])


@pytest.mark.parametrize("operation", OPERATIONS, ids=NAMES)
def test_what_the_adapter_would_send_for_the_example_is_what_the_document_shows(operation: Operation) -> None:
    shown = example(operation.name, "asked")
    sent = json.loads(operation.asked.model_validate(shown["example"]).model_dump_json())
    assert sent == shown["example"]


def test_a_member_that_is_missing_is_missed_by_document_and_adapter_alike() -> None:
    for operation in OPERATIONS:
        shown = example(operation.name, "answered")
        for name in shown["example"]:
            less = {member: value for member, value in shown["example"].items() if member != name}
            if faults(shown["schema"], less):
                with pytest.raises(ValidationError):
                    operation.answer.model_validate(less)
            else:
                operation.answer.model_validate(less)


def test_amounts_as_numbers_are_allowed_nowhere() -> None:
    shown = example("find", "answered")
    wrong = json.loads(json.dumps(shown["example"]).replace('"125.00"', "125.0"))
    assert faults(shown["schema"], wrong)
    (operation,) = [one for one in OPERATIONS if one.name == "find"]
    with pytest.raises(ValidationError, match=r"1234\.50"):
        operation.answer.model_validate(wrong)


def test_every_code_is_told_of_and_answered_somewhere() -> None:
    answered = {code for one in OPERATIONS for code in one.codes} | set(ALWAYS) | set(UPLOAD_CODES)
    assert answered == set(CODES)
    assert published()["components"]["schemas"]["Problem"]["properties"]["code"]["enum"] == list(CODES)
    for response in published()["components"]["responses"].values():
        content = response["content"]["application/problem+json"]
        for one in content["examples"].values():
            assert faults(content["schema"], one["value"]) == []


def test_what_changes_the_books_has_a_key_against_doing_it_twice() -> None:
    writing = {one.name for one in OPERATIONS if one.writes}
    keyed = {
        path.removeprefix("/v1/")
        for path, methods in published()["paths"].items()
        if {"$ref": "#/components/parameters/Idempotency-Key"} in methods.get("post", {}).get("parameters", [])
    }
    assert keyed == writing == {"book", "reverse", "create_vendor", "settle", "reopen"}
