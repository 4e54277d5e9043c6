"""The doctor's look at the adapters: which kinds of ERP there are, and which are left out and why."""

from __future__ import annotations

from ledgerbridge.erp.registry import LeftOut, adapters
from ledgerbridge.ops.doctor import Finding, error, ok, warning

_CHECK = "adapters"


def inspect_adapters() -> list[Finding]:
    """The adapters of this environment, as every process of the service will find them."""
    found = adapters()
    usable = ok(_CHECK, f"{', '.join(sorted(found))}.") if found else _none()
    return [usable, *(_left_out(one) for one in found.left_out.values())]


def _none() -> Finding:
    return warning(_CHECK, "None: no company can connect an accounting system.", "Install ledgerbridge again.")


def _left_out(one: LeftOut) -> Finding:
    text = f"{one.kind} ({', '.join(one.packages)}) is left out. {one.reason}"
    return error(_CHECK, text, "Mend or uninstall the package; connections bound to it do not work until then.")
