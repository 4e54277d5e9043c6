"""The accounting systems the story can be told with, each with what it takes to bring one up."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager

from ledgerbridge.demo.erps.base import DemoErp
from ledgerbridge.demo.erps.files import csv_files, sie_files
from ledgerbridge.demo.erps.http import http
from ledgerbridge.demo.erps.tryton import tryton
from ledgerbridge.store.embedded import EmbeddedPostgres

Opener = Callable[[EmbeddedPostgres, Callable[[str], None]], AbstractContextManager[DemoErp]]
"""Brings one up and takes it down; it is told where PostgreSQL is and to whom to say what it does."""

ERPS: Mapping[str, Opener] = {"tryton": tryton, "sie": sie_files, "csv": csv_files, "http": http}
