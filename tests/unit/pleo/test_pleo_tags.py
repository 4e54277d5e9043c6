"""Tag groups and tags: read whole or not at all, archived and never deleted."""

from __future__ import annotations

import httpx
import pytest

from ledgerbridge.pleo import errors
from ledgerbridge.pleo.tags import Tag, TagGroup, TagsApi
from tests.unit.pleo.masters import COMPANY, GROUP, OTHER_COMPANY, check, group, page, said, tag, uid

READ_GROUP = TagGroup.model_validate(group(metadata={"erp": "17"}, totalTagsCount=3))
READ_TAG = Tag.model_validate(tag(code="hr"))


@pytest.mark.rule("TAG-008", "TAG-051", "TAG-118")
async def test_active_and_archived_groups_of_one_company_come_in_one_call(stage) -> None:
    answer = said([group(1, totalTagsCount=2), group(2, archived=True, metadata={"erp": "4"})])
    found = await TagsApi(stage.answers(answer).client).groups(COMPANY)
    assert [(one.code, one.archived) for one in found] == [("DIM-1", False), ("DIM-2", True)]
    (request,) = stage.requests
    assert request.url.params.multi_items() == [("company_id", COMPANY), ("include_archived", "true")]
    check(stage.requests, [answer])


@pytest.mark.rule("TAG-148")
@pytest.mark.parametrize(
    "body",
    [
        {},
        {"data": None},
        {"data": {}},
        {"data": [group(1), {"id": uid(2)}]},
        {"data": [group(1), group(2, id=None)]},
        {"data": [group(1), group(2, id="")]},
        {"data": [group(1), group(2, archived=None)]},
        {"data": [group(1), None]},
    ],
)
async def test_one_group_that_cannot_be_read_fails_the_whole_list(stage, body) -> None:
    with pytest.raises(errors.UnreadableAnswer):
        await TagsApi(stage.answers(httpx.Response(200, json=body)).client).groups(COMPANY)


@pytest.mark.rule("TAG-007", "ACC-011")
async def test_a_group_of_another_company_fails_the_whole_list(stage) -> None:
    stage.answers(said([group(1), group(2, companyId=OTHER_COMPANY)]))
    with pytest.raises(errors.UnreadableAnswer, match="another company"):
        await TagsApi(stage.client).groups(COMPANY)


async def test_the_company_of_a_group_is_known_in_any_spelling(stage) -> None:
    assert await TagsApi(stage.answers(said([group(companyId=COMPANY.upper())])).client).groups(COMPANY)


@pytest.mark.rule("TAG-054", "TAG-102")
@pytest.mark.parametrize("status", [200, 201, 202])
async def test_a_group_is_created_active_with_code_and_name_on_any_2xx(stage, status) -> None:
    made = await TagsApi(stage.answers(said(group(), status)).client).create_group(COMPANY, "CC", "Cost centre")
    assert made.id == uid(1)
    assert stage.bodies == [{"archived": False, "code": "CC", "name": "Cost centre"}]
    assert stage.requests[0].url.params.multi_items() == [("company_id", COMPANY)]


@pytest.mark.rule("TAG-057", "TAG-102", "TAG-045")
@pytest.mark.parametrize("archived", [True, False])
async def test_a_group_update_says_all_four_members_as_they_were_read(stage, archived) -> None:
    await TagsApi(stage.answers(said(group())).client).update_group(READ_GROUP, archived=archived)
    assert stage.bodies == [
        {"archived": archived, "code": "DIM-1", "metadata": {"erp": "17"}, "name": "Dimension 1"},
    ]
    assert (stage.requests[0].method, stage.requests[0].url.path) == ("PUT", f"/v0/tag-groups/{uid(1)}")


@pytest.mark.rule("TAG-057")
async def test_a_group_that_came_without_metadata_is_updated_with_empty_metadata(stage) -> None:
    bare = TagGroup.model_validate({**group(), "metadata": None})
    await TagsApi(stage.answers(said(group())).client).update_group(bare, archived=False, name="New")
    assert stage.bodies == [{"archived": False, "code": "DIM-1", "metadata": {}, "name": "New"}]


@pytest.mark.rule("TAG-072", "TAG-113", "TAG-114")
async def test_every_tag_comes_from_every_page(stage) -> None:
    answers = [page(tag(1), tag(2, archived=True), after="A1"), page(after="A2"), page(tag(3, name=None))]
    found = await TagsApi(stage.answers(*answers).client).tags(GROUP)
    assert [(one.code, one.name, one.archived) for one in found] == [
        ("T-1", "Value 1", False),
        ("T-2", "Value 2", True),
        ("T-3", None, False),
    ]
    common = [("include_archived", "true"), ("limit", "100")]
    asked = [request.url.params.multi_items() for request in stage.requests]
    assert asked == [common, [*common, ("after", "A1")], [*common, ("after", "A2")]]


async def test_a_tag_seen_twice_while_paging_counts_once_as_read_last(stage) -> None:
    stage.answers(page(tag(1), after="A"), page(tag(1, name="Renamed")))
    assert [one.name for one in await TagsApi(stage.client).tags(GROUP)] == ["Renamed"]


@pytest.mark.rule("TAG-148")
@pytest.mark.parametrize("broken", [{"id": None}, {"code": None}, {"archived": None}, {"groupId": uid(99)}])
async def test_one_tag_that_cannot_be_read_fails_the_whole_list(stage, broken) -> None:
    stage.answers(page(tag(1), after="A"), page(tag(2), tag(3, **broken)))
    with pytest.raises(errors.UnreadableAnswer):
        await TagsApi(stage.client).tags(GROUP)


@pytest.mark.rule("TAG-148")
async def test_a_list_that_breaks_off_after_the_first_page_is_no_list(stage) -> None:
    stage.answers(page(tag(1), after="A"), httpx.Response(403))
    with pytest.raises(errors.Forbidden):
        await TagsApi(stage.client).tags(GROUP)


@pytest.mark.rule("TAG-076", "TAG-084", "TAG-100", "TAG-101", "TAG-115")
async def test_a_tag_is_created_active_uncut_and_without_columns(stage) -> None:
    long = "Ærø " * 400
    answer = said(tag(), 201)
    await TagsApi(stage.answers(answer).client).create_tag(GROUP, "hr ", long)
    assert stage.bodies == [{"archived": False, "code": "hr ", "name": long}]
    assert stage.requests[0].headers["content-type"] == "application/json;charset=UTF-8"
    check(stage.requests, [answer])


@pytest.mark.rule("TAG-112", "TAG-140", "TAG-145", "TAG-150")
@pytest.mark.parametrize(
    ("status", "error"),
    [(400, errors.BadRequest), (403, errors.Forbidden), (404, errors.NotFound), (409, errors.Conflict)],
)
@pytest.mark.parametrize("body", [b"", b"<html>", b'{"type": 7}'])
async def test_the_status_alone_decides_what_a_refusal_means(stage, status, error, body) -> None:
    stage.answers(httpx.Response(status, content=body))
    with pytest.raises(error):
        await TagsApi(stage.client).create_tag(GROUP, "HR", "Human resources")
    assert len(stage.requests) == 1


async def test_a_lost_reply_to_a_creation_is_an_unknown_outcome(stage) -> None:
    with pytest.raises(errors.OutcomeUnknown):
        await TagsApi(stage.answers(httpx.Response(503)).client).create_tag(GROUP, "HR", "Human resources")


@pytest.mark.rule("TAG-045", "TAG-083", "TAG-084", "TAG-102")
async def test_a_tag_update_says_the_stored_code_and_always_a_name(stage) -> None:
    answer = said(tag())
    await TagsApi(stage.answers(answer).client).update_tag(READ_TAG, name="Human resources", archived=False)
    assert stage.bodies == [{"archived": False, "code": "hr", "name": "Human resources"}]
    check(stage.requests, [answer])


@pytest.mark.rule("TAG-141", "TAG-143")
@pytest.mark.parametrize(("status", "error"), [(404, errors.NotFound), (409, errors.Conflict)])
async def test_a_refused_update_is_typed_and_not_repeated(stage, status, error) -> None:
    with pytest.raises(error):
        await TagsApi(stage.answers(httpx.Response(status)).client).update_tag(READ_TAG, name="x", archived=True)
    assert len(stage.requests) == 1


@pytest.mark.rule("TAG-085", "TAG-086")
@pytest.mark.parametrize("archived", [True, False])
async def test_a_hundred_tags_of_several_groups_share_one_archive_call(stage, archived) -> None:
    ids = [uid(number) for number in range(1, 101)]
    answer = said([tag(n, archived=archived, groupId=uid(900 + n % 3)) for n in range(1, 101)])
    done = await TagsApi(stage.answers(answer).client).archive_tags(COMPANY, ids, archived=archived)
    assert stage.bodies == [{"archived": archived, "companyId": COMPANY, "tagIds": ids}]
    assert ([one.id for one in done.tags], done.unconfirmed) == (ids, ())
    check(stage.requests, [answer])


@pytest.mark.rule("TAG-085")
@pytest.mark.parametrize("ids", [[], [uid(1), uid(1)], [uid(n) for n in range(101)]], ids=["none", "twice", "101"])
async def test_an_archive_call_of_the_wrong_size_is_never_sent(stage, ids) -> None:
    with pytest.raises(ValueError, match="TAG-085"):
        await TagsApi(stage.client).archive_tags(COMPANY, ids, archived=True)
    assert stage.requests == []


@pytest.mark.parametrize(
    ("answer", "unconfirmed"),
    [
        (said([tag(1, archived=True)]), (uid(2),)),
        (said([tag(1, archived=True), tag(2, archived=False)]), (uid(2),)),
        (said([tag(1, archived=True), {"id": uid(2)}]), (uid(2),)),
        (said(None), (uid(1), uid(2))),
        (httpx.Response(204), (uid(1), uid(2))),
        (httpx.Response(200, content=b"<html>"), (uid(1), uid(2))),
    ],
    ids=["left-out", "still-active", "unreadable", "no-list", "no-body", "no-json"],
)
async def test_only_what_the_answer_shows_archived_counts_as_archived(stage, answer, unconfirmed) -> None:
    done = await TagsApi(stage.answers(answer).client).archive_tags(COMPANY, [uid(1), uid(2)], archived=True)
    assert done.unconfirmed == unconfirmed


@pytest.mark.rule("TAG-146")
async def test_archiving_says_a_final_state_and_is_repeated_after_a_lost_reply(stage) -> None:
    stage.answers(httpx.ReadTimeout("gone"), httpx.Response(502), said([tag(1, archived=True)]))
    done = await TagsApi(stage.client).archive_tags(COMPANY, [uid(1)], archived=True)
    assert done.unconfirmed == ()
    assert len({request.content for request in stage.requests}) == 1


@pytest.mark.rule("TAG-011", "TAG-058", "TAG-059", "TAG-082")
async def test_no_call_deletes_or_touches_a_column_whatever_is_done(stage) -> None:
    api = TagsApi(stage.client)
    stage.answers(said([group()]), said(group()), said(group()), page(tag()), said(tag(), 201), said(tag()), said([]))
    await api.groups(COMPANY)
    await api.create_group(COMPANY, "CC", "Cost centre")
    await api.update_group(READ_GROUP, archived=True)
    await api.tags(GROUP)
    await api.create_tag(GROUP, "HR", "Human resources")
    await api.update_tag(READ_TAG, name="HR", archived=True)
    await api.archive_tags(COMPANY, [uid(1)], archived=True)
    assert {name for name in vars(TagsApi) if not name.startswith("_")} == {
        "groups",
        "create_group",
        "update_group",
        "tags",
        "create_tag",
        "update_tag",
        "archive_tags",
    }
    assert all(request.method != "DELETE" and "dimensions" not in request.url.path for request in stage.requests)
    assert all("openapi.pleo.io" not in request.url.host for request in stage.requests)


@pytest.mark.parametrize("blank", ["", "  "])
async def test_a_blank_code_or_name_is_never_sent(stage, blank) -> None:
    api = TagsApi(stage.client)
    for wrong in (api.create_tag(GROUP, blank, "x"), api.create_tag(GROUP, "x", blank)):
        with pytest.raises(ValueError, match="needs a"):
            await wrong
    with pytest.raises(ValueError, match="name"):
        await api.update_tag(READ_TAG, name=blank, archived=False)
    with pytest.raises(ValueError, match="code"):
        await api.create_group(COMPANY, blank, "x")
