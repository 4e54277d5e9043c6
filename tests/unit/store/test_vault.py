"""Sealed columns: bound to their cell, rotated without loss, silent about what they hold."""

import os
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledgerbridge.store.vault import BrokenSeal, UnknownKey, Vault, VaultError, hash_token, new_token

CELL = {"table": "credentials", "column": "refresh_token_sealed", "row": uuid.UUID(int=7)}
OLD, NEW = os.urandom(32), os.urandom(32)


@given(st.text())
def test_what_is_sealed_opens_in_its_own_cell(text: str) -> None:
    vault = Vault([NEW])
    assert vault.open(vault.seal(text, **CELL), **CELL) == text


@pytest.mark.rule("AUTH-045")
def test_a_token_cannot_be_read_from_the_stored_bytes() -> None:
    token = new_token()
    sealed = Vault([NEW]).seal(token, **CELL)
    assert token.encode() not in sealed
    assert NEW not in sealed
    assert Vault([NEW]).seal(token, **CELL) != sealed, "the same token twice must not look the same"


@pytest.mark.rule("AUTH-045")
@pytest.mark.parametrize(
    "other",
    [
        CELL | {"row": uuid.UUID(int=8)},
        CELL | {"column": "access_token_sealed"},
        CELL | {"table": "connections"},
        {"table": "credentialsrefresh", "column": "_token_sealed", "row": uuid.UUID(int=7)},
    ],
)
def test_a_value_moved_to_another_cell_does_not_open(other: dict[str, object]) -> None:
    vault = Vault([NEW])
    with pytest.raises(BrokenSeal):
        vault.open(vault.seal("token", **CELL), **other)


@given(st.integers(min_value=0), st.integers(min_value=1, max_value=255))
def test_any_altered_byte_is_noticed(position: int, change: int) -> None:
    vault = Vault([NEW])
    sealed = bytearray(vault.seal("token", **CELL))
    sealed[position % len(sealed)] ^= change
    with pytest.raises(VaultError):
        vault.open(bytes(sealed), **CELL)


@given(st.binary(max_size=80))
def test_bytes_that_were_never_sealed_are_refused(junk: bytes) -> None:
    with pytest.raises(VaultError):
        Vault([NEW]).open(junk, **CELL)


def test_truncation_is_noticed_at_every_length() -> None:
    vault = Vault([NEW])
    sealed = vault.seal("token", **CELL)
    for length in range(len(sealed)):
        with pytest.raises(VaultError):
            vault.open(sealed[:length], **CELL)


def test_rotation_opens_old_values_and_seals_with_the_first_key() -> None:
    before = Vault([OLD]).seal("token", **CELL)
    both = Vault([NEW, OLD])
    assert both.open(before, **CELL) == "token"
    after = both.seal(both.open(before, **CELL), **CELL)
    assert Vault([NEW]).open(after, **CELL) == "token"


def test_a_retired_key_is_named_as_such() -> None:
    sealed = Vault([OLD]).seal("token", **CELL)
    with pytest.raises(UnknownKey, match="ENCRYPTION_KEYS"):
        Vault([NEW]).open(sealed, **CELL)


@pytest.mark.rule("AUTH-045")
def test_no_error_and_no_repr_tells_a_secret() -> None:
    vault = Vault([NEW])
    sealed = vault.seal("s3cret-token", **CELL)
    for attempt in (CELL | {"row": "x"}, CELL | {"table": "t"}):
        with pytest.raises(BrokenSeal) as caught:
            vault.open(sealed, **attempt)
        assert "s3cret" not in str(caught.value)
        assert caught.value.__cause__ is None
        assert caught.value.__suppress_context__
    for key in (NEW, NEW.hex().encode()):
        assert key.decode("latin-1") not in repr(vault)


@pytest.mark.parametrize("keys", [[], [b"short"], [NEW, b"x" * 33]])
def test_bad_keys_are_refused_at_the_start(keys: list[bytes]) -> None:
    with pytest.raises(ValueError, match="ENCRYPTION_KEYS"):
        Vault(keys)


def test_tokens_are_long_and_differ_and_hash_the_same_way_each_time() -> None:
    tokens = {new_token() for _ in range(100)}
    assert len(tokens) == 100
    assert min(map(len, tokens)) >= 43
    assert hash_token("a") == hash_token("a") != hash_token("b")
    assert len(hash_token("a")) == 32
