"""The one place where Pleo's resource APIs are called: credential, budget, retry table, typed errors.

What is retried: GET, PUT, DELETE and a `safe` POST on 429, 408, 5xx and transport faults; any other POST only when it
certainly had no effect (no connection, 429, or a 401 answered with a newer credential). Any other doubt about such a
POST becomes `OutcomeUnknown`, and the caller reads the state again (LIMIT-030, -031). A repeated PUT is safe only
because ours say a final state.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

import httpx
from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt

from ledgerbridge import faults
from ledgerbridge.clock import utcnow
from ledgerbridge.outgoing.bodies import ACCEPT_ENCODING
from ledgerbridge.pleo import errors, retry
from ledgerbridge.pleo.endpoints import Params, PleoEndpoints
from ledgerbridge.pleo.models import Model, read, unwrapped
from ledgerbridge.pleo.wire import Answer, Limits, NoAnswer, NotJson, bare_request, exchange, read_json, write_json

_MESSAGE_LENGTH = 500


class Credential(Protocol):
    """What opens a company's data: an OAuth token pair or an API key, behind one face (AUTH-104)."""

    async def header(self) -> str:
        """The current value of the Authorization header."""
        ...

    async def renew(self, rejected: str) -> str | None:
        """A newer header value after a 401 for `rejected`, or None when there is none (AUTH-054)."""
        ...


class Budget(Protocol):
    """The shared allowance of calls (LIMIT-001)."""

    async def take(self) -> float | None:
        """Returns None when one more call may be made, or the seconds of a rest too long to be waited for."""
        ...

    async def pause(self, seconds: float) -> None:
        """Nobody who shares the allowance makes a call for so long (LIMIT-002)."""
        ...


@dataclass(frozen=True, slots=True)
class Observation:
    """One attempt at a call, for metrics and logs."""

    operation: str
    """The contract's operation id."""
    method: str
    status: int | None
    """None when no answer arrived."""
    fault: str | None
    """Name of the transport fault, when no answer arrived."""
    seconds: float
    attempt: int
    """From 1; a repeat with a renewed credential counts."""


Observe = Callable[[Observation], None]


@dataclass(frozen=True, slots=True)
class Call:
    """One request to a resource API."""

    operation: str
    method: str
    path: str
    params: Params = ()
    """Repeated names are sent as repeated parameters."""
    body: Any = field(default=None, repr=False)
    """JSON value, None for no body. A `Decimal` is sent as a number with exactly its digits."""
    safe: bool = False
    """A POST that may be sent twice: it only reads, or says a final state. Other methods always may."""
    exact: bool = False
    """Whether numbers with a fraction are read as `Decimal`, never as binary floats (TAX-025)."""

    @property
    def repeatable(self) -> bool:
        """Whether sending it a second time does no more than sending it once."""
        return self.safe or self.method != "POST"


class PleoClient:
    """Calls Pleo for one credential. Cheap to make; the httpx client behind it is shared."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        endpoints: PleoEndpoints,
        credential: Credential,
        budget: Budget,
        observe: Observe | None = None,
        *,
        limits: Limits = Limits(),  # noqa: B008 - frozen
        sleep: retry.Sleep = asyncio.sleep,
        now: Callable[[], datetime] = utcnow,
    ) -> None:
        """Raises `EndpointsRefused` when the endpoints must not be called."""
        self._http = http
        self._endpoints = endpoints.checked()
        self._credential = credential
        self._budget = budget
        self._observe = observe
        self._limits = limits
        self._sleep = sleep
        self._now = now
        self._calls = 0

    @property
    def calls(self) -> int:
        """Attempts sent so far by this object, repeats included (TAG-117)."""
        return self._calls

    async def send(self, call: Call) -> Answer:
        """Make the call and return its 2xx answer.

        Raises a `PleoError` subclass for everything else; whatever the credential raises passes through.
        """
        retrying = AsyncRetrying(
            retry=retry_if_exception(lambda error: retry.may_repeat(call.repeatable, error)),
            wait=retry.pause,
            stop=stop_after_attempt(retry.MAX_TRIES),
            sleep=self._sleep,
            reraise=True,
        )
        try:
            return await retrying(self._attempt, call, _Progress())
        except (errors.Unavailable, errors.UnreadableAnswer) as error:
            if isinstance(error, errors.Unreached):
                raise
            failed = _doubted(call, error)
        raise failed

    async def json(self, call: Call) -> Any:
        """Make the call and return its body as JSON values.

        Raises as `send`; also `UnreadableAnswer` for a body that is not JSON, `OutcomeUnknown` for that after a POST.
        """
        return (await self._spoken(call))[1]

    async def record(self, call: Call, model: type[Model], *, inside: str | None = None) -> Model:
        """Make the call and return its answer as a record; `inside` names the member it stands in.

        Raises as `json`; another shape counts as unreadable, too.
        """
        return (await self.answered(call, model, inside=inside))[1]

    async def answered(self, call: Call, model: type[Model], *, inside: str | None = None) -> tuple[int, Model]:
        """As `record`, with the 2xx status before it, where the status itself says something (ACC-071)."""
        status, body = await self._spoken(call)
        try:
            return status, read(model, unwrapped(body, inside, call.operation) if inside else body, call.operation)
        except errors.UnreadableAnswer as error:
            unreadable = error
        raise _doubted(call, unreadable)

    async def _spoken(self, call: Call) -> tuple[int, Any]:
        answer = await self.send(call)
        try:
            return answer.status, read_json(answer, exact=call.exact)
        except NotJson as reason:
            unreadable = errors.UnreadableAnswer(call.operation, status=answer.status, detail=str(reason))
        raise _doubted(call, unreadable)

    async def _attempt(self, call: Call, progress: _Progress) -> Answer:
        await self._allowance(call)  # first: a token must not run out while its call waits for its turn
        header = await self._credential.header()
        answer = await self._once(call, header, progress)
        if answer.status == 401 and not progress.renewed:
            progress.renewed = True
            newer = await self._credential.renew(header)
            if newer is not None and newer != header:
                header = newer
                await self._allowance(call)
                answer = await self._once(call, header, progress)
        if 200 <= answer.status < 300:
            return answer
        error = _error(call.operation, answer, header, self._now())
        if isinstance(error, errors.RateLimited):
            # Else each of the calls made side by side would run into the same refusal.
            await self._budget.pause(retry.rest(error, progress.made))
        raise error

    async def _allowance(self, call: Call) -> None:
        if rest := await self._budget.take():
            raise errors.RateLimited(call.operation, detail="Pleo asked for a rest", retry_after=rest)

    async def _once(self, call: Call, header: str, progress: _Progress) -> Answer:
        request = _request(self._endpoints.api(call.path), call, header, self._limits)
        progress.made += 1
        self._calls += 1
        started = time.monotonic()
        fault: NoAnswer | None = None
        try:
            with faults.around(f"pleo {call.operation}"):
                answer = await exchange(self._http, request, self._limits)
        except NoAnswer as error:
            fault = error
        if self._observe:
            status, cause = (None, fault.cause) if fault else (answer.status, None)
            seconds = time.monotonic() - started
            self._observe(Observation(call.operation, call.method, status, cause, seconds, progress.made))
        if fault is None:
            return answer
        raise (errors.Unavailable if fault.sent else errors.Unreached)(call.operation, detail=fault.cause)


@dataclass(slots=True)
class _Progress:
    """How far one call has come."""

    made: int = 0
    """Attempts sent."""
    renewed: bool = False
    """Whether the credential was renewed, which happens once a call at most (AUTH-054)."""


def _request(url: str, call: Call, header: str, limits: Limits) -> httpx.Request:
    if not header.isascii() or not header.isprintable():
        raise errors.Unauthorised(call.operation, detail="the stored credential cannot be sent in a header")
    headers = {"Authorization": header, "Accept": "application/json", "Accept-Encoding": ACCEPT_ENCODING}
    content = None
    if call.body is not None:
        headers["Content-Type"] = "application/json;charset=UTF-8"
        content = write_json(call.body)
    target = httpx.URL(url, params=list(call.params)) if call.params else httpx.URL(url)
    return bare_request(call.method, target, headers=headers, content=content, limits=limits)


def _error(operation: str, answer: Answer, header: str, now: datetime) -> errors.PleoError:
    """The typed error of an answer that is not 2xx; its body may be empty, HTML or anything (LIMIT-011)."""
    try:
        body = read_json(answer)
    except NotJson:
        body = None
    said = body if isinstance(body, dict) else {}
    return errors.error_class(answer.status)(
        operation,
        status=answer.status,
        kind=_text(said.get("type"), header),
        message=_text(said.get("message"), header),
        detail="redirects are not followed" if 300 <= answer.status < 400 else None,
        retry_after=retry.retry_after(answer.headers, now),
    )


def _text(value: object, header: str) -> str | None:
    """A string of Pleo's, shortened and with any echo of the credential taken out."""
    if not isinstance(value, str) or not value.strip():
        return None
    secret = header.partition(" ")[2]
    return (value.replace(secret, "[credential]") if secret else value)[:_MESSAGE_LENGTH]


def _doubted(call: Call, error: errors.PleoError) -> errors.PleoError:
    """After a call that must not be repeated, a fault that leaves its effect open is an unknown outcome (LIMIT-030)."""
    if call.repeatable:
        return error
    return errors.OutcomeUnknown(
        error.operation, status=error.status, kind=error.kind, message=error.message, detail=error.detail
    )
