"""Groups and tags that are archived only when a person allows it, and then no others."""

from __future__ import annotations

import pytest

from tests.integration.syncs.stage import Stage, counts, values


@pytest.mark.rule("TAG-061", "TAG-055")
async def test_groups_nobody_here_ever_selected_are_archived_only_when_a_person_allows_it(two: Stage) -> None:
    two.put("tag-groups", groups=[{"code": "HAND", "name": "By hand"}])

    row = await two.run("tags")

    assert (row.status, row.to_archive, counts(row)) == ("needs_confirmation", 1, {"created": 9})
    assert "By hand" in row.problems[0]["text"]

    row = await two.run("tags", "confirmed", archive_allowed=1, allowed_by="admin:eva")
    assert (row.status, row.archived, row.allowed_by) == ("succeeded", 1, "admin:eva")
    assert (await two.run("tags")).status == "succeeded"


@pytest.mark.rule("TAG-149")
async def test_a_pair_that_comes_back_empty_waits_for_a_person_while_the_other_goes_on(two: Stage) -> None:
    await two.run("tags")
    two.master.values["d-CC"] = []
    two.master.values["d-PRJ"] = values("P1", "P2", "P9")

    row = await two.run("tags")

    assert (row.status, row.to_archive) == ("needs_confirmation", 4)
    assert counts(row) == {"created": 1, "archived": 1, "unchanged": 4}
    assert (await two.run("tags", archive_allowed=3)).to_archive == 4
    assert counts(await two.run("tags", archive_allowed=4)) == {"archived": 4, "unchanged": 5}


async def test_a_word_on_tags_archives_no_group_that_turns_up_meanwhile(two: Stage) -> None:
    await two.run("tags")
    two.master.values["d-CC"] = []
    asked = await two.run("tags")
    two.put("tag-groups", groups=[{"code": "HAND", "name": "By hand"}])

    row = await two.run("tags", "confirmed", archive_allowed=asked.to_archive, asked_in=asked.id)

    assert not any(group["archived"] for group in two.pleo("tag_groups"))
    assert (row.status, row.to_archive, row.archived) == ("needs_confirmation", 1, 4)


@pytest.mark.rule("TAG-149")
async def test_an_unusual_number_of_archives_waits_and_the_rest_is_done(two: Stage) -> None:
    two.master.values["d-CC"] = values(*(f"X{n:02}" for n in range(40)))
    await two.run("tags")
    two.master.values["d-CC"] = values(*(f"X{n:02}" for n in range(29)), "NEW")

    row = await two.run("tags")

    assert (row.to_archive, row.created, row.archived) == (11, 1, 0)
