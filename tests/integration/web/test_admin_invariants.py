"""What the checks found last, as an administrator sees it."""

from __future__ import annotations

from ledgerbridge.ops.invariants import ALL, check_all
from tests.integration.ops.planting import Garden, ago
from tests.integration.web.conftest import Face


async def test_every_invariant_is_shown_with_what_was_found_and_null_before_it_ran(face: Face) -> None:
    before = (await face.admin.get("/admin/api/invariants")).json()
    assert [one["id"] for one in before["data"]] == [one.name for one in ALL]
    assert {one["violations"] for one in before["data"]} == {None}
    assert before["next_cursor"] is None

    garden = Garden(face.services.db)
    owner = garden.company()
    garden.delivery(owner, received_at=ago(hours=1))
    await garden.planted()
    await check_all(face.services.db, deep=False)

    shown = {one["id"]: one for one in (await face.admin.get("/admin/api/invariants")).json()["data"]}
    broken = shown.pop("webhook-settled")
    assert broken["violations"] == 1
    assert str(owner) in broken["samples"][0]
    assert broken["since"] == broken["checked_at"]
    deep = {one.name for one in ALL if one.deep}
    assert {one["violations"] for name, one in shown.items() if name not in deep} == {0}
