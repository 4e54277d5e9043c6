"""Every usual form of a PostgreSQL URL is understood, and no error repeats one."""

import pytest

from ledgerbridge.store.engine import DatabaseUrlError, connection_settings, libpq_url, sqlalchemy_url


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg", "POSTGRESQL", "postgresql+asyncpg"])
def test_every_scheme_becomes_psycopg(scheme: str) -> None:
    url = sqlalchemy_url(f" {scheme}://me:p%40ss@db.example:5433/books?sslmode=require\n")
    assert url.drivername == "postgresql+psycopg"
    assert (url.username, url.password, url.host, url.port) == ("me", "p@ss", "db.example", 5433)
    assert (url.database, url.query["sslmode"]) == ("books", "require")


def test_the_libpq_form_keeps_password_and_options() -> None:
    assert libpq_url("postgres://me:p%40ss@h:1/d?sslmode=require") == "postgresql://me:p%40ss@h:1/d?sslmode=require"


@pytest.mark.parametrize(
    "url", ["", "mysql://me:s3cret@h/d", "host=h password=s3cret", "postgresql://me:s3cret@h:port/d"]
)
def test_anything_else_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(DatabaseUrlError) as caught:
        sqlalchemy_url(url)
    assert "s3cret" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_the_operators_own_server_settings_come_last_and_so_win() -> None:
    options = connection_settings("postgres://h/d?options=endpoint%3Dep-1%20-c%20statement_timeout%3D5s", "me")[
        "options"
    ]
    assert str(options).startswith("-c statement_timeout=30s ")
    assert str(options).endswith(" endpoint=ep-1 -c statement_timeout=5s")
