"""Keeps secrets out of whatever people read: log lines, error texts, audit details (AUTH-045, invariant 7).

Two nets. By key: a value whose name says that it is secret is replaced whole. By pattern: a secret inside a text (a
header, a URL, a webhook secret) is replaced where it stands. Neither knows any secret's value.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

HIDDEN = "[hidden]"
_DEPTH = 8

_SECRET_KEY = re.compile(
    r"""(^|[_\-.\s]) ( authorization | cookies? | passwords? | passwd | passphrase | secrets? | credentials? | tokens?
        | verifier | signature | encryption[_\-]keys? | api[_\-]?keys? | secret[_\-]?keys? | private[_\-]?keys?
        | access[_\-]?keys? ) $
        | (access|refresh|id|bearer|path|admin|client|api|webhook)(token|secret|key) $
        | _sealed $""",
    re.IGNORECASE | re.VERBOSE,
)
_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")

_PARAMETERS = (
    r"(?:access_|refresh_|id_|client_|api_|path_)?(?:token|secret|key)|apikey|code|state|code_verifier|password|passwd"
    r"|authorization|credential|sig|signature|x-amz-[a-z-]+|x-goog-[a-z-]+|awsaccesskeyid|policy|key-pair-id"
)
_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"\b(bearer|basic)\s+[A-Za-z0-9._~+/=:\-]+", re.IGNORECASE), rf"\1 {HIDDEN}"),
    (re.compile(r"whsec_[A-Za-z0-9+/=_\-]+"), HIDDEN),
    (re.compile(r"(/webhooks/pleo/)[^/?#\s\"']+"), rf"\1{HIDDEN}"),
    (re.compile(r"([a-z][a-z0-9+.\-]*://)[^/?#\s@\"']+@", re.IGNORECASE), rf"\1{HIDDEN}@"),
    (re.compile(rf"([?&;]({_PARAMETERS})=)[^&\s\"'#<>]+", re.IGNORECASE), rf"\1{HIDDEN}"),
    (
        re.compile(
            r"""(["']?\b(?:access_token|refresh_token|client_secret|code_verifier|api_key|apiKey|secretKey|password
            |authorization)["']?\s*[:=]\s*)(?!\s*\[hidden\])("[^"]*"|'[^']*'|[^\s,;&}\]]+)""",
            re.IGNORECASE | re.VERBOSE,
        ),
        rf"\1{HIDDEN}",
    ),
)
_SIGNS = re.compile(r"[\s=:]|whsec_|/webhooks/pleo/")
"""Without any of these in it, no pattern matches a text; ids and plain words are done with after one look."""


@lru_cache(1024)
def is_secret_name(name: str) -> bool:
    """Whether a field of this name is hidden whole, whatever it holds (`refresh_token`, `apiKey`, `Authorization`)."""
    return _SECRET_KEY.search(_WORD.sub("_", name)) is not None or _SECRET_KEY.search(name) is not None


def redact_text(text: str) -> str:
    """The text with every secret that can be recognised by its form replaced."""
    if _SIGNS.search(text) is None:
        return text
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text


def redact(value: Any, depth: int = _DEPTH) -> Any:
    """A copy of nested plain data without secrets; values of other kinds become their redacted `str`."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if depth == 0:
        return "..."
    if isinstance(value, str):
        return redact_text(value)
    if isinstance(value, Mapping):
        return {
            redact_text(str(key)): HIDDEN
            if inner is not None and is_secret_name(str(key))
            else redact(inner, depth - 1)
            for key, inner in value.items()
        }
    if isinstance(value, list | tuple | set | frozenset):
        return [redact(inner, depth - 1) for inner in value]
    if isinstance(value, bytes | bytearray | memoryview):
        return f"<{len(value)} bytes>"
    return redact_text(str(value))
