"""What a credential opens: one company or an organisation, named by a URN (AUTH-062 to -065)."""

from __future__ import annotations

import re
from dataclasses import dataclass

_URN = re.compile(r"urn:pleo:([a-z_-]+):([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True, slots=True)
class Subject:
    """A Pleo resource."""

    kind: str
    """`company`, `organisation`, or something that may come later (AUTH-060)."""
    id: str
    """UUID in lower case."""


def parse_urn(text: str | None) -> Subject | None:
    """`urn:pleo:company:<uuid>` as a subject, None for anything else."""
    match = _URN.fullmatch(text or "")
    return Subject(match[1].lower(), match[2].lower()) if match else None
