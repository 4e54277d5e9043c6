"""What a failed handover means and what to do, in the words of whoever set it up."""

from __future__ import annotations

from dataclasses import dataclass

from ledgerbridge.outgoing.placing import Failing, NotPlaced


@dataclass(frozen=True, slots=True)
class Told:
    """A failed handover for people."""

    field: str
    """The setting it is told beside."""
    text: str
    """What is wrong and what to do, in a sentence or two."""
    person: bool
    """Trying again by itself is of no use, or would risk handing a file over twice."""


_PERSON = frozenset({Failing.OTHER_FILE, Failing.IN_DOUBT})
"""All else may be mended at the other side without a word to us, so it is tried again for ever."""

_TEXTS = {
    Failing.ADDRESS: "The address {detail}. Enter one that can be reached from the internet.",
    Failing.UNREACHABLE: "Nothing answers at this address. See that server and port are right, that the server runs, "
    "and that its firewall lets our service in.",
    Failing.BROKEN: "The connection was lost before the file was there. If it comes again, ask whoever runs the "
    "server to look into its log.",
    Failing.NOT_IT: "What answers at this address is not {what}. Correct the address.",
    Failing.LOGIN: "The server refuses {login}. Enter them again, or have the access renewed there.",
    Failing.REGION: "The bucket is in another region{named}. Enter that region.",
    Failing.CLOCK: "The clock of the server is more than a quarter of an hour away from ours. Have it set right.",
    Failing.FOLDER: "There is no such {folder}. Create it there, or correct the address.",
    Failing.MAY_NOT_WRITE: "The user may not write there. Give it the right to {write} in this {folder}.",
    Failing.MAY_NOT_RENAME: "The server did not let us rename a file. Files are written under a name that begins "
    "with a dot and renamed when they are whole; give the user the right to rename in this folder.",
    Failing.MAY_NOT_READ: "The user may not read there, so nobody can tell whether a file arrived whole. Give it the "
    "right to {read} in this {folder}.",
    Failing.MAY_NOT_DELETE: "The user may write and read there, but not delete, so the test file "
    "(ledgerbridge-test-…) is still there. Give it the right to {delete}, and remove the test file.",
    Failing.FULL: "The server does not take the whole file; its disk or your quota is probably full. Make room there.",
    Failing.OTHER_FILE: "Another file with other content lies there under this name. It was left as it is. See where "
    "it comes from, move it away, and hand this one over again.",
    Failing.IN_DOUBT: "The connection was lost while the file was put in its place, and now it is not there. Either "
    "your accounting program has fetched it already, or it never arrived. See whether its vouchers are in your "
    "accounting program. If they are, mark the file as fetched; if not, hand it over again.",
    Failing.BUSY: "The server is too busy at the moment, or something is wrong with it{said}. If it stays so, ask "
    "whoever runs it.",
    Failing.STRANGE: "The server gave an answer we do not know{said}. Ask whoever runs it.",
}
_SFTP = {
    "what": "an SFTP server",
    "login": "user name or password, or the key",
    "folder": "folder",
    "write": "create files",
    "read": "list and read files",
    "delete": "delete files",
}
_S3 = {
    "what": "an S3-compatible server",
    "login": "the access key",
    "folder": "bucket or folder",
    "write": "put objects (s3:PutObject)",
    "read": "read them (s3:GetObject) and to list the bucket (s3:ListBucket)",
    "delete": "delete objects (s3:DeleteObject)",
}
_FIELDS = {
    Failing.LOGIN: ("sftp_secret", "s3_secret_key"),
    Failing.HOST_KEY: ("sftp_host_key", "s3_address"),
    Failing.REGION: ("sftp_address", "s3_region"),
}


def told_of(failed: NotPlaced, *, sftp: bool, confirmed: bool = True) -> Told:
    """A failure in words; `confirmed`: a fingerprint of the server is known already."""
    field = _FIELDS.get(failed.failing, ("sftp_address", "s3_address"))[0 if sftp else 1]
    return Told(field, _text(failed, sftp, confirmed), failed.failing in _PERSON)


def _text(failed: NotPlaced, sftp: bool, confirmed: bool) -> str:
    if failed.failing is Failing.HOST_KEY:
        return _of_the_key(failed.detail, confirmed)
    detail = failed.detail
    return _TEXTS[failed.failing].format(
        detail=detail or "cannot be called",
        named=f", {detail}" if detail else "",
        said=f": {detail}" if detail else "",
        **(_SFTP if sftp else _S3),
    )


def _of_the_key(shown: str, confirmed: bool) -> str:
    if not confirmed:
        return (
            f"The server shows the fingerprint {shown}. Compare it with the one you have from whoever runs the server. "
            "Only if both are the same, enter it here and test again."
        )
    return (
        f"The server shows another fingerprint than the one that was confirmed: {shown}. It may have a new key, or "
        "somebody else answers in its place; nothing was sent. Ask whoever runs it, and enter the new fingerprint only "
        "if they confirm it."
    )
