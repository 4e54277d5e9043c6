"""Fill an empty Tryton schema with two companies, their books, and users with API keys; print the facts as JSON.

Run with Tryton's own Python and `TRYTOND_CONFIG` set: `demo_data.py DATABASE TODAY`. `demo_plan.toml` says what the
books hold; TODAY says what is open: last year is closed and its December locked, of this year the first half is closed
(or, while today is in it, everything before last month), next year is open.
"""

import datetime as dt
import json
import secrets
import sys
import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Any

from proteus import Model, Wizard  # type: ignore[import-not-found]
from proteus import config as proteus_config
from stdnum import get_cc_module  # type: ignore[import-not-found]

PLAN: dict[str, Any] = tomllib.loads(Path(__file__).with_name("demo_plan.toml").read_text(encoding="utf-8"))


class Books:
    """The connection to the database, and the few helpers every step needs."""

    def __init__(self, database: str, today: dt.date) -> None:
        self.config = proteus_config.set_trytond(database)
        self.outset = dict(self.config._context)
        self.today = today

    def find_id(self, reference: str) -> int:
        """The database id of a record of Tryton's own data files, such as `account.group_account`."""
        return int(Model.get("ir.model.data").get_id(reference, self.config.context))

    def account(self, company: Any, code: str) -> Any:
        """The one account of this code in this company."""
        (found,) = Model.get("account.account").find([("company", "=", company.id), ("code", "=", code)])
        return found

    def first_account(self, company: Any, kind: str) -> Any:
        """The first usable account of a kind: `receivable`, `payable`, `expense`, `revenue`."""
        domain = [(f"type.{kind}", "=", True), ("company", "=", company.id), ("closed", "!=", True)]
        return Model.get("account.account").find(domain, order=[("code", "ASC")], limit=1)[0]

    def reset_context(self) -> None:
        """Forget the company that was being made."""
        self.config._context = dict(self.outset)


def add_currencies(books: Books) -> dict[str, Any]:
    """The currencies with one rate each from two years ago; the euro is the base."""
    made = {}
    for plan in PLAN["currencies"]:
        currency = Model.get("currency.currency")(name=plan["name"], code=plan["code"], numeric_code=plan["number"])
        currency.symbol, currency.rounding, currency.digits = plan["symbol"], Decimal("0.01"), 2
        currency.save()
        start = dt.date(books.today.year - 2, 1, 1)
        Model.get("currency.currency.rate")(currency=currency, date=start, rate=Decimal(plan["rate"])).save()
        made[plan["code"]] = currency
    return made


def add_countries() -> dict[str, Any]:
    """The countries that addresses need."""
    made = {}
    for code, name in PLAN["countries"].items():
        made[code] = Model.get("country.country")(name=name, code=code)
        made[code].save()
    return made


def add_company(books: Books, plan: dict[str, Any], currency: Any, country: Any) -> Any:
    """The company with its registration number; the setting-up user sees it and works in it from here on."""
    books.reset_context()
    party = Model.get("party.party")(name=plan["name"])
    address = party.addresses[0] if party.addresses else party.addresses.new()
    address.country, address.city = country, "Capital"
    identifier = party.identifiers.new()
    identifier.type, identifier.code = plan["identifier"]["type"], plan["identifier"]["code"]
    party.save()
    wizard = Wizard("company.company.config")
    wizard.execute("company")
    wizard.form.party, wizard.form.currency = party, currency
    wizard.execute("add")
    Company, User = Model.get("company.company"), Model.get("res.user")
    (company,) = Company.find([("party", "=", party.id)])
    (me,) = User.find([("login", "=", "admin")])
    if company.id not in [each.id for each in me.companies]:
        me.companies.append(Company(company.id))
    me.company, me.company_filter = Company(company.id), "all"  # the default filter hides the other companies
    me.save()
    books.config._context = User.get_preferences(True, {}) | {"company": company.id}
    return company


def add_chart(books: Books, company: Any, template: str) -> None:
    """The chart of accounts from a template, with its default accounts; the exchange accounts serve foreign bills."""
    wizard = Wizard("account.create_chart")
    wizard.execute("account")
    wizard.form.account_template = Model.get("account.account.template")(books.find_id(template))
    wizard.form.company = company
    wizard.execute("create_account")
    receivable, payable = books.first_account(company, "receivable"), books.first_account(company, "payable")
    expense, revenue = books.first_account(company, "expense"), books.first_account(company, "revenue")
    if receivable.party_required:
        wizard.form.account_receivable = receivable
    if payable.party_required:
        wizard.form.account_payable = payable
    wizard.form.category_account_expense, wizard.form.category_account_revenue = expense, revenue
    wizard.execute("create_properties")
    configuration = Model.get("account.configuration")(1)
    configuration.currency_exchange_debit_account = expense
    configuration.currency_exchange_credit_account = revenue
    (configuration.currency_exchange_journal,) = Model.get("account.journal").find([("code", "=", "EXC")])
    configuration.save()


def add_accounts(books: Books, company: Any, plans: list[dict[str, str]]) -> None:
    """The accounts the chart lacks, each of the type and at the place of the one it is like."""
    for plan in plans:
        model = books.account(company, plan["like"])
        account = Model.get("account.account")(name=plan["name"], code=plan["code"], company=company)
        account.type, account.parent = model.type, model.parent
        account.save()


def add_years(books: Books, key: str, company: Any) -> None:
    """Last, this and next year in months, numbered gaplessly per year, closed as the head of this file says."""
    SequenceType, Sequence = Model.get("ir.sequence.type"), Model.get("ir.sequence.strict")
    for year in range(books.today.year - 1, books.today.year + 2):
        first, last = dt.date(year, 1, 1), dt.date(year, 12, 31)
        fiscal_year = Model.get("account.fiscalyear")(name=str(year), company=company, start_date=first, end_date=last)

        def sequence(kind: str, prefix: str, padding: int, year: int = year) -> Any:
            (sequence_type,) = SequenceType.find([("name", "=", kind)], limit=1)
            made = Sequence(name=f"{key} {kind} {year}", sequence_type=sequence_type, company=company)
            made.prefix, made.padding = prefix, padding
            made.save()
            return made

        fiscal_year.move_sequence = sequence("Account Move", f"{year}-", 6)
        invoices = sequence("Invoice", f"{year}/", 5)
        (numbering,) = fiscal_year.invoice_sequences
        numbering.out_invoice_sequence = numbering.out_credit_note_sequence = invoices
        numbering.in_invoice_sequence = numbering.in_credit_note_sequence = invoices
        fiscal_year.save()
        fiscal_year.click("create_period")
    Period = Model.get("account.period")
    ours = ("company", "=", company.id)
    for period in Period.find([ours, ("end_date", "<", first_open_day(books.today))], order=[("start_date", "ASC")]):
        period.click("close")
    (december,) = Period.find([ours, ("end_date", "=", dt.date(books.today.year - 1, 12, 31))])
    december.click("lock_")


def first_open_day(today: dt.date) -> dt.date:
    """The first day of the first open month; always in this year."""
    if today.month > 6:
        return dt.date(today.year, 7, 1)
    return dt.date(today.year, max(1, today.month - 1), 1)


def add_dimensions(company: Any) -> dict[str, Any]:
    """Each analytic root is one dimension, each normal account below it one of its values."""
    made: dict[str, Any] = {}
    Account = Model.get("analytic_account.account")
    for plan in PLAN["dimensions"]:
        code = plan["code"]
        root = Account(type="root", name=plan["name"], code=code, company=company)
        root.save()
        made[code] = {"root": root.id, "values": {}}
        for number, value in enumerate(plan["values"], 1):
            account = Account(root=root, parent=root, type="normal", name=value, code=f"{code}{number:02}")
            account.company, account.state = company, "opened"
            account.save()
            made[code]["values"][account.code] = account.id
    return made


def add_taxes(books: Books, company: Any, plans: list[dict[str, Any]]) -> dict[str, int]:
    """Ids of the planned taxes by short code. A tax without parts is one the chart brought; one of several parts is a
    parent without a rate of its own, whose children do the computing."""
    Tax, made = Model.get("account.tax"), {}
    (group,) = Model.get("account.tax.group").find([("code", "=", "VATP")]) or [add_tax_group()]

    def tax(name: str, **more: Any) -> Any:
        return Tax(name=name, description=name, company=company, **more)

    def compute(record: Any, part: dict[str, str]) -> None:
        record.type, record.rate = "percentage", Decimal(part["rate"])
        record.invoice_account = record.credit_note_account = books.account(company, part["account"])
        record.save()

    for plan in plans:
        name, parts = plan["name"], plan["parts"]
        if not parts:
            (record,) = Tax.find([("company", "=", company.id), ("parent", "=", None), ("name", "=", name)])
        elif len(parts) == 1:
            record = tax(name, group=group)
            compute(record, parts[0])
        else:
            record = tax(name, group=group, type="none")
            record.save()
            for part in parts:
                compute(tax(part["name"], parent=record), part)
        made[plan["code"]] = record.id
    return made


def add_tax_group() -> Any:
    """The group that makes a tax one of purchases."""
    group = Model.get("account.tax.group")(name="VAT purchase", code="VATP", kind="purchase")
    group.save()
    return group


def add_vendors(companies: dict[str, Any], countries: dict[str, Any]) -> dict[str, Any]:
    """Suppliers and people the companies owe money to, in one go; told are the numbers of one of each sort."""
    plan, accounts = PLAN["vendors"], {key: each["accounts"] for key, each in PLAN["companies"].items()}
    suppliers = [supplier(number, countries) for number in range(1, plan["total"] - len(plan["employees"]) + 1)]
    home = [["create", [{"country": countries["DK"].id}]]]
    people = [{**person, "addresses": home} for person in plan["employees"]]
    Party = Model.get("party.party")
    ids = Party._proxy.create([*suppliers, *people], Party._config.context)
    own, inactive, without_vat_id = (
        ids[: len(suppliers)][plan[every] - 1 :: plan[every]]
        for every in ("own_payable_every", "inactive_every", "without_vat_id_every")
    )
    for key, company in companies.items():
        domain = [("company", "=", company.id), ("code", "=", accounts[key]["payable_of_some_vendors"])]
        (account,) = Model.get("account.account").find(domain)
        Party._proxy.write(own, {"account_payable": account.id}, Party._config.context | {"company": company.id})
    Party._proxy.write(inactive, {"active": False}, Party._config.context)
    codes = {party.id: party.code for party in Party.find([("id", "in", ids), ("active", "in", [True, False])])}
    return {
        "total": len(ids),
        "inactive": len(inactive),
        "employees": [person["code"] for person in people],
        "plain_code": codes[ids[0]],
        "inactive_code": codes[inactive[0]],
        "own_payable_code": codes[own[0]],
        "without_vat_id_code": codes[without_vat_id[0]],
    }


def supplier(number: int, countries: dict[str, Any]) -> dict[str, Any]:
    """One supplier by its place in the list: name, country and, mostly, a VAT id that passes its country's check."""
    plan = PLAN["vendors"]
    names, trades = plan["names"], plan["trades"]
    kind = plan["vat_ids"][number % len(plan["vat_ids"])]
    values = {
        "name": f"{names[number % len(names)]} {trades[number // len(names) % len(trades)]}",
        "addresses": [["create", [{"country": countries[kind["country"]].id}]]],
    }
    if number % plan["without_vat_id_every"]:
        values["identifiers"] = [["create", [{"type": kind["kind"], "code": vat_id(kind, number)}]]]
    return values


def vat_id(kind: dict[str, Any], number: int) -> str:
    """The first number of this supplier that passes the country's check."""
    check = get_cc_module(kind["country"].lower(), "vat")
    first = kind["first"] + number * 1_000
    codes = (f"{body:0{kind['digits']}}{kind['ending']}" for body in range(first, first + 1_000))
    return str(kind["country"]) + next(code for code in codes if check.is_valid(code))


def add_matching_group() -> Any:
    """A group for what the accountants' own group lacks: to take a match of bills and payments apart again."""
    group = Model.get("res.group")(name="Matches of bills and payments")
    group.save()
    rights = Model.get("ir.model.access")(model="account.move.reconciliation", group=group)
    rights.perm_read = rights.perm_create = rights.perm_delete = True
    rights.perm_write = False
    rights.save()
    return group


def add_user(books: Books, login: str, groups: list[str], companies: list[Any], *more: Any) -> str:
    """A user with a REST key, which is returned; the password is thrown away."""
    Company = Model.get("company.company")
    user = Model.get("res.user")(login=login, name=login, password=secrets.token_urlsafe(16))
    for group in groups:
        user.groups.append(Model.get("res.group")(books.find_id(group)))
    for group in more:
        user.groups.append(Model.get("res.group")(group.id))
    for company in companies:
        user.companies.append(Company(company.id))
    user.company, user.company_filter = Company(companies[0].id), "all"
    user.save()
    key = Model.get("res.user.application")(user=user, application="rest")
    key.save()
    return str(key.key)


def months(today: dt.date) -> dict[str, str]:
    """One example of each state of a month, as `YYYY-MM`."""
    start = first_open_day(today)
    return {
        "locked": f"{today.year - 1}-12",
        "closed": f"{today.year - 1}-11",
        "first_open": f"{start:%Y-%m}",
        "open": f"{today:%Y-%m}",
    }


def main(database: str, today: dt.date) -> dict[str, Any]:
    """Do all of it; the order matters, each step needs what the ones before it made."""
    books = Books(database, today)
    currencies, countries = add_currencies(books), add_countries()
    facts: dict[str, Any] = {"companies": {}, "keys": {}, "months": months(today), "journal": "EXP"}
    companies = {}
    for key, plan in PLAN["companies"].items():
        print(f"company {plan['name']}", file=sys.stderr, flush=True)
        company = companies[key] = add_company(books, plan, currencies[plan["currency"]], countries[key])
        add_chart(books, company, plan["chart"])
        add_accounts(books, company, plan["added_accounts"])
        add_years(books, key, company)
        facts["companies"][key] = {
            "id": company.id,
            "name": plan["name"],
            "currency": plan["currency"],
            "registration_number": plan["identifier"]["code"],
            "accounts": plan["accounts"],
            "expenses": plan["expenses"],
            "dimensions": add_dimensions(company),
            "taxes": add_taxes(books, company, plan["taxes"]),
        }
    facts["vendors"] = add_vendors(companies, countries)
    books.reset_context()
    posting = ["account.group_account", "party.group_party_admin"]
    both = list(companies.values())
    admin = [*posting, "account.group_account_admin", "analytic_account.group_analytic_admin"]
    facts["keys"] = {
        "erp_integration": add_user(books, "erp_integration", posting, both, add_matching_group()),
        "erp_entries": add_user(books, "erp_entries", posting, both),
        "erp_admin": add_user(books, "erp_admin", admin, both),
        "erp_nogroups": add_user(books, "erp_nogroups", [], [companies["DK"]]),
        "erp_be_only": add_user(books, "erp_be_only", posting, [companies["BE"]]),
    }
    return facts


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], dt.date.fromisoformat(sys.argv[2]))))
