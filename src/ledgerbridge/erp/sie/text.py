"""Text as SIE 4 has it: the letters of code page 437, no control characters, fields in quotation marks.

What the code page lacks is written as people would without it, so that nothing is lost but accents and ornaments.
"""

from __future__ import annotations

import codecs
import unicodedata
from functools import lru_cache

from ledgerbridge.outgoing.texts import composed

CODE_PAGE = "cp437"

_INSTEAD = {
    "€": "EUR", "–": "-", "—": "-", "‐": "-", "‑": "-", "−": "-", "‘": "'", "’": "'", "‚": "'", "“": '"', "”": '"',
    "„": '"', "‹": "'", "›": "'", "…": "...", "•": "·", "™": "(TM)", "®": "(R)", "©": "(C)", "×": "x",
    "Ø": "O", "ø": "o", "Œ": "OE", "œ": "oe", "Ł": "L", "ł": "l", "Đ": "D", "đ": "d", "Ð": "D", "ð": "d",
    "Þ": "Th", "þ": "th", "ẞ": "SS", "ı": "i", "Ħ": "H", "ħ": "h",
}  # fmt: skip
_SIMPLER = str.maketrans({'"': "'", "\\": "/", "{": "(", "}": ")"})
"""Signs that SIE could hold in a text, and that some readers stumble over."""


def plain(text: str) -> str:
    """The text in letters of the code page, on one line, without outer or doubled blanks."""
    if text.isascii() and text.isprintable():
        return " ".join(text.split())
    whole = composed(text)
    return " ".join("".join(map(_letter, whole)).split())


def line(text: str, longest: int) -> str:
    """What a person reads, at most that long, without signs that some readers stumble over."""
    written = " ".join(plain(text).translate(_SIMPLER).split())
    return written if len(written) <= longest else written[: longest - 3].rstrip() + "..."


def quoted(text: str) -> str:
    """A field in quotation marks. A backslash, which readers take in different ways, becomes a slash."""
    written = plain(text).replace("\\", "/")
    return '"' + written.replace('"', '\\"') + '"'


@lru_cache(maxsize=4_096)
def _letter(letter: str) -> str:
    if letter in _INSTEAD:
        return _INSTEAD[letter]
    category = unicodedata.category(letter)
    if category in ("Cc", "Zs", "Zl", "Zp"):
        return " "
    if category in ("Cf", "Cs", "Co", "Mn"):
        return ""
    if _has(letter):
        return letter
    bare = "".join(one for one in unicodedata.normalize("NFKD", letter) if unicodedata.category(one) != "Mn")
    made = "".join(one for one in bare if _INSTEAD.get(one) or (_has(one) and one.isprintable()))
    return "".join(_INSTEAD.get(one, one) for one in made) or "?"


def _has(letter: str) -> bool:
    try:
        codecs.encode(letter, CODE_PAGE)
    except UnicodeEncodeError:
        return False
    return True
