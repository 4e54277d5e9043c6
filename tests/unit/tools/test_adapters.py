"""The table of adapters has two good answers and no gaps."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from ledgerbridge.erp.conformance.cases import Case, Results, as_json, cases, read
from tools import adapters

CLAIMS = {"vendors": True, "vendor_bills": True, "can_reverse": True, "batch": 50, "lists_entries": True}


def whole(**claims: object) -> Results:
    results = Results(claims=CLAIMS | claims)
    for suite, name in cases():
        results.cases.setdefault(suite, {})[name] = Case(passed=1)
    return results


def test_what_passed_or_is_not_capable_is_good() -> None:
    results = whole()
    results.cases["Files"]["test_one_file_hangs_on_the_entry_byte_by_byte"] = Case(not_capable=Counter(["attachments"]))
    assert adapters.bad({"acme": results}) == []
    assert "| Files | one file hangs on the entry byte by byte | not capable: attachments |" in adapters.page(
        {"acme": results}
    )


def test_a_suite_may_be_left_out_only_where_nothing_of_it_is_claimed() -> None:
    results = whole(vendors=False)
    del results.cases["Vendors"]
    assert adapters.bad({"acme": results}) == []
    results.claims["vendors"] = True
    assert {line.partition(".test")[0] for line in adapters.bad({"acme": results})} == {"acme: Vendors"}
    alone = whole(batch=1)
    del alone.cases["Batches"]
    assert adapters.bad({"acme": alone}) == []


def test_a_case_that_failed_or_never_ran_is_bad() -> None:
    results = whole()
    failed, missing = list(results.cases["Booking"])[:2]
    results.cases["Booking"][failed].failed = 1
    del results.cases["Booking"][missing]
    assert adapters.bad({"acme": results}) == [
        f"acme: Booking.{failed}: 1 failed; passed",
        f"acme: Booking.{missing}: not run",
    ]
    assert "2 FAILED" in adapters.page({"acme": results})


def test_results_are_read_as_they_were_written() -> None:
    results = whole(attachment_types=["application/pdf"])
    results.cases["Honesty"]["x"] = Case(capable=Counter(["drafts"]))
    assert read(as_json(results)) == results


def test_a_page_of_other_cases_is_out_of_date(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adapters, "PAGE", tmp_path / "adapters.md")
    assert adapters.stale()
    adapters.PAGE.write_text(adapters.page({kind: whole() for kind in adapters.kinds()}))
    assert adapters.main(["--check"]) == 0
    adapters.PAGE.write_text(adapters.page({kind: whole() for kind in [*adapters.kinds(), "acme"]}))
    assert adapters.main(["--check"]) == 1


def test_adapters_of_others_are_not_in_the_table() -> None:
    assert {"csv", "http", "sie", "tryton"} <= set(adapters.kinds())
    assert adapters.main(["acme"]) == 2
