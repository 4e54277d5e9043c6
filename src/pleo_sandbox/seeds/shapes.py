"""Good seeds for everything an item may look like: taxes, splits, currencies, receipts, texts and gaps."""

from __future__ import annotations

from datetime import timedelta

from pleo_sandbox.core.entries import StoredFile
from pleo_sandbox.seeds.build import Draft, Frame, Line, Tax, item, moment
from pleo_sandbox.seeds.catalogue import seed
from pleo_sandbox.seeds.receipts import jpeg, pdf, png, text

_NULLABLE = ("bookkeeping", "contraAccount", "note", "servicePeriod", "subType", "supplier", "team", "user", "vendor")


def _purchase(frame: Frame, *lines: Line, note: str | None = None, files: tuple[StoredFile, ...] | None = ()) -> Draft:
    return item(frame, "card_purchase", lines, note=note, files=files)


@seed("tax", "Net amount contains the tax")
def tax_inclusive(frame: Frame) -> Draft:
    return _purchase(frame, Line(62_500, tax=Tax("inclusive", 12_500)))


@seed("tax", "Net amount is without the tax, the line amount contains it")
def tax_exclusive(frame: Frame) -> Draft:
    return _purchase(frame, Line(50_000, tax=Tax("exclusive", 12_500, accounts=True)))


@seed("tax", "Reverse charge: the tax is no cash")
def tax_reverse(frame: Frame) -> Draft:
    return _purchase(frame, Line(40_000, tax=Tax("reverse", 10_000, "reverse", accounts=True)), note="EU supplier")


@seed("tax", "A tax code with rate 0")
def tax_exempt(frame: Frame) -> Draft:
    return _purchase(frame, Line(30_000, tax=Tax("inclusive", 0, "exempt")))


@seed("tax", "No tax at all")
def tax_none(frame: Frame) -> Draft:
    return _purchase(frame, Line(30_000))


@seed("tax", "A person overwrote the tax to match the receipt")
def tax_overwritten(frame: Frame) -> Draft:
    return _purchase(frame, Line(100_000, tax=Tax("inclusive", 19_987)), note="VAT as printed on the receipt")


@seed("split", "Two lines with accounts, taxes and tags of their own")
def split_two(frame: Frame) -> Draft:
    first = Line(75_000, "office", Tax("inclusive", 15_000), (("cost_centre", 0), ("project", 0)))
    return _purchase(frame, first, Line(25_000, "meals", None, (("cost_centre", 1), ("project", 1))))


@seed("split", "Three lines, three kinds of tax")
def split_three(frame: Frame) -> Draft:
    return _purchase(
        frame,
        Line(50_000, "software", Tax("exclusive", 12_500), (("cost_centre", 1), ("project", 1))),
        Line(20_000, "travel", Tax("reverse", 5_000, "reverse", accounts=True), (("cost_centre", 2), ("project", 2))),
        Line(9_999, "meals", None, (("cost_centre", 3), ("project", 0))),
    )


@seed("split", "A discount as a negative line")
def split_discount(frame: Frame) -> Draft:
    return _purchase(frame, Line(120_000, "equipment"), Line(-20_000, "equipment"), note="Less 20 % discount")


@seed("split", "Three equal parts that do not divide evenly")
def split_odd_cents(frame: Frame) -> Draft:
    lines = [Line(net, "office", Tax("inclusive", tax)) for net, tax in ((3_334, 667), (3_333, 667), (3_333, 666))]
    return _purchase(frame, *lines)


@seed("currency", "Bought in dollars, paid from the wallet")
def foreign_usd(frame: Frame) -> Draft:
    line = Line(68_942, "software", supplier_net=9_900)
    return item(frame, "card_purchase", [line], supplier="Cloud Inc.", supplier_currency=frame.foreign("USD"))


@seed("currency", "Bought in euros with tax in both currencies")
def foreign_eur(frame: Frame) -> Draft:
    line = Line(93_250, "travel", Tax("inclusive", 18_650, supplier_amount=2_500), supplier_net=12_500)
    return item(frame, "card_purchase", [line], supplier="Hotel Adler", supplier_currency=frame.foreign("EUR"))


@seed("currency", "A split purchase in dollars")
def foreign_split(frame: Frame) -> Draft:
    lines = [Line(34_471, "software", supplier_net=4_950), Line(6_964, "meals", supplier_net=1_000)]
    return item(frame, "card_purchase", lines, supplier="Conference LLC", supplier_currency=frame.foreign("USD"))


@seed("receipt", "One JPEG")
def receipt_jpeg(frame: Frame) -> Draft:
    return _purchase(frame, Line(4_500, "meals"), files=(jpeg("Café Norden 45.00"),))


@seed("receipt", "PDF, JPEG, PNG and text on one item, in this order")
def receipt_many(frame: Frame) -> Draft:
    files = (pdf("Invoice 77", "Page one"), jpeg("Invoice 77, photo"), png(), text("Order 77 confirmed\n"))
    return _purchase(frame, Line(77_000, "equipment"), files=files)


@seed("receipt", "No files: a null list")
def receipt_null(frame: Frame) -> Draft:
    return _purchase(frame, Line(12_000, "meals"), files=None)


@seed("shape", "Attendees of a dinner")
def attendees(frame: Frame) -> Draft:
    people: list[str | None] = ["Ada Lovelace (Analytical Ltd)", "Søren Kierkegaard", "孔子", None]
    return item(frame, "card_purchase", [Line(96_000, "meals")], attendees=people, supplier="Restaurant Kong Hans")


@seed("shape", "A service period of a year")
def service_period(frame: Frame) -> Draft:
    start = frame.day().replace(day=1)
    period = (start, start + timedelta(days=364))
    return item(frame, "card_purchase", [Line(365_000, "software")], service_period=period, note="Yearly plan")


@seed("shape", "Nothing to pay: a reversed purchase that kept its receipt")
def zero_amount(frame: Frame) -> Draft:
    return _purchase(frame, Line(0, "office"), note="Reversed", files=(pdf("Reversed purchase"),))


@seed("shape", "A note of two thousand characters over several lines")
def long_note(frame: Frame) -> Draft:
    sentence = "Bought for the team offsite; ask Astrid for the list of participants.\n"
    return _purchase(frame, Line(54_321, "travel"), note=(sentence * 40)[:2_000])


@seed("shape", "A note in many scripts")
def unicode_note(frame: Frame) -> Draft:
    note = "Smørrebrød 🥪 für Gäste – Ελληνικά, русский, 日本語, עברית, e\u0301 combining, \u200b zero width"
    return _purchase(frame, Line(23_400, "meals"), note=note)


@seed("shape", "A note that looks like markup")
def markup_note(frame: Frame) -> Draft:
    return _purchase(frame, Line(1_999, "office"), note="<script>alert('paid')</script> & \"quotes\" =1+1")


@seed("shape", "Every block that may be null is null")
def bare(frame: Frame) -> Draft:
    draft = _purchase(frame, Line(8_800, "prepaid", tags=()), files=None)
    return draft.changed(**dict.fromkeys(_NULLABLE))


@seed("shape", "Every member that may be absent is absent")
def absent(frame: Frame) -> Draft:
    draft = _purchase(frame, Line(8_700, "prepaid", tags=()), files=None)
    payload = {name: value for name, value in draft.payload.items() if name not in (*_NULLABLE, "files")}
    payload["additionalInformation"] = {"reconciliationId": payload["additionalInformation"]["reconciliationId"]}
    payload["accountingEntryLines"] = [
        {name: value for name, value in line.items() if name not in ("tags", "tax")}
        for line in payload["accountingEntryLines"]
    ]
    return Draft(payload, None)


@seed("shape", "Paid shortly before midnight UTC, the next day in Copenhagen")
def late_evening(frame: Frame) -> Draft:
    return _purchase(frame, Line(6_500, "travel")).changed(date=moment(frame.day(3), 23, 30))


@seed("shape", "A date with nanoseconds")
def nanosecond_date(frame: Frame) -> Draft:
    stamp = moment(frame.day(), 9, 5).replace("Z", ".530450712Z")
    return _purchase(frame, Line(7_100, "office")).changed(date=stamp)


@seed("shape", "No tag at all")
def untagged(frame: Frame) -> Draft:
    return _purchase(frame, Line(9_900, "office", tags=()))


@seed("shape", "A spender without employee number, tagged in one dimension only")
def partly_tagged(frame: Frame) -> Draft:
    draft = _purchase(frame, Line(15_500, "prepaid", tags=(("cost_centre", 2),)))
    return draft.changed(user={**draft.payload["user"], "code": None}, team=None)
