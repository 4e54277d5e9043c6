"""Adapters of other packages are found by their entry points, and one that is broken costs only itself."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from ledgerbridge.bookkeeping.problem import Failure
from ledgerbridge.connections import erp_binding
from ledgerbridge.connections.errors import BindingRefused
from ledgerbridge.erp.port import ErpError
from ledgerbridge.erp.registry import adapter_for, adapters
from ledgerbridge.ops.doctor import Level
from ledgerbridge.ops.doctor_adapters import inspect_adapters
from ledgerbridge.outgoing.addresses import Reach

SOUND = """
from ledgerbridge.erp.adapter import SettingField, SettingKind

class Adapter:
    kind = "{kind}"
    name = "Acme Books"

    def __init__(self, *, reach):
        self.reach = reach

    def form(self):
        return (SettingField("key", "Key", "", SettingKind.SECRET),)

    async def companies(self, settings, observe=None): ...
    def check_settings(self, settings): ...
    def secret_fields(self): return frozenset({{"key"}})
    def open(self, settings, observe=None, *, book=None): ...
"""
Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Install a distribution, as pip leaves it, that names an adapter and holds a module."""

    def put(package: str, kind: str, source: str, *, named: str = "Adapter", version: str = "1.2") -> None:
        at = tmp_path / package
        module = package.replace("-", "_")
        about = at / f"{module}-{version}.dist-info"
        about.mkdir(parents=True)
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n")
        (about / "entry_points.txt").write_text(f"[ledgerbridge.erp]\n{kind} = {module}:{named}\n")
        (at / f"{module}.py").write_text(source)
        monkeypatch.syspath_prepend(str(at))
        monkeypatch.delitem(sys.modules, module, raising=False)

    return put


def test_an_installed_package_brings_its_adapter_and_ours_stay(install: Install) -> None:
    install("acme-erp", "acme", SOUND.format(kind="acme"))
    reach = Reach(hosts=frozenset({"books.acme.example"}))
    found = adapters(reach)
    assert found["acme"].name == "Acme Books"
    assert found["acme"].reach is reach  # type: ignore[attr-defined]
    assert "tryton" in found
    assert not found.left_out


FAULTY = {
    "does not import": ("import nothing_of_the_kind\n", "No module named 'nothing_of_the_kind'"),
    "ends the process": ("raise SystemExit('good night')\n", "SystemExit: good night"),
    "has no such class": ("", "AttributeError"),
    "fails when made": ("def Adapter(*, reach): raise RuntimeError('no licence\\nfile')\n", "RuntimeError: no licence."),  # noqa: E501
    "takes no reach": ("class Adapter: ...\n", "TypeError"),
    "is called otherwise": (SOUND.format(kind="other"), "its kind is 'other'"),
    "has no name": (SOUND.format(kind="acme").replace('"Acme Books"', '" "'), "it has no name"),
    "cannot be opened": (SOUND.format(kind="acme").replace("def open", "def start"), "it has no open"),
    "is older than the books of vouchers": (
        SOUND.format(kind="acme").replace(", *, book=None", ""), "open(settings, observe, book=...)"
    ),
    "would show its secret": (
        SOUND.format(kind="acme").replace('frozenset({"key"})', "frozenset()"), "key of its form is secret"
    ),
    "asks twice": (SOUND.format(kind="acme").replace("SECRET),)", "SECRET),) * 2"), "asks for one setting twice"),
    "asks oddly": (SOUND.format(kind="acme").replace("SECRET),)", "SECRET), 'key')"), "no SettingField"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTY)
def test_an_adapter_that_is_broken_is_left_out_with_its_reason(install: Install, fault: str) -> None:
    source, reason = FAULTY[fault]
    install("acme-erp", "acme", source)
    found = adapters()
    assert "acme" not in found
    assert "tryton" in found
    left_out = found.left_out["acme"]
    assert left_out.packages == ("acme-erp 1.2",)
    assert reason in left_out.reason
    assert "\n" not in left_out.reason


def test_a_kind_of_two_packages_is_refused_by_both_their_names(install: Install) -> None:
    install("acme-erp", "acme", SOUND.format(kind="acme"))
    install("other-books", "acme", SOUND.format(kind="acme"), version="7")
    found = adapters()
    assert "acme" not in found
    assert "acme-erp 1.2 and other-books 7 both bring it" in found.left_out["acme"].reason


def test_nobody_takes_the_name_of_an_adapter_of_ours_unnoticed(install: Install) -> None:
    install("acme-erp", "tryton", SOUND.format(kind="tryton"))
    found = adapters()
    assert "tryton" not in found
    assert "acme-erp 1.2 and ledgerbridge" in found.left_out["tryton"].reason


def test_a_kind_is_a_plain_word(install: Install) -> None:
    install("acme-erp", "Acme ERP", SOUND.format(kind="Acme ERP"))
    assert "small letters" in adapters().left_out["Acme ERP"].reason


@pytest.mark.parametrize("kind", ["acme", "gone"])
def test_what_is_bound_to_it_is_told_that_it_is_not_installed(install: Install, kind: str) -> None:
    install("acme-erp", "acme", FAULTY["does not import"][0])
    with pytest.raises(ErpError) as refused:
        adapter_for(adapters(), kind)
    found = refused.value.problem
    assert found.failure is Failure.ERP_NOT_INSTALLED
    assert f"({kind}) is not installed" in found.text
    assert "Nothing was booked" in found.text
    assert ("nothing_of_the_kind" in found.internal) == (kind == "acme")
    assert "nothing_of_the_kind" not in found.text


def test_whoever_wants_to_bind_one_that_is_left_out_is_told_so(install: Install) -> None:
    install("acme-erp", "acme", FAULTY["does not import"][0])
    room = SimpleNamespace(erps=adapters())
    with pytest.raises(BindingRefused) as refused:
        erp_binding.adapter_of(room, "acme")  # type: ignore[arg-type]
    assert refused.value.code == "kind_left_out"


def test_the_doctor_names_package_and_reason(install: Install) -> None:
    install("acme-erp", "acme", FAULTY["does not import"][0])
    usable, left_out = inspect_adapters()
    assert (usable.level, "tryton" in usable.text) == (Level.OK, True)
    assert left_out.level is Level.ERROR
    assert "acme (acme-erp 1.2) is left out" in left_out.text
    assert "nothing_of_the_kind" in left_out.text
    assert left_out.fix


def test_an_adapter_of_a_package_is_opened_like_ours(install: Install) -> None:
    source = (
        SOUND.format(kind="acme")
        + """
    def open(self, settings, observe=None, *, book=None):
        from contextlib import nullcontext
        return nullcontext(settings["key"])
"""
    )
    install("acme-erp", "acme", source)

    async def opened() -> object:
        async with adapter_for(adapters(), "acme").open({"key": "x"}) as erp:
            return erp

    assert asyncio.run(opened()) == "x"
