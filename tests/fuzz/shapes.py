"""Answers as a broken or hostile other side might write them: samples that went wrong, bytes that are hardly JSON."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

ODD_TEXTS = (
    "",
    " ",
    "\0",
    "\ud800",
    "\u202e\u200b",
    "[PLEO:x]",
    "<script>alert(1)</script>",
    "{{ 7 * 7 }} %s ${x}",
    "🧾" * 300,
    "x" * 5000,
    "NaN",
    "-0",
    "1e400",
    "٣",
    "null",
    "../../etc/passwd",
    "a\r\nSet-Cookie: x=y",
    "0000-00-00",
    "2025-02-30T25:61:61Z",
    "9999-12-31T23:59:59.999999999-23:59",
    "0001-01-01T00:00:00+23:59",
    "2025-06-01",
    "00000000-0000-0000-0000-000000000000",
    "https://[::1/",
    "file:///etc/passwd",
)
ODD_NUMBERS = (0, -1, 1, 2**31, 2**53 + 1, 2**63, -(2**63) - 1, 10**300, 10**4299, 0.1, -0.0, 1e308, 5e-324, 1.5)
ODD: tuple[Any, ...] = (None, True, False, *ODD_NUMBERS, *ODD_TEXTS, [], {}, [None], [[]], {"": None}, {"id": None})


def nested(depth: int) -> Any:
    """Lists in lists."""
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
ANYTHING = st.sampled_from(ODD) | st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3), max_leaves=8
)


@st.composite
def gone_wrong(draw: st.DrawFn, *samples: Any) -> Any:
    """One of the samples after up to four mishaps: members lost, replaced, doubled, added, swapped; or anything."""
    sample = copy.deepcopy(draw(st.sampled_from(samples)))
    if draw(st.integers(0, 19)) == 0:
        return copy.deepcopy(draw(ANYTHING))
    holder = [sample]
    for _ in range(draw(st.integers(0, 4))):
        places = list(_places(holder))
        container, key = draw(st.sampled_from(places))
        match draw(st.sampled_from(("drop", "odd", "odd", "odd", "anything", "double", "swap", "wrap"))):
            case "drop" if container is not holder:
                del container[key]
            case "odd":
                container[key] = copy.deepcopy(draw(st.sampled_from(ODD)))
            case "anything":
                container[key] = copy.deepcopy(draw(ANYTHING))
            case "double" if isinstance(container, list) and container is not holder:
                container.append(copy.deepcopy(container[key]))
            case "swap":
                other, name = draw(st.sampled_from(places))
                container[key] = copy.deepcopy(other[name])
            case _:
                container[key] = [container[key]]
    return holder[0]


def _places(value: Any) -> Any:
    """Every member of every object and list inside."""
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in list(members):
        yield value, key
        yield from _places(inner)


def written(value: Any) -> bytes:
    """JSON as most write it, lone surrogates and huge numbers included."""
    return json.dumps(value).encode()


_SPOILERS: tuple[Callable[[bytes], bytes], ...] = (
    lambda text: text,
    lambda text: text[: len(text) // 2],
    lambda text: b"\xef\xbb\xbf" + text,
    lambda text: text.decode().encode("utf-16"),
    lambda text: text.replace(b'"id"', b'"id": 1, "id"'),
    lambda text: text.replace(b"0", b"NaN", 1),
    lambda text: text.replace(b"1", b"Infinity", 1),
    lambda text: text.replace(b"1", b"1" * 5000, 1),
    lambda text: text.replace(b"1", b"1e999999", 1),
    lambda text: text.replace(b"a", b"\xff", 1),
    lambda text: b"[" * 100_000,
    lambda text: b'{"data":' * 5_000 + b"1" + b"}" * 5_000,
    lambda text: b"",
    lambda text: b"<html><p>no</p></html>",
)


@st.composite
def sent(draw: st.DrawFn, *samples: Any) -> bytes:
    """A sample gone wrong, as bytes, which in one of four cases are spoilt once more on the way."""
    text = written(draw(gone_wrong(*samples)))
    if draw(st.integers(0, 3)):
        return text
    return draw(st.sampled_from(_SPOILERS))(text)
