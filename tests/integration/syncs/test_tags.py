"""Tags: whoever changes a cost centre in the ERP sees it in Pleo, without a duplicate and with nothing vanishing."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from math import ceil

import pytest

from ledgerbridge.bookkeeping.master_data import MasterValue
from ledgerbridge.connections import configuration
from tests.integration.syncs.stage import Stage, counts, dimension, values
from tests.support.erp_double import down


@pytest.mark.rule(
    "TAG-002", "TAG-004", "TAG-050", "TAG-051", "TAG-070", "TAG-072", "TAG-100", "TAG-101", "TAG-102", "TAG-126"
)
async def test_the_first_run_brings_groups_and_then_their_tags(two: Stage) -> None:
    row = await two.run("tags")

    assert (row.status, counts(row)) == ("succeeded", {"created": 9})
    assert two.tags("CC")["CC1"] == ("Value CC1", False)
    assert {group["name"] for group in two.pleo("tag_groups")} == {"Dimension CC", "Dimension PRJ"}
    made = [call.split("/")[2] for call in two.writes()]
    assert made == ["tag-groups"] * 9
    assert [call.count("/") for call in two.writes()] == [2, 2] + [4] * 7
    assert row.calls == len(two.calls()) == 1 + 2 + 2 + 7
    assert not {"create_vendor", "book"} & two.rig.books.calls.keys()


@pytest.mark.rule("TAG-005", "TAG-073", "TAG-118")
async def test_a_second_run_with_nothing_changed_writes_nothing_and_reads_once(two: Stage) -> None:
    await two.run("tags")

    row = await two.run("tags")

    assert (row.status, counts(row), two.writes()) == ("succeeded", {"unchanged": 9}, [])
    assert len(two.calls()) == len(set(two.calls())) == 3


async def test_one_per_cent_changed_sends_exactly_that_many(two: Stage) -> None:
    many = [f"X{n:03}" for n in range(200)]
    two.master.values["d-CC"] = values(*many)
    await two.run("tags")

    first, second, *rest = two.master.values["d-CC"]
    two.master.values["d-CC"] = [replace(first, name="New"), replace(second, active=False), *rest]
    row = await two.run("tags")

    assert counts(row) == {"updated": 1, "archived": 1, "unchanged": 203}
    assert len(two.writes()) == 2


@pytest.mark.rule("TAG-085", "TAG-086", "TAG-089", "TAG-117")
@pytest.mark.parametrize("archived", [101, 230], ids=["over-one-call", "over-two-calls"])
async def test_the_calls_of_a_run_are_the_formula(two: Stage, archived: int) -> None:
    """1 + P + W + C + R + ceil(A/100) per direction, with (un)archives of several groups in one call."""
    await two.went_through_before("tags")
    stay = [f"S{n:04}" for n in range(1200)]
    go = [f"G{n:04}" for n in range(archived)]
    back = [f"B{n:04}" for n in range(60)]
    two.put("tag-groups", groups=[
        {"code": "CC", "name": "Dimension CC", "tags": [
            *({"code": c, "name": f"Value {c}"} for c in stay + go[::2]),
            *({"code": c, "name": f"Value {c}", "archived": True} for c in back[::2]),
        ]},
        {"code": "PRJ", "name": "Dimension PRJ", "archived": True, "tags": [
            *({"code": c, "name": f"Value {c}"} for c in stay + go[1::2]),
            *({"code": c, "name": f"Value {c}", "archived": True} for c in back[1::2]),
        ]},
        {"code": "OLD", "name": "Old"},
    ])  # fmt: skip
    await two.rig.configure(dimensions=["CC", "OLD"])
    await two.rig.configure()
    renamed = [MasterValue("r", stay[0], "Renamed", active=True)]
    two.master.values = {
        "d-CC": [*values(*stay[1:], *back[::2], "N1", "N2"), *renamed],
        "d-PRJ": values(*stay, *back[1::2], "N1"),
    }

    row = await two.run("tags")

    pages = ceil((1200 + len(go[::2]) + 30) / 100) + ceil((1200 + len(go[1::2]) + 30) / 100)
    groups, creates, renames = 2, 3, 1
    expected = 1 + pages + groups + creates + renames + ceil(archived / 100) + ceil(60 / 100)
    assert len(two.calls()) == expected == row.calls
    assert counts(row) == {
        "created": 3, "updated": 1, "unarchived": 61, "archived": archived + 1, "unchanged": 1199 + 1200 + 1,
    }  # fmt: skip
    bulk = [json.loads(body) for body in two.bodies("POST", "/v0/tags/archive")]
    assert all(1 <= len(one["tagIds"]) <= 100 for one in bulk)
    order = [call for call in two.writes() if "/v0/tag-groups/" not in call or call.startswith("POST")]
    assert len(order) > 4
    assert "POST /v0/tags/archive" not in order[-4:]


@pytest.mark.rule("TAG-045", "TAG-057", "TAG-083", "TAG-084", "TAG-011", "TAG-008")
async def test_what_is_sent_carries_every_member_and_the_code_as_pleo_has_it(two: Stage) -> None:
    two.put("tag-groups", groups=[
        {"code": "cc", "name": "Koststed", "archived": True, "metadata": {"theirs": "1"},
         "tags": [{"code": "cc1", "name": "Other"}]},
    ])  # fmt: skip

    await two.run("tags")

    group, tag = (json.loads(body) for body in two.bodies("PUT"))
    assert group == {"archived": False, "code": "cc", "metadata": {"theirs": "1"}, "name": "Dimension CC"}
    assert tag == {"archived": False, "code": "cc1", "name": "Value CC1"}
    assert not any("dimensions" in call or "DELETE" in call for call in two.calls())
    assert not any("organization_id" in str(call["query"]) for call in two.rig.pleo.requests("/v0"))


@pytest.mark.rule("TAG-035", "TAG-030")
async def test_a_dimension_that_ends_is_deselected_and_its_group_archived(two: Stage) -> None:
    await two.run("tags")
    two.master.dimensions = [dimension("CC"), dimension("PRJ", active=False)]

    row = await two.run("tags")

    assert counts(row) == {"archived": 1, "unchanged": 5}
    now = await configuration.current(two.syncs.connections, two.connection_id)
    assert now is not None
    assert (now.version, now.created_by, now.body.dimensions) == (2, "system", ["CC"])
    assert {g["code"]: g["archived"] for g in two.pleo("tag_groups")} == {"CC": False, "PRJ": True}
    assert all(not archived for _, archived in two.tags("PRJ").values())
    assert counts(await two.run("tags")) == {"unchanged": 5}


@pytest.mark.rule("TAG-035")
async def test_a_configuration_edited_meanwhile_keeps_the_edit(two: Stage) -> None:
    await two.run("tags")
    two.master.dimensions = [dimension("CC"), dimension("PRJ", active=False)]

    async def edit() -> None:
        await two.rig.configure(dimensions=["PRJ", "CC"], journal="NEW")

    two.rig.books.meanwhile["dimensions"] = edit
    await two.run("tags")

    now = await configuration.current(two.syncs.connections, two.connection_id)
    assert now is not None
    assert (now.version, now.body.journal, now.body.dimensions) == (3, "NEW", ["CC"])


@pytest.mark.rule("TAG-033", "TAG-034", "TAG-058", "TAG-082")
async def test_a_deselected_dimension_loses_its_group_and_comes_back_whole(two: Stage) -> None:
    await two.run("tags")
    await two.rig.configure(dimensions=["CC"])

    assert counts(await two.run("tags")) == {"archived": 1, "unchanged": 5}
    assert len(two.tags("PRJ")) == 3

    await two.rig.configure()
    assert counts(await two.run("tags")) == {"unarchived": 1, "unchanged": 8}


@pytest.mark.rule("TAG-124", "TAG-127", "TAG-125")
async def test_one_dimension_alone_leaves_every_other_group_as_it_is(two: Stage) -> None:
    await two.run("tags")
    await two.rig.configure(dimensions=["CC"])
    two.master.values["d-CC"] = values("CC1", "CC2", "CC3", "CC9")

    row = await two.run("tags", only="cc")

    assert (counts(row), row.only) == ({"created": 1, "archived": 1, "unchanged": 4}, "cc")
    assert not any(group["archived"] for group in two.pleo("tag_groups"))

    refused = await two.run("tags", only="PRJ")
    assert (refused.status, refused.failure) == ("failed", "not_ready")


@pytest.mark.rule("TAG-148")
async def test_an_erp_without_dimensions_changes_nothing(two: Stage) -> None:
    await two.run("tags")
    two.master.dimensions = []

    row = await two.run("tags")

    assert (row.status, row.failure, two.writes()) == ("failed", "erp_empty", [])
    now = await configuration.current(two.syncs.connections, two.connection_id)
    assert now is not None
    assert now.body.dimensions == ["CC", "PRJ"]


@pytest.mark.rule("TAG-148", "TAG-151")
async def test_a_pair_that_cannot_be_read_archives_nothing_and_the_other_goes_on(two: Stage) -> None:
    await two.run("tags")
    two.master.values = {"d-CC": values("CC1"), "d-PRJ": values("P1", "P2")}
    two.rig.books.before["dimension_values"] = [down()]

    row = await two.run("tags")

    assert (row.status, counts(row)) == ("with_failures", {"archived": 1, "unchanged": 4, "failed": 1})
    assert not any(archived for _, archived in two.tags("CC").values())


@pytest.mark.rule("TAG-148", "TAG-151")
async def test_pages_of_pleo_that_break_off_archive_nothing(two: Stage) -> None:
    await two.run("tags")
    group = next(group for group in two.pleo("tag_groups") if group["code"] == "CC")
    two.master.values = {"d-CC": values("CC1"), "d-PRJ": values("P1", "P2")}
    two.fault("truncate", "GET", f"/v0/tag-groups/{group['id']}/tags", times=None)

    row = await two.run("tags")

    assert counts(row) == {"archived": 1, "unchanged": 4, "failed": 1}
    assert row.problems[0]["record"] == "dimension CC"


def after_reading_cc(stage: Stage, act: Callable[[], object]) -> None:
    """Something happens at Pleo once the tags of CC were read and before anything is written."""
    (group,) = (one["id"] for one in stage.pleo("tag_groups") if one["code"] == "CC")
    stage.after(f"/v0/tag-groups/{group}/tags", 1, act)


@pytest.mark.rule("TAG-140")
async def test_a_code_taken_meanwhile_is_read_again_and_brought_in_step(two: Stage) -> None:
    await two.run("tags")
    two.master.values["d-CC"] += values("CC5", "CC6", "CC7")
    by_hand = [
        {"code": "cc5", "name": "Value CC5", "archived": True},
        {"code": "CC6", "name": "Other"},
        {"code": "CC7", "name": "Value CC7"},
    ]
    after_reading_cc(two, lambda: two.put("tag-groups", groups=[{"code": "CC", "name": "x", "tags": by_hand}]))

    row = await two.run("tags")

    assert (row.status, counts(row)) == ("succeeded", {"created": 1, "unarchived": 1, "updated": 1, "unchanged": 9})
    tags = two.tags("CC")
    assert {code: tags[code] for code in ("cc5", "CC6", "CC7")} == {
        "cc5": ("Value CC5", False), "CC6": ("Value CC6", False), "CC7": ("Value CC7", False),
    }  # fmt: skip
    assert (await two.run("tags")).status == "succeeded"
    assert two.writes() == []


@pytest.mark.rule("TAG-140")
async def test_a_code_that_pleo_says_is_taken_but_does_not_show_is_told_and_not_repeated(two: Stage) -> None:
    two.choose(tag_code_scope="company")
    two.master.values = {"d-CC": values("ONE"), "d-PRJ": values("ONE", "TWO")}

    row = await two.run("tags")

    assert (row.status, row.created, row.failed) == ("with_failures", 4, 1)
    assert row.problems[0]["code"] == "code_taken"
    assert len(two.writes()) == 5


@pytest.mark.rule("TAG-112", "TAG-142")
async def test_a_full_group_is_told_once_and_the_other_group_goes_on(two: Stage) -> None:
    two.master.values["d-CC"] = values(*(f"X{n:02}" for n in range(30)))
    two.choose(active_tags_per_group=10)

    row = await two.run("tags")

    assert (row.status, row.failed, row.created) == ("with_failures", 20, 2 + 10 + 3)
    (told,) = row.problems
    assert "20 values" in told["text"]
    refused = [one for one in two.rig.pleo.requests("/v0") if one["status"] == 400]
    assert len(refused) <= two.syncs.writers


@pytest.mark.rule("TAG-141")
async def test_a_clash_of_codes_is_told_and_the_tag_left(two: Stage) -> None:
    await two.run("tags")
    two.master.values["d-CC"][0] = replace(two.master.values["d-CC"][0], name="New")
    two.fault("status", "PUT", "/v0/tags/*", status=409)

    row = await two.run("tags")

    assert (counts(row)["failed"], row.problems[0]["code"], len(two.writes())) == (1, "code_clash", 1)
    assert two.tags("CC")["CC1"] == ("Value CC1", False)


@pytest.mark.rule("TAG-143")
async def test_a_tag_that_has_gone_is_created_anew(two: Stage) -> None:
    await two.run("tags")
    two.master.values["d-CC"][0] = replace(two.master.values["d-CC"][0], name="New")
    after_reading_cc(two, lambda: two.delete_tag("CC", "CC1"))

    row = await two.run("tags")

    assert [call.split(" ")[0] for call in two.writes() if "DELETE" not in call] == ["PUT", "POST"]
    assert (row.status, two.tags("CC")["CC1"]) == ("succeeded", ("New", False))


@pytest.mark.rule("TAG-090", "TAG-077")
async def test_duplicates_are_archived_in_bulk_and_meet_no_conflict(two: Stage) -> None:
    await two.went_through_before("tags")
    two.put("tag-groups", groups=[{"code": "CC", "name": "x", "tags": [
        {"code": "CC1", "name": "Value CC1"}, {"code": "cc1", "name": "Older"},
    ]}])  # fmt: skip
    two.choose(tag_put_conflict="always")

    row = await two.run("tags")

    assert (row.status, row.archived) == ("succeeded", 1)
    assert two.tags("CC")["cc1"][1]
    assert not two.bodies("PUT")


async def test_a_lost_answer_to_a_create_makes_no_second_tag(two: Stage) -> None:
    two.fault("drop", "POST", "/v0/tag-groups/*/tags", times=3)

    row = await two.run("tags")

    assert (row.status, counts(row)) == ("succeeded", {"created": 9})
    assert len(two.tags("CC")) == 4


async def test_a_lost_answer_to_a_new_group_makes_no_second_group(two: Stage) -> None:
    two.fault("drop", "POST", "/v0/tag-groups", times=1)

    row = await two.run("tags")

    assert (row.status, len(two.pleo("tag_groups"))) == ("succeeded", 2)


@pytest.mark.rule("TAG-085")
async def test_one_tag_that_pleo_refuses_does_not_keep_the_others_from_being_archived(two: Stage) -> None:
    await two.run("tags")
    two.master.values = {"d-CC": values("CC1", "CC2"), "d-PRJ": values("P1")}
    two.choose(bulk_archive_groups="one")

    row = await two.run("tags")

    assert (row.status, row.archived) == ("succeeded", 4)


@pytest.mark.rule("TAG-005")
async def test_a_preview_counts_what_the_run_then_does_and_writes_nothing(two: Stage) -> None:
    two.put("tag-groups", groups=[{"code": "PRJ", "name": "x", "archived": True, "tags": [
        {"code": "P1", "name": "Other"}, {"code": "P2", "name": "Value P2", "archived": True}, {"code": "P9"},
    ]}])  # fmt: skip

    foreseen = await two.foreseen("tags")

    assert two.writes() == []
    assert foreseen == counts(await two.run("tags"))


@pytest.mark.rule("TAG-023", "TAG-031")
async def test_while_nobody_has_chosen_dimensions_no_group_is_touched(two: Stage) -> None:
    two.put("tag-groups", groups=[{"code": "CC", "name": "Theirs"}, {"code": "HAND", "name": "By hand"}])
    await two.rig.configure(dimensions=None)

    row = await two.run("tags")

    assert (row.status, two.writes()) == ("succeeded", [])


@pytest.mark.rule("TAG-060")
async def test_a_dimension_swapped_for_another_never_makes_a_sixth_active_group(two: Stage) -> None:
    two.choose(active_groups=5)
    codes = [f"D{n}" for n in range(1, 7)]
    two.master.dimensions = [dimension(code) for code in codes]
    two.master.values = {f"d-{code}": [] for code in codes}
    await two.rig.configure(dimensions=codes[:5])
    await two.run("tags")
    await two.rig.configure(dimensions=codes[1:])

    row = await two.run("tags")

    assert (row.status, counts(row)) == ("succeeded", {"created": 1, "archived": 1, "unchanged": 4})
