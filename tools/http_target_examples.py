"""The examples of the HTTP target's document: a purchase with VAT and a receipt, from the first question to the end."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

_PLEO = "3f0c2f6e-0c43-4a39-9d5e-0a3f8f3f1c11"
_ENTRY = "8d0a3b52-5c0c-4f4f-8f05-0c7a9a7d3e21"
_HASH = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
_KEY = {"company": _PLEO, "entry": _ENTRY, "revision": 1}
_REF = {"kind": "journal_entry", "id": "4711"}
_BILL = {"kind": "bill", "id": "4712"}
_TEXT = "AWS, Ada Lovelace, hosting in November"


def _line(account: tuple[str, str], debit: str, credit: str, **more: Any) -> Json:
    return {
        "account": {"id": account[0], "code": account[1]}, "debit": debit, "credit": credit, "text": _TEXT,
        "dimensions": [], "taxes": [], "vendor": None, "foreign": None, **more,
    }  # fmt: skip


_DOCUMENT: Json = {
    "kind": "journal_entry",
    "key": _KEY,
    "journal": {"id": "1", "code": "EXP"},
    "date": "2026-11-05",
    "original_date": "2026-11-05",
    "currency": "DKK",
    "text": _TEXT,
    "total": "125.00",
    "lines": [
        _line(
            ("6000", "6000"), "100.00", "0.00",
            dimensions=[{"dimension": "CC", "value": "CC02"}],
            taxes=[{"tax": "I25-1", "kind": "base", "amount": "100.00"}],
            foreign={"amount": "13.40", "currency": "EUR"},
        ),
        _line(("1300", "1300"), "25.00", "0.00", taxes=[{"tax": "I25-1", "kind": "tax", "amount": "25.00"}]),
        _line(("5820", "5820"), "0.00", "125.00"),
    ],
    "attachments": [{"name": "R-1001-1.pdf", "type": "application/pdf", "size": 48211, "sha256": _HASH}],
    "bill": None,
}  # fmt: skip
_FACTS = {"document": _REF, "number": "JE-4711", "final": True, "booked_at": "2026-11-06T09:30:00+00:00"}
_VENDOR: Json = {
    "id": "77", "code": "V77", "name": "Amazon Web Services EMEA", "currency": "EUR", "country": "LU",
    "registration_number": "B186284", "tax_registration_number": "LU26888617", "payable": None, "active": True,
    "pleo_id": "5b1f0a4c-77f5-4b7e-8d4b-1c2f6d4f9b10", "merged_into": None,
}  # fmt: skip


def _page(*items: Json) -> Json:
    return {"items": list(items), "next": None, "total": len(items)}


_LIST: Json = {"company": "1", "cursor": None}
_NUMBERS = {"tax_registration_number": "LU26888617", "registration_number": None}

ASKED: dict[str, Json] = {
    "capabilities": {},
    "companies": {},
    "preflight": {"company": "1", "final": True, "bills": False},
    **dict.fromkeys(("accounts", "tax_codes", "dimensions", "journals", "periods", "vendors"), _LIST),
    "dimension_values": {**_LIST, "dimension": "1"},
    "find_vendors": {"company": "1", "ids": ["77"], "codes": [], "pleo_id": None, **_NUMBERS},
    "create_vendor": {
        "company": "1",
        "vendor": {
            "pleo_id": _VENDOR["pleo_id"], "name": _VENDOR["name"], "currency": "EUR", "country": "LU",
            "registration_number": "B186284", "tax_registration_number": "LU26888617",
        },
    },
    "find": {"company": "1", "pleo_company": _PLEO, "entries": [_ENTRY], "taken_back": False},
    "fits": {"company": "1", "final": True, "documents": [{**_DOCUMENT, "attachments": []}]},
    "book": {"company": "1", "final": True, "documents": [_DOCUMENT]},
    "entries": {
        "company": "1", "pleo_company": _PLEO, "first": "2026-11-01", "last": "2026-11-30", "cursor": None
    },
    "reverse": {"company": "1", "document": _REF, "key": _KEY, "reason": "Wrong cost centre", "day": None},
    "settle": {"company": "1", "documents": [_BILL, {"kind": "journal_entry", "id": "4713"}]},
    "reopen": {"company": "1", "documents": [_BILL]},
}  # fmt: skip

ANSWERS: dict[str, Json] = {
    "capabilities": {
        "protocol": 1, "name": "Example ERP", "vendors": True, "vendor_bills": False, "drafts": True,
        "attachments": True, "several_attachments": True,
        "attachment_types": ["application/pdf", "image/jpeg", "image/png"], "max_attachment_bytes": 20000000,
        "dimensions": True, "tax_codes": True, "can_probe": True, "can_reverse": True, "lists_entries": True,
        "batch": 50, "parallel_writers": 1, "matching_limits": None,
        "document_url": "https://erp.example.com/{kind}/{id}",
    },
    "companies": {
        "companies": [{"id": "1", "name": "Reference ApS", "registration_number": "41414141", "currency": "DKK"}]
    },
    "preflight": {},
    "accounts": _page({
        "id": "6000", "code": "6000", "name": "Expense", "active": True, "tax_code": "I25", "needs_vendor": False,
        "needs_dimensions": True, "income": True, "type": "Expense",
    }),
    "tax_codes": _page(
        {
            "code": "I25", "name": "Purchase VAT 25 %", "kind": "inclusive", "active": True,
            "components": [{"id": "I25-1", "rate": "0.25", "account": "1300"}],
        },
        {
            "code": "RC25", "name": "Reverse charge 25 %", "kind": "reverse", "active": True,
            "components": [
                {"id": "RC25-1", "rate": "0.25", "account": "1300"},
                {"id": "RC25-2", "rate": "-0.25", "account": "2300"},
            ],
        },
    ),
    "dimensions": _page({"id": "1", "code": "CC", "name": "Cost centre", "required": True, "active": True}),
    "dimension_values": _page({"id": "CC02", "code": "CC02", "name": "Marketing", "active": True}),
    "journals": _page({"id": "1", "code": "EXP", "name": "Expenses"}),
    "periods": _page(
        {"id": "2026-11", "name": "November 2026", "start": "2026-11-01", "end": "2026-11-30", "open": True}
    ),
    "vendors": _page(_VENDOR),
    "find_vendors": {"vendors": [_VENDOR]},
    "create_vendor": {"vendor": _VENDOR},
    "find": {
        "found": [{"key": _KEY, **_FACTS, "total": "125.00", "complete": True, "taken_back_by": None}]
    },
    "fits": {"results": [{"key": _KEY, "error": {
        "type": "about:blank", "code": "closed_period", "detail": "November is closed.", "date": "2026-11-05",
    }}]},
    "book": {"results": [{"key": _KEY, "booked": {**_FACTS, "already_there": False}, "error": None}]},
    "entries": _page({"key": _KEY, "document": _REF, "number": "JE-4711", "final": True, "total": "125.00",
                      "date": "2026-11-05", "own_payment": False}),
    "reverse": {"counter": {"id": "4714", "number": "REV-4714", "date": "2026-11-05"}, "already_there": False},
    "settle": {"done": True},
    "reopen": {"done": True},
}  # fmt: skip

PROBLEM_MEMBERS: dict[str, object] = {
    "pointer": "/documents/0/lines/2/account",
    "account": "6000",
    "dimension": "CC",
    "value": "CC99",
    "tax": "I25-1",
    "date": "2026-11-05",
    "reference": "JE-4711",
    "attachment": _HASH,
    "limit": 20000000,
    "action": "post journal entries",
    "missing": "the journal for purchases",
}


def refused(code: str, members: tuple[str, ...]) -> Json:
    """A problem with this code and the members it needs."""
    detail = "What people read about it, in one sentence."
    return {
        "type": "about:blank",
        "code": code,
        "detail": detail,
        **{name: PROBLEM_MEMBERS[name] for name in members},
    }
