"""The `ledgerbridge` command. A fault of the user's or of the settings is one line, never a traceback."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Callable, Coroutine
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer
from pydantic import SecretStr, ValidationError
from sqlalchemy.exc import SQLAlchemyError

from ledgerbridge import serving
from ledgerbridge.app import StartRefused, database, running
from ledgerbridge.erp.kit import making as kit
from ledgerbridge.ops import doctor as checks
from ledgerbridge.ops import keys, reconcile, reconcile_words
from ledgerbridge.ops.doctor_adapters import inspect_adapters
from ledgerbridge.ops.doctor_database import inspect_database
from ledgerbridge.ops.doctor_disk import inspect_disk
from ledgerbridge.ops.doctor_receipts import inspect_receipts
from ledgerbridge.ops.logging import configure
from ledgerbridge.ops.reconcile import Reconciled
from ledgerbridge.settings import Settings
from ledgerbridge.store import schema

cli = typer.Typer(
    name="ledgerbridge",
    help="Books Pleo export jobs in a company's ERP.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
_PASS_ON = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}


def main() -> None:
    """Entry point of the command."""
    cli()


@cli.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Where to listen; also HOST.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Where to listen; also PORT.")] = None,
    no_worker: Annotated[
        bool, typer.Option("--no-worker", help="Answer only; `ledgerbridge worker` does the work.")
    ] = False,
) -> None:
    """Answer HTTP and work the queue, in one process."""
    settings = _settings()
    _run(
        settings,
        serving.serve(
            settings,
            settings.host if host is None else host,
            settings.port if port is None else port,
            worker=not no_worker,
        ),
    )


@cli.command()
def worker() -> None:
    """Work the queue only."""
    settings = _settings()
    _run(settings, serving.work(settings))


@cli.command()
def migrate() -> None:
    """Bring the database to the schema of this release. Run it before `serve`; repeating it does nothing."""
    settings = _settings()

    async def upgrade() -> None:
        async with database(settings) as url:
            before = await asyncio.to_thread(schema.current_revision, url)
            try:
                await asyncio.to_thread(schema.upgrade, url)
            except schema.UpgradeBusy as busy:
                raise _end(str(busy)) from None
        after = schema.expected_revision()
        typer.echo(f"schema {after}, nothing to do" if before == after else f"schema {before or 'none'} -> {after}")

    _run(settings, upgrade())


@cli.command(name="rotate-keys")
def rotate_keys(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count what there is to do.")] = False,
) -> None:
    """Seal every stored secret again with the first of ENCRYPTION_KEYS, while the service runs. May be repeated."""
    settings = _settings()

    async def rotate() -> None:
        async with database(settings) as url:
            if not await keys.rotate(settings, url, typer.echo, dry_run=dry_run):
                raise typer.Exit(1)

    _run(settings, rotate())


@cli.command()
def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Check the configuration and say what to fix. Exits 1 when something must be fixed."""
    try:
        settings = Settings()
    except ValidationError as invalid:
        _report(checks.unreadable(invalid), as_json=as_json)
        return
    configure("ERROR", "console")

    async def look() -> list[checks.Finding]:
        found = checks.inspect_settings(settings) + inspect_disk() + await inspect_receipts() + inspect_adapters()
        try:
            async with database(settings) as url:
                return found + await inspect_database(settings, url)
        except StartRefused as refused:
            return [*found, checks.error("DATABASE_URL", str(refused), "Set DATABASE_URL, or install the extra.")]

    _report(asyncio.run(look()), as_json=as_json)


@cli.command(name="reconcile")
def reconcile_(
    connection: Annotated[UUID, typer.Option(help="The connection's id.")],
    first: Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="First posting date.")],
    last: Annotated[datetime, typer.Option("--to", formats=["%Y-%m-%d"], help="Last posting date.")],
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Compare our ledger with the accounting system's own entries of a period; changes neither.

    Exits 0 when they agree, 1 when they differ, 2 when they could not be compared.
    """
    settings = _settings()
    configure("ERROR", "console")
    tell = _progress()

    async def compare() -> Reconciled:
        async with database(settings) as url:
            reading = settings.model_copy(update={"database_url": SecretStr(reconcile.read_only(url))})
            async with running(reading, worker=False) as services:
                return await reconcile.reconcile(services.connections, connection, first.date(), last.date(), tell)

    try:
        found = asyncio.run(compare())
    except (StartRefused, reconcile.CannotCompare) as error:
        refused = str(error)
    except SQLAlchemyError as error:
        refused = _refused_by_database(error)
    else:
        typer.echo(json.dumps(reconcile_words.as_json(found), indent=2) if as_json else reconcile_words.as_text(found))
        raise typer.Exit(1 if found.outcome.differences else 0)
    if as_json:
        typer.echo(json.dumps({"error": refused}))
    typer.echo(f"ledgerbridge: not compared: {refused}", err=True)
    raise typer.Exit(2)


def _progress() -> Callable[[str], None]:
    """Tells a person at a terminal what is under way; nobody else."""
    return (lambda text: typer.echo(f"{text} ...", err=True)) if sys.stderr.isatty() else (lambda _: None)


@cli.command(name="new-adapter")
def new_adapter(
    name: Annotated[str, typer.Argument(help="Of the kind of ERP, such as acme; it stays for good.")],
    into: Annotated[Path, typer.Option(help="The folder in which the package's folder is made.")] = Path(),
) -> None:
    """Write a small package with an ERP adapter that works, for you to replace piece by piece."""
    try:
        folder = kit.make(name, into)
    except kit.NotMade as refused:
        raise _end(str(refused)) from None
    typer.echo(
        f"{folder} is made. Next, there:\n"
        "  pip install -e '.[dev]'   (beside an installed ledgerbridge)\n"
        "  pytest --erp-part 1\n"
        "docs/writing-an-erp-adapter.md goes on from there."
    )


@cli.command(context_settings=_PASS_ON)
def sandbox(context: typer.Context) -> None:
    """Run the Pleo sandbox alone: a Pleo to develop against. Arguments are passed on; try `--help`."""
    _become("pleo_sandbox", context.args)


@cli.command(context_settings=_PASS_ON)
def demo(context: typer.Context) -> None:
    """Show everything from nothing: connect a company, export a job, book it in a real ERP. Try `--help`."""
    _become("ledgerbridge.demo", context.args)


def _become(module: str, arguments: list[str]) -> None:
    """Replace this process by a module, so that signals and exit status are the module's own."""
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(sys.executable, [sys.executable, "-m", module, *arguments])  # noqa: S606


def _settings() -> Settings:
    try:
        settings = Settings()
    except ValidationError as invalid:
        for name, text in checks.settings_faults(invalid):
            typer.echo(f"{name}: {text}", err=True)
        raise typer.Exit(2) from None
    configure(settings.log_level, settings.log_format)
    return settings


def _run(settings: Settings, work: Coroutine[Any, Any, None]) -> None:
    """Run a command; what a person can fix ends it with one line and status 1."""
    try:
        asyncio.run(work)
    except StartRefused as refused:
        raise _end(str(refused)) from None
    except SQLAlchemyError as error:
        if settings.log_level == "DEBUG":
            raise
        raise _end(_refused_by_database(error)) from None
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


def _refused_by_database(error: SQLAlchemyError) -> str:
    lines = str(getattr(error, "orig", error)).strip().splitlines()
    return f"The database did not do what was asked: {lines[0] if lines else type(error).__name__}"


def _end(text: str) -> typer.Exit:
    typer.echo(f"ledgerbridge: {text}", err=True)
    return typer.Exit(1)


def _report(found: list[checks.Finding], *, as_json: bool) -> None:
    typer.echo(json.dumps(checks.as_json(found), indent=2) if as_json else checks.as_text(found))
    if not checks.healthy(found):
        raise typer.Exit(1)
