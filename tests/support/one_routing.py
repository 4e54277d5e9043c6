"""One description of each route for all apps that tests make.

FastAPI works out what a route takes and answers once an app, when the app is first asked. The service has one app a
process; most tests of a web face make one of their own, and this was a tenth of their time.
"""

from __future__ import annotations

from typing import Any

from fastapi import routing

_KEPT = "_described_for_tests"


def share_routes() -> None:
    """From now on a route that is included in two apps in the same way is described once."""
    describe = routing._EffectiveRouteContext.from_api_route.__func__  # type: ignore[attr-defined]

    def described(cls: Any, *, original_route: Any, include_context: Any) -> Any:
        # `dependency_overrides`, which no test uses, would be an app's own.
        wanted = {**vars(include_context), "dependency_overrides_provider": None}
        kept = original_route.__dict__.setdefault(_KEPT, [])
        for like, made in kept:
            if like == wanted:
                return made
        made = describe(cls, original_route=original_route, include_context=include_context)
        kept.append((wanted, made))
        return made

    routing._EffectiveRouteContext.from_api_route = classmethod(described)  # type: ignore[assignment]
