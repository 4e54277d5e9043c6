"""Where the files of a target go: fetched by a person, into a folder of an SFTP server, or into an S3 bucket.

The settings are the same for every target that books into files; an adapter puts `FIELDS` into its form, `check` and
`SECRETS` beside its own, and calls `test` when an access is tried.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from ledgerbridge.clock import utcnow
from ledgerbridge.erp.adapter import SettingField, SettingKind, SettingsError
from ledgerbridge.erp.files.destination_words import Told, told_of
from ledgerbridge.outgoing.addresses import Reach, host_of, is_loopback
from ledgerbridge.outgoing.placing import Failing, NotPlaced, Place

DOWNLOAD, SFTP, S3 = "download", "sftp", "s3"

FIELDS = (
    SettingField(
        "delivery",
        "Where the files go",
        "Files can always be downloaded here as well. On a server they lie ready for your accounting program as soon "
        "as an export is done.",
        SettingKind.CHOICE,
        choices=((DOWNLOAD, "I download them"), (SFTP, "Into a folder on an SFTP server"), (S3, "Into an S3 bucket")),
        default=DOWNLOAD,
        place=True,
    ),
    SettingField(
        "sftp_address",
        "Address of the folder",
        "Server, port if it is not 22, and folder. A folder after // counts from the root of the server, any other "
        "from where the user starts.",
        SettingKind.URL,
        placeholder="sftp://files.example.com:22/inbox",
        place=True,
        when=("delivery", SFTP),
    ),
    SettingField("sftp_user", "User name", "", SettingKind.TEXT, place=True, when=("delivery", SFTP)),
    SettingField(
        "sftp_secret",
        "Password or private key",
        "The password, or the whole content of a private key without a passphrase, from -----BEGIN to the end.",
        SettingKind.SECRET,
        when=("delivery", SFTP),
    ),
    SettingField(
        "sftp_host_key",
        "Fingerprint of the server",
        "Leave it empty at first. The test then shows the fingerprint that the server answers with; compare it with "
        "the one you have from whoever runs the server, and enter it. Several are separated by blanks.",
        SettingKind.TEXT,
        required=False,
        placeholder="SHA256:…",
        when=("delivery", SFTP),
    ),
    SettingField(
        "s3_address",
        "Address of the bucket",
        "With the folder in it, if there is one. Both forms will do: the bucket in front of the name of the server, "
        "or after it.",
        SettingKind.URL,
        placeholder="https://s3.eu-north-1.amazonaws.com/our-bucket/vouchers",
        place=True,
        when=("delivery", S3),
    ),
    SettingField(
        "s3_region",
        "Region",
        "As the provider names it. Where there are none, leave it as it is.",
        SettingKind.TEXT,
        required=False,
        default="us-east-1",
        when=("delivery", S3),
    ),
    SettingField("s3_access_key", "Access key id", "", SettingKind.TEXT, place=True, when=("delivery", S3)),
    SettingField(
        "s3_secret_key",
        "Secret access key",
        "Its user needs to put, read and delete objects in this folder, and nothing else.",
        SettingKind.SECRET,
        when=("delivery", S3),
    ),
)
"""For an adapter's form, in this order."""
SECRETS = frozenset({"sftp_secret", "s3_secret_key"})
"""For an adapter's `secret_fields`."""
NAMES = frozenset(one.name for one in FIELDS)

_LONGEST_TEST = 90.0
"""Seconds for a test as a whole: a server may answer each step at the last moment, and somebody waits."""
_FINGERPRINT = re.compile(r"SHA256:[A-Za-z0-9+/]{43}")
_PEM = re.compile(r"-----BEGIN ([A-Z0-9 ]*PRIVATE KEY)-----(.*?)-----END \1-----", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Destination:
    """A folder of a customer's that files are brought to."""

    where: str
    """The address, for people."""
    settings: Mapping[str, str] = field(repr=False)
    """As `check` answers them."""

    @property
    def sftp(self) -> bool:
        """A folder on an SFTP server; else a bucket."""
        return self.settings["delivery"] == SFTP

    def place(self, reach: Reach) -> Place:
        """The folder; it calls no address outside `reach`."""
        return _sftp(self.settings, reach) if self.sftp else _s3(self.settings, reach)

    def told(self, failed: NotPlaced) -> Told:
        """What a failure there means and what to do."""
        return told_of(failed, sftp=self.sftp, confirmed=bool(self.settings.get("sftp_host_key")))


def read(settings: Mapping[str, Any]) -> Destination | None:
    """Where stored settings of any adapter want files brought to; None when a person downloads them."""
    way = settings.get("delivery", DOWNLOAD)
    if way == DOWNLOAD:
        return None
    told = {name: str(value) for name, value in settings.items() if name in NAMES}
    return Destination(told[f"{way}_address"], told)


def check(raw: Mapping[str, Any]) -> dict[str, Any]:
    """These settings as they are stored, those of the other ways left out; names that are not ours are left alone.

    Raises `SettingsError`.
    """
    way = raw.get("delivery") or DOWNLOAD
    if way not in _CHECKERS:
        raise SettingsError({"delivery": "Choose one of the three ways."})
    good: dict[str, Any] = {"delivery": way}
    errors: dict[str, str] = {}
    for name, checker in _CHECKERS[str(way)].items():
        given = raw.get(name)
        try:
            found = checker(given.strip() if isinstance(given, str) else "")
        except ValueError as error:
            errors[name] = str(error)
        else:
            if found:
                good[name] = found
    if errors:
        raise SettingsError(errors)
    return good


async def test(settings: Mapping[str, Any], reach: Reach) -> None:
    """Try the place that `check` has found good: write, rename, read and delete a small file there.

    Raises `SettingsError` at the field that has to change, also for a server whose fingerprint nobody has confirmed.
    """
    found = read(settings)
    if found is None:
        return
    try:
        async with asyncio.timeout(_LONGEST_TEST):
            await found.place(reach).probe()
    except NotPlaced as failed:
        told = found.told(failed)
    except TimeoutError:
        told = found.told(NotPlaced(Failing.BROKEN, "it took too long"))
    else:
        return
    raise SettingsError({told.field: told.text})


def _sftp(settings: Mapping[str, str], reach: Reach) -> Place:
    # Large, and most processes never need it.
    from ledgerbridge.outgoing.sftp import Sftp, SftpLogin

    parts = urlsplit(settings["sftp_address"])
    secret = settings["sftp_secret"]
    is_key = secret.startswith("-----BEGIN")
    login = SftpLogin(
        host=str(parts.hostname),
        port=parts.port or 22,
        user=settings["sftp_user"],
        folder=unquote(parts.path.removeprefix("/")),
        host_keys=tuple(settings.get("sftp_host_key", "").split()),
        password=None if is_key else secret,
        private_key=secret if is_key else None,
    )
    return Sftp(login, reach)


def _s3(settings: Mapping[str, str], reach: Reach) -> Place:
    from ledgerbridge.outgoing.s3 import Bucket
    from ledgerbridge.outgoing.signing_s3 import S3Key

    key = S3Key(settings["s3_access_key"], settings["s3_region"], settings["s3_secret_key"])
    return Bucket(settings["s3_address"], key, reach, utcnow)


def _sftp_address(text: str) -> str:
    if not text:
        raise ValueError("Enter the address of the folder, such as sftp://files.example.com/inbox.")
    text = text if "://" in text else f"sftp://{text}"
    scheme, host, port, path = _parts(text, "sftp://files.example.com/inbox")
    if scheme != "sftp":
        raise ValueError("Enter an address that starts with sftp://.")
    return f"sftp://{host}{f':{port}' if port not in (None, 22) else ''}{_folder(path)}"


def _s3_address(text: str) -> str:
    if not text:
        raise ValueError("Enter the address of the bucket, such as https://s3.example.com/our-bucket.")
    scheme, host, port, path = _parts(text, "https://s3.example.com/our-bucket")
    if scheme != "https" and not (scheme == "http" and is_loopback(host.strip("[]"))):
        raise ValueError("The address must start with https://, or your vouchers could be read on the way.")
    default = 443 if scheme == "https" else 80
    return f"{scheme}://{host}{f':{port}' if port not in (None, default) else ''}{_folder(path)}"


def _parts(text: str, example: str) -> tuple[str, str, int | None, str]:
    """Scheme, host as it stands in an address, port and path. Raises `ValueError` with words for a person."""
    try:
        parts = urlsplit(text)
        named, port = parts.hostname, parts.port
        host = host_of(named or "")
    except ValueError:
        raise ValueError(f"This is not an address. Enter it like {example}.") from None
    if parts.username is not None or parts.password is not None:
        raise ValueError("Leave user name and password out of the address; they have fields of their own.")
    if parts.query or parts.fragment or re.search(r"[\s\x00-\x1f\x7f\\]", text):
        raise ValueError(f"Enter the address without blanks, ? and #, like {example}.")
    return parts.scheme.lower(), f"[{host}]" if ":" in host else host, port, parts.path


def _folder(path: str) -> str:
    """A path in one spelling: decoded once, no slash at the end, nothing that climbs."""
    plain = unquote(path).rstrip("/")
    if any(part in (".", "..") for part in plain.split("/")) or re.search(r"[\x00-\x1f\x7f]", plain):
        raise ValueError("Enter the folder without . and .. in it.")
    return quote(plain, safe="/-_.~")


def _user(text: str) -> str:
    if not text or len(text) > 128 or not text.isprintable():
        raise ValueError("Enter the user name.")
    return text


def _sftp_secret(text: str) -> str:
    if not text:
        raise ValueError("Enter the password or the private key.")
    if not text.startswith("-----BEGIN"):
        return text
    from ledgerbridge.outgoing.sftp import private_key_fault

    key = _whole_lines(text)
    if fault := private_key_fault(key):
        raise ValueError(f"This private key {fault}. Enter one in OpenSSH's form, without a passphrase, as a whole.")
    return key


def _whole_lines(text: str) -> str:
    """A key whose line ends were lost in a field of one line, with line ends."""
    found = _PEM.search(text)
    if found is None or ":" in found.group(2):
        return text
    body = re.sub(r"\s+", "", found.group(2))
    lines = [body[start : start + 64] for start in range(0, len(body), 64)]
    return "\n".join([f"-----BEGIN {found.group(1)}-----", *lines, f"-----END {found.group(1)}-----", ""])


def _host_key(text: str) -> str:
    found = text.replace(",", " ").split()
    if not all(_FINGERPRINT.fullmatch(one.rstrip("=")) for one in found):
        raise ValueError("Enter it as the test shows it: SHA256: and 43 signs.")
    return " ".join(one.rstrip("=") for one in found)


def _region(text: str) -> str:
    if text and not re.fullmatch(r"[A-Za-z0-9-]{1,64}", text):
        raise ValueError("Enter the short name of the region, such as eu-north-1.")
    return text or "us-east-1"


def _key(text: str) -> str:
    if not re.fullmatch(r"[\x21-\x7e]{1,256}", text):
        raise ValueError("Enter the key without blanks.")
    return text


_CHECKERS = {
    DOWNLOAD: {},
    SFTP: {
        "sftp_address": _sftp_address,
        "sftp_user": _user,
        "sftp_secret": _sftp_secret,
        "sftp_host_key": _host_key,
    },
    S3: {"s3_address": _s3_address, "s3_region": _region, "s3_access_key": _key, "s3_secret_key": _key},
}
