"""No secret reaches a log line, an error text or an audit record, whatever form it comes in."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledgerbridge.redaction import HIDDEN, is_secret_name, redact, redact_text

tokens = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_", min_size=12, max_size=80)
SECRET_NAMES = [
    "authorization",
    "Authorization",
    "access_token",
    "accessToken",
    "refresh_token",
    "client_secret",
    "secretKey",
    "secret",
    "api_key",
    "apiKey",
    "X-Api-Key",
    "password",
    "cookie",
    "Set-Cookie",
    "code_verifier",
    "encryption_keys",
    "refresh_token_sealed",
    "webhook-signature",
]
OPEN_NAMES = ["job_id", "status", "state", "code", "company", "token_count", "idempotency_key", "next_cursor", "key"]


@pytest.mark.parametrize("name", SECRET_NAMES)
def test_a_value_under_a_secret_name_is_hidden_whole(name: str) -> None:
    assert is_secret_name(name)
    assert redact({name: {"deep": ["plain"]}}) == {name: HIDDEN}


@pytest.mark.parametrize("name", OPEN_NAMES)
def test_a_plain_name_keeps_its_value(name: str) -> None:
    assert redact({name: "5820"}) == {name: "5820"}


@pytest.mark.rule("AUTH-045")
@given(token=tokens)
def test_a_secret_inside_a_text_is_hidden_where_it_stands(token: str) -> None:
    basic = base64.b64encode(f"{token}:".encode()).decode()
    texts = [
        f"sent Authorization: Bearer {token} to Pleo",
        f"sent authorization=Basic {basic} to Pleo",
        f"sent Authorization: {token} to Pleo",
        f"secret whsec_{token} was read",
        f"GET https://files.example/receipt.pdf?X-Amz-Signature={token}&size=3",
        f"GET /oauth/callback?code={token}&state={token}",
        f"postgresql://ledger:{token}@db.example/books",
        f"POST /webhooks/pleo/{token} failed",
        f'{{"access_token": "{token}", "refresh_token":"{token}"}}',
        f"grant_type=refresh_token&refresh_token={token}&x=1",
        f"{{'api_key': '{token}'}}",
    ]
    for text in texts:
        assert token not in redact_text(text), text
        assert basic not in redact_text(text), text


@given(token=tokens)
def test_nested_data_loses_its_secrets_at_any_depth(token: str) -> None:
    data = {"a": [{"headers": {"Authorization": token}}, (f"Bearer {token}", {"deeper": {"apiKey": token}})], "n": 3}
    assert token not in repr(redact(data))
    assert redact(data)["n"] == 3


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=20,
    )
)
def test_redacting_plain_data_never_fails_and_is_stable(data: object) -> None:
    once = redact(data)
    assert redact(once) == once


def test_ordinary_words_stay_readable() -> None:
    text = "Account 2010 (Travel) is closed. Basic checks passed for job 7; the bearer of the card is Ada."
    shown = redact_text("Account 2010 (Travel) is closed; 3 of 4 items failed in job b4c4d068")
    assert shown == "Account 2010 (Travel) is closed; 3 of 4 items failed in job b4c4d068"
    assert "Account 2010" in redact_text(text)
