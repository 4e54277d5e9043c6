"""When a run must ask before it archives."""

from __future__ import annotations

import pytest

from ledgerbridge.syncs.guard import EmptyRead, believe, may_go, unusual


@pytest.mark.parametrize(("wanted", "active", "asks"), [
    pytest.param(0, 0, False, id="nothing"),
    pytest.param(10, 10, False, id="ten-of-ten"),
    pytest.param(11, 11, True, id="eleven-of-eleven"),
    pytest.param(11, 55, False, id="eleven-is-a-fifth"),
    pytest.param(11, 54, True, id="eleven-is-more-than-a-fifth"),
    pytest.param(100, 500, False, id="a-fifth-of-many"),
    pytest.param(101, 500, True, id="more-than-a-fifth-of-many"),
])  # fmt: skip
@pytest.mark.rule("ACC-091", "TAG-149", "VEN-053")
def test_more_than_ten_and_more_than_a_fifth_is_unusual(wanted: int, active: int, asks: bool) -> None:
    assert unusual(wanted, active) is asks


@pytest.mark.rule("ACC-091")
def test_what_is_held_back_goes_only_with_a_permission_for_as_many() -> None:
    assert may_go(0, None)
    assert not may_go(11, None)
    assert not may_go(11, 10)
    assert may_go(11, 11)


@pytest.mark.rule("ACC-090", "TAG-148")
def test_an_empty_list_is_not_believed_where_pleo_has_records() -> None:
    believe(0, 0, "accounts")
    believe(1, 500, "accounts")
    with pytest.raises(EmptyRead) as refused:
        believe(0, 1, "accounts")
    assert "shows no accounts" in refused.value.text
