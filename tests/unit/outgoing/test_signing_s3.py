"""Signatures as Amazon's documentation works one out, and what a signature never shows."""

from __future__ import annotations

import datetime as dt

import httpx

from ledgerbridge.outgoing.signing_s3 import EMPTY, S3Key, signed

KEY = S3Key("AKIAIOSFODNN7EXAMPLE", "us-east-1", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
NOW = dt.datetime(2013, 5, 24, tzinfo=dt.UTC)
URL = httpx.URL("https://examplebucket.s3.amazonaws.com/test.txt")


def test_the_published_example_has_the_published_signature() -> None:
    """The one of GET Object on the page on authenticating requests with the Authorization header."""
    headers = signed("GET", URL, EMPTY, KEY, NOW, {"range": "bytes=0-9"})
    assert headers["authorization"] == (
        "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "
        "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, "
        "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
    )


def test_the_secret_is_in_no_header_and_not_printed() -> None:
    assert KEY.secret_key not in f"{signed('PUT', URL, EMPTY, KEY, NOW)} {KEY!r}"


def test_host_and_port_are_signed_as_they_are_sent() -> None:
    headers = signed("GET", httpx.URL("http://127.0.0.1:9000/bucket/a"), EMPTY, KEY, NOW)
    assert headers["host"] == "127.0.0.1:9000"
