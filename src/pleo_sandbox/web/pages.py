"""Renders the sandbox's pages. Jinja escapes everything; nothing is marked safe."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

_FOLDER = Path(__file__).resolve().parent.parent / "templates"
_ENVIRONMENT = Environment(
    loader=FileSystemLoader(_FOLDER),
    autoescape=select_autoescape(default=True, default_for_string=True),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_HEADERS = {
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; base-uri 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}


def wallet_amount(payload: dict[str, Any]) -> str:
    """The wallet amount of an export item as people read it, ``DKK 1,250.00``; a dash when it has none."""
    amount = payload.get("amount")
    wallet = amount.get("inWalletCurrency") if isinstance(amount, dict) else None
    if not isinstance(wallet, dict) or not isinstance(wallet.get("value"), int | float):
        return "–"
    return f"{wallet.get('currency', '')} {wallet['value'] / 100:,.2f}"


def web_link(url: Any) -> str:
    """The URL when a browser may follow it (http or https), else an empty string."""
    if not isinstance(url, str):
        return ""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return url if parts.scheme in ("http", "https") and parts.netloc else ""


_ENVIRONMENT.filters.update(wallet_amount=wallet_amount, web_link=web_link)


def page(request: Request, template: str, status: int = 200, **context: Any) -> Response:
    """Renders a template."""
    text = _ENVIRONMENT.get_template(template).render(path=request.url.path, **context)
    return HTMLResponse(text, status, _HEADERS)


def same_site(request: Request) -> None:
    """Refuses a form that another site's page sent here."""
    origin = request.headers.get("origin")
    if origin not in (None, "null") and urlsplit(origin).netloc != request.headers.get("host"):
        raise HTTPException(403, "This form was sent from another site")
