"""Tags in the sandbox: what is refused, what is listed, and what the switches change."""

from __future__ import annotations

from typing import Any

import pytest

from pleo_sandbox.config import DEMO_COMPANY_ID, ORGANISATION_ID, SECOND_COMPANY_ID
from tests.contract.desk import Desk

COMPANY = {"company_id": DEMO_COMPANY_ID}
NOBODY = "b4c4d068-ebbe-45b7-b562-2f16f0deb8b9"


async def _codes(desk: Desk, group: dict[str, Any], **params: str) -> list[str]:
    answer = await desk.pleo.get(f"/v0/tag-groups/{group['id']}/tags", params=params)
    return [tag["code"] for tag in answer.json()["data"]]


async def _search(desk: Desk, **body: Any) -> list[str]:
    answer = await desk.pleo.post("/v0/tags:search", params=COMPANY, json=body)
    return [tag["code"] for tag in answer.json()["data"]]


async def test_archived_tags_and_groups_are_listed_when_asked_for(connected: Desk):
    group = await connected.group("CC")
    await connected.tag(group, "A")
    gone = await connected.tag(group, "B", archived=True)
    await connected.group("OLD", archived=True)
    assert await _codes(connected, group) == ["A"]
    assert await _codes(connected, group, include_archived="true") == ["A", "B"]
    await connected.choose(tags_listed_default="all")
    assert await _codes(connected, group) == ["A", "B"]
    groups = (await connected.pleo.get("/v0/tag-groups", params={**COMPANY, "include_archived": "false"})).json()[
        "data"
    ]
    assert [(one["code"], "totalTagsCount" in one) for one in groups] == [("CC", False)]
    asked = {**COMPANY, "include_archived": "true", "include_tags_count": "true"}
    counted = (await connected.pleo.get("/v0/tag-groups", params=asked)).json()["data"]
    assert [(one["code"], one["totalTagsCount"]) for one in counted] == [("CC", 2), ("OLD", 0)]
    named = (
        await connected.pleo.get("/v0/aggregations/tag-groups", params={**COMPANY, "tag_group_ids": NOBODY})
    ).json()
    assert named["data"] == []
    assert gone["archived"] is True


async def test_search_filters_add_up(connected: Desk):
    cc, prj = await connected.group("CC"), await connected.group("PRJ")
    first = await connected.tag(cc, "A", name="Sales")
    await connected.tag(cc, "B", name="Presales", archived=True)
    await connected.tag(prj, "C", name="House")
    assert await _search(connected) == ["A", "C"]
    assert await _search(connected, includeArchived=True) == ["A", "B", "C"]
    assert await _search(connected, archived=True, includeArchived=False) == ["B"]
    assert await _search(connected, archived=False, includeArchived=True) == ["A", "C"]
    assert await _search(connected, textSearch="SALES", includeArchived=True) == ["A", "B"]
    assert await _search(connected, tagGroupIds=[prj["id"]]) == ["C"]
    assert await _search(connected, tagIds=[first["id"]], tagGroupIds=[prj["id"]]) == []
    old = {**COMPANY, "text_search": "sales", "include_archived": "true", "tag_group_id": cc["id"]}
    assert [tag["code"] for tag in (await connected.pleo.get("/v0/tags", params=old)).json()["data"]] == ["A", "B"]
    whole = (await connected.pleo.post("/v0/aggregations/tags", params=COMPANY, json={})).json()["data"]
    assert [(tag["companyId"], tag["group"]["code"]) for tag in whole] == [
        (DEMO_COMPANY_ID, "CC"),
        (DEMO_COMPANY_ID, "PRJ"),
    ]


async def test_a_code_is_taken_within_its_group_whatever_its_case_even_when_archived(connected: Desk):
    cc, prj = await connected.group("CC"), await connected.group("PRJ")
    await connected.tag(cc, "Dept", archived=True)
    await connected.tag(prj, "dept")
    body = {"code": "DEPT", "archived": False}

    async def status() -> int:
        return (await connected.pleo.post(f"/v0/tag-groups/{cc['id']}/tags", json=body)).status_code

    assert await status() == 409
    await connected.choose(tag_code_archived="free")
    assert await status() == 201
    assert await status() == 409
    await connected.choose(tag_code_case="exact")
    body["code"] = "dEPT"
    assert await status() == 201
    await connected.choose(tag_code_scope="company")
    body["code"] = "dept"
    assert await status() == 409


async def test_a_put_meets_409_only_for_a_code_that_changes(connected: Desk):
    (group,) = await connected.put(
        "tag-groups", groups=[{"code": "CC", "tags": [{"code": "A", "name": "one"}, {"code": "A", "name": "two"}]}]
    )
    keep = group["tags"][0]
    renamed = await connected.pleo.put(f"/v0/tags/{keep['id']}", json={"code": "a", "name": "x", "archived": False})
    assert (renamed.status_code, renamed.json()["data"]["name"]) == (200, "x")
    await connected.choose(tag_put_conflict="always")
    again = await connected.pleo.put(f"/v0/tags/{keep['id']}", json={"code": "a", "name": "x", "archived": False})
    assert again.status_code == 409


async def test_a_name_left_out_of_a_put_is_cleared_unless_switched(connected: Desk):
    tag = await connected.tag(await connected.group(), "A")
    path, body = f"/v0/tags/{tag['id']}", {"code": "A", "archived": True}
    await connected.choose(put_omitted="kept")
    assert (await connected.pleo.put(path, json=body)).json()["data"]["name"] == "Value A"
    await connected.choose(put_omitted="cleared")
    assert "name" not in (await connected.pleo.put(path, json=body)).json()["data"]


async def test_a_full_group_refuses_active_tags(connected: Desk):
    group = await connected.group()
    await connected.choose(active_tags_per_group=1)
    first = await connected.tag(group, "A")
    body = {"code": "B", "archived": False}
    assert (await connected.pleo.post(f"/v0/tag-groups/{group['id']}/tags", json=body)).status_code == 400
    await connected.tag(group, "C", archived=True)
    bulk = {"companyId": DEMO_COMPANY_ID, "archived": True, "tagIds": [first["id"]]}
    await connected.pleo.post("/v0/tags/archive", json=bulk)
    assert (await connected.pleo.post(f"/v0/tag-groups/{group['id']}/tags", json=body)).status_code == 201


async def test_bulk_calls_take_one_to_a_hundred_tags_and_all_of_them_must_be_there(connected: Desk):
    (group,) = await connected.put("tag-groups", groups=[{"code": "CC", "generate": 101}])
    other = await connected.tag(await connected.group("PRJ"), "P")
    ids = [tag["id"] for tag in group["tags"]]

    async def archive(tag_ids: list[str], company_id: str = DEMO_COMPANY_ID) -> Any:
        body = {"companyId": company_id, "archived": True, "tagIds": tag_ids}
        return await connected.raw.post("/v0/tags/archive", json=body)

    for refused in ([], ids, ["x"]):
        assert (await archive(refused)).status_code == 400
    assert (await archive(ids[:100], SECOND_COMPANY_ID)).status_code == 404
    assert (await archive([ids[0], NOBODY])).status_code == 404
    assert await _search(connected, archived=True) == []
    assert len((await archive(ids[:100])).json()["data"]) == 100
    await connected.choose(bulk_archive="partial", bulk_archive_groups="one")
    assert [tag["id"] for tag in (await archive([ids[100], NOBODY])).json()["data"]] == [ids[100]]
    assert (await archive([ids[0], other["id"]])).status_code == 400


async def test_a_group_put_replaces_all_four_members(connected: Desk):
    group = await connected.group(metadata={"erp": "7"})
    tag = await connected.tag(group, "A")
    path = f"/v0/tag-groups/{group['id']}"
    full = {"archived": True, "code": "CC2", "name": "Renamed", "metadata": {}}
    for name in full:
        short = {key: value for key, value in full.items() if key != name}
        assert (await connected.raw.put(path, json=short)).status_code == 400
    changed = (await connected.pleo.put(path, json=full)).json()["data"]
    assert {name: changed[name] for name in full} == full
    assert (await connected.pleo.get(f"/v0/tags/{tag['id']}")).json()["data"]["archived"] is False
    await connected.pleo.put(path, json={**full, "archived": False})
    await connected.choose(group_archives_tags=True)
    await connected.pleo.put(path, json=full)
    assert (await connected.pleo.get(f"/v0/tags/{tag['id']}")).json()["data"]["archived"] is True


async def test_groups_may_repeat_and_be_many_unless_switched(connected: Desk):
    for _ in range(2):
        await connected.group("CC")
    await connected.choose(group_code_unique=True, active_groups=2)
    body = {"code": "cc", "name": "", "archived": True}
    refused = await connected.pleo.post("/v0/tag-groups", params=COMPANY, json=body)
    assert refused.status_code == 400
    full = await connected.pleo.post("/v0/tag-groups", params=COMPANY, json={**body, "code": "N", "archived": False})
    assert full.status_code == 400
    await connected.choose(created_status=201)
    made = await connected.pleo.post("/v0/tag-groups", params=COMPANY, json={**body, "code": "N"})
    assert made.status_code == 201


async def test_usage_counts_expenses(connected: Desk):
    (group,) = await connected.put("tag-groups", groups=[{"code": "CC", "tags": [{"code": "CC01"}, {"code": "CC02"}]}])
    await connected.queue("card_purchase", "refund")
    usages = (await connected.pleo.get(f"/v0/tag-groups/{group['id']}/usage")).json()["data"]["usages"]
    assert [usage["count"] for usage in usages] == [2, 0]


async def test_extra_columns_take_values_in_order(connected: Desk):
    group = await connected.group()
    at = f"/v0/tag-groups/{group['id']}/dimensions"
    for code in ("owner", "site"):
        await connected.pleo.post(at, json={"code": code, "name": code, "visible": True})
    tag = await connected.tag(group, "A", otherDimensionValues=["Ada"])
    path = f"/v0/tags/{tag['id']}"

    async def values() -> list[str]:
        return [value["value"] for value in (await connected.pleo.get(f"{path}/dimensions")).json()["data"]]

    assert await values() == ["Ada", ""]
    body = {"code": "A", "archived": False, "otherDimensionValues": ["Bo", "Aarhus", "surplus"]}
    await connected.pleo.put(path, json=body)
    assert await values() == ["Bo", "Aarhus"]
    await connected.pleo.put(path, json={"code": "A", "archived": False})
    assert await values() == ["Bo", "Aarhus"]
    (whole,) = (await connected.pleo.post("/v0/aggregations/tags", params=COMPANY, json={})).json()["data"]
    assert [(c["code"], c["displayOrder"], c["value"]) for c in whole["dimensions"]] == [
        ("owner", 1, "Bo"),
        ("site", 2, "Aarhus"),
    ]


@pytest.mark.parametrize(
    "body",
    [
        {"code": "A"},
        {"archived": False},
        {"code": "", "archived": False},
        {"code": 1, "archived": False},
        {"code": "A", "archived": "no"},
        {"code": "A", "archived": False, "name": None},
        {"code": "A", "archived": False, "otherDimensionValues": [1]},
        [],
    ],
)
async def test_a_bad_tag_is_refused(connected: Desk, body: object):
    group = await connected.group()
    assert (await connected.raw.post(f"/v0/tag-groups/{group['id']}/tags", json=body)).status_code == 400


async def test_a_group_call_must_say_whose(desk: Desk):
    await desk.connect(f"urn:pleo:organisation:{ORGANISATION_ID}")
    for params, status in (
        ({}, 400),
        ({"organization_id": ORGANISATION_ID}, 200),
        ({"organization_id": NOBODY}, 403),
        ({"organization_id": "x"}, 400),
        ({**COMPANY, "organization_id": NOBODY}, 200),
        ({"company_id": NOBODY}, 404),
        ({**COMPANY, "include_archived": "yes"}, 400),
    ):
        assert (await desk.raw.get("/v0/tag-groups", params=params)).status_code == status, params
    body = {"code": "CC", "name": "x", "archived": False}
    assert (await desk.raw.post("/v0/tag-groups", json=body)).status_code == 400
    await desk.connect()
    assert (await desk.raw.get("/v0/tag-groups", params={"organization_id": ORGANISATION_ID})).status_code == 403
    assert (await desk.raw.get("/v0/tag-groups")).status_code == 400


async def test_companies_do_not_see_each_others_tags(connected: Desk):
    group = await connected.group()
    tag = await connected.tag(group, "A")
    await connected.connect(SECOND_COMPANY_ID)
    for path in (f"/v0/tag-groups/{group['id']}", f"/v0/tag-groups/{group['id']}/tags", f"/v0/tags/{tag['id']}"):
        assert (await connected.pleo.get(path)).status_code == 404


async def test_a_member_nobody_publishes_is_remarked(connected: Desk):
    await connected.raw.post("/v0/tags:search", params=COMPANY, json={"hidden": True})
    assert await connected.remarks() == ["unknown_body_member"]
