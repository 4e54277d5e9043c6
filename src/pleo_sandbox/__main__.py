"""``python -m pleo_sandbox --port 8090``: the sandbox as a process of its own."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace

from pleo_sandbox.config import SandboxConfig, config_from_environment
from pleo_sandbox.server import serve


def main(arguments: Sequence[str] | None = None) -> None:
    """Parses the command line and serves until interrupted."""
    parser = argparse.ArgumentParser(
        prog="pleo_sandbox",
        description="Pleo as published, to develop and test against. State is held in memory.",
        epilog="PLEO_SANDBOX_CLIENT_ID, _CLIENT_SECRET, _REDIRECT_URIS (comma list), _INITIATION_URI, _SETTINGS_URI "
        "and others set the registered client; options win over the environment.",
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8090, help="0 takes a free port")
    parser.add_argument("--redirect-uri", action="append", help="registered redirect URI; repeatable")
    parser.add_argument("--initiation-uri", help="where Connect sends the browser")
    parser.add_argument("--settings-uri", help="where Settings sends the browser")
    parser.add_argument("--page-cap", type=int, help="largest page the server gives out")
    options = parser.parse_args(arguments)
    serve(_configured(config_from_environment(), options), options.host, options.port)


def _configured(config: SandboxConfig, options: argparse.Namespace) -> SandboxConfig:
    client = config.clients[0]
    if options.redirect_uri:
        client = replace(client, redirect_uris=tuple(options.redirect_uri))
    if options.initiation_uri:
        client = replace(client, initiation_uri=options.initiation_uri)
    if options.settings_uri:
        client = replace(client, settings_uri=options.settings_uri)
    config = replace(config, clients=(client, *config.clients[1:]))
    return replace(config, page_cap=options.page_cap) if options.page_cap else config


if __name__ == "__main__":
    main()
