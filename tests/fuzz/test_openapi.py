"""schemathesis over the OpenAPI document that the app itself serves: every operation, as four sorts of callers.

Whatever is sent, the answer is one the document promises, none is a server error, none takes for ever, and a request
that was refused has changed nothing.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import given
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.transport import Response
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from ledgerbridge.web import application
from tests.fuzz.served import TOKEN, Served
from tests.fuzz.trying import SECONDS, Count, tries


def _document() -> dict[str, Any]:
    """The document as served, but for who may ask: the callers are ours to choose."""
    document: dict[str, Any] = json.loads(json.dumps(application.build(None, secure=False).openapi()))
    for methods in document["paths"].values():
        for operation in methods.values():
            operation.pop("security", None)
    return document


OPERATIONS: dict[str, APIOperation[Any, Any, Any, Any, Any]] = {
    found.ok().label: found.ok() for found in schemathesis.openapi.from_dict(_document()).get_all_operations()
}
CALLERS = ("nobody", "stranger", "browser", "admin")
"""Without any token; with a token that is nobody's; signed in as a customer; an administrator."""
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
]
_SPARED = {"DELETE /admin/api/connections/{connection_id}"}
"""Operations that would end the one company there is: tried on ids that lead nowhere."""
_MAY_BE_AWAY = {"GET /readyz"}
"""Whose 503 is an answer: no worker runs here."""
_KEPT = {"POST /admin/api/connections/{connection_id}/vendors/{pleo_id}/resolve": "sync_runs"}
"""What stays of a refusal on purpose: a decision on a vendor is a run, and a run that failed is told of."""


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("label", OPERATIONS)
def test_every_answer_is_one_the_document_promises(label: str, caller: str, site: Served, tried: Count) -> None:
    operation = OPERATIONS[label]
    for mode in _modes(operation, caller):

        @tries(2 if caller == "admin" else 1)
        @given(case=operation.as_strategy(generation_mode=mode), known=st.booleans())
        def send(case: Case, known: bool) -> None:
            tried()
            led = known and label not in _SPARED and _lead_somewhere(case, site)
            before = site.fingerprint()
            answer = _sent(site, case, caller)
            excluded = [not_a_server_error] if label in _MAY_BE_AWAY else []
            case.validate_response(
                answer, CHECKS, excluded_checks=[*excluded, *([negative_data_rejection] if led else [])]
            )
            if answer.status_code >= 400:
                changed = {table for table, text in site.fingerprint().items() if text != before[table]}
                assert changed <= {_KEPT.get(label)}, f"refused with {answer.status_code}, yet written to"
            if label.partition(" ")[2].startswith("/admin/") and caller != "admin":
                assert answer.status_code == 401

        send()


def _modes(operation: APIOperation[Any, Any, Any, Any, Any], caller: str) -> list[GenerationMode]:
    takes_something = bool(list(operation.iter_parameters()) or operation.body)
    negative = takes_something and caller == "admin"
    return [GenerationMode.POSITIVE, *([GenerationMode.NEGATIVE] if negative else [])]


def _lead_somewhere(case: Case, site: Served) -> bool:
    """Put ids that exist in place of made-up ones; whether there was any to replace."""
    led = False
    for part in (case.path_parameters, case.query):
        for name in part or {}:
            if values := site.known.get(name):
                part[name] = values[len(repr(part[name])) % len(values)]
                led = True
    return led


def _sent(site: Served, case: Case, caller: str) -> Response:
    headers = {
        "stranger": {"Authorization": "Bearer nobody-knows-this-token"},
        "admin": {"Authorization": f"Bearer {TOKEN}"},
    }.get(caller)
    cookies = dict(site.browser.cookies) if caller == "browser" else None
    with requests.Session() as session:
        session.trust_env = False
        return case.call(site.url, session, headers, cookies=cookies, timeout=SECONDS, allow_redirects=False)
