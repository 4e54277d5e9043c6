"""Reading a template, with a sentence for whatever is wrong in it."""

from __future__ import annotations

import codecs
import re
import tomllib
from collections.abc import Mapping, Sequence
from typing import Any

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
_SETTING = re.compile(r"[a-z][a-z0-9_]{0,30}")


def read(data: bytes) -> Template:
    """A template from the bytes of its file. Raises `TemplateError`."""
    if len(data) > MAX_BYTES:
        raise TemplateError(f"The template is larger than {MAX_BYTES // 1024} KiB.")
    try:
        found = tomllib.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise TemplateError("The template is not UTF-8 text.") from None
    except tomllib.TOMLDecodeError as error:
        raise TemplateError(f"The template is no TOML: {error}.") from None
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
        extension=_extension(file),
        prefix=_prefix(file),
        settings=settings,
    )
    _whole(template)
    return template


_FILE = {
    "separator", "decimal", "encoding", "line_end", "date", "quote_all", "headings", "above", "rows", "guard_formulas",
    "zero", "extension", "prefix",
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
    if not isinstance(step, int) or isinstance(step, bool) or step < 1:
        raise TemplateError(f"In {where}, `step` must be a whole number from 1.")
    if quoted is not None and not isinstance(quoted, bool):
        raise TemplateError(f"In {where}, `quoted` must be true or false.")
    own = found.get("date")
    return Column(
        heading=_text(found, "heading", where, ""),
        field=name,
        value=_text(found, "value", where, ""),
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


def _is_field(name: object) -> bool:
    if not isinstance(name, str):
        return False
    kind, _, code = name.partition(".")
    return name in PLAIN_FIELDS or (kind in OF_DIMENSION and bool(code))


def _setting(found: Mapping[str, Any]) -> Setting:
    _known("[[setting]]", found, {"name", "label", "pattern", "default"})
    name, pattern = _text(found, "name", "[[setting]]"), _text(found, "pattern", "[[setting]]", "")
    if not _SETTING.fullmatch(name):
        raise TemplateError(f"`{name}` is no name of a setting: small letters, digits and _ only.")
    try:
        re.compile(pattern)
    except re.error as error:
        raise TemplateError(f"The pattern of the setting `{name}` is not right: {error}.") from None
    return Setting(name, _text(found, "label", f"the setting `{name}`"), pattern, _text(found, "default", name, ""))


def _date(text: str, where: str) -> str:
    left = re.sub("YYYY|YY|MM|DD", "", text)
    if not {"MM", "DD"} <= set(re.findall("YYYY|YY|MM|DD", text)) or re.search(r"[A-Za-z0-9]", left):
        raise TemplateError(f"{where}: write YYYY or YY, MM and DD with what stands between them, such as DD/MM/YYYY.")
    return text


def _encoding(file: Mapping[str, Any]) -> str:
    named = _text(file, "encoding", "[file]", "utf-8")
    if named == "utf-8-bom":
        return "utf-8-sig"
    try:
        found = codecs.lookup(named).name
        "0".encode(found)
    except (LookupError, TypeError, AttributeError):
        raise TemplateError(f"[file] encoding: `{named}` is not known; use utf-8, utf-8-bom or cp1252.") from None
    return found


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
