"""The values of an Authorization header, one for each way of authenticating."""

from __future__ import annotations

import base64
from urllib.parse import quote_plus


def bearer_header(access_token: str) -> str:
    """For resource calls with an OAuth access token (AUTH-041)."""
    return f"Bearer {access_token}"


def api_key_header(key: str) -> str:
    """For resource calls with an API key: user name the key, password empty (AUTH-100)."""
    return _basic(f"{key}:")


def client_header(client_id: str, client_secret: str) -> str:
    """For the token endpoint: id and secret, each form-encoded first (AUTH-031)."""
    return _basic(f"{quote_plus(client_id)}:{quote_plus(client_secret)}")


def _basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()
