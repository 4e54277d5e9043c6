"""Which kinds of ERP there are: those of this package and of every installed package that brings one.

A package names its adapters as entry points of the group `ledgerbridge.erp`, each a callable that is given the `Reach`
of outgoing calls and answers an `Adapter` of the entry point's name. Nothing else in the service knows a kind by name.

A package of others must not take the service down. What does not load, or is no adapter, is left out and told of
(`Adapters.left_out`); connections bound to it say so. A kind that two packages bring is left out, too: which of them
booked what stands would be a guess.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points

from ledgerbridge.bookkeeping.problem import Failure, problem
from ledgerbridge.erp.adapter import Adapter, SettingField, SettingKind
from ledgerbridge.erp.port import ErpError
from ledgerbridge.outgoing.addresses import PUBLIC, Reach

GROUP = "ledgerbridge.erp"
KIND = re.compile(r"[a-z][a-z0-9_]{1,30}")
"""How a kind may be called."""
_ASKED = ("form", "companies", "check_settings", "secret_fields", "open")
_LONGEST = 300


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A kind of ERP that a package names and that cannot be used."""

    kind: str
    packages: tuple[str, ...]
    """Name and version of each package that names it."""
    reason: str
    """A sentence for an operator."""


class Adapters(Mapping[str, Adapter]):
    """The adapters that can be used, by kind; `left_out` are the others."""

    def __init__(self, usable: Mapping[str, Adapter], left_out: Mapping[str, LeftOut]) -> None:
        self._usable = dict(usable)
        self.left_out = dict(left_out)

    def __getitem__(self, kind: str) -> Adapter:
        return self._usable[kind]

    def __iter__(self) -> Iterator[str]:
        return iter(self._usable)

    def __len__(self) -> int:
        return len(self._usable)


def adapters(reach: Reach = PUBLIC) -> Adapters:
    """An adapter of each kind, by its name; they call no address outside `reach`."""
    named: dict[str, list[EntryPoint]] = {}
    for found in entry_points(group=GROUP):
        named.setdefault(found.name, []).append(found)
    usable: dict[str, Adapter] = {}
    left_out: dict[str, LeftOut] = {}
    for kind, brought in sorted(named.items()):
        packages = tuple(sorted(map(_package, brought)))
        try:
            usable[kind] = _only(kind, brought, packages, reach)
        except _Unusable as unusable:
            left_out[kind] = LeftOut(kind, packages, str(unusable))
    return Adapters(usable, left_out)


def adapter_for(erps: Mapping[str, Adapter], kind: str) -> Adapter:
    """The adapter of a kind something is bound to. Raises `ErpError` where there is none that can be used."""
    if kind in erps:
        return erps[kind]
    known = erps.left_out.get(kind) if isinstance(erps, Adapters) else None
    internal = known.reason if known else f"No installed package brings the kind {kind}."
    raise ErpError(problem(Failure.ERP_NOT_INSTALLED, internal, kind=kind))


class _Unusable(Exception):
    """Why an adapter is left out."""


def _only(kind: str, brought: list[EntryPoint], packages: tuple[str, ...], reach: Reach) -> Adapter:
    if not KIND.fullmatch(kind):
        raise _Unusable("A kind is called by small letters, digits and _, at most 31, a letter first.")
    if len(brought) > 1:
        raise _Unusable(f"{' and '.join(packages)} both bring it. Uninstall one of them.")
    (one,) = brought
    try:
        made = one.load()(reach=reach)
        fault = _fault(made, kind)
    except (Exception, SystemExit) as error:  # it is the code of others, and may do anything
        raise _Unusable(f"{one.value} does not load: {_said(error)}.") from error
    if fault:
        raise _Unusable(f"{one.value} is no adapter that fits this release: {fault}.")
    adapter: Adapter = made
    return adapter


def _fault(made: object, kind: str) -> str | None:
    """What of an `Adapter` it lacks."""
    if getattr(made, "kind", None) != kind:
        return f"its kind is {getattr(made, 'kind', None)!r}, not that of its entry point"
    if not isinstance(name := getattr(made, "name", None), str) or not name.strip():
        return "it has no name"
    if missing := [asked for asked in _ASKED if not callable(getattr(made, asked, None))]:
        return f"it has no {', '.join(missing)}"
    opened: Callable[..., object] = made.open  # type: ignore[attr-defined]
    try:
        inspect.signature(opened).bind({}, None, book=None)
    except TypeError as error:
        return f"open(settings, observe, book=...) does not fit it ({error})"
    return _fault_of_form(made.form(), made.secret_fields())  # type: ignore[attr-defined]


def _fault_of_form(form: Iterable[object], secret: frozenset[str]) -> str | None:
    asked = tuple(form)
    fields = [one for one in asked if isinstance(one, SettingField)]
    if len(fields) != len(asked):
        return "its form holds what is no SettingField"
    if len({one.name for one in fields}) != len(fields):
        return "its form asks for one setting twice"
    if shown := {one.name for one in fields if one.kind is SettingKind.SECRET} - secret:
        return f"{', '.join(sorted(shown))} of its form is secret and not among its secret_fields"
    return None


def _package(found: EntryPoint) -> str:
    if found.dist is None:
        return "a package without a name"
    return f"{found.dist.name} {found.dist.version}"


def _said(error: BaseException) -> str:
    """The first line of an error, short."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}"[:_LONGEST].rstrip(".") if lines else type(error).__name__
