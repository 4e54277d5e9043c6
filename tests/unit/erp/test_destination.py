"""What a person enters of the place where files go: read in one way, refused in words beside the field."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncssh
import pytest

from ledgerbridge.erp.adapter import SettingKind, SettingsError
from ledgerbridge.erp.files import destination
from ledgerbridge.erp.files.destination_words import told_of
from ledgerbridge.outgoing.addresses import PUBLIC
from ledgerbridge.outgoing.placing import Failing, NotPlaced
from tests.support.canaries import canary

FINGERPRINT = "SHA256:" + "a" * 43
SFTP: dict[str, Any] = {
    "delivery": "sftp",
    "sftp_address": "sftp://files.example.com/inbox",
    "sftp_user": "ledger",
    "sftp_secret": canary("password of a folder"),
    "sftp_host_key": FINGERPRINT,
}
S3: dict[str, Any] = {
    "delivery": "s3",
    "s3_address": "https://s3.example.com/bucket/in",
    "s3_region": "eu-north-1",
    "s3_access_key": "AK",
    "s3_secret_key": canary("key of a bucket"),
}


def fault(settings: dict[str, Any], name: str) -> str:
    with pytest.raises(SettingsError) as caught:
        destination.check(settings)
    assert set(caught.value.errors) == {name}
    return caught.value.errors[name]


class _Silent:
    """A server that takes a step now and then."""

    async def probe(self) -> None:
        await asyncio.Event().wait()


@pytest.mark.parametrize(("settings", "field"), [(SFTP, "sftp_address"), (S3, "s3_address")])
async def test_a_test_ends_however_slowly_a_server_goes_on(
    settings: dict[str, Any], field: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(destination, "_LONGEST_TEST", 0.05)
    monkeypatch.setattr(destination.Destination, "place", lambda *_: _Silent())
    with pytest.raises(SettingsError) as caught:
        await destination.test(settings, PUBLIC)
    assert set(caught.value.errors) == {field}


@pytest.mark.parametrize("settings", [{}, SFTP, S3, {"delivery": "download"}])
def test_what_was_checked_is_stored_and_read_as_it_is(settings: dict[str, Any]) -> None:
    good = destination.check(settings)
    assert destination.check(good) == good
    found = destination.read(good)
    assert (found is None) == (good["delivery"] == "download")
    assert found is None or not any(good[name] in repr(found) for name in destination.SECRETS & good.keys())


def test_settings_of_the_ways_not_taken_are_left_out_and_those_of_others_alone() -> None:
    assert destination.check({**SFTP, **S3, "series": "P"}) == S3
    assert destination.check({"series": "P"}) == {"delivery": "download"}
    assert destination.read({"series": "P"}) is None


@pytest.mark.parametrize(
    ("entered", "stored"),
    [
        ("files.example.com", "sftp://files.example.com"),
        ("SFTP://Files.Example.com.:22/in/", "sftp://files.example.com/in"),
        ("sftp://files.example.com:2222//srv/in", "sftp://files.example.com:2222//srv/in"),
        ("sftp://[2001:DB8::1]/Mappe%20å", "sftp://[2001:db8::1]/Mappe%20%C3%A5"),
    ],
)
def test_an_address_has_one_spelling(entered: str, stored: str) -> None:
    assert destination.check({**SFTP, "sftp_address": entered})["sftp_address"] == stored


@pytest.mark.parametrize(
    ("entered", "told"),
    [
        ("", "Enter the address of the folder"),
        ("ftp://files.example.com", "starts with sftp://"),
        ("sftp://ledger:secret@files.example.com", "Leave user name and password out"),
        ("sftp://files.example.com/../etc", "without . and .."),
        ("sftp://files.example.com:x/in", "This is not an address"),
        ("sftp://", "This is not an address"),
        ("sftp://files.example.com/in?x=1", "without blanks, ? and #"),
    ],
)
def test_an_address_that_is_none_is_told(entered: str, told: str) -> None:
    assert told in fault({**SFTP, "sftp_address": entered}, "sftp_address")


def test_vouchers_never_go_over_a_line_that_others_can_read() -> None:
    assert "must start with https://" in fault({**S3, "s3_address": "http://s3.example.com/b"}, "s3_address")
    local = destination.check({**S3, "s3_address": "http://127.0.0.1:9000/b/"})
    assert local["s3_address"] == "http://127.0.0.1:9000/b"


def test_a_private_key_keeps_its_line_ends_or_gets_them_back() -> None:
    key = asyncssh.generate_private_key("ssh-ed25519")
    whole = key.export_private_key().decode()
    for entered in (whole, whole.replace("\n", ""), whole.replace("\n", " "), whole.replace("\n", "\r\n")):
        kept = destination.check({**SFTP, "sftp_secret": entered})["sftp_secret"]
        assert asyncssh.import_private_key(kept).get_fingerprint() == key.get_fingerprint()
    pem = key.export_private_key("pkcs8-pem").decode().replace("\n", "")
    assert destination.check({**SFTP, "sftp_secret": pem})["sftp_secret"].count("\n") > 2


def test_a_private_key_that_cannot_be_used_is_told_without_showing_it() -> None:
    key = asyncssh.generate_private_key("ssh-ed25519")
    locked = key.export_private_key("pkcs8-pem", passphrase="secret").decode()
    told = fault({**SFTP, "sftp_secret": locked}, "sftp_secret")
    assert "is locked with a passphrase" in told
    cut = key.export_private_key().decode()[:-40]
    assert "cannot be read" in fault({**SFTP, "sftp_secret": cut}, "sftp_secret")
    assert "AAAA" not in told


def test_a_fingerprint_is_entered_as_it_is_shown() -> None:
    good = destination.check({**SFTP, "sftp_host_key": f" {FINGERPRINT}, {FINGERPRINT}= "})
    assert good["sftp_host_key"] == f"{FINGERPRINT} {FINGERPRINT}"
    assert "sftp_host_key" not in destination.check({**SFTP, "sftp_host_key": ""})
    assert "as the test shows it" in fault({**SFTP, "sftp_host_key": "MD5:aa:bb"}, "sftp_host_key")


def test_every_field_of_the_form_is_asked_for_where_it_is_needed() -> None:
    for one in destination.FIELDS[1:]:
        assert one.when is not None
        assert one.name.startswith(one.when[1])
    assert {one.name for one in destination.FIELDS if one.kind is SettingKind.SECRET} == destination.SECRETS
    places = {one.name for one in destination.FIELDS if one.place}
    assert places >= {"sftp_address", "sftp_user", "s3_address", "s3_access_key"}, "a secret may go elsewhere"


@pytest.mark.parametrize("failing", list(Failing))
@pytest.mark.parametrize("sftp", [True, False])
def test_every_failure_has_words_and_a_field_that_is_there(failing: Failing, sftp: bool) -> None:
    for detail in ("", "detail"):
        told = told_of(NotPlaced(failing, detail), sftp=sftp)
        assert "{" not in told.text
        assert told.text.endswith((".", "detail)."))
        assert told.field in destination.NAMES
        assert told.field.startswith("sftp" if sftp else "s3")


def test_only_what_might_go_wrong_twice_waits_for_a_person() -> None:
    people = {one for one in Failing if told_of(NotPlaced(one, "detail"), sftp=True).person}
    assert people == {Failing.OTHER_FILE, Failing.IN_DOUBT}
