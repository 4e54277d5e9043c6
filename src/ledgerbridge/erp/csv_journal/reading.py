"""Reading a template, with a sentence for whatever is wrong in it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from ledgerbridge.erp.csv_journal import pattern as patterns
from ledgerbridge.erp.csv_journal.template import (
    DATES,
    OF_DIMENSION,
    OF_HEAD,
    PLACEHOLDER,
    PLAIN_FIELDS,
    UNCUT,
    Column,
    Rows,
    Setting,
    Template,
    TemplateError,
)

MAX_BYTES = 64 * 1024
MAX_COLUMNS = 300
MAX_LINE = 1000
"""Characters of a line. The reader of TOML takes minutes for a key of thousands of parts."""
MAX_TEXT = 200
"""Characters of a heading or a fixed value, which stands in every row."""
MAX_ABOVE = 20
MAX_STEP = 1_000_000
_SETTING = re.compile(r"[a-z][a-z0-9_]{0,30}")


@lru_cache(maxsize=64)
def read(data: bytes) -> Template:
    """A template from the bytes of its file. Raises `TemplateError`.

    Remembered, because a company's is asked for whenever its books are opened.
    """
    if len(data) > MAX_BYTES:
        raise TemplateError(f"The template is larger than {MAX_BYTES // 1024} KiB.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise TemplateError("The template is not UTF-8 text.") from None
    lines = enumerate(text.split("\n"), 1)
    if (long := next((number for number, line in lines if len(line) > MAX_LINE), None)) is not None:
        raise TemplateError(f"Line {long} of the template is longer than {MAX_LINE} characters.")
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise TemplateError(f"The template is no TOML: {error}.") from None
    except (RecursionError, ValueError):
        raise TemplateError("The template is no TOML: something in it is nested too deep, or too large.") from None
    return _template(found)


def _template(found: Mapping[str, Any]) -> Template:
    _known("the template", found, {"name", "about", "file", "column", "setting"})
    file = _table(found, "file")
    _known("[file]", file, _FILE)
    settings = tuple(_setting(one) for one in _tables(found, "setting"))
    columns = tuple(_column(number, one) for number, one in enumerate(_tables(found, "column"), 1))
    if not columns:
        raise TemplateError("The template names no column: write at least one [[column]].")
    if len(columns) > MAX_COLUMNS:
        raise TemplateError(f"The template names more than {MAX_COLUMNS} columns.")
    template = Template(
        name=_text(found, "name", "the template"),
        about=_text(found, "about", "the template", ""),
        columns=columns,
        separator=_one_of(file, "separator", _SEPARATORS, ","),
        decimal=_one_of(file, "decimal", {".": ".", ",": ","}, "."),
        encoding=_encoding(file),
        line_end=_one_of(file, "line_end", {"crlf": "\r\n", "lf": "\n"}, "crlf"),
        date=_date(_text(file, "date", "[file]", "YYYY-MM-DD"), "[file] date"),
        quote_all=_flag(file, "quote_all", False),
        headings=_flag(file, "headings", True),
        above=tuple(_lines(file, "above")),
        rows=Rows(_one_of(file, "rows", {one.value: one.value for one in Rows}, Rows.LINE.value)),
        guard_formulas=_flag(file, "guard_formulas", True),
        zero=_text(file, "zero", "[file]", ""),
        accounts_by_name=_flag(file, "accounts_by_name", False),
        extension=_extension(file),
        prefix=_prefix(file),
        settings=settings,
    )
    _whole(template)
    return template


_FILE = {
    "separator", "decimal", "encoding", "line_end", "date", "quote_all", "headings", "above", "rows", "guard_formulas",
    "zero", "extension", "prefix", "accounts_by_name",
}  # fmt: skip
_SEPARATORS = {",": ",", ";": ";", "tab": "\t", "|": "|"}


def _whole(template: Template) -> None:
    """Whether a file of it can be booked: an account, an amount with its side, and no field that rows of it lack."""
    fields = {column.field for column in template.columns}
    pairs = template.rows is Rows.PAIR
    if "account" not in fields:
        raise TemplateError("No column has the field `account`.")
    if not pairs and (lost := fields & {"counter_account", "counter_account_name"}):
        raise TemplateError(f'The field `{min(str(one) for one in lost)}` needs `rows = "pair"` in [file].')
    if pairs and "counter_account" not in fields:
        raise TemplateError('With `rows = "pair"` a column must have the field `counter_account`.')
    if template.extension.lower() == "zip":
        raise TemplateError("[file] extension: the receipts beside the file are the ZIP; choose another one.")
    two = {"debit", "credit"} <= fields
    signed = bool(fields & {"amount", "amount_inverse"})
    marked = {"amount_absolute", "side"} <= fields or (pairs and "amount_absolute" in fields)
    if not (two or signed or marked):
        raise TemplateError(
            "No column tells debit from credit: use `debit` and `credit`, or `amount` (credit is negative), or "
            "`amount_absolute` with `side`."
        )
    if template.decimal == template.separator and not template.quote_all:
        raise TemplateError("Separator and decimal mark are the same: set `quote_all = true` or choose others.")
    known = {f"setting.{one.name}" for one in template.settings}
    for text in (*template.above, *(column.value for column in template.columns)):
        for name, _ in PLACEHOLDER.findall(text):
            if name not in OF_HEAD | known:
                raise TemplateError(f"`{{{name}}}` is not known here; there are {', '.join(sorted(OF_HEAD | known))}.")


def _column(number: int, found: Mapping[str, Any]) -> Column:
    where = f"column {number}"
    _known(where, found, {"heading", "field", "value", "words", "date", "longest", "quoted", "step"})
    name = found.get("field")
    if (name is None) == ("value" not in found):
        raise TemplateError(f"In {where}, write either `field` or `value`.")
    if name is not None and not _is_field(name):
        raise TemplateError(
            f"In {where}, `{name}` is no field. There are {', '.join(sorted(PLAIN_FIELDS))}, `dimension.CODE` and "
            "`dimension_name.CODE`."
        )
    words = found.get("words", {})
    if name == "side" and not _two_words(words):
        raise TemplateError(
            f'In {where}, `side` needs `words = {{ debit = "...", credit = "..." }}`, two different ones.'
        )
    if name != "side" and words != {}:
        raise TemplateError(f"In {where}, only `side` takes `words`.")
    longest, quoted, step = found.get("longest"), found.get("quoted"), found.get("step", 1)
    if longest is not None and (not isinstance(longest, int) or isinstance(longest, bool) or longest < 1):
        raise TemplateError(f"In {where}, `longest` must be a number of characters.")
    if longest is not None and name in UNCUT | DATES:
        raise TemplateError(f"In {where}, `{name}` must not be cut; leave `longest` out.")
    if not isinstance(step, int) or isinstance(step, bool) or not 1 <= step <= MAX_STEP:
        raise TemplateError(f"In {where}, `step` must be a whole number from 1 to {MAX_STEP}.")
    if quoted is not None and not isinstance(quoted, bool):
        raise TemplateError(f"In {where}, `quoted` must be true or false.")
    own = found.get("date")
    return Column(
        heading=_short(found, "heading", where),
        field=name,
        value=_short(found, "value", where),
        words=dict(words),
        date=None if own is None else _date(_text(found, "date", where), f"{where}, `date`"),
        longest=longest,
        quoted=quoted,
        step=step,
    )


def _two_words(words: object) -> bool:
    if not isinstance(words, dict) or set(words) != {"debit", "credit"}:
        return False
    return all(isinstance(word, str) for word in words.values()) and words["debit"].strip() != words["credit"].strip()


def _short(found: Mapping[str, Any], name: str, where: str) -> str:
    if len(text := _text(found, name, where, "")) > MAX_TEXT:
        raise TemplateError(f"In {where}, `{name}` is longer than {MAX_TEXT} characters.")
    return text


def _is_field(name: object) -> bool:
    if not isinstance(name, str):
        return False
    kind, _, code = name.partition(".")
    return name in PLAIN_FIELDS or (kind in OF_DIMENSION and bool(code))


def _setting(found: Mapping[str, Any]) -> Setting:
    _known("[[setting]]", found, {"name", "label", "pattern", "default", "hint", "dimension"})
    name, pattern = _text(found, "name", "[[setting]]"), _text(found, "pattern", "[[setting]]", "")
    if not _SETTING.fullmatch(name):
        raise TemplateError(f"`{name}` is no name of a setting: small letters, digits and _ only.")
    try:
        patterns.check(pattern)
    except patterns.PatternError as error:
        raise TemplateError(f"The pattern of the setting `{name}` is not right: {error}.") from None
    dimension = found.get("dimension", 0)
    if not isinstance(dimension, int) or isinstance(dimension, bool) or dimension < 0:
        raise TemplateError(f"In the setting `{name}`, `dimension` must be 1 for the first one, 2 for the second.")
    return Setting(
        name,
        _text(found, "label", f"the setting `{name}`"),
        pattern,
        _text(found, "default", name, ""),
        _text(found, "hint", name, ""),
        dimension,
    )


def _date(text: str, where: str) -> str:
    left = re.sub("YYYY|YY|MM|DD", "", text)
    if not {"MM", "DD"} <= set(re.findall("YYYY|YY|MM|DD", text)) or re.search(r"[A-Za-z0-9]", left):
        raise TemplateError(f"{where}: write YYYY or YY, MM and DD with what stands between them, such as DD/MM/YYYY.")
    return text


def _encoding(file: Mapping[str, Any]) -> str:
    named = _text(file, "encoding", "[file]", "utf-8")
    found = _ENCODINGS.get(re.sub("[-_ ]", "", named.lower()))
    if found is None:
        known = "utf-8, utf-8-bom, utf-16, ascii, latin-1, iso-8859-15, cp1252 or another code page of Windows or DOS"
        raise TemplateError(f"[file] encoding: `{named[:40]}` is not known; use {known}.")
    return found


# Of those that Python knows, some write letters in other ways than a table does, and fail on some texts.
_PAGES = ("437", "850", "852", "857", "858", "861", "863", "865", *(str(page) for page in range(1250, 1259)))
_ENCODINGS = {
    "utf8": "utf-8", "utf8bom": "utf-8-sig", "utf8sig": "utf-8-sig", "utf16": "utf-16", "utf16le": "utf-16-le",
    "ascii": "ascii", "usascii": "ascii", "latin1": "iso8859-1", "iso88591": "iso8859-1", "latin9": "iso8859-15",
    "iso88592": "iso8859-2", "iso885915": "iso8859-15", "macroman": "mac-roman",
    **{f"{prefix}{page}": f"cp{page}" for page in _PAGES for prefix in ("cp", "windows")},
}  # fmt: skip


def _extension(file: Mapping[str, Any]) -> str:
    text = _text(file, "extension", "[file]", "csv")
    if not re.fullmatch(r"[A-Za-z0-9]{1,8}", text):
        raise TemplateError("[file] extension: letters and digits only, without a dot.")
    return text


def _prefix(file: Mapping[str, Any]) -> str:
    text = _text(file, "prefix", "[file]", "")
    if not re.fullmatch(r"[A-Za-z0-9_-]{0,20}", text):
        raise TemplateError("[file] prefix: letters, digits, _ and - only.")
    return text


def _known(where: str, found: Mapping[str, Any], names: set[str]) -> None:
    if more := sorted(set(found) - names):
        raise TemplateError(f"In {where}, `{more[0]}` is not known; there are {', '.join(sorted(names))}.")


def _table(found: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = found.get(name, {})
    if not isinstance(value, dict):
        raise TemplateError(f"`{name}` must be a table: [{name}].")
    return value


def _tables(found: Mapping[str, Any], name: str) -> Sequence[Mapping[str, Any]]:
    value = found.get(name, [])
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise TemplateError(f"`{name}` must be written as [[{name}]], once for each.")
    return value


def _lines(file: Mapping[str, Any], name: str) -> Sequence[str]:
    value = file.get(name, [])
    if not isinstance(value, list) or not all(isinstance(one, str) and "\n" not in one for one in value):
        raise TemplateError(f"[file] {name}: a list of texts, one for each line.")
    if len(value) > MAX_ABOVE:
        raise TemplateError(f"[file] {name}: at most {MAX_ABOVE} lines.")
    return value


def _text(found: Mapping[str, Any], name: str, where: str, default: str | None = None) -> str:
    value = found.get(name, default)
    if not isinstance(value, str):
        raise TemplateError(f"In {where}, `{name}` must be a text.")
    return value


def _flag(found: Mapping[str, Any], name: str, default: bool) -> bool:
    value = found.get(name, default)
    if not isinstance(value, bool):
        raise TemplateError(f"[file] {name}: true or false.")
    return value


def _one_of(found: Mapping[str, Any], name: str, values: Mapping[str, str], default: str) -> str:
    value = found.get(name, default)
    if not isinstance(value, str) or value not in values:
        raise TemplateError(f"[file] {name}: one of {', '.join(repr(one) for one in values)}.")
    return values[value]
