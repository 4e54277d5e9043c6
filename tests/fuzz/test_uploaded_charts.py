"""Files that people upload as their chart of accounts: any bytes are a chart that can be kept, or a fault in words."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from ledgerbridge.erp.files.chart import FileChart
from ledgerbridge.erp.sie.items import SieFault
from ledgerbridge.erp.sie.reader import must_be_sie, read_chart
from tests.support import sie_company

LABELS = st.sampled_from(
    ["#FLAGGA", "#FNAMN", "#ORGNR", "#RAR", "#VALUTA", "#KONTO", "#KTYP", "#DIM", "#UNDERDIM", "#OBJEKT", "#VER", "{"]
)
FIELDS = st.one_of(
    st.from_regex(r"[0-9]{1,9}", fullmatch=True),
    st.sampled_from(["0", "-1", "1", "6", "1930", "20260101", "20261231", "T", "SEK", "556334-3689", '""', "{", "}"]),
    st.text(max_size=20).map(lambda text: f'"{text}"'),
    st.text(max_size=20),
)
LINES = st.tuples(LABELS, st.lists(FIELDS, max_size=4)).map(lambda line: " ".join([line[0], *line[1]]))


@given(st.lists(LINES, max_size=12), st.sampled_from(["cp437", "utf-8", "utf-16", "cp1252"]), st.booleans())
def test_any_lines_are_a_chart_that_can_be_kept_or_a_fault_in_words(made: list[str], code: str, whole: bool) -> None:
    beginning = sie_company.lines() if whole else ["#FLAGGA 0"]
    content = "\r\n".join([*beginning, *made]).encode(code, "replace")
    try:
        chart = read_chart(content)
    except SieFault as fault:
        told = str(fault)
    else:
        assert FileChart.of_json(json.loads(json.dumps(chart.as_json()))) == must_be_sie(chart)
        told = chart.summary
    assert told.endswith(".")
    assert "\0" not in told
