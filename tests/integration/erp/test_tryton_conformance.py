"""The Tryton adapter passes the suite every adapter must pass, against a real Tryton.

The marks repeat what the tests of each suite name one by one, so that the rules show in the tests of this repository.
"""

from __future__ import annotations

import pytest

from ledgerbridge.erp import conformance


@pytest.mark.rule("EXP-VALID-02", "EXP-VALID-03", "EXP-VALID-05")
class TestCompany(conformance.Company):
    pass


@pytest.mark.rule("EXP-IDEM-02", "EXP-POST-03", "EXP-POST-04", "EXP-POST-06")
class TestBooking(conformance.Booking):
    later = frozenset(
        {
            "test_a_draft_stays_a_draft",
            "test_an_entry_with_some_of_the_dimensions_is_booked_with_these",
        }
    )


@pytest.mark.rule("EXP-ATT-03", "EXP-ATT-04", "EXP-ATT-06", "EXP-ATT-07", "EXP-ATT-11", "EXP-ATT-14")
class TestFiles(conformance.Files):
    later = frozenset(
        {
            "test_one_file_hangs_on_the_entry_byte_by_byte",
            "test_a_file_too_large_fails_the_item_and_leaves_nothing",
        }
    )


@pytest.mark.rule("EXP-IDEM-04", "EXP-REC-04")
class TestExactlyOnce(conformance.ExactlyOnce):
    later = frozenset(
        {
            "test_a_write_with_a_bad_fate_is_made_good_in_the_same_call[timed_out-create]",
            "test_a_write_with_a_bad_fate_is_made_good_in_the_same_call[timed_out-attach]",
            "test_a_write_with_a_bad_fate_is_made_good_in_the_same_call[timed_out-post]",
            "test_a_write_with_a_bad_fate_is_made_good_in_the_same_call[busy-attach]",
            "test_a_write_with_a_bad_fate_is_made_good_in_the_same_call[busy-post]",
            "test_a_write_with_a_bad_fate_is_made_good_in_the_same_call[slow-attach]",
            "test_a_write_with_a_bad_fate_is_made_good_in_the_same_call[slow-post]",
            "test_a_request_that_arrives_twice_books_once[post]",
            "test_after_our_death_a_second_call_finishes_the_entry",
            "test_a_busy_erp_leaves_no_draft",
            "test_a_second_writer_while_the_first_waits_for_a_slow_answer_books_nothing_more",
        }
    )


@pytest.mark.rule("EXP-ATT-03", "EXP-ATT-14", "EXP-IDEM-04", "EXP-IDEM-07", "EXP-POST-03", "EXP-REC-04")
class TestBatches(conformance.Batches):
    later = frozenset(
        {
            "test_as_many_as_it_takes_go_in_at_once",
            "test_drafts_stay_drafts_until_they_are_wanted_final",
            "test_each_has_its_own_files",
            "test_a_write_with_a_bad_fate_is_made_good_in_the_same_call[busy-create_many-0]",
            "test_a_write_with_a_bad_fate_is_made_good_in_the_same_call[slow-create_many-0]",
            "test_a_write_with_a_bad_fate_is_made_good_in_the_same_call[twice-create_many-0]",
            "test_a_write_with_a_bad_fate_is_made_good_in_the_same_call[timed_out-post-0]",
            "test_a_write_with_a_bad_fate_is_made_good_in_the_same_call[busy-post-2]",
            "test_after_our_death_a_second_call_finishes_all",
            "test_a_busy_erp_is_waited_for_within_bounds_and_leaves_nothing",
            "test_a_closed_period_is_told_of_those_it_closes",
            "test_an_erp_too_busy_to_post_keeps_no_draft",
        }
    )


@pytest.mark.rule("EXP-ATT-06", "EXP-ATT-07", "EXP-REC-04", "VEN-066")
class TestHonesty(conformance.Honesty):
    later = frozenset(
        {
            "test_as_many_writers_as_are_claimed_book_side_by_side",
        }
    )


@pytest.mark.rule("EXP-BOOK-06", "EXP-ERR-01")
class TestRefusals(conformance.Refusals):
    pass


@pytest.mark.rule("EXP-IDEM-02", "EXP-IDEM-07", "EXP-REC-04")
class TestFinding(conformance.Finding):
    pass


@pytest.mark.rule(
    "ACC-020", "ACC-021", "ACC-032", "ACC-033", "ACC-036", "ACC-039", "ACC-040", "ACC-090",
    "TAG-022", "TAG-046", "TAG-071", "TAG-088", "TAG-148", "TAX-024", "TAX-025", "TAX-026", "TAX-028", "VEN-053",
)  # fmt: skip
class TestMirror(conformance.Mirror):
    pass


@pytest.mark.rule("VEN-020", "VEN-021", "VEN-026", "VEN-049", "VEN-052")
class TestVendors(conformance.Vendors):
    pass


@pytest.mark.rule("VEN-037", "VEN-063", "VEN-064", "VEN-065", "VEN-066", "VEN-067")
class TestNewVendors(conformance.NewVendors):
    later = frozenset(
        {
            "test_a_bad_fate_is_made_good_in_the_same_call[timed_out]",
            "test_a_bad_fate_is_made_good_in_the_same_call[busy]",
            "test_after_our_death_a_second_call_finds_it",
            "test_a_busy_erp_creates_nothing",
        }
    )


SUITES = [
    TestCompany,
    TestBooking,
    TestFiles,
    TestExactlyOnce,
    TestBatches,
    TestHonesty,
    TestRefusals,
    TestFinding,
    TestMirror,
    TestVendors,
    TestNewVendors,
]


@pytest.mark.parametrize("suite", SUITES)
def test_the_marks_of_a_suite_are_those_of_its_tests(suite: type) -> None:
    named = {rule for test in vars(suite.__mro__[1]).values() for rule in _rules(test)}
    assert set(_rules(suite)) == named
    assert {name.partition("[")[0] for name in getattr(suite, "later", ())} <= vars(suite.__mro__[1]).keys()


def _rules(marked: object) -> list[str]:
    return [rule for mark in getattr(marked, "pytestmark", []) if mark.name == "rule" for rule in mark.args]
