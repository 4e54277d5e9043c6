"""Serve Tryton on a free loopback port until stdin closes, which also happens when whoever started us dies.

Prints `{"port": ...}` when the named database is loaded and requests are accepted. Run with `TRYTOND_CONFIG` set.
"""

import argparse
import json
import logging
import os
import sys
import threading

from trytond.pool import Pool  # type: ignore[import-not-found]
from trytond.wsgi import app  # type: ignore[import-not-found]
from werkzeug.serving import make_server


def leave_with_parent() -> None:
    """End the whole process when stdin closes."""
    sys.stdin.read()
    os._exit(0)


parser = argparse.ArgumentParser()
parser.add_argument("database")
parser.add_argument("--port", type=int, default=0)
arguments = parser.parse_args()
logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s %(message)s")
logging.getLogger("werkzeug").setLevel(logging.WARNING)
threading.Thread(target=leave_with_parent, daemon=True).start()
Pool.start()
Pool(arguments.database).init()
server = make_server("127.0.0.1", arguments.port, app, threaded=True)
print(json.dumps({"port": server.server_port}), flush=True)
server.serve_forever()
