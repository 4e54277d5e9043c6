"""The admin API's common manners: who may call, how it refuses, how it pages, what it never shows."""

from __future__ import annotations

import base64
import json
import uuid
from typing import Any

import httpx

from tests.integration.web.conftest import ERP_SETTINGS, TOKEN, Face
from tests.support.rig import CONFIGURATION

SOMEBODY = "0b6155b0-1408-4bb1-8c0a-195020c57e6f"
ROUTES = [
    ("GET", "/connections"),
    ("POST", "/connections"),
    ("GET", f"/connections/{SOMEBODY}"),
    ("DELETE", f"/connections/{SOMEBODY}"),
    ("PUT", f"/connections/{SOMEBODY}/api-key"),
    ("PUT", f"/connections/{SOMEBODY}/erp"),
    ("GET", f"/connections/{SOMEBODY}/config"),
    ("PUT", f"/connections/{SOMEBODY}/config"),
    ("GET", f"/connections/{SOMEBODY}/config/versions"),
    ("POST", f"/connections/{SOMEBODY}/activate"),
    ("POST", f"/connections/{SOMEBODY}/pause"),
    ("POST", f"/connections/{SOMEBODY}/resume"),
    ("POST", f"/connections/{SOMEBODY}/preview"),
    ("POST", f"/connections/{SOMEBODY}/exports"),
    ("POST", f"/connections/{SOMEBODY}/syncs/tags"),
    ("GET", f"/connections/{SOMEBODY}/warnings"),
    ("GET", f"/connections/{SOMEBODY}/vendors"),
    ("POST", f"/connections/{SOMEBODY}/vendors/v1/resolve"),
    ("GET", f"/connections/{SOMEBODY}/files"),
    ("GET", f"/connections/{SOMEBODY}/files/{SOMEBODY}"),
    ("GET", f"/connections/{SOMEBODY}/files/{SOMEBODY}/content"),
    ("GET", f"/connections/{SOMEBODY}/files/{SOMEBODY}/receipts"),
    ("POST", f"/connections/{SOMEBODY}/files/{SOMEBODY}/hand-over"),
    ("POST", f"/connections/{SOMEBODY}/files/{SOMEBODY}/fetched"),
    ("GET", "/sync-runs"),
    ("GET", f"/sync-runs/{SOMEBODY}"),
    ("POST", f"/sync-runs/{SOMEBODY}/confirm"),
    ("GET", "/export-jobs"),
    ("GET", f"/export-jobs/{SOMEBODY}"),
    ("GET", f"/export-jobs/{SOMEBODY}/items"),
    ("POST", f"/export-jobs/{SOMEBODY}/items/e1/resolve"),
    ("GET", "/webhook-deliveries"),
    ("POST", "/webhook-deliveries/replay"),
    ("GET", "/audit"),
    ("GET", "/invariants"),
]
BODIES: dict[str, Any] = {
    "/webhook-deliveries/replay": {"from": "2026-01-01T00:00:00Z", "to": "2026-01-02T00:00:00Z"},
    f"/connections/{SOMEBODY}/pause": {"reason": "We are looking into it."},
    f"/connections/{SOMEBODY}/preview": {"job_id": str(SOMEBODY)},
    "/connections": {"api_key": "pleo-key-1234567890"},
    f"/connections/{SOMEBODY}/api-key": {"api_key": "pleo-key-1234567890"},
    f"/connections/{SOMEBODY}/erp": {"kind": "double", "settings": ERP_SETTINGS},
    f"/connections/{SOMEBODY}/config": CONFIGURATION,
    f"/export-jobs/{SOMEBODY}/items/e1/resolve": {"action": "probe"},
    f"/connections/{SOMEBODY}/vendors/v1/resolve": {"action": "create"},
}


def is_problem(answer: httpx.Response, status: int) -> dict[str, Any]:
    """Assert an RFC 9457 document of this status; return it."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert body["status"] == status
    assert body["title"]
    assert body["detail"]
    assert body["request_id"] == answer.headers["x-request-id"]
    assert "Traceback" not in answer.text
    return body


def test_the_routes_listed_here_are_all_there_are(face: Face) -> None:
    app = face.admin._transport.app  # type: ignore[attr-defined]
    documented = {
        (method.upper(), path)
        for path, methods in app.openapi()["paths"].items()
        for method in methods
        if path.startswith("/admin")
    }
    tested = {
        (method, "/admin/api" + path.replace(f"connections/{SOMEBODY}", "connections/{connection_id}")
         .replace(f"export-jobs/{SOMEBODY}", "export-jobs/{job_id}").replace("/e1/", "/{entry_id}/")
         .replace("syncs/tags", "syncs/{kind}").replace(f"sync-runs/{SOMEBODY}", "sync-runs/{run_id}")
         .replace("/v1/", "/{pleo_id}/").replace(f"/files/{SOMEBODY}", "/files/{file_id}"))
        for method, path in ROUTES
    }  # fmt: skip
    assert documented == tested


async def test_no_route_answers_anybody_but_an_administrator(face: Face) -> None:
    wrong = [
        {},
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer wrong"},
        {"Authorization": f"Basic {base64.b64encode(TOKEN.encode()).decode()}"},
        {"Authorization": f"Bearer {TOKEN}x"},
        {"Authorization": "Bearer \u00e9".encode("latin-1")},
    ]
    for method, path in ROUTES:
        for headers in wrong:
            answer = await face.anybody.request(method, f"/admin/api{path}", headers=headers, content=b"{not json")
            is_problem(answer, 401)
            assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_an_unknown_connection_or_job_is_404(face: Face) -> None:
    for method, path in ROUTES:
        if SOMEBODY in path:
            is_problem(await face.admin.request(method, f"/admin/api{path}", json=BODIES.get(path)), 404)


async def test_a_list_of_an_unknown_connection_is_404_not_empty(face: Face) -> None:
    for path in ("/export-jobs", "/sync-runs", "/webhook-deliveries", "/audit"):
        is_problem(await face.admin.get(f"/admin/api{path}", params={"connection": SOMEBODY}), 404)


async def test_a_body_must_be_json_and_readable(face: Face) -> None:
    for method, path in ROUTES:
        if method not in ("POST", "PUT") or path not in BODIES:
            continue
        url = f"/admin/api{path}"
        is_problem(await face.admin.request(method, url, content=b"a=b", headers={"content-type": "text/plain"}), 415)
        json_type = {"content-type": "application/json"}
        is_problem(await face.admin.request(method, url, content=b"{", headers=json_type), 400)
        assert is_problem(await face.admin.request(method, url, json=["no", "object"]), 422)["errors"]


WRONG_PARAMETERS = [
    ("/connections?limit=0", "query.limit"),
    ("/connections?limit=201", "query.limit"),
    ("/connections?limit=many", "query.limit"),
    ("/connections/not-an-id", "path.connection_id"),
    ("/export-jobs?status=odd", "query.status"),
    ("/export-jobs?connection=5", "query.connection"),
    ("/webhook-deliveries?status=odd", "query.status"),
]


async def test_a_wrong_parameter_is_named(face: Face) -> None:
    for path, at in WRONG_PARAMETERS:
        found = is_problem(await face.admin.get(f"/admin/api{path}"), 422)
        assert [one["path"] for one in found["errors"]] == [at]


async def test_a_secret_sent_in_a_wrong_place_is_not_sent_back(face: Face) -> None:
    secret = "s3cret-value-1234567890"
    answers = [
        await face.admin.post("/admin/api/connections", json={"api_key": [secret]}),
        await face.admin.post("/admin/api/connections", json={"api_key": "x", "note": secret}),
        await face.admin.post("/admin/api/connections", json={"api_key": secret * 1000}),
        await face.admin.get("/admin/api/audit", params={"cursor": secret}),
        await face.admin.get(f"/admin/api/connections/{secret}"),
    ]
    for answer in answers:
        assert 400 <= answer.status_code < 500
        assert secret not in answer.text


async def test_characters_no_database_can_hold_are_refused(face: Face) -> None:
    found = await face.bound()
    url = f"/admin/api/connections/{found}/config"
    for body in (
        b'{"journal": "E\\u0000"}',
        b'{"journal\\u0000": 1}',
        b'{"\\ud800": 1}',
        b'{"journal": "\\ud800"}',
    ):
        answer = await face.admin.put(url, content=body, headers={"content-type": "application/json"})
        is_problem(answer, 422)
    is_problem(await face.admin.get("/admin/api/export-jobs/a%00b"), 422)
    settings = {**ERP_SETTINGS, "database": "a\0b"}
    answer = await face.admin.put(f"/admin/api/connections/{found}/erp", json={"kind": "double", "settings": settings})
    is_problem(answer, 422)


async def test_unknown_paths_and_methods_are_problems_too(face: Face) -> None:
    is_problem(await face.admin.get("/admin/api/nothing"), 404)
    is_problem(await face.anybody.get("/nothing"), 404)
    answer = await face.admin.delete("/admin/api/connections")
    is_problem(answer, 405)
    assert answer.headers["allow"]


async def test_a_huge_body_is_refused_while_it_arrives(face: Face) -> None:
    async def endless() -> Any:
        while True:
            yield b" " * 65536

    for headers in ({}, {"content-length": "10"}):
        answer = await face.admin.post(
            "/admin/api/connections", content=endless(), headers={"content-type": "application/json", **headers}
        )
        is_problem(answer, 413)


async def test_lists_page_through_everything_once_newest_first(face: Face) -> None:
    found = await face.bound()
    for number in range(5):
        changed = {**CONFIGURATION, "journal": "EXP", "dimensions": ["CC"][: number % 2]}
        assert (await face.admin.put(f"/admin/api/connections/{found}/config", json=changed)).status_code == 200
    for path in ("/audit", f"/connections/{found}/config/versions"):
        whole = (await face.admin.get(f"/admin/api{path}?limit=200")).json()
        assert whole["next_cursor"] is None
        seen: list[Any] = []
        cursor = None
        while True:
            params = {"limit": 2, **({"cursor": cursor} if cursor else {})}
            page = (await face.admin.get(f"/admin/api{path}", params=params)).json()
            assert 0 < len(page["data"]) <= 2
            seen += page["data"]
            cursor = page["next_cursor"]
            if cursor is None:
                break
        assert seen == whole["data"]
        assert len({json.dumps(one["id"]) for one in seen}) == len(seen) >= 5


async def test_a_cursor_that_we_did_not_make_for_this_list_is_400(face: Face) -> None:
    found = await face.bound()
    for _ in range(3):
        await face.admin.put(f"/admin/api/connections/{found}/config", json=CONFIGURATION)
    url = f"/admin/api/connections/{found}/config/versions"
    good = (await face.admin.get(f"{url}?limit=1")).json()["next_cursor"]
    assert (await face.admin.get(url, params={"cursor": good})).status_code == 200
    changed = good[:-2] + ("AA" if good[-2:] != "AA" else "BB")
    forged = base64.urlsafe_b64encode(b"\0" * 12 + b"[1]").decode().rstrip("=")
    for cursor in ("", "x", "%%%", "\u00e9", changed, forged, good + "A", "A" * 1000):
        is_problem(await face.admin.get(url, params={"cursor": cursor}), 400)
    is_problem(await face.admin.get("/admin/api/audit", params={"cursor": good}), 400)


async def test_the_document_describes_every_route_with_models_and_examples(face: Face) -> None:
    document = (await face.anybody.get("/openapi.json")).json()
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            assert operation.get("summary"), (method, path)
            if path.startswith("/admin"):
                assert operation["security"] == [{"admin": []}], (method, path)
                assert "401" in operation["responses"]
                good = next(code for code in operation["responses"] if code.startswith("2"))
                if good == "204":
                    continue
                (shown,) = operation["responses"][good]["content"].items()
                if shown[0] == "application/json":
                    assert "$ref" in shown[1]["schema"], (method, path)
                else:
                    assert shown[1]["schema"] == {"type": "string", "format": "binary"}, (method, path)
    bind = document["components"]["schemas"]["BindErp"]
    assert bind["example"]["kind"] == "tryton"
    page = await face.anybody.get("/docs")
    assert page.status_code == 200
    assert "/admin/api/connections/{connection_id}/activate" in page.text


async def test_our_request_id_is_taken_over_only_when_it_is_harmless(face: Face) -> None:
    kept = await face.anybody.get("/healthz", headers={"x-request-id": "trace-12345678"})
    assert kept.headers["x-request-id"] == "trace-12345678"
    for odd in ("short", "a b c d e f g h", "x" * 65, "<script>alert</script>"):
        made = await face.anybody.get("/healthz", headers={"x-request-id": odd})
        assert uuid.UUID(made.headers["x-request-id"])
