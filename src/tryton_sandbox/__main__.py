"""`python -m tryton_sandbox build|serve`: build the template in a PostgreSQL cluster, or serve a fresh copy of it."""

import argparse
import json
import os
import sys
from pathlib import Path

from tryton_sandbox.template import TrytonSandboxError, build


def main() -> int:
    """Run one command; progress goes to stderr, the result as one JSON line to stdout."""
    parser = argparse.ArgumentParser(prog="python -m tryton_sandbox", description=__doc__)
    parser.add_argument("command", choices=["build", "serve"])
    parser.add_argument(
        "--postgres", metavar="URL", default=os.environ.get("TRYTON_POSTGRES_URL"), help="superuser's URL"
    )
    parser.add_argument("--cache", metavar="DIR", type=Path, default=Path(".cache/tryton"))
    parser.add_argument("--port", type=int, default=0, help="serve on this loopback port (default: a free one)")
    arguments = parser.parse_args()
    if not arguments.postgres:
        parser.error("say which PostgreSQL cluster to use: --postgres URL or TRYTON_POSTGRES_URL")
    try:
        template = build(arguments.cache, arguments.postgres, lambda line: print(line, file=sys.stderr, flush=True))
        if arguments.command == "build":
            print(json.dumps({"template": template.name}))
            return 0
        template.sweep()
        with template.start(template.clone(), arguments.port) as server:
            told = {"base_url": server.base_url, "database": server.database, "facts": server.facts}
            print(json.dumps(told), flush=True)
            sys.stdin.read()
        template.drop(server.database)
    except TrytonSandboxError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
