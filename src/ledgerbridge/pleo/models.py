"""Pleo's answers as frozen records, read tolerantly: unknown members are ignored, open enumerations stay strings.

Field types that every API shares stand here, too: instants with 0 to 9 fractional digits, money in minor units.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Final, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel
from pydantic_core import ErrorDetails, PydanticCustomError

from ledgerbridge.pleo.errors import UnreadableAnswer

_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", re.ASCII)
_INSTANT = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?([Zz]|[+-]\d\d:?\d\d)?", re.ASCII)
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_WHOLE = re.compile(r"[+-]?\d{1,16}(?:\.0{1,16})?", re.ASCII)
_EXACT_IN_A_FLOAT = 2**53
_DIGITS = 100
_MOST = 2**31 - 1

MONEY_ERROR: Final = "money_value"
"""Error type of a money value that is not a whole number of minor units."""


def entry_id(value: str) -> str:
    """An accounting entry's id in the one spelling everything is kept and booked under.

    A UUID has the same meaning in either letter case; two spellings of one must never become two postings.
    """
    return value.lower() if _UUID.fullmatch(value) else value


EntryId = Annotated[str, AfterValidator(entry_id)]
Count = Annotated[int, AfterValidator(lambda value: min(max(value, 0), _MOST))]
"""A number of things or seconds; an absurd one is cut to what can be stored and reckoned with, not to an error."""


def parse_instant(value: object) -> datetime:
    """An aware UTC moment from Pleo's text; fractions beyond microseconds are cut, no zone means UTC (HOOK-027).

    Raises `ValueError`.
    """
    match = _INSTANT.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError("not a timestamp")
    day, clock, fraction, zone = match.groups()
    zone = "+00:00" if zone in (None, "Z", "z") else zone
    try:
        return datetime.fromisoformat(f"{day}T{clock}.{(fraction or '0')[:6]:0<6}{zone}").astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("not a timestamp") from None


def parse_day(value: object) -> date:
    """A calendar day from `YYYY-MM-DD` or from a timestamp, whose UTC day counts. Raises `ValueError`."""
    if isinstance(value, str) and _DAY.fullmatch(value):
        return date.fromisoformat(value)
    return parse_instant(value).date()


def format_instant(moment: datetime) -> str:
    """A moment as Pleo wants it: `YYYY-MM-DDTHH:MM:SSZ`. Raises `ValueError` for one without a zone."""
    if moment.tzinfo is None:
        raise ValueError("a moment for Pleo needs a time zone")
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_minor_units(value: object) -> int:
    """Money in hundredths, sent as a whole number, a float without fraction or a string of either (EXP-DATA-09)."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= _EXACT_IN_A_FLOAT:
        return value
    if isinstance(value, float) and value.is_integer() and abs(value) <= _EXACT_IN_A_FLOAT:
        return int(value)
    if isinstance(value, str) and _WHOLE.fullmatch(value):
        return int(value.partition(".")[0])
    shown = "nothing" if value is None else repr(value)[:40] if isinstance(value, str | int | float) else "no number"
    raise PydanticCustomError(MONEY_ERROR, "is not a whole number of cents", {"value": shown})


def parse_fraction(value: object) -> Decimal:
    """A rate as sent, a fraction of one (EXP-DATA-10). Raises `ValueError`, for absurdly large or small ones, too."""
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        raise ValueError("not a number")
    try:
        number = Decimal(str(value))
    except (InvalidOperation, ValueError):
        raise ValueError("not a number") from None
    if not number.is_finite() or abs(int(number.as_tuple().exponent)) > _DIGITS or number.adjusted() > _DIGITS:
        raise ValueError("not a number")
    return number


Instant = Annotated[datetime, BeforeValidator(parse_instant)]
Day = Annotated[date, BeforeValidator(parse_day)]
MinorUnits = Annotated[int, BeforeValidator(parse_minor_units)]
Fraction = Annotated[Decimal, BeforeValidator(parse_fraction)]
Flag = Annotated[bool, BeforeValidator(lambda value: False if value is None else value)]


class Wire(BaseModel):
    """Base of everything read from Pleo: camelCase names, open objects, frozen."""

    model_config = ConfigDict(
        extra="ignore", frozen=True, alias_generator=to_camel, populate_by_name=True, hide_input_in_errors=True
    )


Model = TypeVar("Model", bound=Wire)


def read(model: type[Model], value: Any, operation: str) -> Model:
    """The value as a record. Raises `UnreadableAnswer` that names the first wrong member, without its content."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        detail = explain(error.errors(include_url=False)[0])
    raise UnreadableAnswer(operation, status=200, detail=detail)


def unwrapped(body: Any, member: str, operation: str) -> Any:
    """What stands in this member of an envelope. Raises `UnreadableAnswer`."""
    if not isinstance(body, dict) or member not in body:
        raise UnreadableAnswer(operation, status=200, detail=f"{member} is missing")
    return body[member]


def explain(error: ErrorDetails) -> str:
    """Where and what, as in `accountingEntryLines.0.tax.rate is missing`."""
    place = ".".join(str(part) for part in error["loc"]) or "the object"
    return f"{place} is missing" if error["type"] == "missing" else f"{place}: {error['msg']}"


class ExportJob(Wire):
    """An export job as the Export API shows it."""

    id: str
    company_id: str
    status: str
    """`pending`, `in_progress`, or final: `failed`, `completed`, `completed_with_errors`. Open."""
    created_at: Instant
    expires_in: Count
    """Seconds of validity counted from the last action (EXP-EXPIRE-02)."""
    number_of_items: Count
    vendor_based_bookkeeping: Flag = False
    is_interactive: bool | None = None
    created_by: str | None = None
    started_at: Instant | None = None
    last_updated_at: Instant | None = None
    completed_at: Instant | None = None
    expired_at: Instant | None = None
    failure_reason: str | None = None
    failure_reason_type: str | None = None

    @property
    def finished(self) -> bool:
        """Whether the status is final (EXP-DETECT-07)."""
        return self.status in ("failed", "completed", "completed_with_errors")

    @property
    def expired(self) -> bool:
        """Whether Pleo gave the job up; stop working it (EXP-EXPIRE-03)."""
        return self.expired_at is not None or self.failure_reason_type == "job_expired"

    @property
    def expires_at(self) -> datetime:
        """When Pleo will give the job up unless something happens on it (EXP-EXPIRE-01)."""
        return (self.last_updated_at or self.created_at) + timedelta(seconds=self.expires_in)


class ExportJobItem(Wire):
    """One record of the control layer: the progress of one accounting entry in one job."""

    accounting_entry_id: EntryId
    export_job_id: str | None = None
    status: str
    """`pending`, `in_progress`, `successful`, `failed` or `abandoned`. Open."""
    external_id: str | None = None
    external_url: str | None = None
    exported_at: Instant | None = None
    failure_reason: str | None = None
    failure_reason_type: str | None = None

    @property
    def open(self) -> bool:
        """Whether the item is still to be processed (EXP-CTRL-03)."""
        return self.status in ("pending", "in_progress")


class ItemUpdateError(Wire):
    """Pleo's refusal of one element of an update (EXP-UPD-07)."""

    accounting_entry_id: EntryId
    type: str
    """An opaque code: the published meanings do not fit the names."""
    message: str | None = None
