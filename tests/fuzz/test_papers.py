"""Whatever a receipt holds, it becomes a document of all its pages, or one of the reasons why not."""

from __future__ import annotations

import io
from pathlib import Path
from tempfile import TemporaryDirectory

import pypdf
from hypothesis import given
from hypothesis import strategies as st

from ledgerbridge.outgoing.papers.faults import Unusable
from ledgerbridge.outgoing.papers.joining import join
from ledgerbridge.outgoing.papers.order import Given
from tests.fuzz.trying import Count, tries
from tests.support.hostile_files import circle_of_tables, endless_pages, jpeg, page_bomb, pdf, png

WHOLE = (
    pdf(2, inside={"a.xml": b"<a/>"}), pdf(password=""), jpeg(30, 20, progressive=True), png(20, 10, "RGBA"),
    png(9, 9, "P", 3), page_bomb(2, 3), endless_pages(), circle_of_tables(),
)  # fmt: skip
"""What is changed."""
PIECES = (
    *(b"", b"\0", b"\xff", b" ", b"0", b"9" * 20, b"-1", b"<<", b">>", b"[", b"]", b"R", b"obj", b"endobj", b"stream"),
    *(b"/Kids", b"/Length", b"/Filter /FlateDecode", b"/Prev", b"(", b")", b"%%EOF", b"\xff\xd8", b"IDAT"),
)


@st.composite
def changed(draw: st.DrawFn) -> bytes:
    """A file in which some places are something else."""
    content = draw(st.sampled_from(WHOLE))
    for _ in range(draw(st.integers(0, 6))):
        start = draw(st.integers(0, len(content)))
        length = draw(st.integers(0, 12))
        content = content[:start] + draw(st.sampled_from(PIECES) | st.binary(max_size=8)) + content[start + length :]
    return content[: draw(st.none() | st.integers(0, len(content)))]


@tries(20)
@given(contents=st.lists(changed(), min_size=1, max_size=3))
def test_any_receipts_become_one_document_or_a_reason(contents: list[bytes], tried: Count) -> None:
    tried()
    made, begun = io.BytesIO(), list[int]()
    with TemporaryDirectory() as folder:
        files, opened = [], []
        for at, content in enumerate(contents):
            path = Path(folder) / str(at)
            path.write_bytes(content)
            opened.append(path.open("rb"))
            files.append(Given(str(at), opened[-1].fileno(), len(content)))
        try:
            join(files, made, begun.append)
        except Unusable:
            assert begun[-1] in range(1, len(contents) + 1)
            return
        finally:
            for file in opened:
                file.close()
    assert begun == [*range(1, len(contents) + 1), 0]
    assert len(pypdf.PdfReader(io.BytesIO(made.getvalue())).pages) >= len(contents)
