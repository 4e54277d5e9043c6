"""A template that cannot be used is refused in a sentence that says what to change."""

from __future__ import annotations

import pytest

from ledgerbridge.erp.csv_journal.reading import MAX_BYTES, read
from ledgerbridge.erp.csv_journal.template import TemplateError

ACCOUNT = '[[column]]\nheading = "Account"\nfield = "account"\n'
AMOUNT = '[[column]]\nheading = "Amount"\nfield = "amount"\n'
PLAIN = f'name = "Ours"\n{ACCOUNT}{AMOUNT}'


def test_the_least_template_is_an_account_and_a_signed_amount() -> None:
    assert [column.field for column in read(PLAIN.encode()).columns] == ["account", "amount"]
    assert read(b"\xef\xbb\xbf" + PLAIN.encode()).name == "Ours", "as a spreadsheet's editor may save it"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("name = ", "no TOML", id="no-toml"),
        pytest.param('name = "Ours"', "names no column", id="no-column"),
        pytest.param(f'name = "x"\n{AMOUNT}', "No column has the field `account`", id="no-account"),
        pytest.param(f'name = "x"\n{ACCOUNT}', "tells debit from credit", id="no-amount"),
        pytest.param(PLAIN + '[[column]]\nfield = "amont"\n', "In column 3, `amont` is no field", id="misspelt-field"),
        pytest.param(PLAIN + '[[column]]\nheading = "x"\n', "In column 3, write either", id="neither"),
        pytest.param(PLAIN + '[[column]]\nfield = "text"\nvalue = "x"\n', "write either", id="both"),
        pytest.param(PLAIN + '[[column]]\nfield = "side"\n', "`side` needs `words", id="side-without-words"),
        pytest.param(
            PLAIN + '[[column]]\nfield = "side"\nwords = { debit = "X", credit = "X" }\n',
            "two different",
            id="one-word",
        ),
        pytest.param(PLAIN + '[[column]]\nfield = "text"\nwords = "x"\n', "only `side` takes", id="words-elsewhere"),
        pytest.param(PLAIN + '[[column]]\nfield = "text"\nlongest = true\n', "number of characters", id="longest-true"),
        pytest.param(PLAIN + '[[column]]\nfield = "number"\nlongest = 1\n', "must not be cut", id="a-number-cut"),
        pytest.param(PLAIN + '[[column]]\nfield = "text"\nquoted = "no"\n', "true or false", id="quoted"),
        pytest.param(PLAIN + '[file]\nextension = "ZIP"\n', "receipts beside the file", id="the-name-of-receipts"),
        pytest.param(PLAIN + '[[column]]\nfield = "debit"\nlongest = 3\n', "must not be cut", id="an-amount-cut"),
        pytest.param(PLAIN + '[[column]]\nfield = "counter_account"\n', 'needs `rows = "pair"`', id="pair-alone"),
        pytest.param(PLAIN + '[file]\nrows = "pair"\n', "must have the field `counter_account`", id="no-counter"),
        pytest.param(PLAIN + "[file]\nseparator = 5\n", "[file] separator: one of", id="separator"),
        pytest.param(PLAIN + '[file]\ndecimal = ","\n', "Separator and decimal mark are the same", id="same-marks"),
        pytest.param(PLAIN + '[file]\nencoding = "klingon"\n', "`klingon` is not known", id="encoding"),
        pytest.param(PLAIN + '[file]\nencoding = "base64"\n', "`base64` is not known", id="encoding-of-bytes"),
        pytest.param(PLAIN + '[file]\ndate = "dd/mm"\n', "write YYYY or YY, MM and DD", id="date"),
        pytest.param(PLAIN + '[file]\nabove = ["{setting.client}"]\n', "`{setting.client}` is not known", id="above"),
        pytest.param(PLAIN + '[file]\nextension = "../x"\n', "letters and digits only", id="extension"),
        pytest.param(PLAIN + '[[setting]]\nname = "Client"\nlabel = "x"\n', "no name of a setting", id="setting"),
        pytest.param(PLAIN + '[[setting]]\nname = "a"\nlabel = "x"\npattern = "("\n', "is not right", id="pattern"),
        pytest.param(
            PLAIN + '[[setting]]\nname = "a"\nlabel = "x"\npattern = "(a+)+"\n', "“(a+)+” is not known", id="for-ever"
        ),
        pytest.param(
            PLAIN + "[[column]]\nwords" + ".a" * 1000 + " = 1\n", "longer than 1000", id="a-key-of-many-parts"
        ),
        pytest.param("a = " + "[\n" * 5000, "nested too deep", id="nested"),
        pytest.param(PLAIN + "longest = " + "9" * 900 + "\nstep = " + "9" * 900, "`longest`", id="uncut"),
        pytest.param(PLAIN + '[[column]]\nfield = "line"\nstep = 0x' + "f" * 900 + "\n", "from 1 to", id="step"),
        pytest.param(PLAIN + f'[[column]]\nvalue = "{"x" * 201}"\n', "`value` is longer than 200", id="long-value"),
        pytest.param(PLAIN + '[file]\nabove = ["x"' + ', "x"' * 20 + "]\n", "at most 20 lines", id="long-head"),
        *(
            pytest.param(PLAIN + f'[file]\nencoding = "{name}"\n', f"`{name}` is not known", id=name)
            for name in ("idna", "punycode", "utf-7", "unicode_escape", "undefined")
        ),
        pytest.param("x" * (MAX_BYTES + 1), "larger than 64 KiB", id="too-large"),
    ],
)
def test_a_mistake_is_named(text: str, said: str) -> None:
    with pytest.raises(TemplateError) as caught:
        read(text.encode())
    assert said in str(caught.value)


def test_what_is_no_text_is_named() -> None:
    with pytest.raises(TemplateError, match="not UTF-8"):
        read(b"\xff\xfe\x00")
